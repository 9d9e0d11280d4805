//! Limits per network: how many of something, such as connections, one network may have, so that it can't fill up what
//! everybody shares.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::Arc,
};

use domain::unpaid::{NetworkId, SITE_NETWORKS, SiteId};
use parking_lot::Mutex;

/// The network has as many as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the network has as many as it may have")]
pub struct NetworkFull;

/// A bound for each network, and a wider one for all networks of a site. Has an entry for each that has something, so it is as large as
/// what is counted.
#[derive(Debug)]
pub struct PerNetwork {
    max: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    networks: HashMap<NetworkId, usize>,
    sites: HashMap<SiteId, usize>,
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
        let (mut counts, site) = (self.counts.lock(), SiteId::of_network(network));
        let of_network = counts.networks.get(&network).copied().unwrap_or_default();
        let of_site = site.and_then(|site| counts.sites.get(&site)).copied().unwrap_or_default();
        if of_network >= self.max || of_site >= self.max.saturating_mul(SITE_NETWORKS as usize) {
            return Err(NetworkFull);
        }
        counts.networks.insert(network, of_network + 1);
        if let Some(site) = site {
            counts.sites.insert(site, of_site + 1);
        }
        Ok(Occupied(Some((self.clone(), network))))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let Some((of, network)) = self.0.take() else { return };
        let mut counts = of.counts.lock();
        leave(&mut counts.networks, network);
        if let Some(site) = SiteId::of_network(network) {
            leave(&mut counts.sites, site);
        }
    }
}

fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
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
        assert!(networks.counts.lock().networks.is_empty());
        assert!(PerNetwork::new(0).enter(of("192.0.2.1")).is_err());
    }

    /// Guards: that one customer of IPv6, who has 65,536 networks, does not fill up everything with two for each.
    #[test]
    fn all_networks_of_a_site_have_a_bound_together() {
        let of = |text: String| Some(NetworkId::of(text.parse().unwrap()));
        let networks = PerNetwork::new(2);
        let enter = |network: u32| networks.enter(of(format!("2001:db8:1:{network:x}::1")));
        let places: Vec<_> = (0..SITE_NETWORKS)
            .flat_map(|network| [network, network])
            .map_while(|network| enter(network).ok())
            .collect();
        assert_eq!(places.len(), 2 * SITE_NETWORKS as usize);
        assert!(enter(0xffff).is_err(), "a network that has none yet");
        assert!(networks.enter(of("2001:db8:2::1".to_owned())).is_ok(), "another site");
        drop(places);
        let counts = networks.counts.lock();
        assert!(counts.networks.is_empty() && counts.sites.is_empty());
    }
}
