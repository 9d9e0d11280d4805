//! Places that nobody has paid: how many of an event one account, and one network, may have in holds and unpaid bookings, and
//! how often they may let them run out. Without such caps one throw-away account keeps a whole house for nothing.

use std::net::IpAddr;

use crate::rate_limit::Rate;

/// The network that a client comes from: one address of IPv4, and a /64 of IPv6, which is what a customer has at least.
/// Compared and counted in memory, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NetworkId(u64);

impl NetworkId {
    /// Of an address. IPv4 in IPv6 clothes is IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // No global network of IPv6 begins with zeros, so the two never meet.
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }
}

/// Networks of a site that may be at their bounds at once: what a site has in all is bounded by so many times what a network has. Too
/// high: one customer, who gets 65,536 networks, takes what others need. Too low: those whose provider gives each of them a network of
/// one site keep each other out.
pub const SITE_NETWORKS: u32 = 32;

/// The site that a network of IPv6 belongs to, a /48, which is the most that one customer gets. Nobody gets several addresses of IPv4 as
/// easily, so those have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SiteId(u64);

impl SiteId {
    /// Of an address. IPv4 in IPv6 clothes is IPv4.
    pub fn of(address: IpAddr) -> Option<Self> {
        Self::of_network(NetworkId::of(address))
    }

    pub fn of_network(network: NetworkId) -> Option<Self> {
        // An address of IPv4 has zeros there, and no global network of IPv6 does.
        (network.0 >> 32 != 0).then_some(Self(network.0 >> 16))
    }

    pub fn bits(self) -> u64 {
        self.0
    }
}

/// The caps of one event. Free bookings, which are confirmed at once, and blocks of organizers are exempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaidLimits {
    /// Most unpaid places of one account.
    pub per_account: u32,
    /// Most unpaid places of all accounts of one network.
    pub per_network: u32,
    /// How often an account may let a hold or an unpaid booking run out; above it, it has to wait before it takes more.
    pub expiries: Rate,
}

/// What is known of who asks for places, beside the account.
#[derive(Clone, Copy, Debug)]
pub struct Buyer {
    /// From where; `None` for networks without a cap.
    pub network: Option<NetworkId>,
    /// Whether new places may be taken. Without it a request that is known by its key is answered, and any other refused.
    pub may_take: bool,
}

impl Default for Buyer {
    fn default() -> Self {
        Self { network: None, may_take: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_of_ipv4_or_a_64_of_ipv6() {
        let of = |address: &str| NetworkId::of(address.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn a_site_is_a_48_of_ipv6() {
        let of = |address: &str| SiteId::of(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:ffff::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:2:2::1"));
        assert_eq!((of("192.0.2.1"), of("::ffff:192.0.2.1")), (None, None));
    }
}
