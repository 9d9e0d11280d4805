//! The latest deltas of one event, which every stream reads at its own pace.

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use domain::inventory::{Availability, Changes};

/// Most deltas that are kept: half a minute of a storm. It is also how far a stream may fall behind. Too low: clients on bad
/// networks are dropped, and start from a whole snapshot. Too high: memory an event with streams.
const ITEMS_MAX: usize = 256;
/// Most changed seats that are kept, in all deltas together; encoded they are about 4 MB.
const SEATS_MAX: usize = 65_536;

/// Forms in which streams send the same thing.
pub(super) const FORMS: usize = 4;

/// A value that many streams send, encoded in each form by the first that does.
#[derive(Debug)]
pub struct Shared<T> {
    /// What is sent.
    pub value: T,
    encoded: [OnceLock<Bytes>; FORMS],
}

impl<T> Shared<T> {
    fn new(value: T) -> Arc<Self> {
        Arc::new(Self { value, encoded: Default::default() })
    }

    /// The bytes that `encode` makes of it in the form of this number, 0 to 3; the same for all who ask.
    pub fn encoded(&self, form: usize, encode: impl FnOnce(&T) -> Bytes) -> Bytes {
        match self.encoded.get(form) {
            Some(encoded) => encoded.get_or_init(|| encode(&self.value)).clone(),
            None => encode(&self.value),
        }
    }
}

/// A picture to start from.
pub type Picture = Arc<Shared<Arc<Availability>>>;

/// One thing that all streams of an event are sent.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// There is no way from the picture before to this one: start anew.
    Snapshot(Picture),
    /// The way from the picture before to the next.
    Changes(Arc<Shared<Changes>>),
}

/// What is at a position.
#[derive(Debug)]
pub(super) enum Read {
    /// This, and where to read on.
    Item(Item, u64),
    /// Nothing yet.
    Later,
    /// It was there, and is kept no longer.
    Lost,
}

/// See the module's page. Positions grow by one with each item and are never used again.
#[derive(Debug)]
pub(super) struct History {
    now: Picture,
    items: VecDeque<Item>,
    /// Position of the first item.
    first: u64,
    /// Changed seats in all items.
    seats: usize,
}

impl History {
    pub(super) fn new(picture: Arc<Availability>) -> Self {
        Self { now: Shared::new(picture), items: VecDeque::new(), first: 0, seats: 0 }
    }

    /// Goes on to this picture. False when it is nothing new.
    pub(super) fn advance(&mut self, picture: Arc<Availability>) -> bool {
        let Some(changes) = picture.changes_since(&self.now.value) else {
            if picture.shows_the_same_as(&self.now.value) {
                return false;
            }
            // Memory was wrong, or the event was drawn anew: what was told before leads nowhere.
            self.first += self.items.len() as u64;
            (self.items, self.seats) = (VecDeque::new(), 0);
            self.now = Shared::new(picture);
            self.items.push_back(Item::Snapshot(self.now.clone()));
            return true;
        };
        self.now = Shared::new(picture);
        self.seats += changes.seats.len();
        self.items.push_back(Item::Changes(Shared::new(changes)));
        while self.items.len() > ITEMS_MAX || (self.seats > SEATS_MAX && self.items.len() > 1) {
            self.first += 1;
            if let Some(Item::Changes(changes)) = self.items.pop_front() {
                self.seats -= changes.value.seats.len();
            }
        }
        true
    }

    pub(super) fn read(&self, position: u64) -> Read {
        match position.checked_sub(self.first) {
            Some(index) => match usize::try_from(index).ok().and_then(|index| self.items.get(index)) {
                Some(item) => Read::Item(item.clone(), position + 1),
                None => Read::Later,
            },
            // Whatever was missed, a snapshot makes up for it.
            None => match self.items.front() {
                Some(item @ Item::Snapshot(_)) => Read::Item(item.clone(), self.first + 1),
                _ => Read::Lost,
            },
        }
    }

    /// Where a stream begins that has seen `version`: after that version if it is the present one or known, otherwise with
    /// a snapshot. A version between two that were sent is not enough: what changed and changed back in between would not
    /// be corrected.
    pub(super) fn resume(&self, version: Option<i64>) -> (Option<Picture>, u64) {
        let end = self.first + self.items.len() as u64;
        let Some(version) = version else { return (Some(self.now.clone()), end) };
        if version == self.now.value.version {
            return (None, end);
        }
        let follows = |item: &Item| matches!(item, Item::Changes(changes) if changes.value.from == version);
        match self.items.iter().zip(self.first..).find(|(item, _)| follows(item)) {
            Some((_, position)) => (None, position),
            None => (Some(self.now.clone()), end),
        }
    }
}
