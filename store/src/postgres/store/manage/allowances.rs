//! Quotas of organizers: how much one may store of what nobody can buy from, such as drafts. Administrators are not
//! limited.

use domain::{
    ids::AccountId,
    management::{Manager, Reach, events::DRAFTS_MAX, seat_maps::SEATS_OF_ORGANIZER_MAX},
    validation::FieldError,
};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    super::super::connection::{Transaction, Typed},
    Fault,
};

/// No more than one above the bound are counted.
const DRAFTS: &str = "SELECT count(*) FROM (SELECT FROM events WHERE organizer_id = $1 AND status IN ('DRAFT', 'SCHEDULED') LIMIT $2) AS counted";

/// Those of deleted maps, too: they are there until the upkeep has removed them.
const SEATS: &str = "SELECT count(*) FROM (SELECT FROM seat_maps m JOIN seat_map_versions v ON v.seat_map_id = m.id \
        JOIN sections c ON c.seat_map_version_id = v.id JOIN seat_rows r ON r.section_id = c.id JOIN seats s ON s.row_id = r.id \
    WHERE m.organizer_id = (SELECT organizer_id FROM seat_maps WHERE id = $1) LIMIT $2) AS counted";

/// Refuses drafts beyond what an organizer may have, the ones that this transaction has made among them.
pub(super) async fn check_drafts(transaction: &Transaction, by: &Manager, organizer: AccountId) -> Result<(), Fault> {
    if by.reach == Reach::All || count(transaction, DRAFTS, organizer.0, DRAFTS_MAX).await? <= DRAFTS_MAX {
        return Ok(());
    }
    let message = format!("an organizer has at most {DRAFTS_MAX} drafts: publish or delete some first");
    Err(FieldError::new("", "TOO_MANY_DRAFTS", message).into())
}

/// Refuses seats beyond what the organizer of this map may have drawn, the ones that this transaction has drawn among them.
pub(super) async fn check_seats(transaction: &Transaction, by: &Manager, map: Uuid) -> Result<(), Fault> {
    if by.reach == Reach::All || count(transaction, SEATS, map, SEATS_OF_ORGANIZER_MAX).await? <= SEATS_OF_ORGANIZER_MAX
    {
        return Ok(());
    }
    let message = format!(
        "all versions of an organizer's seat maps have at most {SEATS_OF_ORGANIZER_MAX} seats together: delete a map that no event uses"
    );
    Err(FieldError::new("sections", "TOO_MANY_SEATS", message).into())
}

async fn count(transaction: &Transaction, statement: &str, of: Uuid, most: i64) -> Result<i64, Fault> {
    let parameters: [Typed<'_>; 2] = [(&of, Type::UUID), (&(most + 1), Type::INT8)];
    Ok(transaction.query_typed_one(statement, &parameters).await?.try_get(0)?)
}
