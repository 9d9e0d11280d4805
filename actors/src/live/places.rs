//! How many streams there may be, and a stream's place among them.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    metrics::engine,
    networks::{NetworkFull, Occupied},
};

/// Bounds of live availability.
#[derive(Clone, Copy, Debug)]
pub struct LiveSettings {
    /// Streams at once, of all events.
    pub streams_max: usize,
    /// Streams of one network at once, of all events.
    pub streams_per_network: usize,
    /// Between two deltas of an event at least; longer with more than 2,000 streams.
    pub window: Duration,
    /// An event's streams that have nothing to tell say so after this time.
    pub heartbeat: Duration,
    /// How long the latest deltas are kept for those who come back, once nobody listens.
    pub linger: Duration,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            streams_max: 10_000,
            streams_per_network: usize::MAX,
            window: Duration::from_millis(100),
            heartbeat: Duration::from_secs(15),
            linger: Duration::from_secs(60),
        }
    }
}

/// Why no stream was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// On this node.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// For this network.
    #[error("too many streams of one network")]
    OfNetwork(#[from] NetworkFull),
}

/// There are as many streams as there may be, or the server is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no further stream can be opened now")]
pub struct NoPlace;

/// A stream's place among those there may be.
#[derive(Debug)]
pub(super) struct StreamPlace {
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _of_network: Occupied,
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        engine().streams.decrement(1.0);
    }
}
