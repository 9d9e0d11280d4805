//! How many of something each network has: whatever one client can fill up for everybody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::unpaid::NetworkId;

/// The network has as many as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network has as many as it may have")]
pub struct NetworkFull;

/// A bound for each network. Has an entry for each that has something, so it is as large as what is counted.
#[derive(Debug)]
pub struct PerNetwork {
    max: usize,
    counts: Mutex<HashMap<NetworkId, usize>>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub struct Occupied(Option<(Arc<PerNetwork>, NetworkId)>);

impl PerNetwork {
    /// At most so many each.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, counts: Mutex::default() })
    }

    /// A place for somebody of this network; `None` is exempt.
    pub fn enter(self: &Arc<Self>, network: Option<NetworkId>) -> Result<Occupied, NetworkFull> {
        let Some(network) = network else { return Ok(Occupied(None)) };
        let mut counts = self.counts();
        let count = counts.entry(network).or_default();
        if *count >= self.max {
            if *count == 0 {
                counts.remove(&network);
            }
            return Err(NetworkFull);
        }
        *count += 1;
        Ok(Occupied(Some((self.clone(), network))))
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<NetworkId, usize>> {
        // Nothing panics while holding the lock, and a count is right at any moment.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let Some((of, network)) = self.0.take() else { return };
        let mut counts = of.counts();
        if let Some(count) = counts.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_own_bound_and_nothing_is_left_behind() {
        let of = |address: &str| Some(NetworkId::of(address.parse().unwrap()));
        let networks = PerNetwork::new(2);
        let (first, _second) = (networks.enter(of("192.0.2.1")).unwrap(), networks.enter(of("192.0.2.1")).unwrap());
        assert_eq!(networks.enter(of("192.0.2.1")).err(), Some(NetworkFull));
        let other = networks.enter(of("192.0.2.2")).unwrap();
        let exempt: Vec<_> = (0..5).map(|_| networks.enter(None).unwrap()).collect();
        drop(first);
        let again = networks.enter(of("192.0.2.1")).unwrap();
        drop((_second, other, exempt, again));
        assert!(networks.counts().is_empty());
        assert!(PerNetwork::new(0).enter(of("192.0.2.1")).is_err());
    }
}
