//! CORS: which other sites' pages may use this API (the Fetch standard, 3.2).

use http::{HeaderMap, HeaderValue, header};

use crate::reply::Reply;

/// What a page may read of an answer, beyond the few headers that every page may.
static EXPOSED: HeaderValue = HeaderValue::from_static(
    "location, retry-after, ratelimit, ratelimit-policy, ratelimit-limit, ratelimit-remaining, ratelimit-reset, etag, \
     x-request-id, idempotent-replayed, api-version",
);
/// What a page may send, beyond the few headers that every page may.
static ACCEPTED: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, api-version, x-request-id, \
     x-csrf-token",
);
/// For how many seconds a browser need not ask again; two hours is what Chromium keeps at most. A change of the whitelist
/// needs that long to be seen by those it takes off, who can read nothing from the first moment anyway.
static MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
static TRUE: HeaderValue = HeaderValue::from_static("true");
static ORIGIN: HeaderValue = HeaderValue::from_static("origin");

/// The whitelist. Origins are compared as they are: no patterns, so nothing is let in that nobody wrote down, and the origin
/// that is sent back is ours and not the client's.
#[derive(Debug)]
pub(super) struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    pub(super) fn new(origins: &[String]) -> Self {
        // What is no header value is no origin either; the configuration has refused it.
        Self { origins: origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect() }
    }

    /// The origin of the page that asks, if it is on the list.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let asking = headers.get(header::ORIGIN)?;
        self.origins.iter().find(|origin| *origin == asking).cloned()
    }

    /// Lets the page of `origin` read the answer, with the cookies of its user: that is what the refresh token is in.
    pub(super) fn open(&self, headers: &mut HeaderMap, origin: Option<HeaderValue>) {
        if self.origins.is_empty() {
            return;
        }
        // Also for those who are not on the list: a cache must not give the one's answer to the other.
        headers.append(header::VARY, ORIGIN.clone());
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE.clone());
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED.clone());
        }
    }

    /// What a browser asks before a request that a form could not make. `allow`: the methods of the path.
    pub(super) fn preflight(reply: Reply, allow: &HeaderValue) -> Reply {
        reply
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone())
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED.clone())
            .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(origin: &str) -> HeaderMap {
        [(header::ORIGIN, HeaderValue::from_str(origin).unwrap())].into_iter().collect()
    }

    #[test]
    fn only_the_very_origin_is_on_the_list() {
        let cors = Cors::new(&["https://shop.example".to_owned(), "http://localhost:3000".to_owned()]);
        for origin in ["https://shop.example", "http://localhost:3000"] {
            assert_eq!(cors.origin(&asking(origin)).unwrap(), origin);
        }
        for origin in [
            "http://shop.example",
            "https://shop.example:8443",
            "https://shop.example.evil.example",
            "https://evil-shop.example",
            "https://www.shop.example",
            "https://SHOP.example",
            "http://localhost",
            "null",
            "*",
            "",
        ] {
            assert_eq!(cors.origin(&asking(origin)), None, "{origin}");
        }
        assert_eq!(cors.origin(&HeaderMap::new()), None);
    }

    #[test]
    fn without_a_list_nothing_varies() {
        let mut headers = HeaderMap::new();
        Cors::new(&[]).open(&mut headers, None);
        assert!(headers.is_empty());
        Cors::new(&["https://a.example".to_owned()]).open(&mut headers, None);
        assert_eq!(headers.keys().collect::<Vec<_>>(), [header::VARY]);
    }
}
