//! Seat-map change of an event: it moves on to another version.

use std::collections::HashSet;

use domain::{
    audit::Action,
    ids::{EventId, SectionId, TicketTypeId},
    management::{
        ChangeError, Changed, Conflict, Expected, Manager,
        seat_maps::{Move, SeatsMoved, SectionsLost},
    },
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::StoreError,
        },
        PgStore,
    },
    Fault, Note,
    offering::Unchanged,
    open_plan,
};

const TAKEN: &str = "SELECT seat_id FROM seat_claims WHERE event_id = $1 AND seat_id = ANY($2)";

/// Whose sections go, has changed.
const DROP_SECTIONS: &str = "WITH lost AS ( \
        DELETE FROM ticket_type_sections x USING ticket_types t \
        WHERE t.id = x.ticket_type_id AND t.event_id = $1 AND x.section_id <> ALL($2) \
        RETURNING x.ticket_type_id, x.section_id \
    ), changed AS ( \
        UPDATE ticket_types SET revision = revision + 1, updated_at = now() WHERE id IN (SELECT ticket_type_id FROM lost) \
    ) SELECT t.id, t.name, array_agg(l.section_id) AS sections FROM lost l JOIN ticket_types t ON t.id = l.ticket_type_id \
    GROUP BY t.id ORDER BY t.position";
const WITHOUT_SECTION: &str = "SELECT t.name FROM ticket_types t WHERE t.event_id = $1 AND t.seated \
    AND NOT EXISTS (SELECT FROM ticket_type_sections x WHERE x.ticket_type_id = t.id) ORDER BY t.position LIMIT 1";

const UPDATE: &str =
    "UPDATE events SET seat_map_version_id = $2, revision = revision + 1, updated_at = now() WHERE id = $1";

impl PgStore {
    pub(super) async fn move_to_version(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        to: &Move,
    ) -> Changed<Vec<SectionsLost>> {
        self.noted(by, |transaction| async move {
            // What another node had on its way is in the claims below, and what it decided on the old map is refused from now on.
            let before = open_plan(&transaction, by, event, expected).await?;
            if before.seat_map_version_id != Some(to.from) {
                return Err(ChangeError::Stale.into());
            }
            nobody_is_moved(&transaction, event, to).await?;
            let unchanged = Unchanged::of(&transaction, event, before.status).await?;
            let sections: Vec<Uuid> = to.sections.iter().map(|section| section.0).collect();
            let parameters: [Typed<'_>; 2] = [(&event.0, Type::UUID), (&sections, Type::UUID_ARRAY)];
            let lost = transaction.query_typed(DROP_SECTIONS, &parameters).await?;
            let lost = lost.iter().map(sections_lost).collect::<Result<Vec<_>, _>>()?;
            if let Some(row) = transaction.query_typed(WITHOUT_SECTION, &[(&event.0, Type::UUID)]).await?.first() {
                return Err(Conflict::NoSectionLeft(row.try_get(0)?).into());
            }
            transaction.execute_typed(UPDATE, &[(&event.0, Type::UUID), (&to.to.0, Type::UUID)]).await?;
            unchanged.keeps_rules(&transaction).await?;
            let details = serde_json::json!({ "seatMapVersion": { "from": to.from, "to": to.to } });
            Ok((lost, Note::new(Action::Changed, "event", event, details)))
        })
        .await
    }
}

fn sections_lost(row: &Row) -> Result<SectionsLost, StoreError> {
    let sections: Vec<Uuid> = row.try_get("sections")?;
    let ticket_type = TicketTypeId(row.try_get("id")?);
    Ok(SectionsLost {
        ticket_type,
        name: row.try_get("name")?,
        sections: sections.into_iter().map(SectionId).collect(),
    })
}

async fn nobody_is_moved(transaction: &Transaction, event: EventId, to: &Move) -> Result<(), Fault> {
    if to.changed.is_empty() {
        return Ok(());
    }
    let changed: Vec<Uuid> = to.changed.iter().map(|seat| seat.id.0).collect();
    let rows = transaction.query_typed(TAKEN, &[(&event.0, Type::UUID), (&changed, Type::UUID_ARRAY)]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let taken: HashSet<Uuid> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let taken = to.changed.iter().filter(|seat| taken.contains(&seat.id.0)).cloned().collect();
    Err(Conflict::SeatsMoved(SeatsMoved::of(taken)).into())
}
