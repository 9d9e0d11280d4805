//! Keys of what is asked for, from checked values.

use std::{fmt, str::FromStr};

use actors::cache::{Key, Namespace};
use domain::repositories::{IdOrSlug, PageRequest, Start};

use crate::presentation::pagination::{CursorKey, LIMIT_DEFAULT};

/// The key of a page of a list.
pub(in crate::presentation) fn page_key<K: CursorKey>(namespace: Namespace, page: &PageRequest<K>) -> Key {
    let mut key = Key::of(namespace);
    if page.limit != LIMIT_DEFAULT {
        key = key.with("limit", page.limit);
    }
    match &page.start {
        Start::Offset(0) => key,
        Start::Offset(offset) => key.with("offset", offset),
        // Written anew: a cursor can be sent in small letters and in capitals.
        Start::After(place) => key.with("cursor", place.encode()),
    }
}

/// What a client names a thing by: an id, however it is written, or a slug.
pub(in crate::presentation) enum Name<I> {
    Id(I),
    Slug(String),
}

impl<I: FromStr + Copy> Name<I> {
    /// What the client has sent.
    pub(in crate::presentation) fn of(text: impl AsRef<str> + Into<String>) -> Self {
        text.as_ref().parse().map_or_else(|_| Self::Slug(text.into()), Self::Id)
    }

    /// For a repository.
    pub(in crate::presentation) fn by(&self) -> IdOrSlug<'_, I> {
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
    use domain::{
        ids::{EventId, VenueId},
        repositories::{EventKey, VenueKey},
    };

    use super::*;

    fn key<K: CursorKey>(limit: u32, start: Start<K>) -> String {
        page_key(Namespace::Events, &PageRequest { start, limit }).as_str().to_owned()
    }

    #[test]
    fn default_values_are_no_part_of_a_key_and_one_question_has_one_key() {
        assert_eq!(key::<EventKey>(20, Start::Offset(0)), "events");
        assert_eq!(key::<EventKey>(50, Start::Offset(7)), "events?limit=50&offset=7");
        let place: VenueKey = ("Große Halle".to_owned(), VenueId::generate());
        let shouted = VenueKey::decode(&place.encode().to_uppercase()).unwrap();
        assert_eq!(key(20, Start::After(place)), key(20, Start::After(shouted)));
    }

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
