//! Filters of lists.

use std::borrow::Cow;

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A filter of a list: how clients name it, what they are told of it, how its text is read, and which entries it lets through.
#[derive(Debug)]
pub struct Filter {
    pub name: &'static str,
    pub description: &'static str,
    pub kind: FilterKind,
    pub matches: Match,
    /// The filter that is the lower bound of this one.
    pub after: Option<&'static str>,
    /// What passes it is looked for, because no index has it in order: offsets do not go far there.
    pub unindexed: bool,
    /// Whether only those have it who see everybody's entries.
    pub of_everybody: bool,
}

impl Filter {
    pub(super) const fn new(name: &'static str, kind: FilterKind, matches: Match, description: &'static str) -> Self {
        Self { name, description, kind, matches, after: None, unindexed: false, of_everybody: false }
    }

    pub(super) const fn after(mut self, lower: &'static str) -> Self {
        self.after = Some(lower);
        self
    }

    pub(super) const fn unindexed(mut self) -> Self {
        self.unindexed = true;
        self
    }

    pub(super) const fn of_everybody(mut self) -> Self {
        self.of_everybody = true;
        self
    }
}

/// What a client writes.
#[derive(Clone, Copy, Debug)]
pub enum FilterKind {
    /// Words as people type them into a search box: `"a phrase"`, `-without`, `this or that`.
    Words,
    /// A text of at most so many characters.
    Text(usize),
    /// Several of these, at most so many, all of which must hold.
    Texts {
        chars: usize,
        most: usize,
    },
    /// A text as it is.
    Verbatim,
    /// ISO 3166-1 alpha-2.
    Country,
    /// An id, as in `"the id of an event"`.
    Id(&'static str),
    /// RFC 3339, or a day.
    Instant,
    /// A price without its currency.
    Price,
    Flag {
        default: Option<bool>,
    },
    /// One of these names. The default, if there is one, is as good as no filter.
    OneOf {
        names: &'static [&'static str],
        default: Option<&'static str>,
    },
    /// Any of these names; the parameter may be repeated.
    AnyOf(&'static [&'static str]),
}

/// What entries a filter lets through, by an attribute of theirs.
#[derive(Clone, Copy, Debug)]
pub enum Match {
    /// It is this, or one of these.
    Is(&'static str),
    /// It is there at all.
    IsThere(&'static str),
    AtLeast(&'static str),
    Below(&'static str),
    AtMost(&'static str),
    /// It is the same, whatever accents and capitals both are written with.
    Folded(&'static str),
    /// It has all of these.
    HasAll(&'static str),
    /// It has this as a part, whatever accents and capitals both are written with.
    Part(&'static str),
    /// As only the store of this list knows.
    Special,
}

/// What a filter was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterValue {
    Text(String),
    /// Sorted, none twice.
    Texts(Vec<String>),
    /// Of the names of the declaration.
    OneOf(Vec<&'static str>),
    Id(Uuid),
    Instant(Timestamp),
    Amount(Decimal),
    Flag(bool),
}

impl FilterValue {
    /// As a client could write it, in one definite spelling; several for a parameter that is repeated.
    pub fn written(&self) -> Vec<Cow<'_, str>> {
        match self {
            Self::Text(text) => vec![text.into()],
            Self::Texts(texts) => texts.iter().map(Cow::from).collect(),
            Self::OneOf(names) => names.iter().map(|name| Cow::from(*name)).collect(),
            Self::Id(id) => vec![id.to_string().into()],
            Self::Instant(at) => vec![at.to_string().into()],
            Self::Amount(amount) => vec![amount.to_string().into()],
            Self::Flag(flag) => vec![flag.to_string().into()],
        }
    }

    /// Whether it may be the upper bound of what `lower` is the lower bound of: the same price may be both, the same instant leaves
    /// nothing between.
    pub fn is_after(&self, lower: &Self) -> bool {
        match (self, lower) {
            (Self::Instant(upper), Self::Instant(lower)) => upper > lower,
            (Self::Amount(upper), Self::Amount(lower)) => upper >= lower,
            _ => true,
        }
    }
}
