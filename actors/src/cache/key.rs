//! The names of answers.

use std::{
    fmt::{self, Write},
    time::Duration,
};

/// Longer keys are not cached: they are searches that nobody repeats.
const BYTES_MAX: usize = 256;

/// What kind of answer it is: the first part of its key, and the label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// Lists of events.
    Events,
    /// One event, by id or slug.
    Event,
    /// Lists of venues.
    Venues,
    /// One venue, by id or slug.
    Venue,
    /// The public settings of the site.
    Settings,
}

/// How long an answer is kept in the shared cache (C1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Lists, and what is sold: prices and times change.
    Listing,
    /// What hardly ever changes: venues, settings.
    Static,
}

impl Namespace {
    /// All of them, in the order of the declaration.
    pub const ALL: [Self; 5] = [Self::Events, Self::Event, Self::Venues, Self::Venue, Self::Settings];

    /// In keys and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Event => "event",
            Self::Venues => "venues",
            Self::Venue => "venue",
            Self::Settings => "settings",
        }
    }

    /// How long its answers are kept.
    pub fn lifetime(self) -> Lifetime {
        match self {
            Self::Events | Self::Event | Self::Venues => Lifetime::Listing,
            Self::Venue | Self::Settings => Lifetime::Static,
        }
    }
}

/// How long each [`Lifetime`] is.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Of [`Lifetime::Listing`].
    pub listing: Duration,
    /// Of [`Lifetime::Static`].
    pub fixed: Duration,
}

impl Lifetimes {
    pub(super) fn of(&self, namespace: Namespace) -> Duration {
        match namespace.lifetime() {
            Lifetime::Listing => self.listing,
            Lifetime::Static => self.fixed,
        }
    }
}

/// Under which name an answer is found: its namespace, and what was asked for, in a canonical form. Made from values that were
/// checked, never from a URL: two ways to write one question are one key, and nobody fills the cache with variations.
///
/// Nothing of an account has a key. Who needs that makes the account's id a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    namespace: Namespace,
    text: String,
    /// Not worth a place in the shared cache.
    is_uncommon: bool,
    has_parameters: bool,
}

impl Key {
    /// The first page of a list without any parameter.
    pub fn of(namespace: Namespace) -> Self {
        let mut text = String::with_capacity(64);
        text.push_str(namespace.as_str());
        Self { namespace, text, is_uncommon: false, has_parameters: false }
    }

    /// One thing, by its id or slug.
    pub fn one(namespace: Namespace, name: impl fmt::Display) -> Self {
        let mut key = Self::of(namespace);
        key.text.push('/');
        key.push(name);
        key
    }

    /// Adds a parameter. Leave out what has its default value, and give all others always in the same order.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.text.push(if self.has_parameters { '&' } else { '?' });
        self.has_parameters = true;
        self.text.push_str(name);
        self.text.push('=');
        self.push(value);
        self
    }

    /// Keeps it out of the shared cache: a search with words of its own is rarely asked twice.
    #[must_use]
    pub fn uncommon(mut self) -> Self {
        self.is_uncommon = true;
        self
    }

    /// What kind of answer it names.
    pub fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// As operators see it, such as `events?limit=50`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_cacheable(&self) -> bool {
        self.text.len() <= BYTES_MAX
    }

    pub(super) fn is_shared(&self) -> bool {
        !self.is_uncommon
    }

    /// Whether it is one of the many ways to ask for a list. Of what has no parameters there is not more than there are things.
    pub(super) fn is_variation(&self) -> bool {
        self.has_parameters
    }

    /// Writing to this never fails.
    fn push(&mut self, value: impl fmt::Display) {
        let _ = write!(Escaped(&mut self.text), "{value}");
    }
}

/// Writes values so that none of them looks like another parameter, or like the `*` and `?` of a pattern.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:,+".contains(&byte);
        // Ids, numbers and slugs.
        if text.len() <= BYTES_MAX && text.bytes().all(is_plain) {
            self.0.push_str(text);
            return Ok(());
        }
        for byte in text.bytes() {
            match byte {
                byte if is_plain(byte) => self.0.push(char::from(byte)),
                // More than this is too long anyway; a text of 8,000 bytes need not be written out.
                _ if self.0.len() > BYTES_MAX => return Ok(()),
                other => write!(self.0, "%{other:02X}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_readable_and_no_value_looks_like_a_parameter() {
        let key = Key::of(Namespace::Events).with("limit", 50).with("q", "a&b=c*d?é %");
        assert_eq!(key.as_str(), "events?limit=50&q=a%26b%3Dc%2Ad%3F%C3%A9%20%25");
        assert_eq!(Key::one(Namespace::Venue, "old-hall").as_str(), "venue/old-hall");
        assert_ne!(
            Key::of(Namespace::Events).with("a", "1&b=2").as_str(),
            Key::of(Namespace::Events).with("a", 1).with("b", 2).as_str()
        );
    }

    /// The guard against keys of any length: without it a URL of 8,000 bytes is kept a thousand times.
    #[test]
    fn long_keys_are_not_cached() {
        assert!(Key::one(Namespace::Event, "x".repeat(200)).is_cacheable());
        for text in ["x".repeat(8000), "é".repeat(4000)] {
            assert!(!Key::one(Namespace::Event, text).is_cacheable());
        }
    }
}
