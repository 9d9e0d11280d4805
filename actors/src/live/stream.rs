//! One reader of an event's changes.

use std::sync::Arc;

use domain::inventory::Changes;
use tokio::sync::watch;

use super::{
    broadcaster::{Broadcaster, Pulse},
    history::{Item, Picture, Read, Shared},
    places::StreamPlace,
};
use crate::metrics::engine;

/// What a stream has to tell.
#[derive(Clone, Debug)]
pub enum Signal {
    /// Start from this.
    Snapshot(Picture),
    /// What has changed since.
    Changes(Arc<Shared<Changes>>),
    /// Nothing, for a while; but the stream lives.
    Beat,
    /// The server stops, or the event has moved: come again. Nothing follows.
    Farewell,
}

/// See the module's page. Costs a position in the event's history, and no queue of its own.
#[derive(Debug)]
pub struct Stream {
    broadcaster: Arc<Broadcaster>,
    pulse: watch::Receiver<Pulse>,
    snapshot: Option<Picture>,
    position: u64,
    beats: u32,
    is_over: bool,
    _place: StreamPlace,
}

impl Stream {
    /// For somebody who has seen `version`.
    pub(super) fn open(broadcaster: Arc<Broadcaster>, version: Option<i64>, place: StreamPlace) -> Self {
        let (pulse, snapshot, position) = broadcaster.join(version);
        let beats = pulse.borrow().beats;
        Self { broadcaster, pulse, snapshot, position, beats, is_over: false, _place: place }
    }

    /// The next signal; `None` at the end. A stream that has fallen behind by more than the history holds ends without a
    /// word: its client comes again and starts from a snapshot, and until then it costs nothing.
    pub async fn next(&mut self) -> Option<Signal> {
        if let Some(picture) = self.snapshot.take() {
            return Some(Signal::Snapshot(picture));
        }
        while !self.is_over {
            // Marked as seen before the history is read, so that nothing that comes in between is missed.
            let pulse = *self.pulse.borrow_and_update();
            match self.broadcaster.read(self.position) {
                Read::Item(item, next) => {
                    (self.position, self.beats) = (next, pulse.beats);
                    return Some(match item {
                        Item::Snapshot(picture) => Signal::Snapshot(picture),
                        Item::Changes(changes) => Signal::Changes(changes),
                    });
                }
                Read::Lost => {
                    engine().streams_dropped.increment(1);
                    self.is_over = true;
                    return None;
                }
                Read::Later if pulse.over => {
                    self.is_over = true;
                    return Some(Signal::Farewell);
                }
                Read::Later if pulse.beats != self.beats => {
                    self.beats = pulse.beats;
                    return Some(Signal::Beat);
                }
                // The sender is in the broadcaster, which is held here: it can't be gone.
                Read::Later => self.is_over = self.pulse.changed().await.is_err(),
            }
        }
        None
    }
}
