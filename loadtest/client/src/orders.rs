//! Requests for bookings that follow from their numbers, so that any of them can be asked again.

use std::io::Write as _;

use crate::fixture::{Fixture, House};

/// Who asks whom, and under which keys.
#[derive(Clone, Debug)]
pub struct Orders {
    host: String,
    /// Tells the keys of this run from those of any other.
    run: String,
    tokens: Vec<String>,
}

impl Orders {
    /// Asks `host` in the names of all buyers of `fixture`. `run` must be new for each flow on one database.
    pub fn new(fixture: &Fixture, host: &str, run: &str) -> Self {
        let tokens = fixture.users.iter().map(|user| user.access_token.clone()).collect();
        Self { host: host.to_owned(), run: run.to_owned(), tokens }
    }

    /// One place of the event, as request `number`.
    pub fn place(&self, event: &House, number: u64, request: &mut Vec<u8>) {
        let mut body = [0; 128];
        let length = fill(
            &mut body,
            format_args!(r#"{{"items":[{{"ticketTypeId":"{}","quantity":1}}]}}"#, event.ticket_type_id),
        );
        self.write(&event.id, number, body.get(..length).unwrap_or_default(), request);
    }

    /// This seat of the event, as request `number`.
    pub fn seat(&self, event: &House, seat: &str, number: u64, request: &mut Vec<u8>) {
        let mut body = [0; 192];
        let length = fill(
            &mut body,
            format_args!(r#"{{"items":[{{"ticketTypeId":"{}","seatIds":["{seat}"]}}]}}"#, event.ticket_type_id),
        );
        self.write(&event.id, number, body.get(..length).unwrap_or_default(), request);
    }

    fn write(&self, event: &str, number: u64, body: &[u8], request: &mut Vec<u8>) {
        // Another buyer each time, without a pattern that a remembered token would profit from.
        let buyer = usize::try_from(number.wrapping_mul(31)).unwrap_or_default() % self.tokens.len().max(1);
        let token = self.tokens.get(buyer).map_or("", String::as_str);
        // Into memory: this can't fail.
        let _ = write!(
            request,
            "POST /api/v1/events/{event}/bookings HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nidempotency-key: {}-{number}\r\ncontent-length: {}\r\n\r\n",
            self.host,
            self.run,
            body.len()
        );
        request.extend_from_slice(body);
    }
}

/// Writes into `buffer`, and says how much. What does not fit is cut off, and refused by the server.
fn fill(buffer: &mut [u8], text: std::fmt::Arguments<'_>) -> usize {
    let size = buffer.len();
    let mut rest = buffer;
    let _ = rest.write_fmt(text);
    size - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_always_gives_the_same_request() {
        let fixture = serde_json::json!({ "users": [{ "accessToken": "a" }, { "accessToken": "b" }], "events": [] });
        let orders = Orders::new(&serde_json::from_value(fixture).unwrap(), "h", "r");
        let event = House { id: "e".to_owned(), ticket_type_id: "t".to_owned() };
        let text = |number: u64| {
            let mut request = Vec::new();
            orders.seat(&event, "s", number, &mut request);
            String::from_utf8(request).unwrap()
        };
        assert_eq!(text(7), text(7));
        assert!(text(7).contains("Bearer b\r\n") && text(8).contains("Bearer a\r\n"), "{}", text(7));
        let body = r#"{"items":[{"ticketTypeId":"t","seatIds":["s"]}]}"#;
        assert!(text(7).contains("\r\nidempotency-key: r-7\r\n") && text(7).ends_with(body));
        assert!(text(7).contains(&format!("content-length: {}\r\n\r\n{{", body.len())));
    }
}
