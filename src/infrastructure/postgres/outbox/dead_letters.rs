//! Mails that were given up, for operators.

use domain::{
    accounts::EmailAddress,
    audit::{Action, Deed},
    ids::MailId,
    mail::masked,
    repositories::Found,
};
use jiff::Timestamp;
use serde_json::json;
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        audit,
        rows::{StoreError, unsigned},
    },
    PgOutbox,
};
use crate::application::{
    acting,
    mails::{DeadLetter, DeadLetters},
};

const LIST: &str = "SELECT id, kind, recipient, attempts, last_error, created_at, ended_at FROM outbox \
    WHERE status = 'DEAD' ORDER BY id DESC LIMIT $1";

const RETRY: &str = "UPDATE outbox SET status = 'PENDING', attempts = 0, next_attempt_at = now(), ended_at = NULL \
    WHERE id = $1 AND status = 'DEAD'";

fn dead_letter(row: &Row) -> Result<DeadLetter, StoreError> {
    let recipient = EmailAddress::parse("recipient", row.try_get("recipient")?);
    Ok(DeadLetter {
        id: MailId(row.try_get("id")?),
        kind: row.try_get("kind")?,
        recipient: recipient.map_or_else(|_| "***".to_owned(), |address| masked(&address)),
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

    async fn retry_dead(&self, id: MailId) -> Result<bool, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                if transaction.execute_typed(RETRY, &[(&id.0, Type::UUID)]).await? == 0 {
                    return Ok(false);
                }
                let details = json!({ "from": "DEAD", "to": "PENDING" });
                let (target_kind, target_id) = ("mail".to_owned(), id.to_string());
                let actor = acting::administrator().unwrap_or_default();
                let at = Timestamp::now();
                let deed = Deed { at, actor, action: Action::Retried, target_kind, target_id, details };
                audit::record(&transaction, deed).await?;
                Ok(true)
            })
            .await
    }
}

impl DeadLetters for PgOutbox {
    async fn dead_letters(&self, limit: u32) -> Found<Vec<DeadLetter>> {
        Ok(self.list_dead(limit).await?)
    }

    async fn retry(&self, id: MailId) -> Found<bool> {
        Ok(self.retry_dead(id).await?)
    }
}
