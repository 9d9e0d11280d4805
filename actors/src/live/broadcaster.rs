//! Turns what is published of one event into deltas, for as long as somebody listens.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::inventory::Availability;
use tokio::{sync::watch, time::Instant};

use super::{
    LiveSettings, Place, Stream,
    history::{History, Read},
};
use crate::{inventories::Following, metrics::engine};

/// What a delta costs for one reader, a wake-up and a write to its socket, times the share of a core that it may take: with
/// 5,000 streams on one event the window is 250 ms, so that the fan-out does not take the bookings' time.
const WINDOW_A_READER: Duration = Duration::from_micros(50);

/// Wakes streams. What happened is in the history, but for what is here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// Counts heartbeats.
    pub(super) beats: u32,
    /// Nothing will come any more.
    pub(super) over: bool,
}

/// Why a broadcast has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody listens.
    Deserted,
    /// The event is gone, or another node's.
    Gone,
}

/// See the module's page.
#[derive(Debug)]
pub(super) struct Broadcaster {
    // Written some times a second at most, for microseconds. Nothing panics while holding it, and it is sound at any point.
    history: RwLock<History>,
    pulse: watch::Sender<Pulse>,
    settings: LiveSettings,
}

impl Broadcaster {
    pub(super) fn new(picture: Arc<Availability>, settings: LiveSettings) -> Arc<Self> {
        let pulse = watch::Sender::new(Pulse::default());
        Arc::new(Self { history: RwLock::new(History::new(picture)), pulse, settings })
    }

    /// A stream for somebody who has seen `version`.
    pub(super) fn open(self: &Arc<Self>, version: Option<i64>, place: Place) -> Stream {
        // First: what is sent after the position was read must wake it.
        let pulse = self.pulse.subscribe();
        let (snapshot, position) = self.history.read().unwrap_or_else(PoisonError::into_inner).resume(version);
        Stream::new(self.clone(), pulse, snapshot, position, place)
    }

    pub(super) fn read(&self, position: u64) -> Read {
        self.history.read().unwrap_or_else(PoisonError::into_inner).read(position)
    }

    pub(super) fn is_deserted(&self) -> bool {
        self.pulse.receiver_count() == 0
    }

    /// Goes on to this picture; true when it was new.
    pub(super) fn advance(&self, picture: Arc<Availability>) -> bool {
        let is_new = self.history.write().unwrap_or_else(PoisonError::into_inner).advance(picture);
        if is_new {
            engine().stream_deltas.increment(1);
            self.pulse.send_modify(|_| ());
        }
        is_new
    }

    /// Ends all streams, after what is there for them.
    pub(super) fn end(&self) {
        self.pulse.send_modify(|pulse| pulse.over = true);
    }

    /// Sends what is published, at most one delta in each window: the first change goes at once, those that come within its
    /// window go together, and the last one always goes.
    pub(super) async fn broadcast(&self, following: &mut Following) -> End {
        let mut last_sent = Instant::now();
        loop {
            tokio::select! {
                there_is_more = following.changed() => {
                    if !there_is_more {
                        return End::Gone;
                    }
                    if self.advance(following.picture()) {
                        last_sent = Instant::now();
                        tokio::time::sleep(self.window()).await;
                    }
                }
                () = tokio::time::sleep_until(last_sent + self.settings.heartbeat) => {
                    last_sent = Instant::now();
                    self.pulse.send_modify(|pulse| pulse.beats = pulse.beats.wrapping_add(1));
                }
                () = self.pulse.closed() => return End::Deserted,
            }
        }
    }

    fn window(&self) -> Duration {
        let readers = u32::try_from(self.pulse.receiver_count()).unwrap_or(u32::MAX);
        self.settings.window.max(WINDOW_A_READER.saturating_mul(readers))
    }
}
