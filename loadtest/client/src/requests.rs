//! What is asked for. A request follows from its number, so that any of them can be asked again.

use std::{
    cell::{Cell, RefCell},
    fmt::Arguments,
    io::Write as _,
    net::SocketAddr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    connection::get,
    fixture::{Fixture, House},
    load::Script,
    report::{Asked, Sample},
};

/// A kind of on-sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
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
    /// A hold of one place of the event that costs something, its booking, and the payment of it.
    Priced,
}

impl Scenario {
    /// Its name on a command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Who asks whom, and under which keys.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) address: SocketAddr,
    /// Tells the keys of these from those of any others on the same database.
    run: String,
    tokens: Vec<String>,
    body: RefCell<Vec<u8>>,
}

impl Orders {
    /// Asks in the names of all buyers of the fixture.
    pub(crate) fn new(fixture: &Fixture, address: SocketAddr) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let started = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
        let run = format!("{started:x}-{:x}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let tokens = fixture.users.iter().map(|user| user.access_token.clone()).collect();
        Self { address, run, tokens, body: RefCell::default() }
    }

    /// One place of the event, as request `number`.
    pub(crate) fn place(&self, event: &House, number: u64, request: &mut Vec<u8>) {
        self.items(event, "bookings", format_args!(r#""quantity":1"#), number, request);
    }

    /// This seat of the event, as request `number`.
    pub(crate) fn seat(&self, event: &House, seat: &str, number: u64, request: &mut Vec<u8>) {
        self.items(event, "bookings", format_args!(r#""seatIds":["{seat}"]"#), number, request);
    }

    fn items(&self, event: &House, what: &str, which: Arguments<'_>, number: u64, request: &mut Vec<u8>) {
        let (id, ticket) = (&event.id, &event.ticket_type_id);
        let body = format_args!(r#"{{"items":[{{"ticketTypeId":"{ticket}",{which}}}]}}"#);
        self.write(format_args!("events/{id}/{what}"), body, number, number, request);
    }

    /// As request `number`, in the name of the buyer who made request `buyer`.
    fn write(&self, path: Arguments<'_>, body: Arguments<'_>, buyer: u64, number: u64, request: &mut Vec<u8>) {
        // Another buyer each time, without a pattern that a remembered token would profit from.
        let token = &self.tokens[(buyer.wrapping_mul(31) % self.tokens.len() as u64) as usize];
        let (host, run, mut text) = (self.address, &self.run, self.body.borrow_mut());
        text.clear();
        // Into memory: this can't fail.
        let _ = text.write_fmt(body);
        let _ = write!(
            request,
            "POST /api/v1/{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nidempotency-key: {run}-{number}\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        request.extend_from_slice(&text);
    }
}

/// Everything that an on-sale asks for, and what it has asked for so far.
#[derive(Debug)]
pub(crate) struct Workload {
    scenario: Scenario,
    orders: Orders,
    events: Vec<House>,
    seats: Vec<String>,
    asked: Cell<u64>,
    /// Payments that were answered and had not succeeded yet.
    unsettled: Cell<u64>,
    /// For each connection, how far its buyer is.
    buyers: RefCell<Vec<Buyer>>,
}

/// Somebody on the way to a booking.
#[derive(Debug, Default)]
struct Buyer {
    /// Of the first request: all others are made in the same name.
    number: u64,
    next: Option<Step>,
}

/// What follows a request that was answered as it should be.
#[derive(Debug)]
enum Step {
    Book { hold: Box<str> },
    Pay { booking: Box<str> },
}

impl Workload {
    /// The scenario on `fixture`; houses that earlier runs used up are skipped.
    pub(crate) fn new(scenario: Scenario, fixture: &Fixture, orders: Orders, skip: usize) -> anyhow::Result<Self> {
        let mut events = fixture.of_kind(match scenario {
            Scenario::HotGa | Scenario::HoldThenBook => "hot-ga",
            Scenario::NamedSeats | Scenario::BestAvailable => "hot-seated",
            Scenario::ManyEvents => "lukewarm",
            Scenario::Priced => "priced-ga",
        })?;
        events.drain(..skip.min(events.len()));
        let (seats, asked, unsettled) = (fixture.seats().to_vec(), Cell::default(), Cell::default());
        Ok(Self { scenario, orders, events, seats, asked, unsettled, buyers: RefCell::default() })
    }

    /// Payments whose answers said that they are still being processed.
    pub(crate) fn unsettled(&self) -> u64 {
        self.unsettled.get()
    }

    /// Events that have been opened, houses that are sold out included.
    pub(crate) fn houses_used(&self) -> usize {
        match self.scenario {
            Scenario::NamedSeats | Scenario::BestAvailable => {
                let houses = self.asked.get().div_ceil(self.seats.len().max(1) as u64);
                usize::try_from(houses).unwrap_or(usize::MAX).min(self.events.len())
            }
            _ => 0,
        }
    }

    pub(crate) fn events(&self) -> &[House] {
        &self.events
    }

    fn event_for(&self, number: u64) -> Option<&House> {
        let number = usize::try_from(number).ok()?;
        match self.scenario {
            Scenario::HotGa | Scenario::HoldThenBook | Scenario::Priced => self.events.first(),
            Scenario::ManyEvents => self.events.get(number % self.events.len()),
            Scenario::NamedSeats | Scenario::BestAvailable => self.events.get(number / self.seats.len().max(1)),
        }
    }

    /// The event that visitor `number` looks at: the one that is booked now.
    fn hot(&self, number: u64) -> &str {
        let hot = if self.scenario == Scenario::ManyEvents { number } else { self.asked.get() };
        // When all houses are sold out, people look at the last.
        self.event_for(hot).or(self.events.last()).map_or("", |event| &event.id)
    }
}

impl Workload {
    /// The next request of a buyer who has got that far.
    fn go_on(&self, event: &House, step: &Step, buyer: u64, number: u64, request: &mut Vec<u8>) -> Asked {
        match step {
            Step::Book { hold } => {
                let (id, body) = (&event.id, format_args!(r#"{{"holdId":"{hold}"}}"#));
                self.orders.write(format_args!("events/{id}/bookings"), body, buyer, number, request);
                if self.scenario == Scenario::Priced { Asked::Unpaid } else { Asked::Goal }
            }
            Step::Pay { booking } => {
                let body = format_args!(r#"{{"method":"sandbox_success"}}"#);
                self.orders.write(format_args!("bookings/{booking}/payments"), body, buyer, number, request);
                Asked::Goal
            }
        }
    }
}

impl Script for Workload {
    fn write(&self, place: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked> {
        let mut buyers = self.buyers.borrow_mut();
        if buyers.len() <= place {
            buyers.resize_with(place + 1, Buyer::default);
        }
        let buyer = &mut buyers[place];
        let event = self.event_for(number)?;
        self.asked.set(number + 1);
        if let Some(step) = buyer.next.take() {
            return Some(self.go_on(event, &step, buyer.number, number, request));
        }
        buyer.number = number;
        match self.scenario {
            Scenario::HotGa | Scenario::ManyEvents => self.orders.place(event, number, request),
            Scenario::NamedSeats => {
                let seat = &self.seats[number as usize % self.seats.len()];
                self.orders.seat(event, seat, number, request);
            }
            Scenario::BestAvailable => {
                let best = format_args!(r#""quantity":1,"bestAvailable":true"#);
                self.orders.items(event, "bookings", best, number, request);
            }
            Scenario::HoldThenBook | Scenario::Priced => {
                self.orders.items(event, "holds", format_args!(r#""quantity":1"#), number, request);
                return Some(Asked::Hold);
            }
        }
        Some(Asked::Goal)
    }

    fn told(&self, place: usize, _: u64, sample: &Sample, body: &[u8]) {
        if !sample.is_answer(201) {
            return;
        }
        let id = || first_id(body).map(Box::from);
        let next = match sample.asked {
            Asked::Hold => id().map(|hold| Step::Book { hold }),
            Asked::Unpaid => id().map(|booking| Step::Pay { booking }),
            Asked::Goal => {
                let is_open = self.scenario == Scenario::Priced && !has_succeeded(body);
                return self.unsettled.set(self.unsettled.get() + u64::from(is_open));
            }
        };
        if let Some(buyer) = self.buyers.borrow_mut().get_mut(place) {
            buyer.next = next;
        }
    }
}

/// Visitors who look at what is booked meanwhile.
#[derive(Debug)]
pub(crate) struct Visitors {
    pub(crate) workload: Rc<Workload>,
    /// After the event's address: `/availability`, which is in the server's memory, or nothing, which is in its database.
    pub(crate) page: &'static str,
}

impl Script for Visitors {
    fn write(&self, _: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked> {
        let path = format!("/api/v1/events/{}{}", self.workload.hot(number), self.page);
        request.extend_from_slice(get(self.workload.orders.address, &path, "").as_bytes());
        Some(Asked::Goal)
    }
}

/// The value of the first `"id"`: a body of this API begins with the id of what was made.
pub(crate) fn first_id(body: &[u8]) -> Option<&str> {
    let name = br#""id":""#;
    let start = body.windows(name.len()).position(|part| part == name)? + name.len();
    let length = body.get(start..)?.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(body.get(start..start + length)?).ok()
}

/// Whether a payment has come to its good end.
fn has_succeeded(body: &[u8]) -> bool {
    let status = br#""status":"SUCCEEDED""#;
    body.windows(status.len()).any(|part| part == status)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;

    use tokio::time::Instant;

    use super::*;
    use crate::report::Outcome;

    /// A general-admission event, two houses of two seats, three lukewarm events, two buyers.
    pub(crate) fn fixture() -> Fixture {
        let event = |id: &str, kind: &str, seats: &[&str]| serde_json::json!({ "id": id, "kind": kind, "ticketTypes": [{ "id": format!("{id}-t") }], "seatIds": seats });
        let fixture = serde_json::json!({
            "users": [{ "id": "u1", "accessToken": "a" }, { "id": "u2", "accessToken": "b" }],
            "events": [
                event("ga", "hot-ga", &[]), event("arena", "hot-seated", &["s1", "s2"]),
                event("till", "priced-ga", &[]), event("l1", "lukewarm", &[]), event("l2", "lukewarm", &[]), event("l3", "lukewarm", &[]),
            ],
            "houses": [{ "id": "arena2", "ticketTypeId": "arena2-t" }],
        });
        serde_json::from_value(fixture).unwrap()
    }

    pub(crate) fn orders() -> Orders {
        Orders::new(&fixture(), ([127, 0, 0, 1], 1).into())
    }

    pub(crate) fn workload(scenario: Scenario) -> Workload {
        Workload::new(scenario, &fixture(), orders(), 0).unwrap()
    }

    fn text(script: &impl Script, number: u64) -> Option<String> {
        let mut request = Vec::new();
        script.write(0, number, &mut request).map(|_| String::from_utf8(request).unwrap())
    }

    #[test]
    fn a_number_always_gives_the_same_request() {
        let (orders, event) = (orders(), House { id: "e".to_owned(), ticket_type_id: "t".to_owned() });
        let text = |number: u64| {
            let mut request = Vec::new();
            orders.seat(&event, "s", number, &mut request);
            String::from_utf8(request).unwrap()
        };
        assert_eq!(text(7), text(7));
        assert!(text(7).contains("Bearer b\r\n") && text(8).contains("Bearer a\r\n"), "{}", text(7));
        let body = r#"{"items":[{"ticketTypeId":"t","seatIds":["s"]}]}"#;
        assert!(text(7).contains("-7\r\n") && text(7).ends_with(body));
        assert!(text(7).contains(&format!("content-length: {}\r\n\r\n{{", body.len())));
    }

    #[test]
    fn each_seat_is_asked_for_once_and_then_the_next_house() {
        let workload = workload(Scenario::NamedSeats);
        for (number, (event, seat)) in
            [("arena", "s1"), ("arena", "s2"), ("arena2", "s1"), ("arena2", "s2")].iter().enumerate()
        {
            let text = text(&workload, number as u64).unwrap();
            assert!(text.contains(&format!("/events/{event}/bookings ")), "{text}");
            assert!(text.ends_with(&format!(r#"{{"items":[{{"ticketTypeId":"{event}-t","seatIds":["{seat}"]}}]}}"#)));
        }
        assert_eq!((text(&workload, 4), workload.houses_used()), (None, 2));
    }

    #[test]
    fn many_events_take_turns_and_keys_never_repeat() {
        let workload = workload(Scenario::ManyEvents);
        let texts: Vec<_> = (0..4).filter_map(|number| text(&workload, number)).collect();
        for (text, event) in texts.iter().zip(["l1", "l2", "l3", "l1"]) {
            assert!(text.starts_with(&format!("POST /api/v1/events/{event}/bookings ")), "{text}");
        }
        let key = |text: &String| text.lines().find(|line| line.starts_with("idempotency-key")).unwrap().to_owned();
        assert_eq!(texts.iter().map(key).collect::<HashSet<_>>().len(), 4);
    }

    #[test]
    fn visitors_look_at_the_event_that_is_booked_now() {
        let visitors = |scenario| Visitors { workload: Rc::new(workload(scenario)), page: "/availability" };
        let looked_at =
            |visitors: &Visitors, number| text(visitors, number).unwrap().split('/').nth(4).unwrap().to_owned();
        let houses = visitors(Scenario::NamedSeats);
        assert_eq!(looked_at(&houses, 0), "arena");
        (0..2).for_each(|number| drop(text(&*houses.workload, number)));
        assert_eq!(looked_at(&houses, 2), "arena2", "the first house is sold out");
        (2..5).for_each(|number| drop(text(&*houses.workload, number)));
        assert_eq!(looked_at(&houses, 3), "arena2", "everything is");
        let many = visitors(Scenario::ManyEvents);
        assert_eq!([0, 1, 3].map(|number| looked_at(&many, number)), ["l1", "l2", "l1"]);
    }

    #[test]
    fn a_hold_is_booked_by_who_holds_it() {
        let workload = workload(Scenario::HoldThenBook);
        let held = text(&workload, 0).unwrap();
        assert!(held.starts_with("POST /api/v1/events/ga/holds "), "{held}");
        workload.told(0, 0, &answered(Asked::Hold, 201), br#"{"id":"h-1","status":"ACTIVE"}"#);
        let booked = text(&workload, 1).unwrap();
        assert_eq!(token(&booked), token(&held));
        assert!(booked.contains("content-length: 16\r\n") && booked.ends_with(r#"{"holdId":"h-1"}"#), "{booked}");
        workload.told(0, 1, &answered(Asked::Goal, 201), br#"{"id":"b-1","status":"CONFIRMED"}"#);
        assert!(text(&workload, 2).unwrap().starts_with("POST /api/v1/events/ga/holds "), "and then anew");
        assert_eq!(workload.unsettled(), 0, "nothing is paid here");
    }

    #[test]
    fn a_booking_is_paid_by_who_made_it() {
        let workload = workload(Scenario::Priced);
        let asked = |number: u64| {
            let mut request = Vec::new();
            let asked = workload.write(0, number, &mut request).unwrap();
            (asked, String::from_utf8(request).unwrap())
        };
        let (step, held) = asked(1);
        assert!(step == Asked::Hold && held.starts_with("POST /api/v1/events/till/holds "), "{held}");
        workload.told(0, 1, &answered(step, 201), br#"{"id":"h-1","status":"ACTIVE"}"#);
        let (step, booked) = asked(2);
        assert!(step == Asked::Unpaid && booked.ends_with(r#"{"holdId":"h-1"}"#), "{booked}");
        workload.told(0, 2, &answered(step, 201), br#"{"id":"b-1","status":"PENDING_PAYMENT"}"#);
        let (step, paid) = asked(3);
        assert!(step == Asked::Goal && paid.starts_with("POST /api/v1/bookings/b-1/payments "), "{paid}");
        assert!(paid.ends_with(r#"{"method":"sandbox_success"}"#), "{paid}");
        assert_eq!([token(&held), token(&booked)], [token(&paid), token(&paid)]);
        workload.told(0, 3, &answered(step, 201), br#"{"id":"p-1","bookingId":"b-1","status":"SUCCEEDED"}"#);
        assert_eq!(workload.unsettled(), 0);
        assert_eq!(asked(4).0, Asked::Hold, "and then anew");
    }

    #[test]
    fn a_payment_that_is_still_processed_is_counted_apart_and_one_that_is_refused_is_not() {
        let workload = workload(Scenario::Priced);
        for (status, body) in [(201, &br#"{"id":"p-1","status":"PROCESSING"}"#[..]), (503, b"{}"), (409, b"{}")] {
            workload.told(0, 0, &answered(Asked::Goal, status), body);
        }
        assert_eq!(workload.unsettled(), 1);
    }

    #[test]
    fn who_is_refused_on_the_way_begins_anew() {
        let workload = workload(Scenario::Priced);
        assert!(text(&workload, 0).unwrap().contains("/holds "));
        workload.told(0, 0, &answered(Asked::Hold, 201), br#"{"id":"h-1"}"#);
        assert!(text(&workload, 1).unwrap().contains("/bookings "));
        workload.told(0, 1, &answered(Asked::Unpaid, 503), br#"{"type":"about:blank"}"#);
        assert!(text(&workload, 2).unwrap().contains("/holds "));
    }

    fn token(text: &str) -> String {
        text.split("Bearer ").nth(1).unwrap()[..1].to_owned()
    }

    fn answered(asked: Asked, status: u16) -> Sample {
        let (now, outcome) = (Instant::now(), Outcome::Answer { status, replayed: false, retry_after: None });
        Sample { asked, due: now, sent: now, now, outcome }
    }
}
