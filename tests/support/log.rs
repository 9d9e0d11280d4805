//! What the servers of this process log of inventories that fail, by their events, and of errors.

use std::{
    collections::HashMap,
    fmt::{Debug, Write},
    sync::{Mutex, OnceLock, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};
use uuid::Uuid;

/// Why inventories failed, by event.
static DEATHS: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);
/// Everything that was logged as an error, with its number.
static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listen;

#[derive(Default)]
struct Fields {
    event: String,
    reason: String,
    text: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "event" => self.event = format!("{value:?}"),
            "reason" => self.reason = format!("{value:?}"),
            name => drop(write!(self.text, "{name}={value:?} ")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => value.clone_into(&mut self.event),
            "reason" => value.clone_into(&mut self.reason),
            name => drop(write!(self.text, "{name}={value} ")),
        }
    }
}

impl<S: Subscriber> Layer<S> for Listen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.text.contains("inventory failed") {
            let mut deaths = DEATHS.lock().unwrap_or_else(PoisonError::into_inner);
            deaths.get_or_insert_default().entry(fields.event).or_default().push(fields.reason);
        } else if *event.metadata().level() == Level::ERROR {
            ERRORS.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{}{}", fields.text, fields.reason));
        }
    }
}

/// Begins to listen; once a process.
pub(crate) fn listen() {
    static LISTENS: OnceLock<()> = OnceLock::new();
    LISTENS.get_or_init(|| {
        let filter = tracing_subscriber::filter::LevelFilter::WARN;
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(filter).with(Listen)).unwrap();
    });
}

/// Why inventories of the event failed so far.
pub(crate) fn deaths(event: Uuid) -> Vec<String> {
    let deaths = DEATHS.lock().unwrap_or_else(PoisonError::into_inner);
    deaths.as_ref().and_then(|deaths| deaths.get(&event.to_string())).cloned().unwrap_or_default()
}

/// The errors since there were `since`.
pub(crate) fn errors(since: usize) -> Vec<String> {
    ERRORS.lock().unwrap_or_else(PoisonError::into_inner).get(since..).unwrap_or_default().to_vec()
}
