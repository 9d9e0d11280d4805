//! Backpressure on slow readers: a budget of bytes that clients have asked for and not taken yet, in all and for each
//! network.
//!
//! Counted are the large parts of bodies (in HTTP/2 all but the smallest), each from when it is handed to hyper until hyper has handed it to the system. A
//! buffer that several answers share counts once in all and once for each network, as it is there once.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use domain::unpaid::NetworkId;
use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::Mutex;

/// Smaller parts are not counted: with the limit of connections they are bounded anyway.
const COUNTED_BYTES_MIN: usize = 16 << 10;
/// The same for a connection of HTTP/2, which may have a hundred answers on their way.
pub(super) const COUNTED_BYTES_MIN_HTTP2: usize = 1 << 10;

/// Why nothing more is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exceeded {
    /// The node has handed out as much as it may.
    #[error("too much is on its way to clients that do not take it")]
    Node,
    /// The client's network has.
    #[error("too much is on its way to the client's network")]
    Network,
}

/// Buffers on their way, each by its address, with its length and how many answers have it.
#[derive(Debug, Default)]
struct Buffers {
    bytes: usize,
    of: HashMap<usize, (usize, usize)>,
}

impl Buffers {
    fn is_room(&self, address: usize, length: usize, max: usize) -> bool {
        self.of.contains_key(&address) || self.bytes.saturating_add(length) <= max
    }

    fn add(&mut self, address: usize, length: usize) {
        let entry = self.of.entry(address).or_insert((length, 0));
        entry.1 += 1;
        if entry.1 == 1 {
            self.bytes += length;
        }
    }

    fn remove(&mut self, address: usize) {
        let Some(entry) = self.of.get_mut(&address) else { return };
        entry.1 -= 1;
        if entry.1 == 0 {
            self.bytes -= entry.0;
            self.of.remove(&address);
        }
    }
}

#[derive(Debug, Default)]
struct State {
    all: Buffers,
    networks: HashMap<NetworkId, Buffers>,
}

#[derive(Debug)]
pub(super) struct Unsent {
    max: usize,
    per_network: usize,
    state: Mutex<State>,
    bytes: Gauge,
    refused: [Counter; 2],
}

impl Unsent {
    pub(super) fn new(max: usize, per_network: usize) -> Arc<Self> {
        let refused = |bound| {
            let refused = counter!("boxoffice_http_unsent_refusals_total", "bound" => bound);
            refused.increment(0);
            refused
        };
        let (refused, bytes) = ([refused("node"), refused("network")], gauge!("boxoffice_http_unsent_bytes"));
        Arc::new(Self { max, per_network, state: Mutex::default(), bytes, refused })
    }

    /// Whether anything more may be made for a client of this network, before it is. `None`: it has no bound of its own.
    pub(super) fn check(&self, network: Option<NetworkId>) -> Result<(), Exceeded> {
        let state = self.state.lock();
        let of_network = network.and_then(|network| state.networks.get(&network)).map_or(0, |of| of.bytes);
        if state.all.bytes >= self.max {
            Err(Exceeded::Node)
        } else if of_network >= self.per_network {
            Err(Exceeded::Network)
        } else {
            Ok(())
        }
    }

    /// The same bytes, counted until they are dropped. The caller that refuses a client notes it.
    pub(super) fn charge(self: &Arc<Self>, network: Option<NetworkId>, bytes: Bytes) -> Result<Bytes, Exceeded> {
        let (address, length) = (bytes.as_ptr().addr(), bytes.len());
        let mut state = self.state.lock();
        if !state.all.is_room(address, length, self.max) {
            return Err(Exceeded::Node);
        }
        if let Some(network) = network {
            let of = state.networks.entry(network).or_default();
            if !of.is_room(address, length, self.per_network) {
                if of.of.is_empty() {
                    state.networks.remove(&network);
                }
                return Err(Exceeded::Network);
            }
            of.add(address, length);
        }
        state.all.add(address, length);
        self.bytes.set(state.all.bytes as f64);
        drop(state);
        Ok(Bytes::from_owner(Charged { bytes, network, unsent: Arc::clone(self) }))
    }

    pub(super) fn note(&self, exceeded: Exceeded) {
        self.refused[usize::from(exceeded == Exceeded::Network)].increment(1);
    }
}

/// Bytes on their way. While they are here, no other buffer has their address.
struct Charged {
    bytes: Bytes,
    network: Option<NetworkId>,
    unsent: Arc<Unsent>,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        let address = self.bytes.as_ptr().addr();
        let mut state = self.unsent.state.lock();
        state.all.remove(address);
        self.unsent.bytes.set(state.all.bytes as f64);
        if let Some(network) = self.network
            && let Some(of) = state.networks.get_mut(&network)
        {
            of.remove(address);
            if of.of.is_empty() {
                state.networks.remove(&network);
            }
        }
    }
}

/// Against whose bound something is counted.
#[derive(Clone, Debug)]
pub(super) struct Payer {
    pub(super) unsent: Arc<Unsent>,
    pub(super) network: Option<NetworkId>,
    pub(super) http2: bool,
}

impl Payer {
    pub(super) fn check(&self) -> Result<(), Exceeded> {
        self.unsent.check(self.network).inspect_err(|exceeded| self.note(*exceeded))
    }

    /// Whether so many bytes are counted at all.
    pub(super) fn counts(&self, bytes: &Bytes) -> bool {
        bytes.len() >= if self.http2 { COUNTED_BYTES_MIN_HTTP2 } else { COUNTED_BYTES_MIN }
    }

    pub(super) fn note(&self, exceeded: Exceeded) {
        self.unsent.note(exceeded);
    }

    pub(super) fn charge(&self, bytes: Bytes) -> Result<Bytes, Exceeded> {
        self.unsent.charge(self.network, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1 << 10;

    fn buffer(kib: usize) -> Bytes {
        Bytes::from(vec![7; kib * KIB])
    }

    fn of(last: u8) -> Option<NetworkId> {
        Some(NetworkId::of([192, 0, 2, last].into()))
    }

    #[test]
    fn a_shared_buffer_counts_once_and_until_the_last_has_sent_it() {
        let unsent = Unsent::new(100 * KIB, 60 * KIB);
        let shared = buffer(50);
        let sent: Vec<_> = (0..200).map(|_| unsent.charge(of(1), shared.clone()).unwrap()).collect();
        assert!(sent.iter().all(|sent| sent.as_ptr() == shared.as_ptr()), "nothing is copied");
        assert_eq!(unsent.charge(of(1), buffer(20)).err(), Some(Exceeded::Network));
        assert_eq!(unsent.check(of(1)), Ok(()), "there is room for a smaller one");
        let other = unsent.charge(of(2), buffer(50)).unwrap();
        assert_eq!(unsent.check(of(3)), Err(Exceeded::Node));
        assert_eq!(unsent.charge(None, buffer(20)).err(), Some(Exceeded::Node));
        assert!(unsent.charge(of(3), shared.clone()).is_ok(), "it is there already");
        drop(sent);
        assert!(unsent.charge(of(1), buffer(20)).is_ok());
        drop(other);
        let state = unsent.state.lock();
        assert!(state.all.bytes == 0 && state.all.of.is_empty() && state.networks.is_empty(), "{state:?}");
    }

    #[test]
    fn who_is_exempt_has_the_nodes_bound() {
        let unsent = Unsent::new(100 * KIB, 60 * KIB);
        let counts = |http2, kib| Payer { unsent: Arc::clone(&unsent), network: None, http2 }.counts(&buffer(kib));
        assert!(counts(false, 16) && !counts(false, 15) && counts(true, 1) && !counts(true, 0));
        let _large = unsent.charge(None, buffer(100)).unwrap();
        assert_eq!(unsent.charge(None, buffer(16)).err(), Some(Exceeded::Node));
    }
}
