//! What the cache has done, counted where it happens and made known by the sweeper: an answer from memory pays for one atomic.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use metrics::{Counter, Gauge, counter, gauge};

use super::{key::Namespace, local::Size};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What was counted, of one namespace.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counted {
            $($(#[$doc])* pub $name: u64,)+
        }

        /// The counters behind [`Counted`].
        #[derive(Default)]
        pub(super) struct Counts {
            $(pub(super) $name: Count,)+
        }

        impl Counts {
            pub(super) fn read(&self) -> Counted {
                Counted { $($name: self.$name.read(),)+ }
            }
        }
    };
}

counts! {
    /// Answers from memory that were fresh, given by whoever makes such answers.
    fresh,
    /// Answers from memory that were fresh, and given again as they had been given before.
    repeated,
    /// Answers from memory whose time was over, given while they were read anew.
    stale,
    /// Times when memory knew that there is no such thing.
    absent,
    /// Times when memory knew nothing.
    missed,
    /// Answers found in the shared cache.
    shared_found,
    /// Looks into the shared cache that found nothing.
    shared_missing,
    /// Times when the shared cache was not asked or did not answer.
    shared_away,
    /// Reads from the database.
    loads,
    /// Those of them that failed.
    load_failures,
}

/// A counter of its own.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What concerns no namespace.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) renewed: Count,
    pub(super) renewals_failed: Count,
    pub(super) renewals_dropped: Count,
    /// Changes that this node has made, those by hand among them.
    pub(super) changes_here: Count,
    pub(super) changes_elsewhere: Count,
    pub(super) changes_by_hand: Count,
    /// Times when changes may have been missed, and everything was forgotten.
    pub(super) changes_missed: Count,
}

/// Everything that is counted.
#[derive(Default)]
pub(super) struct Book {
    pub(super) namespaces: [Counts; Namespace::ALL.len()],
    pub(super) totals: Totals,
}

impl Book {
    pub(super) fn of(&self, namespace: Namespace) -> &Counts {
        &self.namespaces[namespace as usize]
    }
}

/// The handles of one namespace's metrics.
struct NamespaceMetrics {
    fresh: Counter,
    repeated: Counter,
    stale: Counter,
    absent: Counter,
    missed: Counter,
    shared_found: Counter,
    shared_missing: Counter,
    shared_away: Counter,
    loaded: Counter,
    failed: Counter,
    entries: Gauge,
    bytes: Gauge,
}

impl NamespaceMetrics {
    fn new(namespace: Namespace) -> Self {
        let name = namespace.as_str();
        let lookups = |level: &'static str, outcome: &'static str| counter!("boxoffice_cache_lookups_total", "level" => level, "outcome" => outcome, "namespace" => name);
        let loads =
            |outcome: &'static str| counter!("boxoffice_cache_loads_total", "outcome" => outcome, "namespace" => name);
        Self {
            fresh: lookups("local", "hit"),
            repeated: lookups("local", "repeat"),
            stale: lookups("local", "stale"),
            absent: lookups("local", "absent"),
            missed: lookups("local", "miss"),
            shared_found: lookups("shared", "hit"),
            shared_missing: lookups("shared", "miss"),
            shared_away: lookups("shared", "away"),
            loaded: loads("read"),
            failed: loads("failed"),
            entries: gauge!("boxoffice_cache_answers", "namespace" => name),
            bytes: gauge!("boxoffice_cache_bytes", "namespace" => name),
        }
    }

    fn publish(&self, counted: &Counted) {
        self.fresh.absolute(counted.fresh);
        self.repeated.absolute(counted.repeated);
        self.stale.absolute(counted.stale);
        self.absent.absolute(counted.absent);
        self.missed.absolute(counted.missed);
        self.shared_found.absolute(counted.shared_found);
        self.shared_missing.absolute(counted.shared_missing);
        self.shared_away.absolute(counted.shared_away);
        self.loaded.absolute(counted.loads - counted.load_failures.min(counted.loads));
        self.failed.absolute(counted.load_failures);
    }
}

/// The handles of the cache's metrics.
pub(super) struct CacheMetrics {
    namespaces: [NamespaceMetrics; Namespace::ALL.len()],
    renewed: Counter,
    renewals_failed: Counter,
    renewals_dropped: Counter,
    here: Counter,
    elsewhere: Counter,
    by_hand: Counter,
    missed: Counter,
    queue: Gauge,
    untold: Gauge,
    looked: Gauge,
    bytes_max: Gauge,
}

impl CacheMetrics {
    pub(super) fn new() -> Self {
        let renewals = |outcome: &'static str| counter!("boxoffice_cache_renewals_total", "outcome" => outcome);
        let invalidations = |origin: &'static str| counter!("boxoffice_cache_invalidations_total", "origin" => origin);
        Self {
            namespaces: Namespace::ALL.map(NamespaceMetrics::new),
            renewed: renewals("done"),
            renewals_failed: renewals("failed"),
            renewals_dropped: renewals("dropped"),
            here: invalidations("here"),
            elsewhere: invalidations("elsewhere"),
            by_hand: invalidations("hand"),
            missed: invalidations("missed"),
            queue: gauge!("boxoffice_cache_renewal_queue"),
            untold: gauge!("boxoffice_cache_untold"),
            looked: gauge!("boxoffice_cache_changes_seen_age_seconds"),
            bytes_max: gauge!("boxoffice_cache_bytes_limit"),
        }
    }

    pub(super) fn publish_sizes(&self, sizes: &[Size; Namespace::ALL.len()]) {
        for (metrics, size) in self.namespaces.iter().zip(sizes) {
            metrics.entries.set(size.entries as f64);
            metrics.bytes.set(size.bytes as f64);
        }
    }

    pub(super) fn publish(&self, book: &Book) {
        for (metrics, counts) in self.namespaces.iter().zip(&book.namespaces) {
            metrics.publish(&counts.read());
        }
        let totals = &book.totals;
        self.renewed.absolute(totals.renewed.read());
        self.renewals_failed.absolute(totals.renewals_failed.read());
        self.renewals_dropped.absolute(totals.renewals_dropped.read());
        self.here.absolute(totals.changes_here.read());
        self.elsewhere.absolute(totals.changes_elsewhere.read());
        self.by_hand.absolute(totals.changes_by_hand.read());
        self.missed.absolute(totals.changes_missed.read());
    }

    /// How long ago it was seen which changes nobody has told; nothing where nobody looks.
    pub(super) fn publish_look(&self, ago: Option<Duration>) {
        if let Some(ago) = ago {
            self.looked.set(ago.as_secs_f64());
        }
    }

    pub(super) fn publish_state(&self, queue: usize, untold: bool, bytes_max: u64) {
        self.queue.set(queue as f64);
        self.untold.set(f64::from(u8::from(untold)));
        self.bytes_max.set(bytes_max as f64);
    }
}
