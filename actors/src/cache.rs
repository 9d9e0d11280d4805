//! Caching of answers: for seconds in this process, for hours in a cache that all nodes share, with the actors that
//! maintain both.
//!
//! An answer is found by its [`Key`] and dies when something changes that it shows ([`Tag`]). Three rules keep it right:
//!
//! - an answer remembers the last change before its read began, and is shown only while nothing that it shows has changed
//!   since (`changes.rs`). So no read that began before a change outlives it, whenever it ends;
//! - while a change has not been told to the shared cache, this node does not look there (`untold.rs`). That goes for the changes of
//!   all nodes: each is written down where it is made, and told by who finds it there (`teller.rs`);
//! - anyone who asks after a change waits for no read that began before it.
//!
//! Nothing here is needed for an answer to be right: without the shared cache another node sees a change once the answers in its
//! memory have ended, with it at once.

mod answer;
mod changes;
mod counts;
mod door;
mod flights;
mod hearing;
mod key;
mod local;
mod maintenance;
mod teller;
mod untold;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use answer::Content;
use counts::Book;
use domain::{
    cache::{Change, Look, Moment, SharedAnswer, SharedCache, Tag},
    repositories::{Found, RepositoryError},
};
use door::{Door, Renewal, TellerMessage};
use flights::{FlightOutcome, Flights, Joined, Landing};
use local::{Age, Entry, Local, Times};
use parking_lot::Mutex;
use untold::Untold;

use crate::restart::RestartPolicy;
pub use answer::{Answer, CODINGS, Form, Load};
pub use counts::Counted;
pub use key::{Key, Lifetime, Lifetimes, Namespace};
pub use local::Size;
pub use maintenance::RunningCache;

/// A read that takes longer is given up, so that nobody waits for it for ever. Above what a statement may take.
const LOAD_MAX: Duration = Duration::from_secs(40);
/// For one answer to be read again; then the next one has its turn.
const RENEWAL_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// Whether anything is kept or looked for. The changes of this node are told to others all the same.
    pub enabled: bool,
    /// Bytes in this process. Too few: answers are read again and again. Too many: memory for what nobody asks.
    pub bytes_max: u64,
    /// How long an answer in this process is given without a new read.
    pub fresh: Duration,
    /// How long after that it is given while it is read again. Together with `fresh` it bounds what a node that is told of no
    /// change may show.
    pub stale: Duration,
    /// In the shared cache.
    pub lifetimes: Lifetimes,
    /// Answers read again at once.
    pub workers: usize,
    /// Answers that wait for that; further ones are not read again before somebody misses them.
    pub queue_max: usize,
    /// Between two rounds of counting; every tenth also walks over all answers, and deletes what is dead.
    pub sweep_every: Duration,
    pub restart: RestartPolicy,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            bytes_max: 64 << 20,
            fresh: Duration::from_secs(5),
            stale: Duration::from_secs(5),
            lifetimes: Lifetimes { listing: Duration::from_secs(3600), fixed: Duration::from_secs(24 * 3600) },
            workers: 2,
            queue_max: 256,
            sweep_every: Duration::from_secs(1),
            restart: RestartPolicy::default(),
        }
    }
}

#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    settings: CacheSettings,
    local: Local,
    flights: Flights,
    shared: Option<Arc<dyn SharedCache>>,
    untold: Untold,
    /// When this node last saw which changes nobody has told.
    looked: Mutex<Option<Instant>>,
    door: Door,
    book: Book,
}

/// What a change by hand has deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// Answers in this process.
    pub local: u64,
    /// Answers in the shared cache. `None`: it does not answer, and is told when it does; or there is none.
    pub shared: Option<u64>,
}

/// What the cache holds and has done.
#[derive(Clone, Debug)]
pub struct Overview {
    /// Whether anything is kept at all.
    pub enabled: bool,
    /// Bytes that this process may keep.
    pub bytes_max: u64,
    /// Whether the shared cache answers. `None`: there is none.
    pub shared_reachable: Option<bool>,
    /// Whether it has still to be told of a change.
    pub untold: bool,
    pub namespaces: Vec<(Namespace, Size, Counted)>,
}

impl Cache {
    /// Empty. Its actors are started by [`RunningCache::start`]; without them nothing is renewed and no other node told.
    fn new(settings: CacheSettings, shared: Option<Arc<dyn SharedCache>>, door: Door) -> Self {
        let cache = Self(Arc::new(Inner {
            local: Local::new(settings.bytes_max, Times { fresh: settings.fresh, stale: settings.stale }),
            flights: Flights::default(),
            untold: Untold::default(),
            book: Book::default(),
            settings,
            shared,
            looked: Mutex::default(),
            door,
        }));
        // What others were told while this node was away, the shared cache may have forgotten.
        if cache.0.shared.is_some() {
            cache.0.untold.note(Change::Everything);
        }
        cache
    }

    /// The answer under `key`, or `None` when there is no such thing. From memory when it is there; otherwise from the shared
    /// cache, or by `load`, once for all who ask meanwhile. `now` is the present. Failures are told and not kept.
    pub async fn answer<F, R>(&self, key: Key, now: Instant, load: F) -> Found<Option<Arc<Answer>>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Found<Load>> + Send + 'static,
    {
        if !self.0.settings.enabled || !key.is_cacheable() {
            return Ok(Content::of_load(Box::pin(load()).await?, 0).answer);
        }
        let counts = self.0.book.of(key.namespace());
        let Some((entry, age)) = self.0.local.get(key.as_str(), now) else {
            counts.missed.up();
            // A box, so that a request that is answered from memory has no room for what only a miss needs.
            return Ok(Box::pin(self.fetch(key, load)).await?.content.answer.clone());
        };
        match (age, &entry.content.answer) {
            (_, None) => counts.absent.up(),
            (Age::Fresh | Age::Due { stale: false } | Age::Renewed { stale: false }, _) => counts.fresh.up(),
            (Age::Due { stale: true } | Age::Renewed { stale: true }, _) => counts.stale.up(),
        }
        let answer = entry.content.answer.clone();
        if let Age::Due { .. } = age {
            self.renew(key, entry, load);
        }
        Ok(answer)
    }

    /// The answer under `key`, if memory has it and nobody has to do anything about it yet. For who can give an answer again
    /// ([`Cache::note_repeat`]), and asks [`Cache::answer`] otherwise.
    pub fn fresh(&self, key: &Key, now: Instant) -> Option<Arc<Answer>> {
        self.0.local.fresh(key.as_str(), now)
    }

    /// Counts an answer that was given again.
    pub fn note_repeat(&self, key: &Key) {
        self.0.book.of(key.namespace()).repeated.up();
    }

    /// Says that what these tags name has changed. Call it after the commit: then no answer shows the old state any more, at once
    /// on this node and within a moment on all others. Waits for nothing.
    pub fn invalidate(&self, tags: &[Tag]) {
        let names: Vec<String> = tags.iter().map(Tag::to_string).collect();
        tracing::info!(tags = names.join(","), "cached answers invalidated: what they show has changed");
        self.change(Change::Tags(tags.iter().map(Tag::slot).collect()));
    }

    /// Deletes what a change concerns, everywhere, and says how much that was. Walks over the whole cache; for people.
    pub async fn clear(&self, change: Change) -> Cleared {
        let local = self.0.local.delete(&change);
        // Before the others are told, which deletes as well and counts nothing.
        let shared = match &self.0.shared {
            Some(shared) => shared.delete(&change).await.ok(),
            None => None,
        };
        self.0.book.totals.changes_by_hand.up();
        self.change(change);
        Cleared { local, shared }
    }

    /// What the cache holds and has done. Walks over all answers in memory.
    pub fn overview(&self) -> Overview {
        let inner = &self.0;
        let each = Namespace::ALL.into_iter().zip(inner.local.sizes());
        Overview {
            enabled: inner.settings.enabled,
            bytes_max: inner.local.bytes_max(),
            shared_reachable: inner.shared.as_ref().map(|shared| shared.is_reachable()),
            untold: inner.untold.any(),
            namespaces: each.map(|(name, size)| (name, size, inner.book.of(name).read())).collect(),
        }
    }

    /// Notes a change of this node's. First that others are to be told: see [`Untold::note`].
    fn change(&self, change: Change) {
        self.0.book.totals.changes_here.up();
        if self.0.shared.is_some() {
            self.0.untold.note(change.clone());
        }
        self.0.local.note(&change);
        if self.0.shared.is_some() {
            self.hint();
        }
    }

    /// Reads what memory does not have, or waits for the one who does. What others have begun to read before this question is good
    /// enough unless it has changed since.
    async fn fetch<F, R>(&self, key: Key, load: F) -> FlightOutcome
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Found<Load>> + Send + 'static,
    {
        let changes = &self.0.local.changes;
        let asked = changes.now();
        loop {
            match self.0.flights.join(key.as_str(), || changes.now()) {
                Joined::Leads(landing, waiting) => {
                    // In a task of its own: the caller that leads may be gone before those who follow.
                    tokio::spawn(self.clone().read(key, landing, load()));
                    return waiting.outcome().await;
                }
                Joined::Follows(waiting) => {
                    let began = waiting.began;
                    let outcome = waiting.outcome().await;
                    let is_good =
                        |entry: &Arc<Entry>| began >= asked || changes.is_current(began, &entry.content.slots);
                    if outcome.as_ref().is_ok_and(|entry| !is_good(entry)) {
                        continue;
                    }
                    return outcome;
                }
            }
        }
    }

    /// Looks into the shared cache, then reads; keeps the answer in both.
    async fn read(self, key: Key, landing: Landing, load: impl Future<Output = Found<Load>>) {
        let (namespace, counts) = (key.namespace(), self.0.book.of(key.namespace()));
        let asked = Instant::now();
        let looked = if key.is_shared() { self.look(&key).await } else { None };
        let read_at = match looked {
            Some(Look::Found(shared)) => {
                let content = Content::of_shared(shared, landing.began, asked);
                let entry = self.0.local.put(namespace, key.as_str(), content);
                return landing.land(Ok(entry));
            }
            Some(Look::Missing(moment)) => Some(moment),
            None => None,
        };
        counts.loads.up();
        let loaded = tokio::time::timeout(LOAD_MAX, load).await;
        let loaded = loaded.unwrap_or_else(|_| Err(RepositoryError::Unavailable("a read took too long".to_owned())));
        let content = match loaded {
            Ok(load) => Content::of_load(load, landing.began),
            Err(error) => {
                counts.load_failures.up();
                return landing.land(Err(error));
            }
        };
        // There is no end of variations: those that nobody repeats stay out of what is shared.
        let is_repeated = !key.is_variation() || self.0.local.knows(key.as_str());
        let entry = self.0.local.put(namespace, key.as_str(), content);
        landing.land(Ok(entry.clone()));
        if let (Some(read_at), true) = (read_at, is_repeated) {
            self.keep(key, entry.content.to_shared(Instant::now()), read_at).await;
        }
    }

    async fn look(&self, key: &Key) -> Option<Look> {
        let shared = self.0.shared.as_ref()?;
        let counts = self.0.book.of(key.namespace());
        let looked = if self.0.untold.any() { None } else { shared.look(key.as_str()).await.ok() };
        match &looked {
            Some(Look::Found(_)) => counts.shared_found.up(),
            Some(Look::Missing(_)) => counts.shared_missing.up(),
            None => counts.shared_away.up(),
        }
        looked
    }

    /// Keeps an answer for the other nodes.
    async fn keep(&self, key: Key, answer: Option<SharedAnswer>, read_at: Moment) {
        let (Some(shared), Some(answer)) = (&self.0.shared, answer) else { return };
        let ttl = self.0.settings.lifetimes.of(key.namespace());
        // Nobody waits for it, and it does not matter: the next one who misses it tries again.
        let _ = shared.keep(key.as_str(), &answer, read_at, ttl).await;
    }

    /// Has an answer read again by the actors.
    fn renew<F, R>(&self, key: Key, entry: Arc<Entry>, load: F)
    where
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Found<Load>> + Send + 'static,
    {
        let cache = self.clone();
        let work = Box::pin(async move {
            let fetched = tokio::time::timeout(RENEWAL_MAX, cache.fetch(key, load)).await;
            let totals = &cache.0.book.totals;
            if fetched.is_ok_and(|outcome| outcome.is_ok()) { totals.renewed.up() } else { totals.renewals_failed.up() }
        });
        if !self.0.door.submit(Renewal::new(entry, work)) {
            self.0.book.totals.renewals_dropped.up();
        }
    }

    /// Wakes the teller.
    fn hint(&self) {
        self.0.door.teller.wake(TellerMessage::Hint);
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}
