//! Live availability, sending: turns the snapshots of one event into deltas, for as long as somebody listens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::inventory::Availability;
use parking_lot::RwLock;
use tokio::{sync::watch, time::Instant};

use super::{
    LiveSettings,
    history::{History, Picture, Read},
};
use crate::{inventories::directory::Following, metrics::engine};

/// What a delta costs for one reader, a wake-up and a write to its socket, times the share of a core that it may take: telling
/// 5,000 streams of one event takes 250 ms, so that the fan-out does not take the bookings' time.
const TIME_A_READER: Duration = Duration::from_micros(50);

/// Streams are woken group after group. Too few: each group is a burst, in which bookings wait for its writes. Too many:
/// memory an event with streams.
const GROUPS: usize = 16;

/// Shorter pauses between groups are put together, because the timer's grain is a millisecond.
const PAUSE_MIN: Duration = Duration::from_millis(2);

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
    Deserted,
    /// The event is gone, or another node's, or not public any more.
    Gone,
}

#[derive(Debug)]
pub(super) struct Broadcaster {
    // Written some times a second at most, for microseconds. Nothing panics while holding it, and it is sound at any point.
    history: RwLock<History>,
    /// One for each group of streams.
    pulses: [watch::Sender<Pulse>; GROUPS],
    /// Streams opened so far, which gives the group of the next one.
    opened: AtomicUsize,
    settings: LiveSettings,
}

impl Broadcaster {
    pub(super) fn new(picture: Arc<Availability>, settings: LiveSettings) -> Arc<Self> {
        let history = RwLock::new(History::new(picture));
        Arc::new(Self { history, pulses: Default::default(), opened: AtomicUsize::new(0), settings })
    }

    /// What wakes a stream for somebody who has seen `version`, and where in the history it begins.
    pub(super) fn join(&self, version: Option<i64>) -> (watch::Receiver<Pulse>, Option<Picture>, u64) {
        // First: what is sent after the position was read must wake it.
        let pulse = self.pulses[self.opened.fetch_add(1, Relaxed) % GROUPS].subscribe();
        let (snapshot, position) = self.history.read().resume(version);
        (pulse, snapshot, position)
    }

    pub(super) fn read(&self, position: u64) -> Read {
        self.history.read().read(position)
    }

    pub(super) fn is_deserted(&self) -> bool {
        self.pulses.iter().all(|pulse| pulse.receiver_count() == 0)
    }

    /// Goes on to this picture; true when it was new, and is to be told.
    pub(super) fn advance(&self, picture: Arc<Availability>) -> bool {
        let is_new = self.history.write().advance(picture);
        if is_new {
            engine().stream_deltas.increment(1);
        }
        is_new
    }

    /// Ends all streams, after what is there for them.
    pub(super) fn end(&self) {
        self.pulses.iter().for_each(|pulse| pulse.send_modify(|pulse| pulse.over = true));
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
                    let picture = following.picture();
                    if !picture.status.is_public() {
                        // Who may see it was judged when each stream was opened.
                        return End::Gone;
                    }
                    if self.advance(picture) {
                        last_sent = Instant::now();
                        self.tell(|_| ()).await;
                        tokio::time::sleep_until(last_sent + self.settings.window).await;
                    }
                }
                () = tokio::time::sleep_until(last_sent + self.settings.heartbeat) => {
                    last_sent = Instant::now();
                    self.tell(|pulse| pulse.beats = pulse.beats.wrapping_add(1)).await;
                }
                () = self.deserted() => return End::Deserted,
            }
        }
    }

    /// Wakes all streams, and takes the time that they may take: thousands that are woken at once would be written to at
    /// once, and whatever else the server does would wait for that.
    async fn tell(&self, what: impl Fn(&mut Pulse)) {
        let mut owed = Duration::ZERO;
        for pulse in &self.pulses {
            let readers = u32::try_from(pulse.receiver_count()).unwrap_or(u32::MAX);
            pulse.send_modify(&what);
            owed += TIME_A_READER.saturating_mul(readers);
            if owed >= PAUSE_MIN {
                tokio::time::sleep(std::mem::take(&mut owed)).await;
            }
        }
    }

    /// Waits until every group was empty once.
    async fn deserted(&self) {
        for pulse in &self.pulses {
            pulse.closed().await;
        }
    }
}
