//! Ticket types of an event, for its buyers and for its inventory.

use domain::{
    events::{SaleWindow, TicketType},
    ids::{EventId, QuotaId, SectionId, TicketTypeId},
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    connection::{Statements, Typed},
    rows::{StoreError, perhaps_rate, unsigned},
};

const OF_EVENT: &str = "SELECT t.id, t.quota_id, t.name, t.description, t.price, t.seated, t.min_per_booking, \
    t.max_per_booking, t.hidden, t.tax_rate, coalesce(t.sale_starts_at, $2) AS sale_starts_at, coalesce(t.sale_ends_at, $3) AS sale_ends_at, \
    ARRAY(SELECT section_id FROM ticket_type_sections s WHERE s.ticket_type_id = t.id ORDER BY section_id) AS sections \
    FROM ticket_types t WHERE t.event_id = $1 ORDER BY t.position";

/// In the organizer's order; `sale` is the event's window, for types that have none of their own.
pub(super) async fn of_event(
    client: &impl Statements,
    event: EventId,
    sale: SaleWindow,
) -> Result<Vec<TicketType>, StoreError> {
    let parameters: [Typed<'_>; 3] =
        [(&event.0, Type::UUID), (&sale.starts_at, Type::TIMESTAMPTZ), (&sale.ends_at, Type::TIMESTAMPTZ)];
    client.query_typed(OF_EVENT, &parameters).await?.iter().map(ticket_type).collect()
}

fn ticket_type(row: &Row) -> Result<TicketType, StoreError> {
    let sections: Vec<Uuid> = row.try_get("sections")?;
    Ok(TicketType {
        id: TicketTypeId(row.try_get("id")?),
        quota_id: QuotaId(row.try_get("quota_id")?),
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        price: row.try_get("price")?,
        seated: row.try_get("seated")?,
        sections: sections.into_iter().map(SectionId).collect(),
        min_per_booking: unsigned(row, "min_per_booking")?,
        max_per_booking: unsigned(row, "max_per_booking")?,
        sale: SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? },
        hidden: row.try_get("hidden")?,
        tax_rate: perhaps_rate(row, "tax_rate")?,
    })
}
