//! SQL builder: statements are put together from fixed pieces, and no value ever becomes part of the text (SQL
//! injection). Pieces are known when the program is built, and values are bound.

use std::fmt::Write;

use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use crate::postgres::{connection::Statements, rows::StoreError};

/// A statement with its parameters.
#[derive(Debug, Default)]
pub struct Statement {
    text: String,
    parameters: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Statement {
    pub(in super::super) fn sql(&mut self, piece: &'static str) -> &mut Self {
        self.text.push_str(piece);
        self
    }

    pub(in super::super) fn bind(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> &mut Self {
        self.parameters.push((Box::new(value), kind));
        // Writing into a text can't fail.
        let _ = write!(self.text, "${}", self.parameters.len());
        self
    }

    /// Asks what the database would do, instead of doing it.
    pub(in super::super) fn explained(mut self) -> Self {
        self.text.insert_str(0, "EXPLAIN (FORMAT JSON) ");
        self
    }

    /// Its text, with `$1` and so on for its parameters.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parameters with their types, as the driver takes them.
    pub fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.parameters.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }

    /// Runs it: unnamed, in one round trip.
    pub(in super::super) async fn rows(&self, client: &impl Statements) -> Result<Vec<Row>, StoreError> {
        client.query_typed(&self.text, &self.parameters()).await
    }
}
