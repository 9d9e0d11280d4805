//! Cache keys: ids and slugs as parts of keys, from validated values.

use std::{fmt, str::FromStr};

use domain::repositories::IdOrSlug;

/// What a client names a thing by: an id, however it is written, or a slug.
pub enum Name<I> {
    Id(I),
    Slug(String),
}

impl<I: FromStr + Copy> Name<I> {
    /// What the client has sent.
    pub fn of(text: impl AsRef<str> + Into<String>) -> Self {
        text.as_ref().parse().map_or_else(|_| Self::Slug(text.into()), Self::Id)
    }

    /// For a repository.
    pub fn by(&self) -> IdOrSlug<'_, I> {
        match self {
            Self::Id(id) => IdOrSlug::Id(*id),
            Self::Slug(slug) => IdOrSlug::Slug(slug),
        }
    }
}

impl<I: fmt::Display> fmt::Display for Name<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Slug(slug) => f.write_str(slug),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::EventId;

    use super::*;

    #[test]
    fn an_id_is_one_name_however_it_is_written() {
        let id = EventId::generate();
        let simple = id.0.simple().to_string();
        for text in [id.to_string(), id.to_string().to_uppercase(), simple, format!("{{{id}}}")] {
            assert_eq!(Name::<EventId>::of(text).to_string(), id.to_string());
        }
        assert_eq!(Name::<EventId>::of("a-slug").to_string(), "a-slug");
    }
}
