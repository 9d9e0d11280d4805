//! Origins of pages, as browsers write them.

use std::{fmt, str::FromStr};

use http::{Uri, uri::Scheme};

/// A list of origins, separated by commas.
#[derive(Default)]
pub(super) struct Origins(pub(super) Vec<String>);

impl Origins {
    /// What would be right.
    pub(super) const RIGHT: &'static str = "origins separated by commas, such as https://shop.example,http://localhost:3000: \
        no path, no port that is the scheme's own, no wildcard";
}

impl FromStr for Origins {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.split(',').map(|part| origin(part.trim()).ok_or(())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// Scheme, host and port, in the one way in which browsers write them (RFC 6454, 6.2): what is written differently would
/// never match, and nobody would know why.
fn origin(text: &str) -> Option<String> {
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
    fn origins_are_those_that_a_browser_would_send() {
        let read = |text: &str| text.parse::<Origins>().map(|origins| origins.0);
        assert_eq!(
            read("https://Shop.example, http://localhost:3000,http://[::1]:8080").unwrap(),
            ["https://shop.example", "http://localhost:3000", "http://[::1]:8080"]
        );
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
            "https://a.example,",
            "",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
