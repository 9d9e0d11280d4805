//! Whether two requests that create something ask for the same: by what would be stored of them, and not by how it is written.

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{bookings::Fingerprint, events::fields::time_zone, text};

/// Of a JSON body that was sent to `path`.
pub fn of_request(path: &str, body: Value) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(path.len().to_be_bytes());
    hash.update(path);
    hash.update(as_stored(body).to_string());
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    Fingerprint(Uuid::from_bytes(half))
}

/// Texts in the form in which they are stored. A member that is `null` or empty is one that is left out. Bodies have types, so they are as
/// deep as these.
fn as_stored(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let stored = members.into_iter().map(|(name, value)| {
                let value = match as_stored(value) {
                    Value::String(zone) if name == "timeZone" => time_zone("timeZone", &zone).unwrap_or(zone).into(),
                    // Of a promo code.
                    Value::String(code) if name == "code" => code.to_ascii_uppercase().into(),
                    Value::String(value) if name == "value" => without_zeros(&value).into(),
                    value => value,
                };
                (name, value)
            });
            Value::Object(stored.filter(|(_, value)| !is_nothing(value)).collect())
        }
        Value::Array(entries) => entries.into_iter().map(as_stored).collect(),
        Value::String(text) => text::normalised(&text).into(),
        value => value,
    }
}

/// A decimal number without the zeros at its end.
fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_the_same_by_what_it_means() {
        let of = of_request;
        let first = of("/a", json!({ "name": "A", "of": [{ "x": 1, "y": null }], "at": null }));
        assert_eq!(first, of("/a", json!({ "of": [{ "x": 1 }], "name": "A" })));
        assert_ne!(first, of("/b", json!({ "of": [{ "x": 1 }], "name": "A" })));
        assert_ne!(first, of("/a", json!({ "of": [{ "x": 2 }], "name": "A" })));
        assert_ne!(first, of("/a", json!({ "of": [{ "x": 1 }, { "x": 1 }], "name": "A" })));
    }

    #[test]
    fn how_the_same_is_written_makes_no_other_request() {
        let first = of_request("/a", json!({ "name": "Zoë", "timeZone": "Europe/Berlin" }));
        for same in [
            json!({ "name": "  Zoë\n", "timeZone": "Europe/Berlin" }),
            json!({ "name": "Zoe\u{308}", "timeZone": "europe/BERLIN " }),
            json!({ "name": "Zoë", "timeZone": "Europe/Berlin", "summary": " ", "tags": [] }),
        ] {
            assert_eq!(first, of_request("/a", same.clone()), "{same}");
        }
        for other in [
            json!({ "name": "zoë", "timeZone": "Europe/Berlin" }),
            json!({ "name": "Zoë", "timeZone": "Europe/Paris" }),
            json!({ "name": "Zoë", "timeZone": "Europe/Berlin", "tags": ["a"] }),
            json!({ "name": "Zoë", "timeZone": "Europe/Berlin", "free": false }),
        ] {
            assert_ne!(first, of_request("/a", other.clone()), "{other}");
        }
        let code = |code: &str, value: &str| of_request("/a", json!({ "code": code, "value": value }));
        assert_eq!(code("SPRING", "0.1"), code("spring", "0.10"));
        assert_eq!(code("SPRING", "5"), code("spring ", "5.00"));
        assert_ne!(code("SPRING", "5"), code("SPRING", "50"));
        assert_ne!(code("SPRING", "5"), code("SPRINGS", "5"));
    }
}
