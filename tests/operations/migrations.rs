//! The migration runner, against a real PostgreSQL and with migrations made up for the purpose.

mod filled;

use std::time::Duration;

use crate::support::TestDatabase;
use boxoffice_store::postgres::migrate::{Applied, MigrateError, Migration, MigrationState, Migrator};
use tokio_postgres::Client;

fn venues() -> Migration {
    Migration::new(1, "venues", "CREATE TABLE venues (id int);\nINSERT INTO venues VALUES (1);", "DROP TABLE venues;")
}

fn index() -> Migration {
    let up = "-- boxoffice: no-transaction\n\
              DROP INDEX CONCURRENTLY IF EXISTS venues_id;\n\
              CREATE INDEX CONCURRENTLY venues_id ON venues (id);\n";
    Migration::new(2, "venues_id", up, "DROP INDEX venues_id;")
}

fn migrator(migrations: &[Migration]) -> Migrator {
    Migrator::new(migrations.to_vec()).unwrap()
}

fn versions(applied: &[Applied]) -> Vec<i32> {
    applied.iter().map(|applied| applied.version).collect()
}

async fn exists(client: &Client, relation: &str) -> bool {
    client.query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&relation]).await.unwrap().get(0)
}

async fn states(migrator: &Migrator, client: &Client) -> Vec<(i32, MigrationState)> {
    migrator.status(client).await.unwrap().iter().map(|line| (line.version, line.state)).collect()
}

#[tokio::test]
async fn up_down_and_up_again() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let migrator = migrator(&[index(), venues()]);
    let pending = [(1, MigrationState::Pending), (2, MigrationState::Pending)];
    assert_eq!(states(&migrator, &client).await, pending);
    assert!(!exists(&client, "schema_migrations").await, "asking changes nothing");

    assert_eq!(versions(&migrator.up(&mut client).await.unwrap()), [1, 2]);
    assert!(exists(&client, "venues_id").await);
    assert_eq!(versions(&migrator.up(&mut client).await.unwrap()), [0; 0], "nothing is left");
    let status = migrator.status(&client).await.unwrap();
    assert!(status.iter().all(|line| line.state == MigrationState::Applied && line.applied_at.is_some()));

    assert_eq!(versions(&migrator.down(&mut client, 1).await.unwrap()), [2]);
    assert!(exists(&client, "venues").await && !exists(&client, "venues_id").await);
    assert_eq!(versions(&migrator.down(&mut client, u32::MAX).await.unwrap()), [1]);
    assert_eq!(states(&migrator, &client).await, pending);
    assert_eq!(versions(&migrator.up(&mut client).await.unwrap()), [1, 2]);
}

#[tokio::test]
async fn an_applied_file_that_changed_is_refused() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    migrator(&[venues()]).up(&mut client).await.unwrap();
    let edited = Migration::new(1, "venues", "CREATE TABLE venues (id bigint);", "DROP TABLE venues;");
    let edited = migrator(&[edited, index()]);
    for error in [edited.up(&mut client).await.unwrap_err(), edited.down(&mut client, 1).await.unwrap_err()] {
        assert!(matches!(error, MigrateError::Changed { .. }), "{error}");
        assert!(error.to_string().contains("0001_venues.up.sql"), "{error}");
    }
    assert_eq!(states(&edited, &client).await, [(1, MigrationState::Changed), (2, MigrationState::Pending)]);
    assert!(!exists(&client, "venues_id").await, "nothing ran");
}

#[tokio::test]
async fn a_database_newer_than_the_program_is_refused() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    migrator(&[venues(), index()]).up(&mut client).await.unwrap();
    let older = migrator(&[venues()]);
    let error = older.up(&mut client).await.unwrap_err();
    assert!(error.to_string().contains("newer boxoffice"), "{error}");
    assert_eq!(states(&older, &client).await, [(1, MigrationState::Applied), (2, MigrationState::Unknown)]);
}

/// In a roll-out the first new server migrates, and one of the old ones starts again. The last file of the newer program may need it.
#[tokio::test]
async fn an_older_program_starts_on_a_schema_to_which_only_something_was_added() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let adds =
        |version, sql: &str| Migration::new(version, "adds", format!("-- boxoffice: additive\n{sql};"), "SELECT 1;");
    let (column, table) = (adds(2, "ALTER TABLE venues ADD COLUMN name text"), adds(3, "CREATE TABLE more ()"));
    let (older, newer) = (migrator(&[venues()]), migrator(&[venues(), column.clone(), table.clone()]));
    newer.up(&mut client).await.unwrap();
    assert_eq!(versions(&older.up(&mut client).await.unwrap()), [0; 0]);
    older.check(&client).await.unwrap();
    let error = older.down(&mut client, 1).await.unwrap_err().to_string();
    assert!(error.contains("migration 2 (adds)"), "it can't take back what it does not know: {error}");

    let contracts = Migration::new(4, "contracts", "ALTER TABLE venues DROP COLUMN id;", "SELECT 1;");
    migrator(&[venues(), column, table, contracts]).up(&mut client).await.unwrap();
    for error in [older.up(&mut client).await.unwrap_err(), newer.check(&client).await.unwrap_err()] {
        assert!(error.to_string().contains("migration 4 (contracts)"), "{error}");
    }
}

/// Guards: `IS_UNRELEASED`. Anyone who asks is told why and what to do, and nothing runs.
#[tokio::test]
async fn a_database_of_before_the_first_release_is_refused() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let former = "CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now(), duration_ms bigint NOT NULL);
        INSERT INTO schema_migrations (version, name, checksum, duration_ms)
        VALUES (1, 'accounts', '8aa676114c9669a19435836816c6ef763af77894c0f889cfc5e1c241c445fbfa', 1), (2, 'catalogue', 'another', 1)";
    client.batch_execute(former).await.unwrap();
    let migrator = Migrator::embedded().unwrap();
    let errors = [
        migrator.check(&client).await.unwrap_err(),
        migrator.up(&mut client).await.unwrap_err(),
        migrator.down(&mut client, 1).await.unwrap_err(),
        migrator.status(&client).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, MigrateError::Unreleased), "{error}");
        for part in ["before the first release", "empty database", "DATABASE_URL"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }
    assert!(!exists(&client, "accounts").await);
}

/// Guards: `OTHER_TABLES` and `IS_OURS`.
#[tokio::test]
async fn the_database_of_another_program_is_refused_in_words_and_left_as_it_is() {
    let migrator = Migrator::embedded().unwrap();
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    client.batch_execute("CREATE TABLE invoices (id integer); CREATE VIEW events AS SELECT 1 AS id").await.unwrap();
    let error = migrator.up(&mut client).await.unwrap_err().to_string();
    assert!(error.contains("not boxoffice's (events, invoices)") && error.contains("DATABASE_URL"), "{error}");
    assert!(!exists(&client, "schema_migrations").await && !exists(&client, "accounts").await);

    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let of_rails =
        "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); INSERT INTO schema_migrations VALUES ('2024')";
    client.batch_execute(of_rails).await.unwrap();
    let errors = [
        migrator.check(&client).await.unwrap_err(),
        migrator.up(&mut client).await.unwrap_err(),
        migrator.down(&mut client, 1).await.unwrap_err(),
        migrator.status(&client).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("schema_migrations of this database is another program's"), "{error}");
    }
    assert!(!exists(&client, "accounts").await);
}

/// What an extension brings is nobody's.
#[tokio::test]
async fn tables_of_an_extension_are_no_hindrance() {
    let database = TestDatabase::empty().await;
    let extension = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";
    database.connect_as_superuser().await.batch_execute(extension).await.unwrap();
    Migrator::embedded().unwrap().up(&mut database.connect().await).await.unwrap();
}

/// Guards: `check`. A role that may not create anything can ask.
#[tokio::test]
async fn who_only_looks_changes_nothing_and_names_what_is_pending() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let both = migrator(&[venues(), index()]);
    let error = both.check(&client).await.unwrap_err().to_string();
    assert!(error.starts_with("0001_venues.up.sql") && error.contains("migrate up"), "{error}");
    assert!(!exists(&client, "schema_migrations").await);
    migrator(&[venues()]).up(&mut client).await.unwrap();
    client.batch_execute("SET default_transaction_read_only = on").await.unwrap();
    assert!(both.check(&client).await.unwrap_err().to_string().starts_with("0002_venues_id.up.sql"));
}

/// Guards: the guards of the `.down.sql` files. What was promised must still happen, whatever the schema looks like.
#[tokio::test]
async fn a_way_back_refuses_to_lose_what_somebody_relies_on() {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    boxoffice_seed::demo(&mut client, jiff::Timestamp::now(), "!").await.unwrap();
    let promise = "INSERT INTO settings (key, value) VALUES ('site.name', '\"The House\"');
        INSERT INTO event_cancellations (event_id, total) SELECT id, 2 FROM events ORDER BY id LIMIT 1";
    client.batch_execute(promise).await.unwrap();
    let migrator = Migrator::embedded().unwrap();
    let before = states(&migrator, &client).await;
    let error = migrator.down(&mut client, 2).await.unwrap_err();
    assert!(matches!(error, MigrateError::LosesData { .. }), "{error}");
    let said = error.to_string();
    for part in [
        "0005_operations.down.sql: what was set would be as it is by default (1 of settings: site.name)",
        "event_cancellations WHERE finished_at IS NULL",
        "--lose-data",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(states(&migrator, &client).await, before, "nothing was taken back");
    let error = migrator.down(&mut client, u32::MAX).await.unwrap_err().to_string();
    assert!(error.contains("0002_catalogue.down.sql: what is on, and what it sells, would be gone"), "{error}");
    let undone = migrator.clone().losing_data().down(&mut client, u32::MAX).await.unwrap();
    assert_eq!(undone.len(), before.len());
}

#[tokio::test]
async fn a_failure_half_way_rolls_back_and_names_the_place() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let up = "CREATE TABLE sections (id int PRIMARY KEY);\n\
              INSERT INTO sections VALUES (1);\n\n\
              -- the same again\n\
              INSERT INTO sections\n  VALUES (1);";
    let broken = Migration::new(2, "sections", up, "DROP TABLE sections;");
    let error = migrator(&[venues(), broken]).up(&mut client).await.unwrap_err();
    assert!(error.to_string().starts_with("0002_sections.up.sql, line 5 (statement 3): duplicate key"), "{error}");
    assert!(!exists(&client, "sections").await, "rolled back");
    assert!(exists(&client, "venues").await, "the file before it stays");

    let misspelt = Migration::new(2, "sections", "SELECT 1;\nSELECT 1,\n  nonsense;", "SELECT 1;");
    let migrator = migrator(&[venues(), misspelt]);
    let error = migrator.up(&mut client).await.unwrap_err().to_string();
    assert!(error.starts_with("0002_sections.up.sql, line 3 (statement 2): column \"nonsense\""), "{error}");
    assert_eq!(states(&migrator, &client).await, [(1, MigrationState::Applied), (2, MigrationState::Pending)]);
}

#[tokio::test]
async fn a_file_outside_of_a_transaction_starts_over_after_a_failure() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let duplicate = "INSERT INTO venues VALUES (1)";
    let up = "-- boxoffice: no-transaction\n\
              DROP INDEX CONCURRENTLY IF EXISTS venues_id;\n\
              CREATE UNIQUE INDEX CONCURRENTLY venues_id ON venues (id);\n";
    let unique = Migration::new(2, "venues_id", up, "DROP INDEX venues_id;");
    migrator(&[venues()]).up(&mut client).await.unwrap();
    client.batch_execute(duplicate).await.unwrap();

    let migrator = migrator(&[venues(), unique]);
    let error = migrator.up(&mut client).await.unwrap_err().to_string();
    assert!(error.starts_with("0002_venues_id.up.sql, line 3 (statement 2): could not create unique index"), "{error}");
    client.batch_execute("DELETE FROM venues; INSERT INTO venues VALUES (1)").await.unwrap();
    assert_eq!(versions(&migrator.up(&mut client).await.unwrap()), [2]);
}

#[tokio::test]
async fn two_runners_at_once_run_each_file_once() {
    let database = TestDatabase::empty().await;
    // The first of them makes the second wait, and CREATE INDEX CONCURRENTLY waits for every snapshot that a waiting
    // runner might hold: with pg_advisory_lock instead of polling this is a deadlock.
    let slow = Migration::new(1, "venues", "SELECT pg_sleep(0.3); CREATE TABLE venues (id int);", "DROP TABLE venues;");
    let migrator = migrator(&[slow, index()]);
    let runs = (0..4).map(|_| async {
        let mut client = database.connect().await;
        versions(&migrator.up(&mut client).await.unwrap())
    });
    let mut ran = futures_util::future::join_all(runs).await;
    ran.sort();
    assert_eq!(ran, [vec![], vec![], vec![], vec![1, 2]]);
}

#[tokio::test]
async fn a_runner_gives_up_on_another_that_does_not_finish() {
    let database = TestDatabase::empty().await;
    let other = database.connect().await;
    // The lock's number as the migrator spells it: "boxoffic" in ASCII.
    other.execute("SELECT pg_advisory_lock($1)", &[&i64::from_be_bytes(*b"boxoffic")]).await.unwrap();
    let mut client = database.connect().await;
    let impatient = migrator(&[venues()]).lock_patience(Duration::from_millis(150));
    let error = impatient.up(&mut client).await.unwrap_err();
    assert!(matches!(error, MigrateError::Busy { .. }), "{error}");
    drop(other);
    assert_eq!(versions(&migrator(&[venues()]).up(&mut client).await.unwrap()), [1], "its end frees the lock");
}

#[tokio::test]
async fn the_real_migrations_go_up_down_and_up() {
    let database = TestDatabase::empty().await;
    let mut client = database.connect().await;
    let migrator = Migrator::embedded().unwrap();
    let up = migrator.up(&mut client).await.unwrap();
    let down = migrator.down(&mut client, u32::MAX).await.unwrap();
    assert_eq!(up.len(), down.len());
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
                AND relname <> 'schema_migrations'";
    let left: i64 = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0, "the way back leaves no table");
    assert_eq!(migrator.up(&mut client).await.unwrap().len(), up.len());
}
