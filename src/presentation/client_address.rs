//! Where a client is, when proxies stand in between.
//!
//! Anybody can write `Forwarded` (RFC 7239) or `X-Forwarded-For`, so what they say is believed only as far as it was written by
//! proxies of our own: from the right end, where the nearest proxy has added whom it was talking to, up to the first address
//! that is not one of them. What stands to the left of that is the client's own invention and never looked at.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

use crate::config::Network;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client that has sent these headers through `peer`. Anything that is not right on the way: the peer's
/// own. IPv4 in IPv6 clothes is IPv4.
pub(super) fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.ip().to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let client = if headers.contains_key(header::FORWARDED) {
        first_untrusted(elements(headers, &header::FORWARDED).map(forwarded_for), is_trusted)
    } else {
        first_untrusted(elements(headers, &X_FORWARDED_FOR).map(node), is_trusted)
    };
    client.unwrap_or(peer)
}

/// Of addresses from the nearest to the farthest the first one that is not trusted, or the farthest. `None` when there is
/// none, or one before it can't be read.
fn first_untrusted(
    addresses: impl Iterator<Item = Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut farthest = None;
    for address in addresses {
        let address = address?;
        if !is_trusted(address) {
            return Some(address);
        }
        farthest = Some(address);
    }
    farthest
}

/// The elements of a list that may be spread over several fields, from the last to the first.
fn elements<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().rev().flat_map(|value| FromTheRight { rest: Some(value.as_bytes()), separator: b',' })
}

/// Splits at separators outside of quoted strings, from the right: a quoted string that the client has left open must not
/// swallow what proxies have added after it.
struct FromTheRight<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> Iterator for FromTheRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut quoted = false;
        for (at, byte) in rest.iter().enumerate().rev() {
            if *byte == b'"' {
                let backslashes = rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                quoted ^= backslashes % 2 == 0;
            } else if *byte == self.separator && !quoted {
                self.rest = Some(&rest[..at]);
                return Some(rest[at + 1..].trim_ascii());
            }
        }
        self.rest = None;
        Some(rest.trim_ascii())
    }
}

/// The node that an element of `Forwarded` names as `for`, exactly once.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in (FromTheRight { rest: Some(element), separator: b';' }) {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        if name.eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?;
    // Addresses need no escapes, so a value with one is none.
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    node(unquoted.unwrap_or(value))
}

/// An address, perhaps with a port: `192.0.2.43:47011`, `[2001:db8::17]:47011`, `2001:db8::17`. Not `unknown`, and no names.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let address = text.parse().ok().or_else(|| {
        let within = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        within.and_then(|text| text.parse().ok().map(IpAddr::V6))
    });
    let address = address.or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1";

    /// What is made of these fields, when 10.0.0.0/8 and fd00::/8 are proxies.
    fn of(peer: &str, fields: &[(&'static str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        client_address((peer.parse::<IpAddr>().unwrap(), 4711).into(), &headers, &trusted).to_string()
    }

    fn xff(value: &str) -> String {
        of(PEER, &[("x-forwarded-for", value)])
    }

    fn forwarded(value: &str) -> String {
        of(PEER, &[("forwarded", value)])
    }

    #[test]
    fn without_a_proxy_of_ours_nothing_is_believed() {
        let lies = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")];
        assert_eq!(of("203.0.113.9", &lies), "203.0.113.9");
        assert_eq!(of("2001:db8::9", &lies), "2001:db8::9");
        assert_eq!(of("::ffff:203.0.113.9", &lies), "203.0.113.9");
        let peer = SocketAddr::from(([10, 0, 0, 1], 1));
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR.clone(), "1.1.1.1".parse().unwrap())]);
        assert_eq!(client_address(peer, &headers, &[]), peer.ip(), "none are proxies unless told");
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_is_the_client() {
        assert_eq!(xff("1.2.3.4"), "1.2.3.4");
        assert_eq!(xff("9.9.9.9, 1.2.3.4"), "1.2.3.4", "the client has made 9.9.9.9 up");
        assert_eq!(xff("9.9.9.9,1.2.3.4 , 10.7.7.7,10.0.0.2"), "1.2.3.4");
        assert_eq!(xff("10.3.3.3, 10.0.0.2"), "10.3.3.3", "all are proxies: the farthest");
        assert_eq!(xff("9.9.9.9, ::ffff:1.2.3.4, fd00::1, ::ffff:10.0.0.2"), "1.2.3.4");
        assert_eq!(of("::ffff:10.0.0.1", &[("x-forwarded-for", "1.2.3.4")]), "1.2.3.4");
        assert_eq!(of(PEER, &[("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "10.0.0.2")]), "2.2.2.2");
    }

    #[test]
    fn forwarded_is_read_as_its_rfc_says_and_wins() {
        assert_eq!(forwarded("for=192.0.2.43"), "192.0.2.43");
        assert_eq!(forwarded("For=\"[2001:db8:cafe::17]:4711\";proto=http;by=203.0.113.43"), "2001:db8:cafe::17");
        assert_eq!(forwarded("for=9.9.9.9, by=10.0.0.2;FOR=\"192.0.2.43:47011\", for=10.0.0.3"), "192.0.2.43");
        assert_eq!(of(PEER, &[("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "2.2.2.2")]), "1.1.1.1");
        assert_eq!(of(PEER, &[("forwarded", "for=_hidden"), ("x-forwarded-for", "2.2.2.2")]), PEER);
    }

    /// Watches the splitting from the right and the quotes.
    #[test]
    fn quotes_neither_swallow_what_a_proxy_added_nor_let_anything_in() {
        assert_eq!(forwarded("for=\"9.9.9.9, for=1.2.3.4"), "1.2.3.4");
        assert_eq!(forwarded("for=1.2.3.4;host=\"x, for=9.9.9.9\""), "1.2.3.4");
        assert_eq!(forwarded("for=1.2.3.4;host=\"x;for=9.9.9.9\""), "1.2.3.4");
        assert_eq!(forwarded("for=1.2.3.4;host=\"x\\\", for=9.9.9.9\""), "1.2.3.4");
        assert_eq!(forwarded("for=\"9.9.9.9\\\", for=1.2.3.4"), "1.2.3.4");
    }

    #[test]
    fn what_is_malformed_is_the_peer() {
        for value in
            ["", " ", "unknown", "1.2.3.4, unknown", "1.2.3.4:x", "1.2.3.4, ,10.0.0.2", "fe80::1%eth0", "[1.2.3.4]"]
        {
            assert_eq!(xff(value), PEER, "{value:?}");
        }
        for value in [
            "",
            "for",
            "proto=https",
            "for=unknown",
            "for=_x",
            "for=1.2.3.4;for=5.6.7.8",
            "for=\"1.2.3.4",
            "for=\"\\1.2.3.4\"",
        ] {
            assert_eq!(forwarded(value), PEER, "{value:?}");
        }
        // Left of the client nobody looks, so nobody can hide behind the proxy by writing nonsense there.
        assert_eq!(xff("nonsense\", 1.2.3.4"), "1.2.3.4");
        assert_eq!(forwarded("for==;;\", for=1.2.3.4"), "1.2.3.4");
    }

    #[test]
    fn what_is_not_ascii_is_the_peer() {
        let headers =
            HeaderMap::from_iter([(X_FORWARDED_FOR.clone(), http::HeaderValue::from_bytes(b"1.2.3.4\xff").unwrap())]);
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client_address(SocketAddr::from(([10, 0, 0, 1], 1)), &headers, &trusted).to_string(), PEER);
    }
}
