//! Migration directives: lines that begin with `-- boxoffice: `.
//!
//! | line | |
//! | --- | --- |
//! | `no-transaction` | first line: the file runs statement by statement, as `CREATE INDEX CONCURRENTLY` must |
//! | `additive` | the file only adds: programs that do not know it may start and run on its schema |
//! | `refuse while TABLE [WHERE …]; REASON` | of a way back: not while there are such rows, unless they may be lost |
//! | `allow RULE: REASON` | the file is not as safe as it should be, on purpose; for the test of new files |

/// What each line begins with.
const PREFIX: &str = "-- boxoffice: ";

/// The lines of a file, without their beginnings.
pub(super) fn directives(sql: &str) -> impl Iterator<Item = &str> {
    sql.lines().filter_map(|line| line.trim().strip_prefix(PREFIX)).map(str::trim)
}

/// Whether a file asks to run outside of a transaction. Such a file runs statement by statement, each on its own, and again from
/// its beginning after a failure: write statements that may be repeated (`DROP INDEX CONCURRENTLY IF EXISTS` before the create: a
/// failed create leaves an invalid index).
pub(super) fn runs_outside_transaction(sql: &str) -> bool {
    sql.lines().next().is_some_and(|line| directives(line).any(|said| said == "no-transaction"))
}

/// Whether programs that do not know the file may run on the schema after it.
pub(super) fn is_additive(sql: &str) -> bool {
    directives(sql).any(|said| said == "additive")
}

/// Rows that keep a migration from being taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guard<'a> {
    /// What follows `SELECT … FROM`.
    pub(super) rows: &'a str,
    /// What would become of them.
    pub(super) reason: &'a str,
}

/// The guards of a way back.
pub(super) fn guards(sql: &str) -> Vec<Guard<'_>> {
    let guards = directives(sql).filter_map(|said| said.strip_prefix("refuse while ")?.split_once(';'));
    guards.map(|(rows, reason)| Guard { rows: rows.trim(), reason: reason.trim() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_asks_to_run_outside_of_a_transaction() {
        assert!(runs_outside_transaction("-- boxoffice: no-transaction\nSELECT 1"));
        assert!(!runs_outside_transaction("SELECT 1;\n-- boxoffice: no-transaction"));
    }

    #[test]
    fn a_file_says_what_it_is() {
        let sql = "-- boxoffice: no-transaction\n-- boxoffice: additive\nSELECT 1; -- boxoffice: nothing";
        assert!(runs_outside_transaction(sql) && is_additive(sql) && !is_additive("SELECT 1"));
        let guarded =
            "-- boxoffice: refuse while events WHERE status = 'SCHEDULED'; nobody would publish them\nSELECT 1;";
        let expected = Guard { rows: "events WHERE status = 'SCHEDULED'", reason: "nobody would publish them" };
        assert_eq!(guards(guarded), [expected]);
    }
}
