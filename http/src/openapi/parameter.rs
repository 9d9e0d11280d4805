//! OpenAPI parameters.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::texts;

/// One parameter in a path, a query or the headers.
pub struct Parameter {
    pub(super) name: &'static str,
    /// `path`, `query` or `header`.
    pub(super) place: &'static str,
    description: &'static str,
    is_required: bool,
    schema: Value,
    example: Option<Value>,
}

impl Parameter {
    /// In the path. An id, until it is said to be something else.
    pub fn path(name: &'static str, description: &'static str) -> Self {
        let schema = json!({ "type": "string", "format": "uuid" });
        Self { name, place: "path", description, is_required: true, schema, example: None }
    }

    /// After the `?`, optional. A text, until it is said to be something else.
    pub fn query(name: &'static str, description: &'static str) -> Self {
        let schema = json!({ "type": "string" });
        Self { name, place: "query", description, is_required: false, schema, example: None }
    }

    /// A header, optional. A text, until it is said to be something else.
    pub fn header(name: &'static str, description: &'static str) -> Self {
        Self { place: "header", ..Self::query(name, description) }
    }

    #[must_use]
    pub fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// May be left out.
    #[must_use]
    pub(crate) fn optional(mut self) -> Self {
        self.is_required = false;
        self
    }

    /// Of this JSON schema.
    #[must_use]
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = schema;
        self
    }

    /// A line of so many characters, none of them control; white space around it is taken away and not counted.
    #[must_use]
    pub fn text(self, characters: RangeInclusive<usize>) -> Self {
        let (least, most) = characters.into_inner();
        self.schema(json!({ "type": "string", "minLength": least, "pattern": texts::pattern_of_line(0, most) }))
    }

    /// A text of at most so many characters that only the server understands.
    #[must_use]
    pub(crate) fn opaque(self, most: usize) -> Self {
        self.schema(json!({ "type": "string", "maxLength": most }))
    }

    #[must_use]
    pub fn integer(self, bounds: RangeInclusive<u32>) -> Self {
        let (least, most) = bounds.into_inner();
        self.schema(json!({ "type": "integer", "minimum": least, "maximum": most }))
    }

    /// `true` or `false`.
    #[must_use]
    pub fn flag(self) -> Self {
        self.schema(json!({ "type": "boolean" }))
    }

    #[must_use]
    pub fn id(self) -> Self {
        self.schema(json!({ "type": "string", "format": "uuid" }))
    }

    /// An id, or the slug that stands in addresses for people.
    #[must_use]
    pub fn id_or_slug(self) -> Self {
        self.schema(json!({ "type": "string", "minLength": 1, "maxLength": 200 }))
    }

    #[must_use]
    pub fn one_of(self, values: &[&str]) -> Self {
        self.schema(json!({ "type": "string", "enum": values }))
    }

    #[must_use]
    pub fn many(mut self) -> Self {
        self.schema = json!({ "type": "array", "items": self.schema });
        self
    }

    /// May be repeated, so often.
    #[must_use]
    pub fn up_to(self, most: usize) -> Self {
        let mut many = self.many();
        many.schema["maxItems"] = most.into();
        many
    }

    /// What it is when it is not sent.
    #[must_use]
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.schema["default"] = value.into();
        self
    }

    /// A value that makes sense.
    #[must_use]
    pub fn example(mut self, value: impl Into<Value>) -> Self {
        self.example = Some(value.into());
        self
    }

    pub(super) fn written(&self) -> Value {
        let mut written = json!({
            "name": self.name,
            "in": self.place,
            "description": self.description,
            "required": self.is_required,
            "schema": self.schema,
        });
        if let Some(example) = &self.example {
            written["example"] = example.clone();
        }
        written
    }
}
