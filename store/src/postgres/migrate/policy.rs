//! Migration linter: whether a new file is safe to run while servers of the previous release are at work.
//! `docs/operations.md` has the rules and the safe ways.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    directives::{directives, guards, runs_outside_transaction},
    source::{Direction, embedded},
    statements::split,
};

/// Files up to this one make the first schema: no server runs while they do.
const FIRST_SCHEMA: i32 = 5;

/// The rules: a name, and the safe way.
const RULES: [(&str, &str); 9] = [
    (
        "index",
        "CREATE INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY or REINDEX … CONCURRENTLY in a file without a transaction",
    ),
    ("constraint", "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in the next file; a UNIQUE one USING INDEX"),
    (
        "not-null",
        "a CHECK (c IS NOT NULL) NOT VALID, validated in the next file, before SET NOT NULL; a new column needs a DEFAULT",
    ),
    ("type", "a new column: expand and contract"),
    ("rewrite", "a column that is nullable or has a constant default, filled in batches outside of the migration"),
    ("rename", "a new column or a view, and the old name until no old program runs"),
    ("drop", "nothing, until no program runs that uses it: one release later"),
    (
        "backfill",
        "batches outside of the migration, or a file without a transaction, in statements that may be repeated",
    ),
    ("lock", "nothing of the kind while servers run"),
];

/// A statement in capitals, on one line, without comments and the insides of texts and functions.
fn normalized(sql: &str) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            '$' => match rest[1..].find('$').map(|end| &rest[..end + 2]) {
                Some(tag) => rest[tag.len()..].find(tag).map_or(rest.len(), |end| end + 2 * tag.len()),
                None => 1,
            },
            _ => {
                text.push(first.to_ascii_uppercase());
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        text.push(' ');
        rest = &rest[skipped..];
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The word after `before`, without the punctuation around it.
fn word_after<'a>(statement: &'a str, before: &str) -> Option<&'a str> {
    let rest = statement[statement.find(before)? + before.len()..].trim_start();
    let rest = rest.strip_prefix("ONLY ").or_else(|| rest.strip_prefix("IF NOT EXISTS ")).unwrap_or(rest);
    rest.split([' ', '(', ';', ',']).next()
}

/// Tables that the file itself makes: nobody uses them yet.
fn new_tables(statements: &[String]) -> BTreeSet<&str> {
    let made = statements.iter().filter(|statement| statement.starts_with("CREATE ") && statement.contains(" TABLE "));
    made.filter_map(|statement| word_after(statement, " TABLE ")).collect()
}

/// The rules that a statement breaks.
fn broken(statement: &str, new: &BTreeSet<&str>, in_transaction: bool) -> Vec<&'static str> {
    let starts = |with: &str| statement.starts_with(with);
    let has = |part: &str| statement.contains(part);
    let is_new = |before: &str| word_after(statement, before).is_some_and(|table| new.contains(table));
    let mut rules = Vec::new();
    if (starts("CREATE INDEX") || starts("CREATE UNIQUE INDEX")) && !has(" CONCURRENTLY ") && !is_new(" ON ")
        || (starts("DROP INDEX") || starts("REINDEX")) && !has(" CONCURRENTLY ")
    {
        rules.push("index");
    }
    if starts("ALTER TABLE") && !is_new("ALTER TABLE ") {
        rules.extend(broken_by_table(statement));
    }
    if starts("ALTER ") && has(" RENAME ") {
        rules.push("rename");
    }
    if starts("DROP TABLE") || starts("DROP FUNCTION") || starts("DROP TYPE") || starts("DROP VIEW") {
        rules.push("drop");
    }
    let writes = starts("UPDATE ") && !is_new("UPDATE ") || starts("DELETE FROM ") && !is_new("DELETE FROM ");
    if in_transaction && writes {
        rules.push("backfill");
    }
    if ["LOCK ", "TRUNCATE", "VACUUM FULL", "CLUSTER"].iter().any(|with| starts(with)) {
        rules.push("lock");
    }
    rules
}

/// The same of a table that is in use.
fn broken_by_table(statement: &str) -> Vec<&'static str> {
    const VOLATILE: [&str; 8] = [
        "GEN_RANDOM_UUID()",
        "UUID_V7()",
        "CLOCK_TIMESTAMP()",
        "RANDOM()",
        "NEXTVAL(",
        "SERIAL",
        "AS IDENTITY",
        ") STORED",
    ];
    let has = |part: &str| statement.contains(part);
    let mut rules = Vec::new();
    for action in actions(statement) {
        let adds_column = action.starts_with("ADD COLUMN");
        let adds_constraint = action.starts_with("ADD CONSTRAINT")
            || action.starts_with("ADD CHECK")
            || ["ADD UNIQUE", "ADD PRIMARY KEY", "ADD FOREIGN KEY", "ADD EXCLUDE"]
                .iter()
                .any(|with| action.starts_with(with));
        if adds_constraint && !action.contains(" NOT VALID") && !action.contains(" USING INDEX ")
            || adds_column && [" REFERENCES ", " UNIQUE", " PRIMARY KEY"].iter().any(|part| action.contains(part))
        {
            rules.push("constraint");
        }
        if adds_column && VOLATILE.iter().any(|part| action.contains(part)) {
            rules.push("rewrite");
        }
        if adds_column && action.contains(" NOT NULL") && !action.contains(" DEFAULT ")
            || action.contains(" SET NOT NULL")
        {
            rules.push("not-null");
        }
        if action.starts_with("ALTER ") && action.contains(" TYPE ") {
            rules.push("type");
        }
        if action.starts_with("DROP COLUMN") {
            rules.push("drop");
        }
    }
    if has(" SET TABLESPACE ") || has(" SET UNLOGGED") || has(" SET LOGGED") {
        rules.push("rewrite");
    }
    rules
}

/// What an `ALTER TABLE` does, one after the other: at the commas outside of parentheses.
fn actions(statement: &str) -> Vec<String> {
    let rest = statement.strip_prefix("ALTER TABLE ").unwrap_or(statement);
    let rest = rest.strip_prefix("IF EXISTS ").unwrap_or(rest);
    let rest = rest.strip_prefix("ONLY ").unwrap_or(rest);
    let rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
    let (mut depth, mut actions) = (0_i32, vec![String::new()]);
    for c in rest.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                actions.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = actions.last_mut() {
            last.push(c);
        }
    }
    actions.iter().map(|action| action.trim().replace("IF NOT EXISTS ", "")).collect()
}

/// The rules that a file breaks, with the line of the first statement that does, and what it allows itself.
fn judged(sql: &str) -> (BTreeMap<&'static str, usize>, BTreeMap<&str, &str>) {
    let in_transaction = !runs_outside_transaction(sql);
    let statements: Vec<_> =
        split(sql).into_iter().map(|statement| (statement.line, normalized(statement.sql))).collect();
    let texts: Vec<String> = statements.iter().map(|(_, text)| text.clone()).collect();
    let new = new_tables(&texts);
    let mut found = BTreeMap::new();
    for (line, text) in &statements {
        for rule in broken(text, &new, in_transaction) {
            found.entry(rule).or_insert(*line);
        }
    }
    if in_transaction
        && texts.iter().any(|text| text.contains("VALIDATE CONSTRAINT"))
        && texts.iter().any(|text| text.contains(" NOT VALID"))
    {
        found.entry("constraint").or_insert(1);
    }
    let allowed = directives(sql).filter_map(|said| said.strip_prefix("allow ")?.split_once(':'));
    (found, allowed.map(|(rule, reason)| (rule.trim(), reason.trim())).collect())
}

/// Watches the files that came after the first schema.
#[test]
fn new_migrations_are_safe_while_servers_run_or_say_why_not() {
    let mut wrong = Vec::new();
    for migration in embedded().unwrap().iter().filter(|migration| migration.version > FIRST_SCHEMA) {
        let file = migration.file(Direction::Up);
        let (broken, allowed) = judged(&migration.up);
        for (rule, line) in &broken {
            if allowed.get(rule).is_none_or(|reason| reason.len() < 10) {
                let safe = RULES.iter().find(|(name, _)| name == rule).map_or("", |(_, safe)| safe);
                wrong.push(format!("{file}, line {line}: {rule}. Safe is: {safe}"));
            }
        }
        for (rule, _) in allowed.iter().filter(|(rule, _)| !broken.contains_key(**rule)) {
            wrong.push(format!("{file} allows itself {rule:?}, which it does not need"));
        }
    }
    assert!(
        wrong.is_empty(),
        "do it in the safe way, or say `-- boxoffice: allow RULE: why it is safe here` in the file: {wrong:#?}"
    );
}

#[test]
fn unsafe_statements_are_found_and_safe_ones_are_not() {
    let outside = |sql: &str| format!("-- boxoffice: no-transaction\n{sql}");
    for (sql, rules) in [
        ("CREATE UNIQUE INDEX a ON events (id);".to_owned(), vec!["index"]),
        (outside("CREATE INDEX CONCURRENTLY a ON events (id); DROP INDEX CONCURRENTLY IF EXISTS b;"), vec![]),
        ("CREATE TABLE IF NOT EXISTS a (id int); CREATE INDEX b ON a (id); UPDATE a SET id = 1;".to_owned(), vec![]),
        ("DROP INDEX a;".to_owned(), vec!["index"]),
        (
            "ALTER TABLE events ADD COLUMN a text, ADD COLUMN b int NOT NULL DEFAULT 1 CHECK (b IN (1, 2));".to_owned(),
            vec![],
        ),
        ("ALTER TABLE events ADD COLUMN IF NOT EXISTS a int NOT NULL;".to_owned(), vec!["not-null"]),
        ("ALTER TABLE events ALTER COLUMN a SET NOT NULL;".to_owned(), vec!["not-null"]),
        ("ALTER TABLE events ALTER a TYPE bigint;".to_owned(), vec!["type"]),
        ("ALTER TABLE events ADD COLUMN a uuid DEFAULT gen_random_uuid();".to_owned(), vec!["rewrite"]),
        ("ALTER TABLE events ADD COLUMN a int REFERENCES venues;".to_owned(), vec!["constraint"]),
        ("ALTER TABLE events ADD CONSTRAINT a CHECK (b > 0);".to_owned(), vec!["constraint"]),
        ("ALTER TABLE events ADD CONSTRAINT a CHECK (b > 0) NOT VALID;".to_owned(), vec![]),
        (
            "ALTER TABLE a ADD CONSTRAINT b CHECK (c > 0) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT b;".to_owned(),
            vec!["constraint"],
        ),
        ("ALTER TABLE events RENAME COLUMN a TO b;".to_owned(), vec!["rename"]),
        ("ALTER TABLE events DROP COLUMN a; DROP TABLE b;".to_owned(), vec!["drop"]),
        ("UPDATE events SET a = 1;".to_owned(), vec!["backfill"]),
        (outside("UPDATE events SET a = 1 WHERE a IS NULL;"), vec![]),
        ("LOCK TABLE events;".to_owned(), vec!["lock"]),
        (
            "CREATE FUNCTION a() RETURNS void LANGUAGE sql AS $$ UPDATE events SET a = 1; DROP TABLE b $$;".to_owned(),
            vec![],
        ),
        ("COMMENT ON TABLE a IS 'DROP TABLE b'; -- DROP TABLE c\n".to_owned(), vec![]),
    ] {
        assert_eq!(judged(&sql).0.into_keys().collect::<Vec<_>>(), rules, "{sql}");
    }
}

/// Tables that a way back may drop with all that is in them, and why.
const MAY_BE_LOST: [&str; 32] = [
    // Go with what they are part of, which is guarded.
    "profiles",
    "seats",
    "seat_rows",
    "sections",
    "seat_map_versions",
    "event_tags",
    "quotas",
    "ticket_types",
    "ticket_type_sections",
    "booking_items",
    "cancelled_items",
    "seat_claims",
    "refresh_tokens",
    "one_time_tokens",
    // Made of others, or of no more use when the server is stopped.
    "event_listings",
    "categories",
    "search_terms",
    "settings_revision",
    "node_sessions",
    "inventory_owners",
    "installation",
    "untold_changes",
    "known_devices",
    // What they tell of is in payments, whose guard stands before them.
    "cancellations",
    "refunds",
    "disputes",
    "gateway_messages",
    "receipts",
    "receipt_series",
    // How far mails are queued, and what a gateway that moves no money knows.
    "booking_mails",
    "booking_mails_since",
    "sandbox_documents",
];

/// Watches the ways back: one that drops a table asks first whether something is in it.
#[test]
fn a_way_back_that_drops_a_table_is_guarded() {
    let mut wrong = Vec::new();
    for migration in embedded().unwrap() {
        let guarded: Vec<_> = guards(&migration.down).iter().filter_map(|guard| guard.rows.split(' ').next()).collect();
        for statement in split(&migration.down) {
            let text = normalized(statement.sql);
            let Some(tables) = text.strip_prefix("DROP TABLE ") else { continue };
            for table in tables.trim_start_matches("IF EXISTS ").split(',').map(|table| table.trim().to_lowercase()) {
                if !guarded.contains(&table.as_str()) && !MAY_BE_LOST.contains(&table.as_str()) {
                    wrong.push(format!("{}: {table}", migration.file(Direction::Down)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "say `-- boxoffice: refuse while TABLE; WHAT WOULD BE LOST` in the way back: {wrong:#?}");
}
