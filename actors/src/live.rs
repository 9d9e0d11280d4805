//! Live availability (behind server-sent events): one broadcaster for each event with listeners, and a stream for each
//! listener.
//!
//! A broadcaster follows what the inventory publishes, compares each picture with the last one it has sent, and keeps the
//! difference in a bounded history. Streams read that history at their own pace and hold a position in it, no queue: a delta
//! exists once, however many read it, and one that is too slow finds that its position is gone.
//!
//! A stream shows the ledger: seats that a decision on its way has taken are free until it is durable. So a version says all
//! about what a client has seen, also across restarts of the inventory, and of the server.

mod broadcaster;
mod history;
mod places;
mod stream;

use std::{collections::HashMap, sync::Arc};

use broadcaster::{Broadcaster, End};
use domain::{ids::EventId, unpaid::NetworkId};
use parking_lot::Mutex;
use places::StreamPlace;
use tokio::sync::Semaphore;

use crate::{inventories::directory::Following, metrics::engine, networks::PerNetwork};
pub use history::{Picture, Shared};
pub use places::{LiveSettings, NoPlace, NotOpened};
pub use stream::{Signal, Stream};

#[derive(Debug)]
pub struct Live {
    settings: LiveSettings,
    /// One permit a stream; closed when the server stops.
    places: Arc<Semaphore>,
    networks: Arc<PerNetwork>,
    stations: Mutex<HashMap<EventId, Station>>,
}

/// An event that somebody listens to, or did lately.
#[derive(Debug)]
struct Station {
    broadcaster: Arc<Broadcaster>,
    /// Counts the tasks that have run it, so that each knows whether it is still the one.
    run: u64,
    is_running: bool,
}

impl Live {
    pub fn new(settings: LiveSettings) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(settings.streams_max.min(Semaphore::MAX_PERMITS)));
        let networks = PerNetwork::new(settings.streams_per_network);
        Arc::new(Self { settings, places, networks, stations: Mutex::default() })
    }

    /// A stream of what `following` follows, for a client that has seen `version` of it. Call it inside of a tokio runtime.
    pub fn open(self: &Arc<Self>, following: Following, version: Option<i64>) -> Result<Stream, NotOpened> {
        self.open_from(None, following, version)
    }

    /// The same for a client of this network; `None` is exempt from its bound.
    pub fn open_from(
        self: &Arc<Self>,
        network: Option<NetworkId>,
        following: Following,
        version: Option<i64>,
    ) -> Result<Stream, NotOpened> {
        let of_network = self.networks.enter(network)?;
        let picture = following.picture();
        let event = picture.event_id;
        let mut stations = self.stations.lock();
        // Under the lock: `end` closes the semaphore under it, and ends those it finds.
        let permit = self.places.clone().try_acquire_owned().map_err(|_| NoPlace)?;
        engine().streams.increment(1.0);
        let place = StreamPlace { _permit: permit, _of_network: of_network };
        let station = stations.entry(event).or_insert_with(|| Station {
            broadcaster: Broadcaster::new(picture.clone(), self.settings),
            run: 0,
            is_running: false,
        });
        let broadcaster = station.broadcaster.clone();
        if !station.is_running {
            // What happened while nobody listened, as one delta.
            broadcaster.advance(picture);
            station.is_running = true;
            station.run += 1;
            let run = Run { live: self.clone(), event, broadcaster: broadcaster.clone(), number: station.run };
            tokio::spawn(run.run(following));
        }
        Ok(Stream::open(broadcaster, version, place))
    }

    /// Ends all streams, and opens no more: the server is stopping.
    pub fn end(&self) {
        let stations = self.stations.lock();
        self.places.close();
        stations.values().for_each(|station| station.broadcaster.end());
    }
}

/// One task that runs a broadcaster, from the first listener to a while after the last.
struct Run {
    live: Arc<Live>,
    event: EventId,
    broadcaster: Arc<Broadcaster>,
    number: u64,
}

impl Run {
    async fn run(self, mut following: Following) {
        while self.broadcaster.broadcast(&mut following).await == End::Deserted {
            if self.park() {
                drop(following);
                tokio::time::sleep(self.live.settings.linger).await;
                return;
            }
        }
    }

    /// False when somebody has come in the last moment.
    fn park(&self) -> bool {
        let mut stations = self.live.stations.lock();
        let deserted = self.broadcaster.is_deserted();
        if deserted && let Some(station) = stations.get_mut(&self.event) {
            station.is_running = false;
        }
        deserted
    }
}

impl Drop for Run {
    /// However it ends, by a panic too: a station that nobody runs would leave its listeners without a word.
    fn drop(&mut self) {
        let mut stations = self.live.stations.lock();
        if stations.get(&self.event).is_some_and(|station| station.run == self.number) {
            stations.remove(&self.event);
            self.broadcaster.end();
        }
    }
}
