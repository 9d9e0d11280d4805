//! What is asked for.

use std::{cell::Cell, io::Write as _};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::fixture::{Fixture, House};

/// A kind of on-sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// One place of one general-admission event, for everybody.
    HotGa,
    /// One seat of one house, each request another free one; then the next house.
    NamedSeats,
    /// One seat of one house, the best that is free.
    BestAvailable,
    /// One place of one of many events in turn.
    ManyEvents,
    /// A hold of one place of one event, then the booking of that hold.
    HoldThenBook,
}

/// What a request is, and so what its answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Keeps places.
    Hold,
    /// Books.
    Book,
}

/// What a visitor looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// What is left of an event: from the server's memory.
    Availability,
    /// An event: from its database.
    Event,
}

impl Read {
    /// Each of them, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Availability, Self::Event];

    /// What the read with this number is: in turn.
    pub fn of(number: u64) -> Self {
        if number.is_multiple_of(2) { Self::Availability } else { Self::Event }
    }
}

/// A buyer in front of one connection.
#[derive(Debug, Default)]
pub struct Buyer {
    /// Which of the fixture's accounts.
    user: usize,
    /// What is to be booked next.
    hold: Option<Box<str>>,
}

/// Everything a run asks for, and what it has asked for so far.
#[derive(Debug)]
pub struct Workload {
    scenario: Scenario,
    host: String,
    /// Tells the keys of this run from those of any other.
    run: String,
    tokens: Vec<String>,
    events: Vec<House>,
    seats: Vec<String>,
    asked: Cell<u64>,
}

impl Workload {
    /// The scenario on `fixture`, asked of `host`. `run` must be new for each run on one database; houses that earlier
    /// runs used up are skipped.
    pub fn new(scenario: Scenario, fixture: Fixture, host: &str, run: &str, skip: usize) -> anyhow::Result<Self> {
        let kind = match scenario {
            Scenario::HotGa | Scenario::HoldThenBook => "hot-ga",
            Scenario::NamedSeats | Scenario::BestAvailable => "hot-seated",
            Scenario::ManyEvents => "lukewarm",
        };
        let mut events = fixture.of_kind(kind)?;
        let seats = fixture.events.into_iter().find(|event| event.kind == "hot-seated").map(|event| event.seat_ids);
        if kind == "hot-seated" {
            events.extend(fixture.houses);
            events.drain(..skip.min(events.len()));
        }
        Ok(Self {
            scenario,
            host: host.to_owned(),
            run: run.to_owned(),
            tokens: fixture.users.into_iter().map(|user| user.access_token).collect(),
            events,
            seats: seats.unwrap_or_default(),
            asked: Cell::new(0),
        })
    }

    /// A buyer for the connection with this number.
    pub fn buyer(&self, connection: usize) -> Buyer {
        Buyer { user: connection % self.tokens.len().max(1), hold: None }
    }

    /// Events that have been opened, houses that are sold out included.
    pub fn houses_used(&self) -> usize {
        let places = self.seats.len().max(1) as u64;
        usize::try_from(self.asked.get().div_ceil(places)).unwrap_or(usize::MAX).min(self.events.len())
    }

    /// Requests that make the server open the events before the sale, as the visitors before it would.
    pub fn openings(&self) -> impl Iterator<Item = String> + '_ {
        self.events.iter().map(|event| {
            format!("GET /api/v1/events/{}/availability HTTP/1.1\r\nhost: {}\r\n\r\n", event.id, self.host)
        })
    }

    /// Writes the next request into `request`. `None` when everything is sold.
    pub fn next(&self, buyer: &mut Buyer, request: &mut Vec<u8>) -> Option<Step> {
        let number = self.asked.get();
        let mut body = [0; 192];
        let mut rest = &mut body[..];
        // Texts of known length into a buffer that holds them: nothing here can fail.
        let (event, step) = match buyer.hold.take() {
            Some(hold) => {
                let _ = write!(rest, r#"{{"holdId":"{hold}"}}"#);
                (self.events.first()?, Step::Book)
            }
            None => {
                let event = self.event_for(number)?;
                let ticket = &event.ticket_type_id;
                let _ = match self.scenario {
                    Scenario::NamedSeats => {
                        let seat = self.seats.get(number as usize % self.seats.len())?;
                        write!(rest, r#"{{"items":[{{"ticketTypeId":"{ticket}","seatIds":["{seat}"]}}]}}"#)
                    }
                    Scenario::BestAvailable => {
                        let what = r#""quantity":1,"bestAvailable":true"#;
                        write!(rest, r#"{{"items":[{{"ticketTypeId":"{ticket}",{what}}}]}}"#)
                    }
                    _ => write!(rest, r#"{{"items":[{{"ticketTypeId":"{ticket}","quantity":1}}]}}"#),
                };
                // Another buyer each time; whoever holds, books.
                buyer.user = (buyer.user + 31) % self.tokens.len();
                (event, if self.scenario == Scenario::HoldThenBook { Step::Hold } else { Step::Book })
            }
        };
        let unused = rest.len();
        let body = &body[..body.len() - unused];
        self.asked.set(number + 1);
        request.clear();
        let what = if step == Step::Hold { "holds" } else { "bookings" };
        let (id, host, run, token) = (&event.id, &self.host, &self.run, self.tokens.get(buyer.user)?);
        let _ = write!(
            request,
            "POST /api/v1/events/{id}/{what} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nidempotency-key: {run}-{number}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        request.extend_from_slice(body);
        Some(step)
    }

    /// Writes the read with this number, of the event that is hot now, into `request`.
    pub fn read(&self, number: u64, request: &mut Vec<u8>) -> Read {
        let read = Read::of(number);
        let hot = match self.scenario {
            Scenario::ManyEvents => number / Read::ALL.len() as u64,
            _ => self.asked.get(),
        };
        // When all houses are sold out, people look at the last.
        let id = self.event_for(hot).or(self.events.last()).map_or("", |event| &event.id);
        let what = if read == Read::Availability { "/availability" } else { "" };
        request.clear();
        let host = &self.host;
        // Into memory: nothing can fail.
        let _ = write!(request, "GET /api/v1/events/{id}{what} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        read
    }

    /// Takes what the next request needs from an answer.
    pub fn answered(&self, buyer: &mut Buyer, step: Step, status: u16, body: &[u8]) {
        if step == Step::Hold && status == 201 {
            buyer.hold = first_id(body).map(Into::into);
        }
    }

    fn event_for(&self, number: u64) -> Option<&House> {
        let number = usize::try_from(number).ok()?;
        match self.scenario {
            Scenario::HotGa | Scenario::HoldThenBook => self.events.first(),
            Scenario::ManyEvents => self.events.get(number % self.events.len()),
            Scenario::NamedSeats | Scenario::BestAvailable => self.events.get(number / self.seats.len().max(1)),
        }
    }
}

/// The value of the first `"id"`: a body of this API begins with the id of what was made.
pub fn first_id(body: &[u8]) -> Option<&str> {
    const NAME: &[u8] = br#""id":""#;
    let start = body.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let length = body.get(start..)?.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[start..start + length]).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two seats in each of two houses, three lukewarm events, two buyers.
    pub(crate) fn workload(scenario: Scenario) -> Workload {
        let event = |id: &str, kind: &str, seats: &[&str]| serde_json::json!({ "id": id, "kind": kind, "ticketTypes": [{ "id": format!("{id}-t") }], "seatIds": seats });
        let fixture = serde_json::json!({
            "users": [{ "accessToken": "a" }, { "accessToken": "b" }],
            "events": [
                event("ga", "hot-ga", &[]), event("arena", "hot-seated", &["s1", "s2"]),
                event("l1", "lukewarm", &[]), event("l2", "lukewarm", &[]), event("l3", "lukewarm", &[]),
            ],
            "houses": [{ "id": "arena2", "ticketTypeId": "arena2-t" }],
        });
        Workload::new(scenario, serde_json::from_value(fixture).unwrap(), "h", "r", 0).unwrap()
    }

    fn texts(workload: &Workload, count: usize) -> Vec<Option<String>> {
        let mut buyer = workload.buyer(0);
        let mut request = Vec::new();
        let mut next = || workload.next(&mut buyer, &mut request).map(|_| String::from_utf8(request.clone()).unwrap());
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn each_seat_is_asked_for_once_and_then_the_next_house() {
        let workload = workload(Scenario::NamedSeats);
        let texts = texts(&workload, 5);
        for (text, (event, seat)) in
            texts.iter().zip([("arena", "s1"), ("arena", "s2"), ("arena2", "s1"), ("arena2", "s2")])
        {
            let text = text.as_ref().unwrap();
            assert!(text.contains(&format!("/events/{event}/bookings ")), "{text}");
            assert!(text.ends_with(&format!(r#"{{"items":[{{"ticketTypeId":"{event}-t","seatIds":["{seat}"]}}]}}"#)));
        }
        assert_eq!(texts[4], None);
        assert_eq!(workload.houses_used(), 2);
    }

    #[test]
    fn many_events_take_turns_and_keys_never_repeat() {
        let texts: Vec<_> = texts(&workload(Scenario::ManyEvents), 4).into_iter().flatten().collect();
        for (text, event) in texts.iter().zip(["l1", "l2", "l3", "l1"]) {
            assert!(text.starts_with(&format!("POST /api/v1/events/{event}/bookings ")), "{text}");
        }
        let keys: std::collections::HashSet<_> =
            texts.iter().map(|text| text.lines().find(|line| line.starts_with("idempotency-key")).unwrap()).collect();
        assert_eq!(keys.len(), 4);
    }

    #[test]
    fn visitors_look_at_the_event_that_is_booked_now() {
        let looked_at = |workload: &Workload, number: u64| {
            let mut request = Vec::new();
            workload.read(number, &mut request);
            String::from_utf8(request).unwrap().split(' ').nth(1).unwrap().to_owned()
        };
        let houses = workload(Scenario::NamedSeats);
        assert_eq!(looked_at(&houses, 0), "/api/v1/events/arena/availability");
        assert_eq!(looked_at(&houses, 1), "/api/v1/events/arena");
        texts(&houses, 2);
        assert_eq!(looked_at(&houses, 2), "/api/v1/events/arena2/availability", "the first house is sold out");
        texts(&houses, 3);
        assert_eq!(looked_at(&houses, 3), "/api/v1/events/arena2", "everything is");
        let many = workload(Scenario::ManyEvents);
        let paths: Vec<_> = (0..8).map(|number| looked_at(&many, number)).collect();
        assert_eq!(
            paths[..3],
            ["/api/v1/events/l1/availability", "/api/v1/events/l1", "/api/v1/events/l2/availability"]
        );
        assert_eq!(paths[6], paths[0]);
    }

    #[test]
    fn a_hold_is_booked_by_who_holds_it() {
        let workload = workload(Scenario::HoldThenBook);
        let mut buyer = workload.buyer(0);
        let mut request = Vec::new();
        assert_eq!(workload.next(&mut buyer, &mut request), Some(Step::Hold));
        let user = buyer.user;
        workload.answered(&mut buyer, Step::Hold, 201, br#"{"id":"h-1","status":"ACTIVE"}"#);
        assert_eq!(workload.next(&mut buyer, &mut request), Some(Step::Book));
        assert_eq!(buyer.user, user);
        let text = String::from_utf8(request).unwrap();
        assert!(text.contains("content-length: 16\r\n") && text.ends_with(r#"{"holdId":"h-1"}"#), "{text}");
    }
}
