//! What the sandbox gateway knows, in a table of its own.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use boxoffice_payments::sandbox::{Document, DocumentKind, SandboxStore, StoreError as SandboxError};
use jiff::Timestamp;
use serde_json::Value;
use tokio_postgres::{
    Row,
    types::{Json, Type},
};

use super::{
    connection::{RequestPool, Typed},
    errors::StoreError,
};

const COLUMNS: &str = "id, kind, created_at, due_at, body";

/// All of them or none, in one statement.
const SAVE: &str = "INSERT INTO sandbox_documents (id, kind, created_at, due_at, body) \
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::jsonb[]) \
    ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, body = excluded.body";

#[derive(Clone)]
pub struct PgSandbox {
    pool: RequestPool,
}

impl PgSandbox {
    pub fn new(pool: RequestPool) -> Self {
        Self { pool }
    }

    async fn write(&self, documents: &[Document]) -> Result<(), StoreError> {
        let ids: Vec<&str> = documents.iter().map(|of| of.id.as_str()).collect();
        let kinds: Vec<&str> = documents.iter().map(|of| of.kind.as_str()).collect();
        let created: Vec<Timestamp> = documents.iter().map(|of| of.created_at).collect();
        let due: Vec<Option<Timestamp>> = documents.iter().map(|of| of.due_at).collect();
        let bodies: Vec<Json<&Value>> = documents.iter().map(|of| Json(&of.body)).collect();
        let parameters: [Typed<'_>; 5] = [
            (&ids, Type::TEXT_ARRAY),
            (&kinds, Type::TEXT_ARRAY),
            (&created, Type::TIMESTAMPTZ_ARRAY),
            (&due, Type::TIMESTAMPTZ_ARRAY),
            (&bodies, Type::JSONB_ARRAY),
        ];
        self.pool.get().await?.execute_typed(SAVE, &parameters).await.map(drop)
    }

    async fn read(&self, condition: &str, parameters: &[Typed<'_>]) -> Result<Vec<Document>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM sandbox_documents {condition}");
        self.pool.get().await?.query_typed(&statement, parameters).await?.iter().map(document).collect()
    }
}

fn document(row: &Row) -> Result<Document, StoreError> {
    let kind: &str = row.try_get("kind")?;
    let kind = DocumentKind::parse(kind).ok_or_else(|| StoreError::Row(format!("a document of kind {kind:?}")))?;
    let Json(body): Json<Value> = row.try_get("body")?;
    let (created_at, due_at) = (row.try_get("created_at")?, row.try_get("due_at")?);
    Ok(Document { id: row.try_get("id")?, kind, created_at, due_at, body })
}

fn away(error: StoreError) -> SandboxError {
    SandboxError(error.to_string())
}

#[async_trait]
impl SandboxStore for PgSandbox {
    async fn save(&self, documents: Vec<Document>) -> Result<(), SandboxError> {
        self.write(&documents).await.map_err(away)
    }

    async fn find(&self, id: &str) -> Result<Option<Document>, SandboxError> {
        let found = self.read("WHERE id = $1", &[(&id, Type::TEXT)]).await;
        found.map(|mut found| found.pop()).map_err(away)
    }

    async fn list(&self, kind: DocumentKind, made: RangeInclusive<Timestamp>) -> Result<Vec<Document>, SandboxError> {
        // The calendar of the database ends sooner than this program's.
        let bounds = |at: &Timestamp| (*at > Timestamp::MIN && *at < Timestamp::MAX).then_some(*at);
        let (kind, from, to) = (kind.as_str(), bounds(made.start()), bounds(made.end()));
        let within = "WHERE kind = $1 AND created_at >= coalesce($2, '-infinity') AND created_at <= coalesce($3, 'infinity') \
            ORDER BY created_at DESC, id DESC";
        let parameters: [Typed<'_>; 3] = [(&kind, Type::TEXT), (&from, Type::TIMESTAMPTZ), (&to, Type::TIMESTAMPTZ)];
        self.read(within, &parameters).await.map_err(away)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Document>, SandboxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let due = "WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
        self.read(due, &[(&now, Type::TIMESTAMPTZ), (&limit, Type::INT8)]).await.map_err(away)
    }
}
