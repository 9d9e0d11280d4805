//! What was asked, and which answers stand.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    time::Duration,
};

use anyhow::Context;
use onsale::{
    fixture::{Fixture, House},
    flow::{Script, Times, Told},
    orders::Orders,
    tally::{Counts, Since, Tally, Timeline},
    workload::first_id,
};
use tokio::time::Instant;

/// Contradictions that are kept; one is too many.
const FAULTS_MAX: usize = 20;

/// What stands of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing: no answer, or a 503.
    Open,
    /// It has booked this.
    Made(Box<str>),
    /// A rival has the seat.
    Taken,
}

/// See the module's page. Half of the requests are for a place; the others for seats, two rivals for each.
pub(super) struct Journal {
    orders: Orders,
    places: House,
    seated: House,
    seats: Vec<String>,
    standing: RefCell<Vec<Standing>>,
    /// Which of what was made has been given again by a server that was started since.
    confirmed: RefCell<Vec<bool>>,
    confirming: Cell<bool>,
    timeline: RefCell<Option<Timeline>>,
    total: RefCell<Tally>,
    faults: RefCell<Vec<String>>,
    /// When the first booking was made of what was sent after the mark.
    mark: Cell<Option<Instant>>,
    marked: Cell<Option<Instant>>,
}

impl Journal {
    pub(super) fn new(fixture: &Fixture, orders: Orders) -> anyhow::Result<Self> {
        let first = |kind: &str| fixture.of_kind(kind)?.into_iter().next().context("no event");
        let seats = fixture.events.iter().find(|event| event.kind == "hot-seated").map(|event| event.seat_ids.clone());
        Ok(Self {
            orders,
            places: first("hot-ga")?,
            seated: first("hot-seated")?,
            seats: seats.unwrap_or_default(),
            standing: RefCell::default(),
            confirmed: RefCell::default(),
            confirming: Cell::new(false),
            timeline: RefCell::default(),
            total: RefCell::new(Tally::new()?),
            faults: RefCell::default(),
            mark: Cell::default(),
            marked: Cell::default(),
        })
    }

    /// Counts from here on, by second when their number is known.
    pub(super) fn begin(&self, begin: Instant, seconds: Option<usize>) {
        let timeline = seconds.and_then(|seconds| Timeline::new(begin, Since::Sent, seconds).ok());
        *self.timeline.borrow_mut() = timeline;
    }

    /// Counts no more; what is asked from now on settles what is open.
    pub(super) fn end(&self) {
        *self.timeline.borrow_mut() = None;
    }

    /// From now on replays are confirmations.
    pub(super) fn confirm(&self) {
        self.confirmed.borrow_mut().resize(self.standing.borrow().len(), false);
        self.confirming.set(true);
    }

    /// Looks out for the first booking of what is sent from now on.
    pub(super) fn mark(&self, now: Instant) {
        self.marked.set(None);
        self.mark.set(Some(now));
    }

    /// When it was made.
    pub(super) fn marked(&self) -> Option<Instant> {
        self.marked.get()
    }

    /// Answers to what was sent between two moments.
    pub(super) fn between(&self, from: Duration, until: Duration) -> anyhow::Result<Counts> {
        self.timeline.borrow().as_ref().context("nothing was counted")?.between(from, until)
    }

    /// All answers.
    pub(super) fn total(&self) -> Counts {
        self.total.borrow().counts()
    }

    /// Requests without an answer that stands.
    pub(super) fn open(&self) -> Vec<u64> {
        self.numbers(|_, standing| *standing == Standing::Open)
    }

    /// Bookings that were acknowledged and not confirmed yet.
    pub(super) fn unconfirmed(&self) -> Vec<u64> {
        let confirmed = self.confirmed.borrow();
        self.numbers(|place, standing| {
            matches!(standing, Standing::Made(_)) && !confirmed.get(place).copied().unwrap_or(false)
        })
    }

    /// How many have booked, and how many lost their seat to a rival.
    pub(super) fn standing(&self) -> (u64, u64) {
        let count =
            |of: fn(&Standing) -> bool| self.standing.borrow().iter().filter(|standing| of(standing)).count() as u64;
        (count(|standing| matches!(standing, Standing::Made(_))), count(|standing| *standing == Standing::Taken))
    }

    /// Answers that contradict earlier ones.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.borrow().clone()
    }

    fn numbers(&self, which: impl Fn(usize, &Standing) -> bool) -> Vec<u64> {
        let standing = self.standing.borrow();
        let all = standing.iter().enumerate().filter(|(place, standing)| which(*place, standing));
        all.map(|(place, _)| place as u64).collect()
    }

    /// Of request `number`, the seat that it and one rival want.
    fn seat(&self, number: u64) -> Option<&str> {
        let place = usize::try_from(number / 4).ok()?;
        (number % 2 == 1).then(|| self.seats.get(place)).flatten().map(String::as_str)
    }

    fn fault(&self, what: String) {
        let mut faults = self.faults.borrow_mut();
        if faults.len() < FAULTS_MAX {
            faults.push(what);
        }
    }

    fn made(&self, number: u64, place: usize, times: Times, replayed: bool, body: &[u8]) {
        let Some(id) = first_id(body) else {
            return self.fault(format!("request {number} has a booking without an id"));
        };
        if self.mark.get().is_some_and(|mark| times.sent > mark) && self.marked.get().is_none() {
            self.marked.set(Some(times.now));
        }
        let Some(standing) = self.standing.borrow_mut().get_mut(place).map(|standing| {
            let before = standing.clone();
            *standing = Standing::Made(id.into());
            before
        }) else {
            return;
        };
        match standing {
            Standing::Open => {}
            Standing::Made(before) if *before == *id => {
                if !replayed {
                    self.fault(format!("request {number} was booked a second time, under the same id"));
                }
                if self.confirming.get()
                    && let Some(confirmed) = self.confirmed.borrow_mut().get_mut(place)
                {
                    *confirmed = true;
                }
            }
            Standing::Made(before) => self.fault(format!("request {number} has booked {before}, and then {id}")),
            Standing::Taken => self.fault(format!("request {number} was refused, and then booked {id}")),
        }
    }
}

impl Script for Journal {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        let mut standing = self.standing.borrow_mut();
        let length = usize::try_from(number).unwrap_or_default() + 1;
        if standing.len() < length {
            standing.resize(length, Standing::Open);
        }
        match self.seat(number) {
            Some(seat) => self.orders.seat(&self.seated, seat, number, request),
            None => self.orders.place(&self.places, number, request),
        }
    }

    fn told(&self, number: u64, times: Times, told: Told<'_>) {
        if !self.confirming.get() {
            self.total.borrow_mut().count(Since::Sent, times, &told);
        }
        if let Some(timeline) = &mut *self.timeline.borrow_mut() {
            timeline.count(times, &told);
        }
        let Told::Answer(answer) = told else { return };
        let Ok(place) = usize::try_from(number) else { return };
        match answer.status {
            201 => self.made(number, place, times, answer.replayed, answer.body),
            503 => {}
            409 if self.seat(number).is_some() => {
                let mut all = self.standing.borrow_mut();
                match all.get_mut(place) {
                    Some(Standing::Made(id)) => {
                        self.fault(format!("request {number} booked {id}, and then was refused"))
                    }
                    Some(standing) => *standing = Standing::Taken,
                    None => {}
                }
            }
            status => self.fault(format!("request {number} was answered {status}")),
        }
    }
}

/// A number within the range that looks drawn by lot and is the same in each run.
pub(super) fn scattered(number: u32, range: Range<u64>) -> u64 {
    let width = range.end.saturating_sub(range.start).max(1);
    range.start + (u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % width
}

#[cfg(test)]
mod tests {
    use onsale::connection::Answer;

    use super::*;

    fn journal() -> Journal {
        let event = |id: &str, kind: &str, seats: &[&str]| serde_json::json!({ "id": id, "kind": kind, "ticketTypes": [{ "id": "t" }], "seatIds": seats });
        let fixture = serde_json::json!({
            "users": [{ "accessToken": "a" }],
            "events": [event("ga", "hot-ga", &[]), event("arena", "hot-seated", &["s0", "s1"])],
        });
        let fixture: Fixture = serde_json::from_value(fixture).unwrap();
        Journal::new(&fixture, Orders::new(&fixture, "h", "r")).unwrap()
    }

    fn tell(journal: &Journal, number: u64, status: u16, replayed: bool, id: &str) {
        let now = Instant::now();
        let body = format!(r#"{{"id":"{id}"}}"#);
        journal.write(number, &mut Vec::new());
        let answer = Answer { status, replayed, retry_after: None, body: body.as_bytes() };
        journal.told(number, Times { due: now, sent: now, now }, Told::Answer(answer));
    }

    #[test]
    fn two_rivals_want_each_seat() {
        let journal = journal();
        let wanted: Vec<_> = (0..8).map(|number| journal.seat(number)).collect();
        assert_eq!(wanted, [None, Some("s0"), None, Some("s0"), None, Some("s1"), None, Some("s1")]);
        assert_eq!(journal.seat(9), None, "all seats are asked for");
    }

    #[test]
    fn what_stands_is_told_from_what_is_open() {
        let journal = journal();
        tell(&journal, 0, 201, false, "b0");
        tell(&journal, 1, 409, false, "");
        tell(&journal, 2, 503, false, "");
        assert_eq!((journal.standing(), journal.open()), ((1, 1), vec![2]));
        tell(&journal, 2, 201, true, "b2");
        assert_eq!((journal.standing(), journal.open()), ((2, 1), vec![]));
        journal.confirm();
        assert_eq!(journal.unconfirmed(), [0, 2]);
        tell(&journal, 2, 201, true, "b2");
        assert_eq!((journal.unconfirmed(), journal.faults()), (vec![0], vec![]));
    }

    #[test]
    fn contradictions_are_found() {
        for (first, second) in [
            ((201, false, "b"), (201, true, "other")),
            ((201, false, "b"), (201, false, "b")),
            ((201, false, "b"), (409, false, "")),
            ((409, false, ""), (201, false, "b")),
            ((503, false, ""), (422, false, "")),
        ] {
            let journal = journal();
            tell(&journal, 1, first.0, first.1, first.2);
            assert!(journal.faults().is_empty());
            tell(&journal, 1, second.0, second.1, second.2);
            assert_eq!(journal.faults().len(), 1, "{first:?} {second:?}");
        }
    }
}
