//! The cache of answers: what an answer is about, and the ports to the part of the cache that all nodes share.

use std::{fmt, future::Future, pin::Pin, str::FromStr, time::Duration};

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::{
    ids::{EventId, SeriesId, VenueId},
    repositories::Found,
};

/// What a cached answer shows. A change of it invalidates every answer that does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// One event: its own page, its ticket types and tags.
    Event(EventId),
    /// The occurrences of one series, on the pages of each of them.
    Series(SeriesId),
    /// One venue, on its own page and on those of its events.
    Venue(VenueId),
    /// Lists of events: any event's change may move it on one.
    Events,
    /// Lists of venues.
    Venues,
    /// One content page, by its slug.
    Page(String),
    /// The settings of the site.
    Settings,
    /// The names of tags and categories, wherever they are shown.
    Vocabulary,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(id) => write!(f, "event:{id}"),
            Self::Series(id) => write!(f, "series:{id}"),
            Self::Venue(id) => write!(f, "venue:{id}"),
            Self::Events => f.write_str("events"),
            Self::Venues => f.write_str("venues"),
            Self::Page(slug) => write!(f, "page:{slug}"),
            Self::Settings => f.write_str("settings"),
            Self::Vocabulary => f.write_str("vocabulary"),
        }
    }
}

impl FromStr for Tag {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match (kind, name) {
            ("event", id) => id.parse().map(Self::Event).map_err(|_| NoTag),
            ("series", id) => id.parse().map(Self::Series).map_err(|_| NoTag),
            ("venue", id) => id.parse().map(Self::Venue).map_err(|_| NoTag),
            ("page", slug) if !slug.is_empty() => Ok(Self::Page(slug.to_owned())),
            ("events", "") => Ok(Self::Events),
            ("venues", "") => Ok(Self::Venues),
            ("settings", "") => Ok(Self::Settings),
            ("vocabulary", "") => Ok(Self::Vocabulary),
            _ => Err(NoTag),
        }
    }
}

/// The text names no [`Tag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag")]
pub struct NoTag;

/// Where the last change of a tag is remembered. There are [`TagSlot::COUNT`] of them, so that what is remembered is bounded;
/// tags that share one are invalidated together, which costs a load and is never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagSlot(u16);

impl TagSlot {
    /// How many there are.
    pub const COUNT: usize = 1 << 14;

    /// The one with this number, when there is one.
    pub fn new(number: u16) -> Option<Self> {
        (usize::from(number) < Self::COUNT).then_some(Self(number))
    }

    /// Below [`TagSlot::COUNT`].
    pub fn number(self) -> u16 {
        self.0
    }
}

impl Tag {
    /// The same on all nodes and in all releases.
    pub fn slot(&self) -> TagSlot {
        let digest = Sha256::digest(self.to_string().as_bytes());
        let number = u16::from_be_bytes([digest[0], digest[1]]);
        TagSlot(number % TagSlot::COUNT as u16)
    }
}

/// What is no longer to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// All answers with one of these tags.
    Tags(Vec<TagSlot>),
    /// The answer under this key.
    Key(String),
    /// All answers whose key matches: `*` stands for any text, `?` for one character.
    Pattern(String),
    Everything,
}

/// An instant in the shared cache. What was read from the database since then may be kept, unless a tag has changed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Of which memory of changes it is: another one knows nothing of what was changed before it began.
    pub life: u64,
    /// On its own clock, in microseconds.
    pub at: u64,
}

/// An answer in the shared cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedAnswer {
    /// The body as it is sent without a coding.
    pub body: Vec<u8>,
    /// The value of `Link` that goes with it.
    pub links: Option<Vec<u8>>,
    pub slots: Vec<TagSlot>,
    /// For how long it reads like this from now on, if not until something changes.
    pub valid_for: Option<Duration>,
}

/// What a look into the shared cache has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// An answer that nothing has invalidated.
    Found(SharedAnswer),
    /// None. What is read from the database from now on may be kept as of this moment.
    Missing(Moment),
}

/// The shared cache has no answer now: it is away, too slow or asked too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared cache does not answer")]
pub struct Away;

/// What the shared cache answers, within milliseconds.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, Away>> + Send + 'a>>;

/// The part of the cache that all nodes share. It may be away at any moment, it may forget anything, and it may be another one than
/// before, with an older memory; what it gives is never older than the last change that it was told of.
pub trait SharedCache: Send + Sync + 'static {
    /// The answer under a key.
    fn look<'a>(&'a self, key: &'a str) -> Answering<'a, Look>;

    /// Keeps an answer that was read from the database after `read_at`, for `ttl`, unless what it shows has changed since.
    fn keep<'a>(
        &'a self,
        key: &'a str,
        answer: &'a SharedAnswer,
        read_at: Moment,
        ttl: Duration,
    ) -> Answering<'a, bool>;

    /// Invalidates, and tells all nodes.
    fn tell<'a>(&'a self, change: &'a Change) -> Answering<'a, ()>;

    /// Deletes what a change concerns, and says how many answers that were. Walks over all of them; for people.
    fn delete<'a>(&'a self, change: &'a Change) -> Answering<'a, u64>;

    /// Whether it makes sense to ask.
    fn is_reachable(&self) -> bool;
}

/// Who wants to know what other nodes invalidate.
pub trait HearChanges: Send + Sync + 'static {
    /// Another node has changed something.
    fn heard(&self, change: &Change);

    /// Changes may have been missed until now; none will be from now on.
    fn may_have_missed(&self);

    /// The way to the shared cache was lost and found again: what it was told last it may have forgotten.
    fn may_have_gone_back(&self);
}

/// Most of them that [`WrittenChanges::untold`] tells at once.
pub const WRITTEN_MAX: usize = 1000;

/// How long changes stay written down that nobody tells, because there is no shared cache. Who had one all the time tells them
/// within a second, and who finds one again has it forget everything.
pub const WRITTEN_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// A change as the transaction that made it has written it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub id: i64,
    pub change: Change,
}

/// What the database answers to a question about changes that are written down.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Found<T>> + Send + 'a>>;

/// Changes of what everybody may see, written down in the transaction that makes them, by whichever node or hand. They stay until the
/// shared cache was told: the node that made them may have died before it could tell, or be the only one that can't reach it.
pub trait WrittenChanges: Send + Sync + 'static {
    /// Those that are older than `age` and not told, the oldest first, at most [`WRITTEN_MAX`].
    fn untold<'a>(&'a self, age: Duration) -> Reading<'a, Vec<Written>>;

    /// Deletes these: they were told.
    fn told<'a>(&'a self, ids: &'a [i64]) -> Reading<'a, ()>;
}

impl Change {
    /// What was written down with the names of these tags: everything, if one is not known here.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let slots = names.into_iter().map(|name| name.parse().map(|tag: Tag| tag.slot()));
        slots.collect::<Result<_, _>>().map_or(Self::Everything, Self::Tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_are_written() {
        let (event, venue) = (EventId::generate(), VenueId::generate());
        let page = Tag::Page("about:us".to_owned());
        for tag in [
            Tag::Event(event),
            Tag::Series(SeriesId::generate()),
            Tag::Venue(venue),
            Tag::Events,
            Tag::Venues,
            page,
            Tag::Settings,
        ] {
            assert_eq!(tag.to_string().parse(), Ok(tag));
        }
        for wrong in ["", "event", "event:", "event:x", "page:", "events:1", "Events", "bookings"] {
            assert_eq!(wrong.parse::<Tag>(), Err(NoTag), "{wrong}");
        }
    }

    /// Nodes of two releases invalidate each other's answers: the slot of a tag must never change.
    #[test]
    fn slots_are_the_same_in_all_releases_and_spread() {
        assert_eq!((Tag::Events.slot().number(), Tag::Venues.slot().number()), (EVENTS_SLOT, VENUES_SLOT));
        let slots: std::collections::HashSet<_> = (0..1000).map(|_| Tag::Event(EventId::generate()).slot()).collect();
        assert!(slots.len() > 900, "{}", slots.len());
        assert_eq!(TagSlot::new(TagSlot::COUNT as u16), None);
    }

    #[test]
    fn a_name_that_is_not_known_stands_for_everything() {
        assert_eq!(Change::of_names(["events", "venues"]), Change::Tags(vec![Tag::Events.slot(), Tag::Venues.slot()]));
        assert_eq!(Change::of_names(["events", "everything"]), Change::Everything);
    }

    const EVENTS_SLOT: u16 = 1572;
    const VENUES_SLOT: u16 = 15409;
}
