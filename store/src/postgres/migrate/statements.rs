//! SQL statement splitter, so that each statement can be run, and blamed, on its own.

/// One statement and the line it starts on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScriptStatement<'a> {
    pub(super) sql: &'a str,
    pub(super) line: usize,
}

/// Cuts `sql` at the semicolons that end statements, and at no others: quotes, `$tag$` bodies and comments are known.
///
/// Not known is the SQL-standard function body (`BEGIN ATOMIC … END`), which has bare semicolons inside: write such
/// functions with a `$$` body.
pub(super) fn split(sql: &str) -> Vec<ScriptStatement<'_>> {
    let mut statements = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < sql.len() {
        let end = token_end(sql, at);
        if sql.as_bytes()[at] == b';' {
            push(&mut statements, sql, start, at);
            start = end;
        }
        at = end;
    }
    push(&mut statements, sql, start, sql.len());
    statements
}

/// Adds what lies between two offsets, without leading comments, unless nothing is left.
fn push<'a>(statements: &mut Vec<ScriptStatement<'a>>, sql: &'a str, mut start: usize, end: usize) {
    while start < end {
        let rest = &sql[start..end];
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            start += blank;
        } else if rest.starts_with("--") || rest.starts_with("/*") {
            start = token_end(sql, start).min(end);
        } else {
            let line = 1 + sql[..start].matches('\n').count();
            statements.push(ScriptStatement { sql: rest.trim_end(), line });
            return;
        }
    }
}

/// The offset after the token at `at`: a quoted text, a comment, a word, or one character.
fn token_end(sql: &str, at: usize) -> usize {
    let rest = &sql[at..];
    let after =
        |text: &str, from: usize| rest[from..].find(text).map_or(sql.len(), |found| at + from + found + text.len());
    let Some(first) = rest.chars().next() else { return sql.len() };
    match first {
        '-' if rest.starts_with("--") => after("\n", 0),
        '/' if rest.starts_with("/*") => at + comment_len(rest),
        // A doubled quote inside is the end of one text and the start of the next: the same to us.
        '\'' | '"' => after(&first.to_string(), 1),
        'e' | 'E' if rest[1..].starts_with('\'') => at + escaped_text_len(rest),
        '$' => match dollar_tag(rest) {
            Some(tag) => after(tag, tag.len()),
            None => at + 1,
        },
        // Whole words, so that the `$` or the `E'` inside of `a$b$` or `the'` starts nothing.
        _ if is_word(first) => at + rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len()),
        _ => at + first.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the block comment `rest` starts with; they nest.
fn comment_len(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        match here {
            [b'/', b'*', ..] => depth += 1,
            [b'*', b'/', ..] => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of the `E'…'` text `rest` starts with, in which a backslash hides the next character.
fn escaped_text_len(rest: &str) -> usize {
    let mut hidden = false;
    for (at, byte) in rest.bytes().enumerate().skip(2) {
        match byte {
            _ if hidden => hidden = false,
            b'\\' => hidden = true,
            b'\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `$$` or `$tag$`, if `rest` starts with it.
fn dollar_tag(rest: &str) -> Option<&str> {
    let close = rest[1..].find('$')? + 1;
    let name = &rest[1..close];
    let is_name = name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| &rest[..=close])
}

#[cfg(test)]
mod tests {
    use super::split;

    fn texts(sql: &str) -> Vec<&str> {
        split(sql).into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn semicolons_inside_of_texts_and_comments_end_nothing() {
        for one in [
            "SELECT ';'",
            "SELECT 'it''s;'",
            r"SELECT E'\';', 1",
            r"SELECT '\', ';'",
            "SELECT \"a;b\"",
            "SELECT 1 -- a;b\n, 2",
            "SELECT /* a; /* b; */ c; */ 1",
            "DO $$ BEGIN PERFORM 1; END $$",
            "DO $body$ BEGIN PERFORM '$$;'; END $body$",
            "SELECT a$b$, c$d$",
            "SELECT $1, 'é;ü'",
        ] {
            assert_eq!(texts(&format!("{one};\nSELECT 2;")), [one, "SELECT 2"]);
        }
    }

    #[test]
    fn a_statement_starts_after_its_comments() {
        let statements = split("-- head\n\nSELECT 1;\n/* more\n*/ SELECT\n 2;\n-- tail\n");
        let lines: Vec<_> = statements.iter().map(|statement| (statement.line, statement.sql)).collect();
        assert_eq!(lines, [(3, "SELECT 1"), (5, "SELECT\n 2")]);
    }

    #[test]
    fn nothing_is_no_statement() {
        assert!(split("").is_empty());
        assert!(split(" ;; -- x\n;").is_empty());
        assert_eq!(texts("SELECT 'open"), ["SELECT 'open"]);
    }
}
