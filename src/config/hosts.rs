//! Names of hosts, and origins of pages as browsers write them.

use http::{Uri, uri::Scheme};

/// What would be right.
pub(super) const HOSTS: &str = "names of hosts separated by commas, such as boxoffice,box-1.internal.example: no port";
pub(super) const ORIGINS: &str = "origins separated by commas, such as https://shop.example,http://localhost:3000: no path, \
    no port that is the scheme's own, no wildcard";

/// In small letters, as they are compared.
pub(super) fn host(text: &str) -> Option<String> {
    let is_right = (1..=253).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_right.then(|| text.to_ascii_lowercase())
}

/// Scheme, host and port, in the one way in which browsers write them (RFC 6454, 6.2): what is written differently would
/// never match, and nobody would know why.
pub(super) fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme()?, uri.authority()?);
    let own_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let is_right = (*scheme == Scheme::HTTPS || *scheme == Scheme::HTTP)
        && text == format!("{scheme}://{authority}")
        && !authority.host().is_empty()
        && !authority.as_str().contains(['*', '@'])
        && authority.port_u16() != Some(own_port);
    is_right.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_without_ports_and_wildcards() {
        assert_eq!(host("Server").unwrap(), "server");
        assert_eq!(host("box-1.internal.example").unwrap(), "box-1.internal.example");
        for wrong in ["", "*", "server:9090", "a,", "http://server", "*.example"] {
            assert!(host(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn origins_are_those_that_a_browser_would_send() {
        for (text, written) in [
            ("https://Shop.example", "https://shop.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(origin(text).unwrap(), written);
        }
        for wrong in [
            "*",
            "null",
            "shop.example",
            "https://",
            "https://*.shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://shop.example?x",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://user@shop.example",
            "ftp://shop.example",
            "https://a.example,https://b.example",
            "",
        ] {
            assert!(origin(wrong).is_none(), "{wrong}");
        }
    }
}
