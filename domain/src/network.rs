//! Networks in CIDR form.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{AddrParseError, IpNet, Ipv4Net, Ipv6Net};

/// What a list of them looks like.
pub const NETWORKS: &str = "networks separated by commas, such as 127.0.0.0/8,::1/128";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Addresses that are nobody's in the internet: a network inside is somebody's own, however wide it is.
const PRIVATE: [IpNet; 9] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)),
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10)),
];
/// Wider networks of public addresses are nobody's alone: a /8 of IPv4, a /20 of IPv6.
const WIDEST: (u8, u8) = (8, 20);

/// Whether an address leads to this machine or to one of a private network.
pub fn is_private(address: IpAddr) -> bool {
    PRIVATE.iter().any(|network| network.contains(&address.to_canonical()))
}

impl Network {
    /// Whether `address` is inside. An IPv4 address in IPv6 clothes (`::ffff:1.2.3.4`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether strangers have addresses in it: it is wider than what one operator has.
    pub fn is_open(&self) -> bool {
        let widest = if self.0.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
        self.0.prefix_len() < widest && !PRIVATE.iter().any(|network| network.contains(&self.0))
    }
}

impl FromStr for Network {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let address = |error| text.parse().map(|address: IpAddr| address.into()).map_err(|_| error);
        text.parse().or_else(address).map(Self)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_strangers_are_in_is_open() {
        let is_open = |network: &str| network.parse::<Network>().unwrap().is_open();
        for open in
            ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/6", "2000::/3", "2001::/16", "10.0.0.0/7"]
        {
            assert!(is_open(open), "{open}");
        }
        for own in [
            "10.0.0.0/8",
            "127.0.0.0/8",
            "fc00::/7",
            "fd00::/8",
            "::1",
            "104.16.0.0/13",
            "2a06:98c0::/29",
            "203.0.113.9",
        ] {
            assert!(!is_open(own), "{own}");
        }
    }

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        let contains =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("127.0.0.0/8", "127.9.9.9") && !contains("127.0.0.0/8", "128.0.0.1"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("10.1.2.3", "10.1.2.3") && !contains("10.1.2.3", "10.1.2.2"));
        assert!(contains("::1/128", "::1") && !contains("::1/128", "::2") && contains("::/0", "fe80::1"));
        assert!(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
        for wrong in ["", "127.0.0.0/33", "::1/129", "localhost", "127.0.0.1/x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
