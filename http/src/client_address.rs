//! Client address: where a client is behind trusted proxies, and whether it came by HTTPS.
//!
//! Anybody can write `Forwarded` (RFC 7239) or `X-Forwarded-For`, so what they say is believed only as far as it was written by
//! proxies of our own: from the right end, where the nearest proxy has added whom it was talking to, up to the first address
//! that is not one of them. What stands to the left of that is the client's own invention and never looked at. Only the one field that
//! the configuration names is read: most proxies write one of the two, and hand the other on as the client has sent it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use domain::network::Network;
use http::{HeaderMap, HeaderName, header, request::Parts};

use super::edge::present::{Field, Present};

/// The field that most proxies write.
pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies of ours, and in which field they tell of their clients.
#[derive(Debug)]
pub(super) struct Proxies {
    trusted: Vec<Network>,
    field: HeaderName,
    /// Whether the other field was noticed.
    has_warned: AtomicBool,
}

impl Proxies {
    pub(super) fn new(trusted: &[Network], field: &HeaderName) -> Self {
        Self { trusted: trusted.to_vec(), field: field.clone(), has_warned: AtomicBool::new(false) }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// The address of the client that has sent these headers through `peer`. Anything that is not right on the way: the peer's
    /// own. IPv4 in IPv6 clothes is IPv4.
    pub(super) fn client_address(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.ip().to_canonical();
        if !self.is_trusted(peer) {
            return peer;
        }
        self.notice_other(peer, headers);
        self.client(headers).map_or(peer, |client| client.address)
    }

    /// Whether the client has come by HTTPS, as far as a proxy of ours says so. A client that comes without one can't know.
    pub(super) fn is_https(&self, peer: SocketAddr, head: &Parts, present: Present) -> bool {
        if !self.is_trusted(peer.ip()) {
            return false;
        }
        if self.field == header::FORWARDED {
            return self.client(&head.headers).is_some_and(|client| client.is_https);
        }
        // The first of several is the outermost.
        let outermost = |value: &[u8]| value.split(|byte| *byte == b',').next().is_some_and(is_scheme_https);
        head.uri.scheme_str() == Some("https")
            || present.has(Field::ForwardedProto)
                && head.headers.get(&X_FORWARDED_PROTO).is_some_and(|value| outermost(value.as_bytes()))
    }

    fn client(&self, headers: &HeaderMap) -> Option<Client> {
        let elements = elements(headers, &self.field);
        if self.field == header::FORWARDED {
            self.first_untrusted(elements.map(forwarded))
        } else {
            self.first_untrusted(elements.map(|text| Some(Client { address: node(text)?, is_https: false })))
        }
    }

    /// Of clients from the nearest to the farthest the first one that is no proxy of ours, or the farthest. `None` when there is
    /// none, or one before it can't be read.
    fn first_untrusted(&self, clients: impl Iterator<Item = Option<Client>>) -> Option<Client> {
        let mut farthest = None;
        for client in clients {
            let client = client?;
            if !self.is_trusted(client.address) {
                return Some(client);
            }
            farthest = Some(client);
        }
        farthest
    }

    /// Says once that a proxy lets the field through that is not read: either it writes that one, and all its clients are taken for one,
    /// or its clients do.
    fn notice_other(&self, peer: IpAddr, headers: &HeaderMap) {
        let other = if self.field == header::FORWARDED { &X_FORWARDED_FOR } else { &header::FORWARDED };
        if headers.contains_key(other) && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %peer, read = %self.field, ignored = %other, both = headers.contains_key(&self.field),
                "a trusted proxy lets a field through that is not read: make it remove it, or name the one that it \
                 writes in BOXOFFICE__HTTP__FORWARDED_HEADER"
            );
        }
    }
}

/// What a proxy says about whom it was talking to.
#[derive(Clone, Copy)]
struct Client {
    address: IpAddr,
    is_https: bool,
}

fn is_scheme_https(scheme: &[u8]) -> bool {
    scheme.trim_ascii().eq_ignore_ascii_case(b"https")
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

/// The node that an element of `Forwarded` names as `for`, exactly once, and its `proto`.
fn forwarded(element: &[u8]) -> Option<Client> {
    let (mut found, mut is_https) = (None, false);
    for pair in (FromTheRight { rest: Some(element), separator: b';' }) {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..equals], &pair[equals + 1..]);
        if name.eq_ignore_ascii_case(b"for") && found.replace(value).is_some() {
            return None;
        }
        is_https |= name.eq_ignore_ascii_case(b"proto") && is_scheme_https(unquoted(value));
    }
    Some(Client { address: node(unquoted(found?))?, is_https })
}

/// Addresses and schemes need no escapes, so a value with one is none.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
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

    /// With 10.0.0.0/8 and fd00::/8, which write this field.
    fn proxies(field: &str) -> Proxies {
        Proxies::new(&["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().unwrap()), &field.parse().unwrap())
    }

    fn head(fields: &[(&'static str, &str)]) -> Parts {
        let request =
            fields.iter().fold(http::Request::builder(), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn read(field: &str, peer: &str, fields: &[(&'static str, &str)]) -> String {
        proxies(field).client_address((peer.parse::<IpAddr>().unwrap(), 4711).into(), &head(fields).headers).to_string()
    }

    /// What is made of these fields.
    fn of(peer: &str, fields: &[(&'static str, &str)]) -> String {
        read("x-forwarded-for", peer, fields)
    }

    fn xff(value: &str) -> String {
        of(PEER, &[("x-forwarded-for", value)])
    }

    fn forwarded(value: &str) -> String {
        read("forwarded", PEER, &[("forwarded", value)])
    }

    /// Guards: that a field which proxies hand on as their clients have sent it says nothing.
    #[test]
    fn only_the_one_field_is_read() {
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "2.2.2.2"), ("x-real-ip", "3.3.3.3")];
        assert_eq!(of(PEER, &both), "2.2.2.2");
        assert_eq!(read("forwarded", PEER, &both), "1.1.1.1");
        assert_eq!(read("x-real-ip", PEER, &both), "3.3.3.3");
        assert_eq!(of(PEER, &both[..1]), PEER);
        let proxies = proxies("x-forwarded-for");
        proxies.client_address(SocketAddr::from(([10, 0, 0, 1], 1)), &head(&both[1..]).headers);
        assert!(!proxies.has_warned.load(Ordering::Relaxed));
        proxies.client_address(SocketAddr::from(([203, 0, 113, 1], 1)), &head(&both).headers);
        assert!(!proxies.has_warned.load(Ordering::Relaxed), "strangers may write what they like");
        proxies.client_address(SocketAddr::from(([10, 0, 0, 1], 1)), &head(&both).headers);
        assert!(proxies.has_warned.load(Ordering::Relaxed));
    }

    /// Guards: that anyone who comes without a proxy can't say how.
    #[test]
    fn only_proxies_say_that_a_client_has_come_by_https() {
        let is_https = |field: &str, peer: &str, fields: &[(&'static str, &str)]| {
            let head = head(fields);
            let peer = (peer.parse::<IpAddr>().unwrap(), 4711).into();
            proxies(field).is_https(peer, &head, Present::of(&head.headers))
        };
        let xff = |peer: &str, proto: &str| is_https("x-forwarded-for", peer, &[("x-forwarded-proto", proto)]);
        assert!(xff(PEER, "https") && xff(PEER, "HTTPS, http") && xff("::ffff:10.0.0.1", "https"));
        assert!(!xff(PEER, "http") && !xff(PEER, "http, https") && !xff("203.0.113.9", "https"));
        let forwarded =
            |value: &str| is_https("forwarded", PEER, &[("forwarded", value), ("x-forwarded-proto", "https")]);
        assert!(
            forwarded("for=1.2.3.4;proto=https") && forwarded("for=1.2.3.4;proto=\"https\", for=10.0.0.2;proto=http")
        );
        assert!(!forwarded("for=1.2.3.4") && !forwarded("for=9.9.9.9;proto=https, for=1.2.3.4;proto=http"));
    }

    #[test]
    fn without_a_proxy_of_ours_nothing_is_believed() {
        let lies = [("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")];
        assert_eq!(of("203.0.113.9", &lies), "203.0.113.9");
        assert_eq!(of("2001:db8::9", &lies), "2001:db8::9");
        assert_eq!(of("::ffff:203.0.113.9", &lies), "203.0.113.9");
        let peer = SocketAddr::from(([10, 0, 0, 1], 1));
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, "1.1.1.1".parse().unwrap())]);
        let nobody = Proxies::new(&[], &X_FORWARDED_FOR);
        assert_eq!(nobody.client_address(peer, &headers), peer.ip(), "none are proxies unless told");
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
    fn forwarded_is_read_as_its_rfc_says() {
        assert_eq!(forwarded("for=192.0.2.43"), "192.0.2.43");
        assert_eq!(forwarded("For=\"[2001:db8:cafe::17]:4711\";proto=http;by=203.0.113.43"), "2001:db8:cafe::17");
        assert_eq!(forwarded("for=9.9.9.9, by=10.0.0.2;FOR=\"192.0.2.43:47011\", for=10.0.0.3"), "192.0.2.43");
        let hidden = [("forwarded", "for=_hidden"), ("x-forwarded-for", "2.2.2.2")];
        assert_eq!(read("forwarded", PEER, &hidden), PEER);
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
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, http::HeaderValue::from_bytes(b"1.2.3.4\xff").unwrap())]);
        let address = proxies("x-forwarded-for").client_address(SocketAddr::from(([10, 0, 0, 1], 1)), &headers);
        assert_eq!(address.to_string(), PEER);
    }
}
