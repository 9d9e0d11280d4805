//! Ticket types.

use async_trait::async_trait;
use domain::{
    audit::Action,
    events::{
        Event,
        sales::{ManagedTicketType, TicketTypeFields},
    },
    ids::{EventId, QuotaId, SectionId, TicketTypeId},
    management::{ChangeError, Changed, Conflict, Expected, Manager, events::TicketTypeManagement},
    money::{Currency, Money},
    repositories::Found,
    validation::FieldError,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Transaction, Typed},
            rows::{self, StoreError, perhaps_rate, signed, unsigned},
        },
        PgStore,
    },
    Fault, Note, editable,
    events::version_of,
    is_expected, lock_event, move_versions,
    offering::Unchanged,
    on_violation, open_plan,
    promo_codes::is_named,
};

/// The columns of a ticket type, of all of an event.
macro_rules! of_event {
    () => {
        "SELECT t.id, t.quota_id, t.name, t.description, t.price, t.min_per_booking, t.max_per_booking, t.sale_starts_at, \
            t.sale_ends_at, t.position, t.revision, t.ever_taken, t.created_at, t.updated_at, t.hidden, t.tax_rate, e.currency::text AS currency, \
            ARRAY(SELECT section_id FROM ticket_type_sections s WHERE s.ticket_type_id = t.id ORDER BY section_id) AS sections \
        FROM ticket_types t JOIN events e ON e.id = t.event_id WHERE t.event_id = $1"
    };
}

const OF_EVENT: &str = concat!(of_event!(), " ORDER BY t.position");
const ONE: &str = concat!(of_event!(), " AND t.id = $2");

const INSERT: &str = "INSERT INTO ticket_types (id, event_id, quota_id, name, description, price, seated, min_per_booking, \
        max_per_booking, sale_starts_at, sale_ends_at, hidden, tax_rate, position) \
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce(max(position) + 1, 0) FROM ticket_types WHERE event_id = $2 \
    ON CONFLICT (id) DO NOTHING";

const UPDATE: &str = "UPDATE ticket_types SET quota_id = $3, name = $4, description = $5, price = $6, seated = $7, \
        min_per_booking = $8, max_per_booking = $9, sale_starts_at = $10, sale_ends_at = $11, hidden = $12, tax_rate = $13, \
        revision = revision + 1, updated_at = now() \
    WHERE id = $1 AND event_id = $2";

/// Positions are unique at any moment: first to where nobody is.
const MAKE_WAY: &str = "UPDATE ticket_types SET position = position + 1000000 WHERE event_id = $1";
const SORT: &str = "UPDATE ticket_types t SET position = o.place, \
        revision = t.revision + CASE WHEN t.position = o.place + 1000000 THEN 0 ELSE 1 END, \
        updated_at = CASE WHEN t.position = o.place + 1000000 THEN t.updated_at ELSE now() END \
    FROM (SELECT id, (n - 1)::int AS place FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, n)) AS o WHERE t.id = o.id";
/// The order is the event's.
const TOUCH_EVENT: &str = "UPDATE events SET revision = revision + 1, updated_at = now() WHERE id = $1";

/// Sections of the event's own map only.
const KNOWN_SECTIONS: &str =
    "SELECT 1 FROM sections WHERE coalesce(first_id, id) = ANY($1) AND seat_map_version_id = $2 FOR KEY SHARE";
const DELETE_SECTIONS: &str = "DELETE FROM ticket_type_sections WHERE ticket_type_id = $1 AND section_id <> ALL($2)";
const INSERT_SECTIONS: &str = "INSERT INTO ticket_type_sections (ticket_type_id, section_id) \
    SELECT $1, section FROM unnest($2::uuid[]) AS section ON CONFLICT DO NOTHING";

fn ticket_type(row: &Row) -> Result<ManagedTicketType, StoreError> {
    let sections: Vec<Uuid> = row.try_get("sections")?;
    let currency: Currency = rows::parse(row.try_get("currency")?)?;
    Ok(ManagedTicketType {
        id: TicketTypeId(row.try_get("id")?),
        fields: TicketTypeFields {
            quota_id: QuotaId(row.try_get("quota_id")?),
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            price: Money::new(row.try_get("price")?, currency),
            sections: sections.into_iter().map(SectionId).collect(),
            min_per_booking: unsigned(row, "min_per_booking")?,
            max_per_booking: unsigned(row, "max_per_booking")?,
            sale_starts_at: row.try_get("sale_starts_at")?,
            sale_ends_at: row.try_get("sale_ends_at")?,
            hidden: row.try_get("hidden")?,
            tax_rate: perhaps_rate(row, "tax_rate")?,
        },
        position: unsigned(row, "position")?,
        ever_taken: row.try_get("ever_taken")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}

impl PgStore {
    pub(super) async fn read_ticket_types(&self, event: EventId) -> Result<Vec<ManagedTicketType>, StoreError> {
        let client = self.pool.get().await?;
        client.query_typed(OF_EVENT, &[(&event.0, Type::UUID)]).await?.iter().map(ticket_type).collect()
    }
}

#[async_trait]
impl TicketTypeManagement for PgStore {
    async fn ticket_types(&self, event: EventId) -> Found<Vec<ManagedTicketType>> {
        Ok(self.read_ticket_types(event).await?)
    }

    async fn create_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        fields: &TicketTypeFields,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = open_plan(&transaction, by, event, None).await?;
            let unchanged = Unchanged::of(&transaction, event, locked.status).await?;
            is_window(&locked, fields)?;
            if write(&transaction, INSERT, &locked, id, fields).await? == 1 {
                set_sections(&transaction, &locked, id, fields).await?;
            }
            unchanged.keeps_rules(&transaction).await?;
            Ok(((), Note::of_sales(Action::Created, "ticket-type", id, event)))
        })
        .await
    }

    async fn update_ticket_type(
        &self,
        by: &Manager,
        event: EventId,
        id: TicketTypeId,
        expected: Expected,
        fields: &TicketTypeFields,
    ) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = lock_event(&transaction, by, event, None).await?;
            editable(&locked)?;
            // A change of a ticket type has locked the event.
            let mut before = type_of(&transaction, event, id, expected).await?;
            if !fields.keeps_plan(&before.fields) {
                move_versions(&transaction, event).await?;
                before = type_of(&transaction, event, id, expected).await?;
            }
            let keeps_places = fields.keeps_places(&before.fields);
            if before.ever_taken && !keeps_places {
                return Err(Conflict::PLACES_STAY.into());
            }
            let unchanged = Unchanged::of(&transaction, event, locked.status).await?;
            if !before.fields.is_sold_as(fields.sale_starts_at, fields.sale_ends_at) {
                is_window(&locked, fields)?;
            }
            write(&transaction, UPDATE, &locked, id, fields).await?;
            if !keeps_places {
                set_sections(&transaction, &locked, id, fields).await?;
            }
            unchanged.keeps_rules(&transaction).await?;
            Ok(((), Note::of_sales(Action::Changed, "ticket-type", id, event)))
        })
        .await
    }

    async fn delete_ticket_type(&self, by: &Manager, event: EventId, id: TicketTypeId, expected: Expected) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = open_plan(&transaction, by, event, None).await?;
            if type_of(&transaction, event, id, expected).await?.ever_taken {
                return Err(Conflict::TYPE_STAYS.into());
            }
            if is_named(&transaction, event, id).await? {
                return Err(Conflict::TYPE_IS_NAMED.into());
            }
            let unchanged = Unchanged::of(&transaction, event, locked.status).await?;
            let deleted =
                transaction.execute_typed("DELETE FROM ticket_types WHERE id = $1", &[(&id.0, Type::UUID)]).await;
            deleted.map_err(|error| on_violation(error, |_| Some(Conflict::TYPE_STAYS.into())))?;
            unchanged.keeps_rules(&transaction).await?;
            Ok(((), Note::of_sales(Action::Deleted, "ticket-type", id, event)))
        })
        .await
    }

    async fn order_ticket_types(
        &self,
        by: &Manager,
        event: EventId,
        expected: Expected,
        order: &[TicketTypeId],
    ) -> Changed {
        self.noted(by, |transaction| async move {
            open_plan(&transaction, by, event, expected).await?;
            let mut there = Vec::new();
            for row in transaction.query_typed(OF_EVENT, &[(&event.0, Type::UUID)]).await? {
                there.push(row.try_get::<_, Uuid>("id")?);
            }
            let ids: Vec<Uuid> = order.iter().map(|id| id.0).collect();
            let mut named = ids.clone();
            named.sort_unstable();
            there.sort_unstable();
            if named != there {
                let message = "must name each ticket type of the event once";
                return Err(FieldError::new("order", "INVALID", message).into());
            }
            let parameters: [Typed<'_>; 2] = [(&event.0, Type::UUID), (&ids, Type::UUID_ARRAY)];
            transaction.execute_typed(MAKE_WAY, &parameters[..1]).await?;
            transaction.execute_typed(SORT, &parameters[1..]).await?;
            transaction.execute_typed(TOUCH_EVENT, &parameters[..1]).await?;
            Ok(((), Note::new(Action::Changed, "event", event, serde_json::json!({ "order": order }))))
        })
        .await
    }
}

/// A ticket type of a locked event.
async fn type_of(
    transaction: &Transaction,
    event: EventId,
    id: TicketTypeId,
    expected: Expected,
) -> Result<ManagedTicketType, Fault> {
    let rows = transaction.query_typed(ONE, &[(&event.0, Type::UUID), (&id.0, Type::UUID)]).await?;
    let row = rows.first().ok_or(ChangeError::NotFound)?;
    is_expected(row, expected)?;
    Ok(ticket_type(row)?)
}

/// Whether the sale ends after it begins, of which the event may say one.
fn is_window(event: &Event, fields: &TicketTypeFields) -> Result<(), Fault> {
    let (from, to) =
        (fields.sale_starts_at.unwrap_or(event.sale.starts_at), fields.sale_ends_at.unwrap_or(event.sale.ends_at));
    if to > from {
        return Ok(());
    }
    Err(FieldError::new("saleEndsAt", "OUT_OF_RANGE", "must be after saleStartsAt").into())
}

async fn write(
    transaction: &Transaction,
    statement: &str,
    event: &Event,
    id: TicketTypeId,
    fields: &TicketTypeFields,
) -> Result<u64, Fault> {
    if event.currency != fields.price.currency {
        return Err(ChangeError::Stale.into());
    }
    let tax_rate = fields.tax_rate.map(|rate| rate.fraction());
    let parameters: [Typed<'_>; 13] = [
        (&id.0, Type::UUID),
        (&event.id.0, Type::UUID),
        (&fields.quota_id.0, Type::UUID),
        (&fields.name, Type::TEXT),
        (&fields.description, Type::TEXT),
        (&fields.price.amount, Type::NUMERIC),
        (&!fields.sections.is_empty(), Type::BOOL),
        (&signed(fields.min_per_booking), Type::INT4),
        (&signed(fields.max_per_booking), Type::INT4),
        (&fields.sale_starts_at, Type::TIMESTAMPTZ),
        (&fields.sale_ends_at, Type::TIMESTAMPTZ),
        (&fields.hidden, Type::BOOL),
        (&tax_rate, Type::NUMERIC),
    ];
    transaction.execute_typed(statement, &parameters).await.map_err(|error| {
        on_violation(error, |constraint| {
            let unknown = FieldError::new("quotaId", "UNKNOWN", "the event has no such quota");
            constraint.starts_with("ticket_types_event_id_quota_id").then(|| unknown.into())
        })
    })
}

/// Has the ticket type sell these sections: what stays is not touched.
async fn set_sections(
    transaction: &Transaction,
    event: &Event,
    id: TicketTypeId,
    fields: &TicketTypeFields,
) -> Result<(), Fault> {
    let sections: Vec<Uuid> = fields.sections.iter().map(|section| section.0).collect();
    let parameters: [Typed<'_>; 3] =
        [(&id.0, Type::UUID), (&sections, Type::UUID_ARRAY), (&version_of(event), Type::UUID)];
    transaction.execute_typed(DELETE_SECTIONS, &parameters[..2]).await?;
    let known = transaction.query_typed(KNOWN_SECTIONS, &parameters[1..]).await?;
    if known.len() != sections.len() {
        return Err(FieldError::new("sections", "UNKNOWN", "the event's seat map has no such section").into());
    }
    transaction.execute_typed(INSERT_SECTIONS, &parameters[..2]).await?;
    Ok(())
}
