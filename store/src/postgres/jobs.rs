//! Jobs that are queued in the transaction that causes them, and done after its commit.
//!
//! A claim counts a try and sets the end of the lease as the time when the job is due again, so a worker that dies needs nobody to clean up
//! after it. The end of the lease proves that a claim is still its claimant's: each ends later than the one before.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    ids::JobId,
    jobs::{Job, JobPayload, JobQueue, KindState},
    repositories::Found,
};
use tokio_postgres::{
    Row,
    types::{Json, Type},
};
use uuid::Uuid;

use super::{
    connection::{RequestPool, Statements, Typed},
    rows::{StoreError, signed, unsigned},
};

/// In the order of the ids, which is the order in which jobs of one key are done.
const ENQUEUE: &str = "INSERT INTO jobs (id, kind, key, payload, due_at, waits_since) \
    SELECT id, kind, key, payload, now() + make_interval(secs => $5), now() + make_interval(secs => $5) \
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[]) AS job (id, kind, key, payload)";

const CLAIM: &str =
    "SELECT id, payload, created_at, waits_since, attempts, lost, due_at FROM claim_jobs($1, $2, $3) ORDER BY id";

/// Whoever did it is right, also if it was given up or claimed by somebody else meanwhile.
const DONE: &str = "DELETE FROM jobs WHERE id = $1";

const AGAIN: &str = "UPDATE jobs SET due_at = now() + make_interval(secs => $3), last_error = $4, lost = 0, \
        attempts = CASE WHEN $5 THEN attempts ELSE greatest(attempts - 1, 0) END \
    WHERE id = $1 AND due_at = $2 AND status = 'PENDING'";

const GIVE_UP: &str = "UPDATE jobs SET status = 'DEAD', ended_at = now(), last_error = $3 \
    WHERE id = $1 AND due_at = $2 AND status = 'PENDING'";

const STATE: &str = "SELECT kind, count(*) FILTER (WHERE status = 'PENDING') AS pending, \
        count(*) FILTER (WHERE status = 'DEAD') AS dead, \
        greatest(coalesce(extract(epoch FROM now() - min(waits_since) FILTER (WHERE status = 'PENDING')), 0), 0)::float8 AS oldest \
    FROM jobs GROUP BY kind";

/// Queues jobs within the transaction of the change that causes them: they are done if, and only if, that is committed. They are due after
/// `wait`; wake the runner after the commit when that is nothing. Those of one key are done in this order.
pub async fn enqueue(client: &impl Statements, jobs: &[JobPayload], wait: Duration) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = jobs.iter().map(|_| JobId::generate().0).collect();
    let kinds: Vec<&str> = jobs.iter().map(JobPayload::kind).collect();
    let keys: Vec<String> = jobs.iter().map(JobPayload::key).collect();
    let payloads: Vec<Json<&JobPayload>> = jobs.iter().map(Json).collect();
    let parameters: [Typed<'_>; 5] = [
        (&ids, Type::UUID_ARRAY),
        (&kinds, Type::TEXT_ARRAY),
        (&keys, Type::TEXT_ARRAY),
        (&payloads, Type::JSONB_ARRAY),
        (&wait.as_secs_f64(), Type::FLOAT8),
    ];
    client.execute_typed(ENQUEUE, &parameters).await.map(drop)
}

#[derive(Clone)]
pub struct PgJobQueue {
    pool: RequestPool,
}

impl PgJobQueue {
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }

    async fn execute(&self, statement: &str, parameters: &[Typed<'_>]) -> Result<(), StoreError> {
        self.pool.get().await?.execute_typed(statement, parameters).await.map(drop)
    }

    async fn claim_due(&self, kind: &str, limit: u32, lease: Duration) -> Result<Vec<Job>, StoreError> {
        let parameters: [Typed<'_>; 3] =
            [(&kind, Type::TEXT), (&signed(limit), Type::INT4), (&lease.as_secs_f64(), Type::FLOAT8)];
        let rows = self.pool.get().await?.query_typed(CLAIM, &parameters).await?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            match job(row) {
                Ok(job) => jobs.push(job),
                Err(error) => self.give_up_unreadable(row, kind, &error).await?,
            }
        }
        Ok(jobs)
    }

    /// Nobody will ever be able to do it, and it must not stand in the way of the others of its key.
    async fn give_up_unreadable(&self, row: &Row, kind: &str, error: &StoreError) -> Result<(), StoreError> {
        let (id, leased_until): (Uuid, jiff::Timestamp) = (row.try_get("id")?, row.try_get("due_at")?);
        tracing::error!(job = %id, kind, %error, "a queued job can't be read");
        let parameters: [Typed<'_>; 3] =
            [(&id, Type::UUID), (&leased_until, Type::TIMESTAMPTZ), (&"the queued job can't be read", Type::TEXT)];
        self.execute(GIVE_UP, &parameters).await
    }

    async fn read_state(&self) -> Result<Vec<KindState>, StoreError> {
        let rows = self.pool.get().await?.query_typed(STATE, &[]).await?;
        let state = |row: &Row| {
            let number = |column| Ok::<_, StoreError>(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0));
            Ok(KindState {
                kind: row.try_get("kind")?,
                pending: number("pending")?,
                dead: number("dead")?,
                oldest: Duration::try_from_secs_f64(row.try_get("oldest")?).unwrap_or_default(),
            })
        };
        rows.iter().map(state).collect()
    }
}

fn job(row: &Row) -> Result<Job, StoreError> {
    let Json(payload): Json<JobPayload> = row.try_get("payload")?;
    Ok(Job {
        id: JobId(row.try_get("id")?),
        payload,
        queued_at: row.try_get("created_at")?,
        waits_since: row.try_get("waits_since")?,
        attempt: unsigned(row, "attempts")?,
        // The claim that gave this row is one of them.
        lost: unsigned(row, "lost")?.saturating_sub(1),
        leased_until: row.try_get("due_at")?,
    })
}

#[async_trait]
impl JobQueue for PgJobQueue {
    async fn claim(&self, kind: &str, limit: u32, lease: Duration) -> Found<Vec<Job>> {
        Ok(self.claim_due(kind, limit, lease).await?)
    }

    async fn done(&self, job: &Job) -> Found<()> {
        Ok(self.execute(DONE, &[(&job.id.0, Type::UUID)]).await?)
    }

    async fn again(&self, job: &Job, reason: &str, wait: Duration, counted: bool) -> Found<()> {
        let parameters: [Typed<'_>; 5] = [
            (&job.id.0, Type::UUID),
            (&job.leased_until, Type::TIMESTAMPTZ),
            (&wait.as_secs_f64(), Type::FLOAT8),
            (&reason, Type::TEXT),
            (&counted, Type::BOOL),
        ];
        Ok(self.execute(AGAIN, &parameters).await?)
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Found<()> {
        let parameters: [Typed<'_>; 3] =
            [(&job.id.0, Type::UUID), (&job.leased_until, Type::TIMESTAMPTZ), (&reason, Type::TEXT)];
        Ok(self.execute(GIVE_UP, &parameters).await?)
    }

    async fn state(&self) -> Found<Vec<KindState>> {
        Ok(self.read_state().await?)
    }
}
