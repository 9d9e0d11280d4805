//! Dead letters: jobs and mails that were given up.

use application::acting;
use async_trait::async_trait;
use domain::{
    accounts::EmailAddress,
    audit::{Action, Deed},
    dead_letters::{DeadLetter, DeadLetters, WhichDead},
    lists::{ListQuery, Page},
    mail::masked,
    repositories::Found,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        audit,
        connection::{Transaction, Typed},
        rows::{StoreError, unsigned},
    },
    PgStore,
    lists::{
        self,
        table::{TableList, sql},
    },
};

/// Both kinds as one table. Its parts have an index each of what is dead, in the order of their ids.
const LETTERS: &str = "(SELECT id, kind, NULL AS about, recipient, attempts, last_error, created_at, ended_at FROM outbox WHERE status = 'DEAD' \
    UNION ALL SELECT id, upper(kind), key, NULL, attempts, last_error, created_at, ended_at FROM jobs WHERE status = 'DEAD') AS d";
const COLUMNS: &str = "d.id, d.kind, d.about, d.recipient, d.attempts, d.last_error, d.created_at, d.ended_at";

/// What is tried again becomes as if it had just been queued. Links of mails that have run out are replaced when it is claimed.
const MAIL: &str = "UPDATE outbox SET status = 'PENDING', attempts = 0, unanswered = 0, next_attempt_at = now(), waits_since = now(), \
    ended_at = NULL WHERE status = 'DEAD' AND ";
const JOB: &str = "UPDATE jobs SET status = 'PENDING', attempts = 0, lost = 0, due_at = now(), waits_since = now(), ended_at = NULL \
    WHERE status = 'DEAD' AND ";
const ONE: &str = "id = $1";
const SOME_MAILS: &str = "($1::text IS NULL OR kind = $1) AND ($2::timestamptz IS NULL OR ended_at >= $2)";
const SOME_JOBS: &str = "($1::text IS NULL OR kind = lower($1)) AND ($2::timestamptz IS NULL OR ended_at >= $2)";

fn dead_letter(row: &Row) -> Result<DeadLetter, StoreError> {
    let recipient: Option<&str> = row.try_get("recipient")?;
    let subject = match recipient {
        Some(recipient) => masked(&EmailAddress::stored(recipient)),
        None => row.try_get::<_, Option<String>>("about")?.unwrap_or_default(),
    };
    Ok(DeadLetter {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        subject,
        attempts: unsigned(row, "attempts")?,
        last_error: row.try_get("last_error")?,
        created_at: row.try_get("created_at")?,
        ended_at: row.try_get("ended_at")?,
    })
}

/// How many jobs and mails are tried again by these conditions.
async fn revive(
    transaction: &Transaction,
    (jobs, mails): (&str, &str),
    parameters: &[Typed<'_>],
) -> Result<u64, StoreError> {
    let revived = transaction.execute_typed(&format!("{JOB}{jobs}"), parameters).await?;
    Ok(revived + transaction.execute_typed(&format!("{MAIL}{mails}"), parameters).await?)
}

/// The entry of who has it done.
fn retried(target_id: String, details: Value) -> Deed {
    let actor = acting::administrator().unwrap_or_default();
    let target_kind = "dead-letter".to_owned();
    Deed { at: Timestamp::now(), actor, action: Action::Retried, target_kind, target_id, details }
}

impl PgStore {
    async fn retry_one(&self, id: Uuid) -> Result<bool, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                if revive(&transaction, (ONE, ONE), &[(&id, Type::UUID)]).await? == 0 {
                    return Ok(false);
                }
                let details = json!({ "from": "DEAD", "to": "PENDING" });
                audit::record(&transaction, retried(id.to_string(), details)).await?;
                Ok(true)
            })
            .await
    }

    async fn retry_some(&self, which: &WhichDead) -> Result<u64, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                let parameters: [Typed<'_>; 2] = [(&which.kind, Type::TEXT), (&which.since, Type::TIMESTAMPTZ)];
                let letters = revive(&transaction, (SOME_JOBS, SOME_MAILS), &parameters).await?;
                if letters > 0 {
                    let since = which.since.map(|since| since.to_string());
                    let details = json!({ "from": "DEAD", "to": "PENDING", "kind": which.kind, "since": since, "letters": letters });
                    audit::record(&transaction, retried("all".to_owned(), details)).await?;
                }
                Ok(letters)
            })
            .await
    }
}

#[async_trait]
impl DeadLetters for PgStore {
    async fn dead_letters(&self, query: &ListQuery) -> Found<Page<DeadLetter>> {
        let (columns, conditions) = (sql(COLUMNS), sql("true"));
        let letters = TableList { query, from: LETTERS, of: "d.", joined: "", columns, conditions };
        Ok(lists::read(&self.pool.get().await?, &letters, query).await?.entries(dead_letter)?)
    }

    async fn retry_dead_letter(&self, id: Uuid) -> Found<bool> {
        Ok(self.retry_one(id).await?)
    }

    async fn retry_dead_letters(&self, which: &WhichDead) -> Found<u64> {
        Ok(self.retry_some(which).await?)
    }
}
