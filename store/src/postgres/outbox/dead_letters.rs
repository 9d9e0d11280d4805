//! Dead letters: mails that were given up, for operators.

use application::{
    acting,
    mails::{DeadLetter, DeadLetters, WhichDead},
};
use async_trait::async_trait;
use domain::{
    accounts::EmailAddress,
    audit::{Action, Deed},
    ids::MailId,
    mail::masked,
    repositories::Found,
};
use jiff::Timestamp;
use serde_json::json;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use super::{
    super::{
        audit,
        rows::{StoreError, unsigned},
    },
    PgOutbox,
};

const LIST: &str = "SELECT id, kind, recipient, attempts, last_error, created_at, ended_at FROM outbox \
    WHERE status = 'DEAD' AND ($2::text IS NULL OR kind = $2) AND ($3::timestamptz IS NULL OR ended_at >= $3) \
    ORDER BY id DESC LIMIT $1";

/// What a dead letter becomes that is tried again: as if it had just been queued. Links that have run out are replaced when it is
/// claimed.
macro_rules! retry {
    ($which:literal) => {
        concat!(
            "UPDATE outbox SET status = 'PENDING', attempts = 0, unanswered = 0, next_attempt_at = now(), \
             waits_since = now(), ended_at = NULL WHERE status = 'DEAD' AND ",
            $which
        )
    };
}

const RETRY: &str = retry!("id = $1");
const RETRY_ALL: &str = retry!("($1::text IS NULL OR kind = $1) AND ($2::timestamptz IS NULL OR ended_at >= $2)");

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
    async fn list_dead(&self, which: &WhichDead, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&i64::from(limit), Type::INT8), (&which.kind, Type::TEXT), (&which.since, Type::TIMESTAMPTZ)];
        let rows = self.pool.get().await?.query_typed(LIST, &parameters).await?;
        rows.iter().map(dead_letter).collect()
    }

    async fn retry_dead(&self, id: MailId) -> Result<bool, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                if transaction.execute_typed(RETRY, &[(&id.0, Type::UUID)]).await? == 0 {
                    return Ok(false);
                }
                let details = json!({ "from": "DEAD", "to": "PENDING" });
                audit::record(&transaction, retried(id.to_string(), details)).await?;
                Ok(true)
            })
            .await
    }

    async fn retry_all_dead(&self, which: &WhichDead) -> Result<u64, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&which.kind, Type::TEXT), (&which.since, Type::TIMESTAMPTZ)];
                let mails = transaction.execute_typed(RETRY_ALL, &parameters).await?;
                if mails > 0 {
                    let since = which.since.map(|since| since.to_string());
                    let details =
                        json!({ "from": "DEAD", "to": "PENDING", "kind": which.kind, "since": since, "mails": mails });
                    audit::record(&transaction, retried("dead".to_owned(), details)).await?;
                }
                Ok(mails)
            })
            .await
    }
}

/// The entry of dead letters that are tried again by the present operator.
fn retried(target_id: String, details: serde_json::Value) -> Deed {
    let actor = acting::administrator().unwrap_or_default();
    Deed { at: Timestamp::now(), actor, action: Action::Retried, target_kind: "mail".to_owned(), target_id, details }
}

#[async_trait]
impl DeadLetters for PgOutbox {
    async fn dead_letters(&self, which: &WhichDead, limit: u32) -> Found<Vec<DeadLetter>> {
        Ok(self.list_dead(which, limit).await?)
    }

    async fn retry(&self, id: MailId) -> Found<bool> {
        Ok(self.retry_dead(id).await?)
    }

    async fn retry_all(&self, which: &WhichDead) -> Found<u64> {
        Ok(self.retry_all_dead(which).await?)
    }
}
