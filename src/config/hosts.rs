//! Names of hosts.

use std::{fmt, str::FromStr};

/// A list of them, separated by commas.
#[derive(Default)]
pub(super) struct Hosts(pub(super) Vec<String>);

impl Hosts {
    /// What would be right.
    pub(super) const RIGHT: &'static str =
        "names of hosts separated by commas, such as boxoffice,box-1.internal.example: no port";
}

impl FromStr for Hosts {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.split(',').map(|part| host(part.trim()).ok_or(())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// In small letters, as they are compared.
fn host(text: &str) -> Option<String> {
    let is_right = (1..=253).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_right.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_without_ports_and_wildcards() {
        let read = |text: &str| text.parse::<Hosts>().map(|hosts| hosts.0);
        assert_eq!(read("Server, box-1.internal.example").unwrap(), ["server", "box-1.internal.example"]);
        for wrong in ["", "*", "server:9090", "a,", "http://server", "*.example"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
