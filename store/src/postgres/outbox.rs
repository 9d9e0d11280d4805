//! Transactional outbox of mails.
//!
//! A claim counts a try and sets the end of the lease as the time when the mail is due again, so a sender that dies needs
//! nobody to clean up after it. The end of the lease proves that a claim is still its claimant's: a mail can be claimed only when
//! the last lease is over, so each ends later than the one before.

mod links;

use std::{sync::Arc, time::Duration};

use domain::{
    accounts::EmailAddress,
    ids::MailId,
    mail::{Locale, Message, Site, Template},
    management::catalogue::StoredSettings,
    outbox::{FreeSlots, Mail, MailQueue, QueueState, Upkeep},
    repositories::Found,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::{
    Row,
    types::{Json, ToSql, Type},
};
use uuid::Uuid;

use super::{
    connection::{RequestPool, Statements},
    rows::{StoreError, unsigned},
};

/// Rows deleted in one statement: a long one would hold back the database's own tidying.
const DELETED_AT_ONCE: i64 = 1000;

const ENQUEUE: &str = "INSERT INTO outbox (id, kind, recipient, payload, rank) VALUES ($1, $2, $3, $4, $5)";

const ENQUEUE_ONCE: &str = "INSERT INTO outbox (id, kind, recipient, payload, rank) \
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::smallint[]) ON CONFLICT (id) DO NOTHING";

/// The locked rows are chosen first and once, whatever the plan: a subquery could be run again for each row. Each rank has its part
/// of the index, so those that somebody waits for are found at once, however many others wait.
const CLAIM: &str = "WITH awaited AS MATERIALIZED ( \
        SELECT id FROM outbox \
        WHERE status = 'PENDING' AND rank = 0 AND next_attempt_at <= now() AND attempts < $1 AND kind = ANY($2) \
        ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED), \
    usual AS MATERIALIZED ( \
        SELECT id FROM outbox \
        WHERE status = 'PENDING' AND rank = 1 AND next_attempt_at <= now() AND attempts < $1 AND kind = ANY($2) \
        ORDER BY next_attempt_at LIMIT least($4, $3 - (SELECT count(*) FROM awaited)) FOR UPDATE SKIP LOCKED), \
    due AS (SELECT id FROM awaited UNION ALL SELECT id FROM usual) \
    UPDATE outbox o SET attempts = o.attempts + 1, next_attempt_at = now() + make_interval(secs => $5) \
    FROM due WHERE o.id = due.id \
    RETURNING o.id, o.recipient, o.payload, o.attempts, o.unanswered, o.created_at, o.next_attempt_at, now() AS claimed_at";

/// What mails tell of the site.
const SETTINGS: &str = "SELECT key, value FROM settings";

/// The sender is right, also about a mail that was given up meanwhile.
const SENT: &str = "UPDATE outbox SET status = 'SENT', payload = NULL, last_error = NULL, ended_at = now() \
    WHERE id = $1 AND status <> 'SENT'";

const AGAIN: &str = "UPDATE outbox SET next_attempt_at = now() + make_interval(secs => $3), last_error = $4, \
        unanswered = unanswered + $5 \
    WHERE id = $1 AND next_attempt_at = $2 AND status = 'PENDING'";

const POSTPONE: &str = "UPDATE outbox SET next_attempt_at = now() + make_interval(secs => $3), \
        last_error = coalesce($4, last_error), attempts = greatest(attempts - 1, 0) \
    WHERE id = $1 AND next_attempt_at = $2 AND status = 'PENDING'";

const GIVE_UP: &str = "UPDATE outbox SET status = 'DEAD', ended_at = now(), last_error = $3 \
    WHERE id = $1 AND next_attempt_at = $2 AND status = 'PENDING'";

/// Those whose last sender did not live to tell what became of them, and those that have waited too long.
const GIVE_UP_EXHAUSTED: &str = "UPDATE outbox SET status = 'DEAD', ended_at = now(), \
        last_error = coalesce(last_error, 'no try had an outcome') \
    WHERE status = 'PENDING' AND next_attempt_at <= now() \
        AND (attempts >= $1 OR waits_since < now() - make_interval(secs => $2))";

/// Mails whose rows say that they need not be queued once more are kept for two weeks at least; what they told is forgotten all the same.
const DELETE_OLD: &str = "DELETE FROM outbox WHERE id IN ( \
        SELECT id FROM outbox WHERE status <> 'PENDING' AND ended_at < now() - make_interval(secs => $1) \
            AND (kind NOT IN ('BOOKING_CONFIRMED', 'BOOKING_EXPIRING') OR ended_at < now() - interval '14 days') \
        ORDER BY ended_at LIMIT $2)";

const STATE: &str = "SELECT \
        (SELECT count(*) FROM outbox WHERE status = 'PENDING') AS pending, \
        (SELECT count(*) FROM outbox WHERE status = 'DEAD') AS dead, \
        (SELECT coalesce(extract(epoch FROM now() - min(waits_since)), 0)::float8 \
            FROM outbox WHERE status = 'PENDING') AS oldest";

#[derive(Debug, Serialize, Deserialize)]
struct Payload<T> {
    locale: Locale,
    template: T,
    /// When it was given a new one-time token, if it was.
    #[serde(default, rename = "renewedAt", skip_serializing_if = "Option::is_none")]
    renewed_at: Option<Timestamp>,
}

/// Queues a mail within the transaction of the change that causes it: it is sent if, and only if, that is committed. Wake the
/// outbox after the commit.
pub async fn enqueue(client: &impl Statements, message: &Message) -> Result<MailId, StoreError> {
    let id = MailId::generate();
    let payload = Json(Payload { locale: message.locale, template: &message.template, renewed_at: None });
    let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
        (&id.0, Type::UUID),
        (&message.template.kind(), Type::TEXT),
        (&message.to.as_str(), Type::TEXT),
        (&payload, Type::JSONB),
        (&message.template.rank().number(), Type::INT2),
    ];
    client.execute_typed(ENQUEUE, &parameters).await?;
    Ok(id)
}

/// Queues mails whose ids follow from what they tell, each once: one whose id is there already is left out.
pub(super) async fn enqueue_once(client: &impl Statements, mails: &[(MailId, Message)]) -> Result<(), StoreError> {
    if mails.is_empty() {
        return Ok(());
    }
    // In one order everywhere: two servers that queue the same mails wait for each other, but not in a circle.
    let mut mails: Vec<_> = mails.iter().collect();
    mails.sort_unstable_by_key(|(id, _)| id.0);
    let ids: Vec<Uuid> = mails.iter().map(|(id, _)| id.0).collect();
    let kinds: Vec<&str> = mails.iter().map(|(_, message)| message.template.kind()).collect();
    let recipients: Vec<&str> = mails.iter().map(|(_, message)| message.to.as_str()).collect();
    let payload = |(_, message): &&(MailId, Message)| {
        let Message { locale, template, .. } = message;
        serde_json::to_value(Payload { locale: *locale, template, renewed_at: None })
    };
    let payloads: Result<Vec<_>, _> = mails.iter().map(payload).collect();
    let payloads = payloads.map_err(|error| StoreError::Row(format!("a mail can't be written: {error}")))?;
    let ranks: Vec<i16> = mails.iter().map(|(_, message)| message.template.rank().number()).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
        (&ids, Type::UUID_ARRAY),
        (&kinds, Type::TEXT_ARRAY),
        (&recipients, Type::TEXT_ARRAY),
        (&payloads, Type::JSONB_ARRAY),
        (&ranks, Type::INT2_ARRAY),
    ];
    client.execute_typed(ENQUEUE_ONCE, &parameters).await?;
    Ok(())
}

#[derive(Clone)]
pub struct PgOutbox {
    pool: RequestPool,
}

impl PgOutbox {
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }

    async fn execute(&self, statement: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<u64, StoreError> {
        self.pool.get().await?.execute_typed(statement, parameters).await
    }

    async fn claim_due(&self, room: FreeSlots, lease: Duration, attempts_max: u32) -> Result<Vec<Mail>, StoreError> {
        let (attempts_max, lease) = (count(attempts_max), lease.as_secs_f64());
        let kinds: &[&str] = &Template::KINDS;
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&attempts_max, Type::INT4),
            (&kinds, Type::TEXT_ARRAY),
            (&i64::from(room.all), Type::INT8),
            (&i64::from(room.usual), Type::INT8),
            (&lease, Type::FLOAT8),
        ];
        let rows = self.pool.get().await?.query_typed(CLAIM, &parameters).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let site = Arc::new(self.site().await?);
        let mut mails = Vec::with_capacity(rows.len());
        for row in &rows {
            match mail(row, &site) {
                Ok(claimed) => mails.extend(self.with_working_link(claimed).await?),
                Err(error) => self.give_up_unreadable(row, &error).await?,
            }
        }
        Ok(mails)
    }

    async fn site(&self) -> Result<Site, StoreError> {
        let mut settings = StoredSettings::default();
        for row in self.pool.get().await?.query_typed(SETTINGS, &[]).await? {
            settings.values.push((row.try_get("key")?, row.try_get("value")?));
        }
        Ok(Site::of(&settings))
    }

    /// Nobody will ever be able to send it, and it must not stand in the others' way.
    async fn give_up_unreadable(&self, row: &Row, error: &StoreError) -> Result<(), StoreError> {
        let (id, leased_until): (uuid::Uuid, Timestamp) = (row.try_get("id")?, row.try_get("next_attempt_at")?);
        tracing::error!(mail = %id, %error, "a queued mail can't be read");
        let reason = "the queued mail can't be read";
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&id, Type::UUID), (&leased_until, Type::TIMESTAMPTZ), (&reason, Type::TEXT)];
        self.execute(GIVE_UP, &parameters).await?;
        Ok(())
    }

    async fn put_off(&self, mail: &Mail, reason: &str, wait: Duration, unanswered: i32) -> Result<(), StoreError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 5] = [
            (&mail.id.0, Type::UUID),
            (&mail.leased_until, Type::TIMESTAMPTZ),
            (&wait.as_secs_f64(), Type::FLOAT8),
            (&reason, Type::TEXT),
            (&unanswered, Type::INT4),
        ];
        self.execute(AGAIN, &parameters).await.map(drop)
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

/// A mail as it was claimed.
struct Claimed {
    mail: Mail,
    /// When its one-time token was made, if it has one.
    token_made_at: Timestamp,
    /// By the database's clock.
    claimed_at: Timestamp,
}

fn mail(row: &Row, site: &Arc<Site>) -> Result<Claimed, StoreError> {
    let Json(payload): Json<Payload<Template>> = row.try_get("payload")?;
    let queued_at = row.try_get("created_at")?;
    let mail = Mail {
        id: MailId(row.try_get("id")?),
        message: Message {
            to: EmailAddress::stored(row.try_get("recipient")?),
            locale: payload.locale,
            template: payload.template,
        },
        queued_at,
        attempt: unsigned(row, "attempts")?,
        leased_until: row.try_get("next_attempt_at")?,
        unanswered: unsigned(row, "unanswered")?,
        site: site.clone(),
    };
    let token_made_at = payload.renewed_at.unwrap_or(queued_at);
    Ok(Claimed { mail, token_made_at, claimed_at: row.try_get("claimed_at")? })
}

impl MailQueue for PgOutbox {
    async fn claim(&self, room: FreeSlots, lease: Duration, attempts_max: u32) -> Found<Vec<Mail>> {
        Ok(self.claim_due(room, lease, attempts_max).await?)
    }

    async fn sent(&self, mail: &Mail) -> Found<()> {
        Ok(self.execute(SENT, &[(&mail.id.0, Type::UUID)]).await.map(drop)?)
    }

    async fn again(&self, mail: &Mail, reason: &str, wait: Duration) -> Found<()> {
        Ok(self.put_off(mail, reason, wait, 0).await?)
    }

    async fn unanswered(&self, mail: &Mail, reason: &str, wait: Duration) -> Found<()> {
        Ok(self.put_off(mail, reason, wait, 1).await?)
    }

    async fn postpone(&self, mail: &Mail, reason: Option<&str>, wait: Duration) -> Found<()> {
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&mail.id.0, Type::UUID),
            (&mail.leased_until, Type::TIMESTAMPTZ),
            (&wait.as_secs_f64(), Type::FLOAT8),
            (&reason, Type::TEXT),
        ];
        Ok(self.execute(POSTPONE, &parameters).await.map(drop)?)
    }

    async fn give_up(&self, mail: &Mail, reason: &str) -> Found<()> {
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&mail.id.0, Type::UUID), (&mail.leased_until, Type::TIMESTAMPTZ), (&reason, Type::TEXT)];
        Ok(self.execute(GIVE_UP, &parameters).await.map(drop)?)
    }

    async fn tidy(&self, upkeep: &Upkeep) -> Found<u64> {
        let (attempts_max, patience) = (count(upkeep.attempts_max), upkeep.patience.as_secs_f64());
        let exhausted =
            self.execute(GIVE_UP_EXHAUSTED, &[(&attempts_max, Type::INT4), (&patience, Type::FLOAT8)]).await?;
        let retention = upkeep.retention.as_secs_f64();
        self.execute(DELETE_OLD, &[(&retention, Type::FLOAT8), (&DELETED_AT_ONCE, Type::INT8)]).await?;
        Ok(exhausted)
    }

    async fn state(&self) -> Found<QueueState> {
        Ok(self.read_state().await?)
    }
}
