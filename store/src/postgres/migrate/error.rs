//! Migration errors, in words that say what to do.

use std::time::Duration;

/// Why the schema is not where it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// A file in `migrations/` is named wrongly.
    #[error("migrations/{file}: the name must be NNNN_name.up.sql or NNNN_name.down.sql and the content UTF-8")]
    FileName { file: String },
    /// One of the two files of a migration is missing.
    #[error("migrations/{file} is missing: every migration has a way forth and a way back")]
    MissingHalf { file: String },
    /// A version is missing between two others, or the first is not 1.
    #[error("migration {missing} is missing before {file}")]
    Gap {
        /// The version that isn't there.
        missing: i32,
        /// The file after the gap.
        file: String,
    },
    /// Two migrations have one version, or one is below 1.
    #[error("migration {version} is there twice, or below 1")]
    Duplicate { version: i32 },
    /// A file was edited after it had been applied.
    #[error("{file} was changed after it had been applied to this database: restore it and write a new migration")]
    Changed { file: String },
    /// The database was migrated by a newer program.
    #[error(
        "the database has migration {version} ({name}), which this program doesn't know: it was migrated by a newer \
         boxoffice; use that one"
    )]
    Unknown { version: i32, name: String },
    /// The database was made by the files of before the first release.
    #[error(
        "this database was made by a boxoffice of before the first release, by migrations that this program does not have; there is \
         no way from its schema to this one. Start on an empty database: create one and set DATABASE_URL, or, if it is the private \
         one, move the folder `postgres` out of the data folder; then `boxoffice seed` fills it. What is in the old one can be read \
         with the program that made it"
    )]
    Unreleased,
    #[error(
        "the database has tables that are not boxoffice's ({}), and nothing was done to it: create a database for boxoffice alone and \
         set DATABASE_URL", .tables.join(", ")
    )]
    OtherTables {
        /// Some of them.
        tables: Vec<String>,
    },
    #[error(
        "the table schema_migrations of this database is another program's, and nothing was done to it: create a database for \
         boxoffice alone and set DATABASE_URL"
    )]
    OtherMigrations,
    /// The schema is older than the program, which was told not to migrate.
    #[error(
        "{file} has not been applied to this database: run `boxoffice migrate up`, or let the server do it \
         (BOXOFFICE__DATABASE__MIGRATE=auto)"
    )]
    Pending {
        /// The first file that is missing.
        file: String,
    },
    /// A way back would lose what somebody relies on.
    #[error("the way back would lose something; deal with it first, or say --lose-data: {}", .found.join("; "))]
    LosesData {
        /// What, a line each.
        found: Vec<String>,
    },
    /// Another runner holds the lock.
    #[error("another migration has been running for {} s", .waited.as_secs())]
    Busy {
        /// How long we waited.
        waited: Duration,
    },
    /// A statement failed. What the file had done before is rolled back if it runs in a transaction.
    #[error("{file}, line {line} (statement {statement}): {}", message_of(.source))]
    Failed {
        file: String,
        /// Where in the file, counted from 1: the place PostgreSQL blames, or else the statement's first line.
        line: usize,
        /// Which statement of the file, counted from 1.
        statement: usize,
        source: tokio_postgres::Error,
    },
    #[error("can't read or write schema_migrations: {}", message_of(.0))]
    Database(#[from] tokio_postgres::Error),
}

/// What PostgreSQL says; the library's own text is only "db error".
fn message_of(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |db| format!("{} ({})", db.message(), db.code().code()))
}
