//! DNS rebinding protection of the operations listener, which asks nobody who they are, because only operators reach
//! it. An operator's browser reaches it too, with any page that is open there.
//!
//! A page of a stranger can read what it asks for only from its own origin. So it has its own name lead to this machine (DNS rebinding):
//! the request then names that host. And it can send forms anywhere without reading the answer: the request then names its origin.

use std::net::IpAddr;

use domain::network::is_private;
use http::{HeaderMap, header, request::Parts, uri::Authority};

use super::csrf::{self, Page};
use crate::{problem::Problem, problem_codes::Code};

/// The names by which such a listener may be asked.
#[derive(Debug)]
pub(super) struct OwnHosts(Vec<String>);

impl OwnHosts {
    /// `names` beside those of this machine and the addresses of private networks; in small letters, without ports.
    pub(super) fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    pub(super) fn check(&self, head: &Parts) -> Result<(), Problem> {
        // Without one there is no browser: each of them names the host.
        if let Some(host) = host_of(head)
            && !self.is_own(&host?)
        {
            return Err(misdirected());
        }
        match csrf::page(&head.uri, &head.headers) {
            Page::Own => Ok(()),
            // A link to a page here is followed by a person who wants to see it, and shows the page that has it nothing.
            Page::Other if is_visit(&head.headers) && head.method.is_safe() => Ok(()),
            Page::Other => {
                Err(Problem::new(Code::CrossSite).detail("pages of other origins may not use this listener"))
            }
        }
    }

    fn is_own(&self, host: &Authority) -> bool {
        let name = host.host().trim_end_matches('.').to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.map_or_else(
            |_| name == "localhost" || name.ends_with(".localhost") || self.0.contains(&name),
            |address| is_private(address.to_canonical()),
        )
    }
}

/// The host that a request names, in HTTP/1.1 by a field and in HTTP/2 by a part of the target.
fn host_of(head: &Parts) -> Option<Result<Authority, Problem>> {
    if let Some(authority) = head.uri.authority() {
        return Some(Ok(authority.clone()));
    }
    let value = head.headers.get(header::HOST)?;
    Some(value.to_str().ok().and_then(|host| host.parse().ok()).ok_or_else(misdirected))
}

/// Whether a browser asks because its user goes to another page.
fn is_visit(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

fn misdirected() -> Problem {
    Problem::new(Code::Misdirected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, target: &str, fields: &[(&str, &str)]) -> Option<Code> {
        let request = http::Request::builder().method(method).uri(target);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let head = request.body(()).unwrap().into_parts().0;
        OwnHosts::new(vec!["server".to_owned()]).check(&head).err().map(|problem| problem.code())
    }

    #[test]
    fn a_name_of_somebody_elses_is_refused() {
        for own in [
            "localhost:9090",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "127.0.0.1:9090",
            "127.9.9.9",
            "[::1]:9090",
            "10.1.2.3:9090",
            "192.168.7.7",
            "[fd00::7]:9090",
            "[::ffff:10.1.2.3]",
            "server:9090",
            "Server",
        ] {
            assert_eq!(check("GET", "/mails", &[("host", own)]), None, "{own}");
        }
        for other in [
            "rebind.example",
            "rebind.example:9090",
            "127.0.0.1.rebind.example",
            "localhost.rebind.example",
            "server.rebind.example",
            "203.0.113.9:9090",
            "[2001:db8::1]:9090",
            "a b",
            "",
        ] {
            assert_eq!(check("GET", "/mails", &[("host", other)]), Some(Code::Misdirected), "{other}");
        }
        assert_eq!(check("GET", "http://rebind.example/mails", &[("host", "localhost")]), Some(Code::Misdirected));
        assert_eq!(check("GET", "/metrics", &[]), None, "HTTP/1.0 without a host is no browser");
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let host = ("host", "localhost:9090");
        let retry = |fields: &[(&str, &str)]| check("POST", "/anything", &[&[host], fields].concat());
        assert_eq!(retry(&[]), None);
        assert_eq!(retry(&[("origin", "http://localhost:9090")]), None);
        for fields in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "http://localhost:8080")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            &[("referer", "https://evil.example/")],
        ] {
            assert_eq!(retry(fields), Some(Code::CrossSite), "{fields:?}");
        }
        let link =
            [host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!(check("GET", "/metrics", &link), None);
        assert_eq!(check("GET", "/metrics", &link[..2]), Some(Code::CrossSite), "a picture, a script");
    }
}
