//! What names one request in its answer, in the log and in problems.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::edge::present::{Field, Present};

/// Longest request id that is accepted from a client, in bytes: what proxies and tracers make is shorter.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Correlates an answer with the log; a client may choose its value.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names one request in its answer, in the log and in problems.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's `X-Request-Id` when it has the form of one, 1 to 64 letters, digits, `-` and `_`; a new UUIDv7 otherwise. It is
    /// logged as it is, and kept in the audit log, so no address, no telephone number and no token may pass for one.
    pub(super) fn of(headers: &HeaderMap, present: Present) -> Self {
        if !present.has(Field::RequestId) {
            return Self::generate();
        }
        let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        match headers.get(&REQUEST_ID) {
            Some(value)
                if (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.as_bytes().iter().all(harmless) =>
            {
                Self(value.clone())
            }
            _ => Self::generate(),
        }
    }

    /// A new UUIDv7. `Uuid::now_v7` would also keep the order of those that are made in one millisecond, which costs a lock that
    /// all requests take, and which nobody needs.
    pub(super) fn generate() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since_epoch.as_millis()).unwrap_or_default();
        let [random @ .., _, _, _, _, _, _] = rand::random::<u128>().to_ne_bytes();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = uuid::Uuid::encode_buffer();
        let text = id.hyphenated().encode_lower(&mut text);
        // Hexadecimal digits and hyphens are always a header value; the fallback only avoids a panic path.
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("unknown")))
    }

    pub fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// As a header that is its own: a copy would count references.
    pub(super) fn into_header(self) -> HeaderValue {
        self.0
    }

    pub fn as_str(&self) -> &str {
        // Made of visible ASCII by both constructors.
        self.0.to_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID.clone(), HeaderValue::from_str(value).unwrap());
        RequestId::of(&headers, Present::of(&headers)).as_str().to_owned()
    }

    #[test]
    fn a_harmless_request_id_is_kept_and_any_other_replaced() {
        for good in ["order-17", "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21", "01J9ZQ_x", &"f".repeat(64)] {
            assert_eq!(id_of(good), good);
        }
        for bad in
            ["", "a b", "a\"b", "{}", "ada@example.org", "+4915112345678", "eyJh.eyJz.c2ln", "/x?t=1", &"x".repeat(65)]
        {
            let id = id_of(bad);
            assert!(id != bad && id.parse::<uuid::Uuid>().is_ok(), "{bad:?} gave {id}");
        }
        let none = HeaderMap::new();
        assert!(RequestId::of(&none, Present::of(&none)).as_str().parse::<uuid::Uuid>().is_ok());
    }
}
