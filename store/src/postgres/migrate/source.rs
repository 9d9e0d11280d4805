//! Migration files that this program knows: read, checked and sorted before the database is touched.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::MigrateError;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../migrations");

/// One step of the schema, forth and back.
#[derive(Debug, Clone)]
pub struct Migration {
    pub(super) version: i32,
    pub(super) name: String,
    pub(super) up: String,
    pub(super) down: String,
}

/// Which half of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

impl Migration {
    /// A migration given in code. `version` counts from 1 without gaps.
    pub fn new(version: i32, name: impl Into<String>, up: impl Into<String>, down: impl Into<String>) -> Self {
        Self { version, name: name.into(), up: up.into(), down: down.into() }
    }

    /// The file this comes from, or would.
    pub(super) fn file(&self, direction: Direction) -> String {
        let suffix = if direction == Direction::Up { "up" } else { "down" };
        format!("{:04}_{}.{suffix}.sql", self.version, self.name)
    }

    pub(super) fn sql(&self, direction: Direction) -> &str {
        if direction == Direction::Up { &self.up } else { &self.down }
    }

    /// What was applied must stay as it was: the hash of the `up` half. The way back may still be mended.
    pub(super) fn checksum(&self) -> String {
        Sha256::digest(self.up.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The migrations of the folder `migrations/`, compiled in.
pub(super) fn embedded() -> Result<Vec<Migration>, MigrateError> {
    let files = EMBEDDED.files().filter_map(|file| {
        let name = file.path().file_name()?.to_str()?;
        // Editors and version control leave files that start with a dot.
        (!name.starts_with('.')).then(|| (name, file.contents_utf8()))
    });
    parse(files)
}

/// Pairs the halves up. A name that isn't `NNNN_name.up.sql` or `NNNN_name.down.sql` is an error, and so is a half
/// without the other: forgotten is likelier than meant.
fn parse<'a>(files: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Result<Vec<Migration>, MigrateError> {
    let mut halves: BTreeMap<(i32, &str), [Option<&str>; 2]> = BTreeMap::new();
    for (file, text) in files {
        let wrong = || MigrateError::FileName { file: file.to_owned() };
        let (stem, half) = match (file.strip_suffix(".up.sql"), file.strip_suffix(".down.sql")) {
            (Some(stem), _) => (stem, 0),
            (None, Some(stem)) => (stem, 1),
            (None, None) => return Err(wrong()),
        };
        let (digits, name) = stem.split_once('_').ok_or_else(wrong)?;
        let four_digits = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let version = digits.parse().ok().filter(|_| four_digits && !name.is_empty()).ok_or_else(wrong)?;
        halves.entry((version, name)).or_default()[half] = Some(text.ok_or_else(wrong)?);
    }
    let migrations = halves.into_iter().map(|((version, name), halves)| {
        let missing = |half| MigrateError::MissingHalf { file: format!("{version:04}_{name}.{half}.sql") };
        let [up, down] = halves;
        Ok(Migration::new(version, name, up.ok_or_else(|| missing("up"))?, down.ok_or_else(|| missing("down"))?))
    });
    migrations.collect()
}

/// Puts migrations in order and checks that their versions are 1, 2, 3 …
pub(super) fn ordered(mut migrations: Vec<Migration>) -> Result<Vec<Migration>, MigrateError> {
    migrations.sort_by_key(|migration| migration.version);
    for (wanted, migration) in (1..).zip(&migrations) {
        if migration.version < wanted {
            return Err(MigrateError::Duplicate { version: migration.version });
        }
        if migration.version > wanted {
            return Err(MigrateError::Gap { missing: wanted, file: migration.file(Direction::Up) });
        }
    }
    Ok(migrations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(names: &[&str]) -> Result<Vec<Migration>, MigrateError> {
        parse(names.iter().map(|name| (*name, Some("SELECT 1")))).and_then(ordered)
    }

    #[test]
    fn files_are_paired_and_put_in_order() {
        let found = parsed(&["0002_b.up.sql", "0001_a.down.sql", "0002_b.down.sql", "0001_a.up.sql"]).unwrap();
        assert_eq!(found.iter().map(|m| (m.version, m.name.as_str())).collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
    }

    #[test]
    fn a_missing_half_is_an_error_that_names_it() {
        let error = parsed(&["0001_a.up.sql"]).unwrap_err().to_string();
        assert!(error.contains("0001_a.down.sql"), "{error}");
        assert!(matches!(parsed(&["0001_a.down.sql"]), Err(MigrateError::MissingHalf { .. })));
    }

    #[test]
    fn gaps_duplicates_and_odd_names_are_errors() {
        let pair = |stem: &str| [format!("{stem}.up.sql"), format!("{stem}.down.sql")];
        let of = |stems: &[&str]| {
            let names: Vec<String> = stems.iter().flat_map(|stem| pair(stem)).collect();
            parsed(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert!(matches!(of(&["0001_a", "0003_c"]), Err(MigrateError::Gap { missing: 2, .. })));
        assert!(matches!(of(&["0002_a"]), Err(MigrateError::Gap { missing: 1, .. })));
        assert!(matches!(of(&["0001_a", "0001_b"]), Err(MigrateError::Duplicate { version: 1 })));
        assert!(matches!(of(&["0000_a"]), Err(MigrateError::Duplicate { version: 0 })));
        for odd in ["1_a", "0001", "0001_", "00x1_a"] {
            assert!(matches!(of(&[odd]), Err(MigrateError::FileName { .. })), "{odd}");
        }
        assert!(matches!(parsed(&["notes.txt"]), Err(MigrateError::FileName { .. })));
    }

    #[test]
    fn the_embedded_migrations_are_sound() {
        embedded().and_then(ordered).unwrap();
    }
}
