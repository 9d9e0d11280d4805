//! Every migration on a database that is full: the way back and the way forth keep what is there.
//!
//! Complete by construction: a table or a column of the newest schema that the fill leaves empty, or at its default, fails the first
//! test, so anyone who adds a migration adds rows to `filled.sql`.

use std::path::{Path, PathBuf};

use boxoffice_store::postgres::migrate::{Migration, Migrator};
use tokio_postgres::Client;

use crate::support::TestDatabase;

const FILL: &str = include_str!("filled.sql");

/// Tables that have nothing in them, or are not ours to fill, and why.
const NOT_FILLED: [(&str, &str); 1] = [("schema_migrations", "the migrator's own")];

/// Columns that can't have another value than their default, and why.
const ALWAYS_DEFAULT: [(&str, &str); 3] = [
    ("booking_mails_since.singleton", "the table has one row, by this column"),
    ("installation.singleton", "the table has one row, by this column"),
    ("settings_revision.singleton", "the table has one row, by this column"),
];

/// Tables to which the way back of a migration adds rows: its version, the table, and why.
const GROWING: [(usize, &str, &str); 0] = [];

/// Columns that the way back of a migration makes of the same texts in another way: its version, the table, and the columns.
const MADE_ANEW: [(usize, &str, &[&str]); 0] = [];

/// Tables that are made of others: taking them away loses nothing, and the way forth makes them again.
const DERIVED: [&str; 2] = ["event_listings", "search_terms"];

/// Tables that triggers write to when a migration changes others: nothing of them is lost, and there may be more.
const NOTES: [&str; 1] = ["untold_changes"];

/// Tables whose rows nobody may write again.
const APPEND_ONLY: [&str; 1] = ["audit_log"];

async fn filled() -> TestDatabase {
    let database = TestDatabase::migrated().await;
    let mut client = database.connect().await;
    let now = "2026-03-14T15:09:26Z".parse().unwrap();
    boxoffice_seed::demo(&mut client, now, "not-a-hash").await.unwrap();
    client.batch_execute(FILL).await.unwrap();
    database
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    table: String,
    name: String,
    /// Made of others of its row.
    is_generated: bool,
    /// Given by the table.
    is_identity: bool,
    /// As PostgreSQL writes it.
    default: Option<String>,
}

async fn columns(client: &Client, schema: &str) -> Vec<Column> {
    let query = "SELECT c.table_name::text, c.column_name::text, c.is_generated = 'ALWAYS', c.is_identity = 'YES',
            c.column_default
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE table_schema = $1 AND table_type = 'BASE TABLE' ORDER BY 1, c.ordinal_position";
    let rows = client.query(query, &[&schema]).await.unwrap();
    let column = |row: &tokio_postgres::Row| Column {
        table: row.get(0),
        name: row.get(1),
        is_generated: row.get(2),
        is_identity: row.get(3),
        default: row.get(4),
    };
    rows.iter().map(column).filter(|column| NOT_FILLED.iter().all(|(table, _)| *table != column.table)).collect()
}

/// A table with the names of its columns that `of` lets through.
fn tables(columns: &[Column], of: impl Fn(&Column) -> bool) -> Vec<(String, Vec<String>)> {
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for column in columns.iter().filter(|column| of(column)) {
        match tables.last_mut() {
            Some((table, names)) if *table == column.table => names.push(column.name.clone()),
            _ => tables.push((column.table.clone(), vec![column.name.clone()])),
        }
    }
    tables
}

/// Keeps a copy of every table, in a schema of its own, and as text: types come and go with migrations.
async fn keep(client: &Client) {
    client.batch_execute("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept").await.unwrap();
    for (table, names) in tables(&columns(client, "public").await, |_| true) {
        let list: Vec<String> = names.iter().map(|name| format!("{name}::text")).collect();
        let copy = format!("CREATE TABLE kept.{table} AS SELECT {} FROM public.{table}", list.join(", "));
        client.batch_execute(&copy).await.unwrap();
    }
}

/// Fails when a table has other rows than the copy, as far as both have the same columns.
async fn assert_kept(client: &Client, table: &str, names: &[String], (version, when): (usize, &str)) {
    let list: Vec<String> = names.iter().map(|name| format!("{name}::text")).collect();
    let list = list.join(", ");
    let (now, before) = (format!("SELECT {list} FROM public.{table}"), format!("SELECT {list} FROM kept.{table}"));
    let query = format!(
        "(SELECT 'lost' AS what, d::text AS line FROM ({before} EXCEPT ALL {now}) d LIMIT 3) UNION ALL
         (SELECT 'new', d::text FROM ({now} EXCEPT ALL {before}) d LIMIT 3)"
    );
    let rows = client.query(&query, &[]).await.unwrap();
    let mut wrong: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    if GROWING.iter().any(|(of, grows, _)| (*of, *grows) == (version, table)) || NOTES.contains(&table) {
        wrong.retain(|(what, _)| what != "new");
    }
    assert!(wrong.is_empty(), "migration {version} {when}, {table} ({list}): {wrong:#?}");
}

/// What both the copy and the database have.
async fn shared(client: &Client) -> Vec<(String, Vec<String>)> {
    let kept = columns(client, "kept").await;
    let has = |column: &Column| kept.iter().any(|of| (&of.table, &of.name) == (&column.table, &column.name));
    tables(&columns(client, "public").await, has)
}

/// Old programs write to the tables that are left: a trigger that calls something that has gone would stop them.
async fn write_everything(client: &Client) {
    let writable = |column: &Column| !column.is_generated && !column.is_identity;
    for (table, names) in tables(&columns(client, "public").await, writable) {
        if !APPEND_ONLY.contains(&table.as_str()) {
            let name = names.last().unwrap();
            let update = format!("UPDATE {table} SET {name} = {name}");
            client.batch_execute(&update).await.unwrap_or_else(|error| panic!("{update}: {error:?}"));
        }
    }
}

/// Guards the test below: what is not there can't be lost, and what is at its default comes back by itself.
#[tokio::test]
async fn the_fill_leaves_nothing_of_the_newest_schema_empty() {
    let database = filled().await;
    let client = database.connect().await;
    let mut empty = Vec::new();
    for Column { table, name, default, .. } in columns(&client, "public").await {
        let full = format!("{table}.{name}");
        let default = default.filter(|_| ALWAYS_DEFAULT.iter().all(|(column, _)| *column != full));
        let other = default.map_or(String::new(), |default| format!("AND {name} IS DISTINCT FROM {default}"));
        let query = format!("SELECT EXISTS (SELECT FROM {table} WHERE {name} IS NOT NULL {other})");
        if !client.query_one(&query, &[]).await.unwrap().get::<_, bool>(0) {
            empty.push(full);
        }
    }
    assert!(empty.is_empty(), "add rows with values to tests/operations/migrations/filled.sql: {empty:#?}");
}

/// The migrations up to `version`: a program of that time.
fn program_of(version: usize) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    let migration = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().strip_suffix(".up.sql").unwrap();
        let (version, title) = name.split_once('_').unwrap();
        let read = |half: &str| std::fs::read_to_string(folder.join(format!("{name}.{half}.sql"))).unwrap();
        Migration::new(version.parse().unwrap(), title, read("up"), read("down"))
    };
    Migrator::new(files.iter().take(version).map(migration).collect()).unwrap().losing_data()
}

/// Step by step to nothing. At each step the migration is taken back, applied again and taken back for good: what survives is the
/// same each time, and what was derived is made again.
#[tokio::test]
async fn every_migration_goes_down_and_up_on_a_filled_database() {
    let database = filled().await;
    let mut client = database.connect().await;
    let newest = Migrator::embedded().unwrap().status(&client).await.unwrap().len();
    for version in (1..=newest).rev() {
        let program = program_of(version);
        keep(&client).await;
        let above = columns(&client, "public").await;
        assert_eq!(program.down(&mut client, 1).await.unwrap().len(), 1);
        let below = shared(&client).await;
        for (table, names) in &below {
            let anew = MADE_ANEW.iter().find(|(of, made, _)| (*of, *made) == (version, table.as_str()));
            let mut names = names.clone();
            names.retain(|name| anew.is_none_or(|(.., anew)| !anew.contains(&name.as_str())));
            assert_kept(&client, table, &names, (version, "down")).await;
        }
        write_everything(&client).await;

        assert_eq!(program.up(&mut client).await.unwrap().len(), 1);
        let again = columns(&client, "public").await;
        let odd: Vec<_> = again.iter().filter(|column| !above.contains(column)).collect();
        assert!(odd.is_empty() && again.len() == above.len(), "migration {version} up makes another schema: {odd:?}");
        // What the way back took away is lost, unless it is a table that is made of what is left.
        let survives = |column: &Column| match below.iter().find(|(table, _)| *table == column.table) {
            Some((_, names)) => column.is_generated || names.contains(&column.name),
            None => DERIVED.contains(&column.table.as_str()),
        };
        for (table, names) in tables(&above, survives) {
            assert_kept(&client, &table, &names, (version, "up again")).await;
        }
        program.down(&mut client, 1).await.unwrap();
    }
    assert!(columns(&client, "public").await.is_empty());
}
