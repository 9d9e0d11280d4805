//! The words that somebody typed, as conditions and ranks of a statement on a table `l` with a column `words`.

use tokio_postgres::types::Type;

use super::statement::Statement;

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
        if let Some(spellings) = self.spellings {
            statement.sql(" AND l.words @@ search_query(").bind(spellings.to_vec(), Type::TEXT_ARRAY).sql(")");
        } else if let Some(typed) = self.typed {
            statement.sql(" AND l.words @@ search_query(").bind(typed.to_owned(), Type::TEXT).sql(")");
        }
    }

    /// Adds the rank, from 1: where all words are found, from the title to anywhere, then the same of other spellings. Few ranks
    /// on purpose: among events whose titles have the word, the soonest is what people look for, and not the shortest title.
    pub(super) fn rank(&self, statement: &mut Statement) {
        let typed = self.typed.unwrap_or_default();
        let mut found = |piece| {
            statement.sql(piece).bind(typed.to_owned(), Type::TEXT);
        };
        found("CASE WHEN ts_filter(l.words, '{a}') @@ search_query(");
        found(") THEN 1 WHEN ts_filter(l.words, '{a,b}') @@ search_query(");
        found(") THEN 2 WHEN ts_filter(l.words, '{a,b,c}') @@ search_query(");
        let Some(spellings) = self.spellings else {
            statement.sql(") THEN 3 ELSE 4 END");
            return;
        };
        found(") THEN 3 WHEN l.words @@ search_query(");
        statement.sql(") THEN 4 WHEN ts_filter(l.words, '{a}') @@ search_query(");
        statement.bind(spellings.to_vec(), Type::TEXT_ARRAY).sql(") THEN 5 ELSE 6 END");
    }
}
