//! Schema migrations: `migrations/NNNN_name.up.sql` and `.down.sql`, compiled into the program.
//!
//! Each file runs in one transaction together with its row in `schema_migrations`, unless its first line is
//! `-- boxoffice: no-transaction`. A file that was applied must never change: its checksum is compared at every run.
//! The row also says which program may run on the schema after it: one that does not know a file that only adds may.
//! Runners take turns by an advisory lock of the session, so connect directly and not through a pooler in
//! transaction mode.

mod directives;
mod error;
mod losses;
#[cfg(test)]
mod policy;
mod source;
mod statements;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use source::Direction;
use statements::ScriptStatement;
use tokio_postgres::{Client, GenericClient, error::ErrorPosition, types::ToSql};

pub use error::MigrateError;
pub use source::Migration;

/// The advisory lock's number: "boxoffic" in ASCII.
const LOCK_ID: i64 = 0x626f_786f_6666_6963;
const LOCK_POLL: Duration = Duration::from_millis(100);
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    duration_ms bigint NOT NULL,
    lowest_program integer
)";
/// Other programs call their table of migrations the same, with other columns.
const IS_OURS: &str = "SELECT count(*) = 4 FROM pg_attribute WHERE attrelid = to_regclass('schema_migrations') AND NOT attisdropped \
    AND (attname, atttypid::regtype::text) IN \
        (('version', 'integer'), ('name', 'text'), ('checksum', 'text'), ('applied_at', 'timestamp with time zone'))";
/// What is in the schema that would be filled, but for what an extension brings.
const OTHER_TABLES: &str = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> 'schema_migrations' \
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
    ORDER BY 1 LIMIT 3";
/// Databases of before the first release have this one as their first file. Its way led to another schema, in 29 steps.
const IS_UNRELEASED: &str = "SELECT EXISTS (SELECT FROM schema_migrations WHERE version = 1 \
    AND checksum = '8aa676114c9669a19435836816c6ef763af77894c0f889cfc5e1c241c445fbfa')";

/// A migration that was just applied, or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    pub version: i32,
    pub name: String,
    /// How long it took.
    pub duration: Duration,
}

/// Where a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// In the database, unchanged.
    Applied,
    /// Not in the database yet.
    Pending,
    /// In the database, but the file is another by now.
    Changed,
    /// In the database, but not in this program.
    Unknown,
}

/// One line of [`Migrator::status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    pub version: i32,
    pub name: String,
    /// When it was applied, by the database's clock.
    pub applied_at: Option<jiff::Timestamp>,
    pub state: MigrationState,
}

/// A row of `schema_migrations`.
struct Record {
    name: String,
    checksum: String,
    applied_at: jiff::Timestamp,
    /// The newest migration that a program must know to run on the schema after this one.
    lowest_program: Option<i32>,
}

#[derive(Debug, Clone)]
pub struct Migrator {
    /// Versions 1, 2, 3 … in order.
    migrations: Vec<Migration>,
    lock_patience: Duration,
    may_lose_data: bool,
}

impl Migrator {
    /// The migrations of this program.
    ///
    /// # Errors
    /// When a file is named wrongly or missing: a mistake made at build time, which a test catches.
    pub fn embedded() -> Result<Self, MigrateError> {
        Self::new(source::embedded()?)
    }

    /// Other migrations, in any order.
    ///
    /// # Errors
    /// When their versions are not 1, 2, 3 …
    pub fn new(migrations: Vec<Migration>) -> Result<Self, MigrateError> {
        Ok(Self { migrations: source::ordered(migrations)?, lock_patience: LOCK_PATIENCE, may_lose_data: false })
    }

    /// How long to wait for another runner; 60 s unless set.
    #[must_use]
    pub fn lock_patience(mut self, patience: Duration) -> Self {
        self.lock_patience = patience;
        self
    }

    /// Takes migrations back without asking whether something is lost with them.
    #[must_use]
    pub fn losing_data(mut self) -> Self {
        self.may_lose_data = true;
        self
    }

    /// Whether this program may run on the schema as it is: with all its migrations, and no others but such that only add. Changes
    /// nothing, and needs no right to.
    ///
    /// # Errors
    /// When something is pending, changed or unknown, or the database doesn't answer.
    pub async fn check(&self, client: &Client) -> Result<(), MigrateError> {
        let records = records(client).await?;
        self.judge(&records)?;
        match self.migrations.iter().find(|migration| !records.contains_key(&migration.version)) {
            Some(pending) => Err(MigrateError::Pending { file: pending.file(Direction::Up) }),
            None => Ok(()),
        }
    }

    /// Applies what is pending, in order, and says what that was. Safe to call from several servers at once: one
    /// works, the others wait and find nothing left.
    ///
    /// If this is cancelled the connection keeps the lock: close it.
    ///
    /// # Errors
    /// When the database has a migration that changed, or one that is unknown here and does more than add, when it is another program's, when
    /// another runner doesn't finish in time, or when a statement fails.
    pub async fn up(&self, client: &mut Client) -> Result<Vec<Applied>, MigrateError> {
        self.lock(client).await?;
        let result = self.up_locked(client).await;
        unlock(client).await;
        result
    }

    /// Takes the newest `steps` migrations back, newest first.
    ///
    /// # Errors
    /// As [`up`](Self::up); and, before anything is taken back, when rows would be lost that somebody relies on, unless this
    /// [may lose data](Self::losing_data).
    pub async fn down(&self, client: &mut Client, steps: u32) -> Result<Vec<Applied>, MigrateError> {
        self.lock(client).await?;
        let result = self.down_locked(client, steps).await;
        unlock(client).await;
        result
    }

    /// Where every migration stands, those of the database and those of this program. Changes nothing.
    ///
    /// # Errors
    /// When the database doesn't answer, or is one of before the first release.
    pub async fn status(&self, client: &Client) -> Result<Vec<MigrationStatus>, MigrateError> {
        let mut records = records(client).await?;
        let mut all: Vec<MigrationStatus> = Vec::new();
        for migration in &self.migrations {
            let record = records.remove(&migration.version);
            let state = match &record {
                None => MigrationState::Pending,
                Some(record) if record.checksum == migration.checksum() => MigrationState::Applied,
                Some(_) => MigrationState::Changed,
            };
            let applied_at = record.map(|record| record.applied_at);
            all.push(MigrationStatus { version: migration.version, name: migration.name.clone(), applied_at, state });
        }
        all.extend(records.into_iter().map(|(version, record)| MigrationStatus {
            version,
            name: record.name,
            applied_at: Some(record.applied_at),
            state: MigrationState::Unknown,
        }));
        Ok(all)
    }

    async fn up_locked(&self, client: &mut Client) -> Result<Vec<Applied>, MigrateError> {
        let records = records(client).await?;
        self.judge(&records)?;
        if records.is_empty() {
            refuse_beside_others(client).await?;
        }
        client.batch_execute(TABLE).await?;
        let mut applied = Vec::new();
        for migration in self.migrations.iter().filter(|migration| !records.contains_key(&migration.version)) {
            applied.push(self.run(client, migration, Direction::Up).await?);
        }
        Ok(applied)
    }

    async fn down_locked(&self, client: &mut Client, steps: u32) -> Result<Vec<Applied>, MigrateError> {
        let records = records(client).await?;
        self.judge(&records)?;
        if let Some((&version, record)) = records.range(self.newest() + 1..).next() {
            return Err(MigrateError::Unknown { version, name: record.name.clone() });
        }
        let newest_first = self.migrations.iter().rev().filter(|migration| records.contains_key(&migration.version));
        let to_undo: Vec<_> = newest_first.take(usize::try_from(steps).unwrap_or(usize::MAX)).collect();
        if !self.may_lose_data {
            losses::refuse(client, &to_undo).await?;
        }
        let mut undone = Vec::new();
        for migration in to_undo {
            undone.push(self.run(client, migration, Direction::Down).await?);
        }
        Ok(undone)
    }

    /// The newest migration that this program knows.
    fn newest(&self) -> i32 {
        self.migrations.last().map_or(0, |migration| migration.version)
    }

    /// The newest migration that a program must know to run on the schema after `version`.
    fn lowest_program(&self, version: i32) -> i32 {
        let known = self.migrations.iter().rev().filter(|migration| migration.version <= version);
        known
            .map_while(|migration| directives::is_additive(&migration.up).then_some(migration.version))
            .last()
            .map_or(version, |first| first - 1)
    }

    /// Whether what the database has is what this program has, or may run on.
    fn judge(&self, records: &BTreeMap<i32, Record>) -> Result<(), MigrateError> {
        for (&version, record) in records {
            let index = usize::try_from(version - 1).unwrap_or(usize::MAX);
            match self.migrations.get(index) {
                None if record.lowest_program.is_some_and(|lowest| lowest <= self.newest()) => {}
                None => return Err(MigrateError::Unknown { version, name: record.name.clone() }),
                Some(migration) if record.checksum == migration.checksum() => {}
                Some(migration) => return Err(MigrateError::Changed { file: migration.file(Direction::Up) }),
            }
        }
        Ok(())
    }

    /// Takes the lock by asking again and again. A statement that *waits* for it (`pg_advisory_lock`) would hold a
    /// snapshot for `CREATE INDEX CONCURRENTLY` of the runner at work to wait for: a deadlock.
    async fn lock(&self, client: &Client) -> Result<(), MigrateError> {
        let started = Instant::now();
        loop {
            if client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK_ID]).await?.get(0) {
                return Ok(());
            }
            if started.elapsed() >= self.lock_patience {
                return Err(MigrateError::Busy { waited: started.elapsed() });
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }

    /// Runs one half of a migration and keeps the books.
    async fn run(
        &self,
        client: &mut Client,
        migration: &Migration,
        direction: Direction,
    ) -> Result<Applied, MigrateError> {
        let started = Instant::now();
        let sql = migration.sql(direction);
        let file = migration.file(direction);
        tracing::info!(file, "migrating");
        let lowest = self.lowest_program(migration.version);
        if directives::runs_outside_transaction(sql) {
            // An index of a big table takes longer than any statement of the server may.
            client.batch_execute("SET statement_timeout = 0").await?;
            let ran = run_statements(client, sql, &file).await;
            client.batch_execute("RESET statement_timeout").await?;
            ran?;
            record(client, migration, (direction, lowest), started).await?;
        } else {
            let transaction = client.transaction().await?;
            // Waiting for a lock, a migration makes everybody who comes later wait behind it: rather fail.
            transaction.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s'").await?;
            // Dropped on an error, the transaction is rolled back.
            run_statements(&transaction, sql, &file).await?;
            record(&transaction, migration, (direction, lowest), started).await?;
            transaction.commit().await?;
        }
        Ok(Applied { version: migration.version, name: migration.name.clone(), duration: started.elapsed() })
    }
}

/// Lets the next runner in. A failure means that the connection is gone, and the lock with it.
async fn unlock(client: &Client) {
    if let Err(error) = client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK_ID]).await {
        tracing::warn!(%error, "can't release the migration lock");
    }
}

/// Fails on a database that another program uses: its tables may have the names of ours, and it may look at all that it finds.
async fn refuse_beside_others(client: &Client) -> Result<(), MigrateError> {
    let tables: Vec<String> = client.query(OTHER_TABLES, &[]).await?.iter().map(|row| row.get(0)).collect();
    if tables.is_empty() { Ok(()) } else { Err(MigrateError::OtherTables { tables }) }
}

/// What the database says, nothing on an empty one. Fails for one of before the first release and for another program's, whatever was
/// asked.
async fn records(client: &Client) -> Result<BTreeMap<i32, Record>, MigrateError> {
    if !client.query_one("SELECT to_regclass('schema_migrations') IS NOT NULL", &[]).await?.get::<_, bool>(0) {
        return Ok(BTreeMap::new());
    }
    if !client.query_one(IS_OURS, &[]).await?.get::<_, bool>(0) {
        return Err(MigrateError::OtherMigrations);
    }
    if client.query_one(IS_UNRELEASED, &[]).await?.get(0) {
        return Err(MigrateError::Unreleased);
    }
    let statement = "SELECT version, name, checksum, applied_at, lowest_program FROM schema_migrations";
    let rows = client.query(statement, &[]).await?;
    let record = |row: &tokio_postgres::Row| Record {
        name: row.get(1),
        checksum: row.get(2),
        applied_at: row.get(3),
        lowest_program: row.get(4),
    };
    Ok(rows.iter().map(|row| (row.get(0), record(row))).collect())
}

async fn run_statements(client: &impl GenericClient, sql: &str, file: &str) -> Result<(), MigrateError> {
    for (index, statement) in statements::split(sql).into_iter().enumerate() {
        client.batch_execute(statement.sql).await.map_err(|source| MigrateError::Failed {
            file: file.to_owned(),
            line: blamed_line(&statement, &source),
            statement: index + 1,
            source,
        })?;
    }
    Ok(())
}

/// PostgreSQL names the character it stumbled over for errors of grammar and names, and none for others.
fn blamed_line(statement: &ScriptStatement<'_>, error: &tokio_postgres::Error) -> usize {
    let position = error.as_db_error().and_then(|db| match db.position() {
        Some(ErrorPosition::Original(position)) => usize::try_from(*position).ok(),
        _ => None,
    });
    let before = position.unwrap_or(1).saturating_sub(1);
    statement.line + statement.sql.chars().take(before).filter(|c| *c == '\n').count()
}

async fn record(
    client: &impl GenericClient,
    migration: &Migration,
    (direction, lowest_program): (Direction, i32),
    started: Instant,
) -> Result<(), MigrateError> {
    match direction {
        Direction::Up => {
            let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
            let insert = "INSERT INTO schema_migrations (version, name, checksum, duration_ms, lowest_program) \
                VALUES ($1, $2, $3, $4, $5)";
            let checksum = migration.checksum();
            let values: [&(dyn ToSql + Sync); 5] =
                [&migration.version, &migration.name, &checksum, &duration_ms, &lowest_program];
            client.execute(insert, &values).await?;
        }
        Direction::Down => {
            client.execute("DELETE FROM schema_migrations WHERE version = $1", &[&migration.version]).await?;
        }
    }
    Ok(())
}
