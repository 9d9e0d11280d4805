//! The outbox in PostgreSQL.
//!
//! A claim counts a try and sets the end of the lease as the time when the mail is due again, so a sender that dies needs
//! nobody to clean up after it. The number of the try proves that a claim is still its claimant's.

mod dead_letters;

use std::time::Duration;

use domain::{
    accounts::EmailAddress,
    ids::MailId,
    mail::{Locale, Message, Template},
    outbox::{Mail, MailQueue, QueueState, Upkeep},
    repositories::Found,
};
use serde::{Deserialize, Serialize};
use tokio_postgres::{
    Row,
    types::{Json, ToSql, Type},
};

use super::{
    connection::{RequestPool, Statements},
    rows::{StoreError, unsigned},
};

/// Rows deleted in one statement: a long one would hold back the database's own tidying.
const DELETED_AT_ONCE: i64 = 1000;

const ENQUEUE: &str = "INSERT INTO outbox (id, kind, recipient, payload) VALUES ($1, $2, $3, $4)";

/// The locked rows are chosen first and once, whatever the plan: a subquery could be run again for each row.
const CLAIM: &str = "WITH due AS MATERIALIZED ( \
        SELECT id FROM outbox \
        WHERE status = 'PENDING' AND next_attempt_at <= now() AND attempts < $1 AND kind = ANY($2) \
        ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
    UPDATE outbox o SET attempts = o.attempts + 1, next_attempt_at = now() + make_interval(secs => $4) \
    FROM due WHERE o.id = due.id \
    RETURNING o.id, o.recipient, o.payload, o.attempts, o.created_at";

/// Whoever sent it is right, also about a mail that was given up meanwhile.
const SENT: &str = "UPDATE outbox SET status = 'SENT', payload = NULL, last_error = NULL, ended_at = now() \
    WHERE id = $1 AND status <> 'SENT'";

const AGAIN: &str = "UPDATE outbox SET next_attempt_at = now() + make_interval(secs => $3), last_error = $4 \
    WHERE id = $1 AND attempts = $2 AND status = 'PENDING'";

const GIVE_UP: &str = "UPDATE outbox SET status = 'DEAD', ended_at = now(), last_error = $3 \
    WHERE id = $1 AND attempts = $2 AND status = 'PENDING'";

/// Their last sender did not live to tell what became of them.
const GIVE_UP_EXHAUSTED: &str = "UPDATE outbox SET status = 'DEAD', ended_at = now(), \
        last_error = coalesce(last_error, 'no try had an outcome') \
    WHERE status = 'PENDING' AND attempts >= $1 AND next_attempt_at <= now()";

const DELETE_OLD: &str = "DELETE FROM outbox WHERE id IN ( \
        SELECT id FROM outbox WHERE status <> 'PENDING' AND ended_at < now() - make_interval(secs => $1) \
        ORDER BY ended_at LIMIT $2)";

const STATE: &str = "SELECT \
        (SELECT count(*) FROM outbox WHERE status = 'PENDING') AS pending, \
        (SELECT count(*) FROM outbox WHERE status = 'DEAD') AS dead, \
        (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 \
            FROM outbox WHERE status = 'PENDING') AS oldest";

/// What `payload` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Payload<T> {
    locale: Locale,
    template: T,
}

/// Queues a mail within the transaction of the change that causes it: it is sent if, and only if, that is committed. Wake the
/// outbox after the commit.
pub async fn enqueue(client: &impl Statements, message: &Message) -> Result<MailId, StoreError> {
    let id = MailId::generate();
    let payload = Json(Payload { locale: message.locale, template: &message.template });
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&id.0, Type::UUID),
        (&message.template.kind(), Type::TEXT),
        (&message.to.as_str(), Type::TEXT),
        (&payload, Type::JSONB),
    ];
    client.execute_typed(ENQUEUE, &parameters).await?;
    Ok(id)
}

/// See the module's page.
#[derive(Clone)]
pub struct PgOutbox {
    pool: RequestPool,
}

impl PgOutbox {
    /// Over `pool`.
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }

    async fn execute(&self, statement: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<u64, StoreError> {
        self.pool.get().await?.execute_typed(statement, parameters).await
    }

    async fn claim_due(&self, limit: u32, lease: Duration, attempts_max: u32) -> Result<Vec<Mail>, StoreError> {
        let (attempts_max, lease) = (count(attempts_max), lease.as_secs_f64());
        let kinds: &[&str] = &Template::KINDS;
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&attempts_max, Type::INT4),
            (&kinds, Type::TEXT_ARRAY),
            (&i64::from(limit), Type::INT8),
            (&lease, Type::FLOAT8),
        ];
        let rows = self.pool.get().await?.query_typed(CLAIM, &parameters).await?;
        let mut mails = Vec::with_capacity(rows.len());
        for row in &rows {
            match mail(row) {
                Ok(mail) => mails.push(mail),
                Err(error) => self.give_up_unreadable(row, &error).await?,
            }
        }
        Ok(mails)
    }

    /// Nobody will ever be able to send it, and it must not stand in the others' way.
    async fn give_up_unreadable(&self, row: &Row, error: &StoreError) -> Result<(), StoreError> {
        let (id, attempt): (uuid::Uuid, i32) = (row.try_get("id")?, row.try_get("attempts")?);
        tracing::error!(mail = %id, %error, "a queued mail can't be read");
        let reason = "the queued mail can't be read";
        self.execute(GIVE_UP, &[(&id, Type::UUID), (&attempt, Type::INT4), (&reason, Type::TEXT)]).await?;
        Ok(())
    }

    async fn read_state(&self) -> Result<QueueState, StoreError> {
        let row = self.pool.get().await?.query_typed_one(STATE, &[]).await?;
        let number = |column| Ok::<_, StoreError>(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0));
        // Never negative, unless the clock was set back.
        let oldest = Duration::try_from_secs_f64(row.try_get("oldest")?).unwrap_or_default();
        Ok(QueueState { pending: number("pending")?, dead: number("dead")?, oldest })
    }
}

/// A number as the column has it.
fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn mail(row: &Row) -> Result<Mail, StoreError> {
    let Json(payload): Json<Payload<Template>> = row.try_get("payload")?;
    Ok(Mail {
        id: MailId(row.try_get("id")?),
        message: Message {
            to: EmailAddress::stored(row.try_get("recipient")?),
            locale: payload.locale,
            template: payload.template,
        },
        queued_at: row.try_get("created_at")?,
        attempt: unsigned(row, "attempts")?,
    })
}

impl MailQueue for PgOutbox {
    async fn claim(&self, limit: u32, lease: Duration, attempts_max: u32) -> Found<Vec<Mail>> {
        Ok(self.claim_due(limit, lease, attempts_max).await?)
    }

    async fn sent(&self, mail: &Mail) -> Found<()> {
        Ok(self.execute(SENT, &[(&mail.id.0, Type::UUID)]).await.map(drop)?)
    }

    async fn again(&self, mail: &Mail, reason: &str, wait: Duration) -> Found<()> {
        let (attempt, wait) = (count(mail.attempt), wait.as_secs_f64());
        let parameters: [(&(dyn ToSql + Sync), Type); 4] =
            [(&mail.id.0, Type::UUID), (&attempt, Type::INT4), (&wait, Type::FLOAT8), (&reason, Type::TEXT)];
        Ok(self.execute(AGAIN, &parameters).await.map(drop)?)
    }

    async fn give_up(&self, mail: &Mail, reason: &str) -> Found<()> {
        let attempt = count(mail.attempt);
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&mail.id.0, Type::UUID), (&attempt, Type::INT4), (&reason, Type::TEXT)];
        Ok(self.execute(GIVE_UP, &parameters).await.map(drop)?)
    }

    async fn tidy(&self, upkeep: &Upkeep) -> Found<u64> {
        let exhausted = self.execute(GIVE_UP_EXHAUSTED, &[(&count(upkeep.attempts_max), Type::INT4)]).await?;
        let retention = upkeep.retention.as_secs_f64();
        self.execute(DELETE_OLD, &[(&retention, Type::FLOAT8), (&DELETED_AT_ONCE, Type::INT8)]).await?;
        Ok(exhausted)
    }

    async fn state(&self) -> Found<QueueState> {
        Ok(self.read_state().await?)
    }
}
