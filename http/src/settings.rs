//! Limits of a listener.

use std::{net::IpAddr, time::Duration};

use domain::{network::Network, unpaid::NetworkId};
use http::HeaderName;

use super::{client_address::X_FORWARDED_FOR, edge::EdgeSettings};

/// Connections over the limit that are being told so; more are closed without a word.
pub(super) const REFUSALS_MAX: usize = 256;

/// Limits of a listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Connections at once; further ones are answered 503 and closed.
    pub max_connections: usize,
    /// Handlers at once, detached ones included; further requests are answered 503.
    pub handler_concurrency: usize,
    /// For the whole head of a request to arrive, counted from its first byte (the first one: from the accept).
    pub header_timeout: Duration,
    /// For the whole body of a request to arrive.
    pub body_timeout: Duration,
    /// For a handler to answer.
    pub request_timeout: Duration,
    /// How long a connection may stay open without a request.
    pub idle_timeout: Duration,
    /// How long a connection without a request keeps its buffers. Too high: when thousands ask something at the same moment,
    /// all of them have buffers at once. Too low: a timer for every request of those who ask often, and new buffers.
    pub dormant_after: Duration,
    /// How long a client may take nothing of an answer that is being written.
    pub write_timeout: Duration,
    /// Bytes a second that a client has to take of what waits for it, on the average of `write_timeout`; 0: any.
    pub least_rate: u64,
    /// Bytes of answers on their way to clients, in all; above it further requests are answered 503.
    pub unsent_max: usize,
    /// The same for one network; above it 429.
    pub unsent_per_network: usize,
    /// Most bytes of a body, where a route does not say otherwise.
    pub body_limit: usize,
    /// Most bytes of a request's head; above it the answer is 431. At least 8 KiB.
    pub header_limit: usize,
    /// Proxies that are believed what they say about their clients' addresses.
    pub trusted_proxies: Vec<Network>,
    /// The one field in which they say it.
    pub forwarded_header: HeaderName,
    /// Networks without caps, beside the proxies.
    pub trusted: Vec<Network>,
    /// Connections of one network at once; further ones are answered 429 and closed.
    pub connections_per_network: usize,
    /// How long a shutdown waits for requests in progress.
    pub drain_timeout: Duration,
    /// What is decided about browsers and other sites.
    pub edge: EdgeSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            handler_concurrency: 16_384,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            dormant_after: Duration::from_millis(250),
            write_timeout: Duration::from_secs(30),
            least_rate: 8 << 10,
            unsent_max: 256 << 20,
            unsent_per_network: 32 << 20,
            body_limit: 1 << 20,
            header_limit: 16 << 10,
            trusted_proxies: Vec::new(),
            forwarded_header: X_FORWARDED_FOR,
            trusted: Vec::new(),
            connections_per_network: usize::MAX,
            drain_timeout: Duration::from_secs(25),
            edge: EdgeSettings::default(),
        }
    }
}

impl Settings {
    /// The network that an address is capped by; `None` for those that are trusted, and for proxies, behind which are many.
    pub(super) fn network_of(&self, address: IpAddr) -> Option<NetworkId> {
        let mut exempt = self.trusted.iter().chain(&self.trusted_proxies);
        (!exempt.any(|network| network.contains(address))).then(|| NetworkId::of(address))
    }

    /// File descriptors that the listener needs when all connections are in use: itself, those, and those that are being
    /// refused.
    pub fn descriptors(&self) -> usize {
        1 + self.max_connections + REFUSALS_MAX
    }
}
