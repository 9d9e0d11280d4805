//! Full-text search: typed words as conditions and ranks of a statement on a table `l` with a column `words`.

use std::ops::RangeInclusive;

use tokio_postgres::types::Type;

use super::super::lists::statement::Statement;

/// Where words are looked for, as columns or expressions, each of which also holds what the one before holds: the title; names; the
/// summary; all texts.
pub(super) type Places = [&'static str; 4];

/// The words, as they were typed and perhaps in other spellings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typing<'a> {
    typed: Option<&'a str>,
    /// All spellings, the typed one included.
    spellings: Option<&'a [String]>,
}

impl<'a> Typing<'a> {
    /// The words as they were typed.
    pub(super) fn exact(typed: Option<&'a str>) -> Self {
        Self { typed, spellings: None }
    }

    /// The words in any of these spellings, the typed one included.
    pub(super) fn respelt(typed: &'a str, spellings: &'a [String]) -> Self {
        Self { typed: Some(typed), spellings: Some(spellings) }
    }

    /// Whether other spellings count.
    pub(super) fn is_respelt(&self) -> bool {
        self.spellings.is_some()
    }

    /// Adds the condition that all words are there.
    pub(super) fn condition(&self, statement: &mut Statement) {
        if self.typed.is_some() {
            self.found(statement, " AND ", "l.words", self.spellings);
        }
    }

    /// The ranks of what is found, the best one first: 1 to 4 where all words are found, from the title to anywhere, then the same
    /// of other spellings. Few on purpose: among events whose titles have the word, the soonest is what people look for, and not the
    /// shortest title.
    pub(super) fn ranks(&self) -> RangeInclusive<i32> {
        1..=if self.is_respelt() { 6 } else { 4 }
    }

    /// Adds the condition that an entry has this rank, and so none that is better.
    pub(super) fn ranked(&self, statement: &mut Statement, rank: i32, [title, names, summary, all]: Places) {
        let respelt = rank > 4;
        let (at, before): (_, &[_]) = match rank {
            1 | 5 => (title, &[]),
            2 => (names, &[title]),
            3 => (summary, &[title, names]),
            4 => (all, &[title, names, summary]),
            _ => (all, &[title]),
        };
        let spellings = self.spellings.filter(|_| respelt);
        self.found(statement, " AND ", at, spellings);
        for better in before {
            self.found(statement, " AND NOT ", better, spellings);
        }
        if respelt {
            self.found(statement, " AND NOT ", all, None);
        }
        // An unwanted word may be missing in the title and be there in the description. Letters alone say that none is unwanted.
        let is_plain = |typed: &str| typed.chars().all(|letter| letter.is_alphanumeric() || letter == ' ');
        if at != all && !self.typed.is_some_and(is_plain) {
            self.found(statement, " AND ", all, spellings);
        }
    }

    fn found(&self, statement: &mut Statement, joint: &'static str, at: &'static str, spellings: Option<&[String]>) {
        statement.sql(joint).sql(at).sql(" @@ search_query(");
        match spellings {
            Some(spellings) => statement.bind(spellings.to_vec(), Type::TEXT_ARRAY),
            None => statement.bind(self.typed.unwrap_or_default().to_owned(), Type::TEXT),
        };
        statement.sql(")");
    }
}
