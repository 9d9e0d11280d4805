//! What is said of an event in words, changed for an occurrence of a series and those that follow it.

use super::fields::tags;
use crate::{
    text,
    validation::{FieldError, FieldErrors},
};

/// As its organizer wrote it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `Texts`")]
pub struct RawTexts {
    pub title: Option<String>,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub category: Option<String>,
    pub tags: Option<Vec<String>>,
}

/// Words that replace others, each in itself right; what is not given stays. Each replaces only what reads the same as in the
/// occurrence that it is said of: what is different somewhere was made so on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// 2 to 100 characters.
    pub title: Option<String>,
    /// One line of at most 500 characters.
    pub summary: Option<String>,
    /// At most 10,000 characters.
    pub description: Option<String>,
    /// The slug of a category.
    pub category: Option<String>,
    /// Slugs of tags, in alphabetical order, none twice. All of them together are one text.
    pub tags: Option<Vec<String>>,
}

impl Texts {
    /// Checks every text and reports every fault.
    pub fn parse(raw: RawTexts) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let mut line =
            |field, value: Option<String>, chars| value.and_then(|value| errors.keep(text::line(field, &value, chars)));
        let texts = Self {
            title: line("title", raw.title, 2..=100),
            summary: line("summary", raw.summary, 0..=500),
            category: line("category", raw.category, 2..=100),
            description: raw.description.and_then(|value| errors.keep(text::text("description", &value))),
            tags: raw.tags.and_then(|value| errors.keep(tags(value))),
        };
        errors.finish(Some(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_given_are_checked() {
        assert_eq!(Texts::parse(RawTexts::default()).unwrap(), Texts::default());
        let text = |text: &str| Some(text.to_owned());
        let wrong = RawTexts {
            title: text("A"),
            summary: text("a\nb"),
            description: text("a\0b"),
            category: text(""),
            tags: Some(vec!["No Slug".to_owned()]),
        };
        let fields: Vec<_> = Texts::parse(wrong).unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["title", "summary", "category", "description", "tags"]);
    }
}
