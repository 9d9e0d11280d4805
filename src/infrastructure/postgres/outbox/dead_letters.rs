//! Mails that were given up, for operators.

use domain::{accounts::EmailAddress, ids::MailId, mail::masked, repositories::Found};
use tokio_postgres::{Row, types::Type};

use super::{
    super::rows::{StoreError, unsigned},
    PgOutbox,
};
use crate::application::mails::{DeadLetter, DeadLetters};

const LIST: &str = "SELECT id, kind, recipient, attempts, last_error, created_at, ended_at FROM outbox \
    WHERE status = 'DEAD' ORDER BY id DESC LIMIT $1";

const RETRY: &str = "UPDATE outbox SET status = 'PENDING', attempts = 0, next_attempt_at = now(), ended_at = NULL \
    WHERE id = $1 AND status = 'DEAD'";

fn dead_letter(row: &Row) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: MailId(row.try_get("id")?),
        kind: row.try_get("kind")?,
        recipient: masked(&EmailAddress::stored(row.try_get("recipient")?)),
        attempts: unsigned(row, "attempts")?,
        reason: row.try_get("last_error")?,
        queued_at: row.try_get("created_at")?,
        given_up_at: row.try_get("ended_at")?,
    })
}

impl PgOutbox {
    async fn list_dead(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let rows = self.pool.get().await?.query_typed(LIST, &[(&i64::from(limit), Type::INT8)]).await?;
        rows.iter().map(dead_letter).collect()
    }
}

impl DeadLetters for PgOutbox {
    async fn dead_letters(&self, limit: u32) -> Found<Vec<DeadLetter>> {
        Ok(self.list_dead(limit).await?)
    }

    async fn retry(&self, id: MailId) -> Found<bool> {
        Ok(self.execute(RETRY, &[(&id.0, Type::UUID)]).await? > 0)
    }
}
