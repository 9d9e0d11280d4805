//! Floods of lines alike. In an outage every request fails, and a line for each of them costs more than the refusal and
//! buries what matters. So each place in the source that warns writes some lines a second; the others are counted, and the
//! counts are logged once a second.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use metrics::{Counter, counter};
use tracing::{
    Event, Level, Metadata, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Lines a second of one place in the source. Few enough to be read, enough to see that they differ.
const LINES_A_SECOND_MAX: u32 = 20;

/// What was left out of one place's lines.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) metadata: &'static Metadata<'static>,
    /// The message of the first of them.
    pub(super) message: String,
    pub(super) count: u64,
}

/// The target of lines about requests that were refused: below `WARN`, and held back all the same, for clients make as many as they like.
pub const REFUSALS: &str = "boxoffice::refusals";

/// Decides which lines are written. Lines below `WARN` all are, other than [`REFUSALS`]: where they are many, somebody has asked for them.
pub(super) struct Dam {
    since: Instant,
    places: Mutex<HashMap<Identifier, Place>>,
    counter: Counter,
}

struct Place {
    second: u64,
    written: u32,
    left_out: Option<LeftOut>,
}

impl Dam {
    /// Counts with the installed recorder.
    pub(super) fn new() -> Arc<Self> {
        let counter = counter!("boxoffice_log_lines_left_out_total");
        Arc::new(Self { since: Instant::now(), places: Mutex::default(), counter })
    }

    /// Whether the line is to be written, in this second.
    fn lets_through(&self, event: &Event<'_>, second: u64) -> bool {
        // Nothing panics while holding the lock.
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match places.entry(event.metadata().callsite()) {
            Entry::Occupied(place) => place.into_mut(),
            Entry::Vacant(place) => place.insert(Place { second, written: 0, left_out: None }),
        };
        if place.second != second {
            (place.second, place.written) = (second, 0);
        }
        if place.written < LINES_A_SECOND_MAX {
            place.written += 1;
            return true;
        }
        let left_out = place.left_out.get_or_insert_with(|| {
            let mut message = Message::default();
            event.record(&mut message);
            LeftOut { metadata: event.metadata(), message: message.0, count: 0 }
        });
        left_out.count += 1;
        self.counter.increment(1);
        false
    }

    /// What was left out since the last call.
    pub(super) fn take_left_out(&self) -> Vec<LeftOut> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values_mut().filter_map(|place| place.left_out.take()).collect()
    }
}

/// The dam as a layer over the lines' subscriber.
pub(super) struct DamLayer(pub(super) Arc<Dam>);

impl<S: Subscriber> Layer<S> for DamLayer {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let is_free = *metadata.level() > Level::WARN && metadata.target() != REFUSALS;
        is_free || self.0.lets_through(event, self.0.since.elapsed().as_secs())
    }
}

/// The message of an event, without its fields.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt};

    use super::*;

    /// Lines of each level that get through, of so many.
    fn written(dam: &Arc<Dam>, emit: impl FnOnce()) -> u64 {
        struct Count(Arc<std::sync::atomic::AtomicU64>);
        impl<S: Subscriber> Layer<S> for Count {
            fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let count = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let lines = tracing_subscriber::registry().with(LevelFilter::INFO).with(Count(Arc::clone(&count)));
        tracing::subscriber::with_default(lines.with(DamLayer(Arc::clone(dam))), emit);
        count.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn frozen() -> Arc<Dam> {
        // An hour hence every moment of this test is in second 0.
        let since = Instant::now() + std::time::Duration::from_secs(3600);
        Arc::new(Dam { since, places: Mutex::default(), counter: Counter::noop() })
    }

    #[test]
    fn of_a_flood_some_lines_are_written_and_the_others_counted() {
        let dam = frozen();
        let warn = |number: u32| tracing::warn!(number, "request {}", "failed");
        let seen = written(&dam, || (0..1000).for_each(warn));
        assert_eq!(seen, u64::from(LINES_A_SECOND_MAX));
        let left_out = dam.take_left_out();
        assert_eq!((left_out[0].count, &*left_out[0].message), (980, "request failed"));
        assert!(dam.take_left_out().is_empty(), "told once");
        assert_eq!(written(&dam, || tracing::warn!("something else")), 1, "another place has lines of its own");
    }

    #[test]
    fn what_is_asked_for_is_all_written() {
        let info = || (0..1000).for_each(|number| tracing::info!(number, "signed in"));
        assert_eq!(written(&frozen(), info), 1000);
    }

    #[test]
    fn of_refusals_some_lines_are_written_a_second() {
        let info = || (0..1000).for_each(|number| tracing::info!(target: REFUSALS, number, "request refused"));
        assert_eq!(written(&frozen(), info), u64::from(LINES_A_SECOND_MAX));
    }

    #[test]
    fn a_second_later_the_place_may_write_again() {
        let dam = frozen();
        let warn = || tracing::warn!("again");
        assert_eq!(written(&dam, || (0..30).for_each(|_| warn())), 20);
        dam.places.lock().unwrap().values_mut().for_each(|place| place.second = 7);
        assert_eq!(written(&dam, || (0..30).for_each(|_| warn())), 20);
    }
}
