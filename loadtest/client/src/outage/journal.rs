//! What was asked in an outage, and which answers stand; afterwards everything that is open is asked again, and everything
//! that was acknowledged once more.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::{
    fixture::{Fixture, House},
    load::{Pace, Plan, Script},
    report::{Asked, Outcome, Sample},
    requests::{Orders, first_id},
    verdict::Verdict,
};

/// Connections that ask again.
const CONNECTIONS: usize = 128;
/// How long one round of asking again may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds, a second apart: a server that has just got its database back may still refuse.
const ROUNDS_MAX: u32 = 30;

/// What stands of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing: no answer, or a 503.
    Open,
    /// It has booked this.
    Made(Box<str>),
    /// A server that was started since has given it again.
    Confirmed(Box<str>),
    /// A rival has the seat.
    Taken,
}

/// What stands in the end.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Settled {
    /// Requests that had no answer that stands when the load was over.
    pub(super) asked_again: u64,
    /// Those without one in the end.
    pub(super) left_open: u64,
    /// Requests that have booked.
    pub(super) made: u64,
    /// Requests whose seat a rival has.
    pub(super) taken: u64,
    /// Bookings that a server which was started since has not given again under the same key.
    pub(super) unconfirmed: u64,
}

/// See the module's page. Half of the requests are for a place; the others for seats, two rivals for each.
pub(super) struct Journal {
    orders: Orders,
    places: House,
    seated: House,
    seats: Vec<String>,
    standing: RefCell<Vec<Standing>>,
    /// Whether replays are confirmations.
    confirming: Cell<bool>,
    /// Answers that contradict earlier ones.
    pub(super) faults: RefCell<Verdict>,
    /// When the first booking was made of what was sent after the mark.
    mark: Cell<Option<Instant>>,
    marked: Cell<Option<Instant>>,
}

impl Journal {
    pub(super) fn new(fixture: &Fixture, orders: Orders) -> anyhow::Result<Self> {
        Ok(Self {
            orders,
            places: fixture.first("hot-ga")?,
            seated: fixture.first("hot-seated")?,
            seats: fixture.seats().to_vec(),
            standing: RefCell::default(),
            confirming: Cell::new(false),
            faults: RefCell::default(),
            mark: Cell::default(),
            marked: Cell::default(),
        })
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

    /// Asks what is open again, under the same keys, until every request has an answer that stands.
    pub(super) async fn settle(self: &Rc<Self>, address: SocketAddr) -> Settled {
        let asked_again = self.open().len() as u64;
        self.repeat(address, Self::open).await;
        let count = |which: fn(&Standing) -> bool| self.numbers(which).len() as u64;
        Settled {
            asked_again,
            left_open: self.open().len() as u64,
            made: count(|standing| matches!(standing, Standing::Made(_))),
            taken: count(|standing| *standing == Standing::Taken),
            ..Settled::default()
        }
    }

    /// Asks for every booking again: the answer must be the first one.
    pub(super) async fn confirm(self: &Rc<Self>, address: SocketAddr, settled: &mut Settled) {
        self.confirming.set(true);
        self.repeat(address, Self::unconfirmed).await;
        settled.unconfirmed = self.unconfirmed().len() as u64;
    }

    async fn repeat(self: &Rc<Self>, address: SocketAddr, which: impl Fn(&Self) -> Vec<u64>) {
        for _ in 0..ROUNDS_MAX {
            let numbers = which(self);
            if numbers.is_empty() {
                return;
            }
            let plan = Plan::new(CONNECTIONS, Pace::List(numbers), Duration::ZERO, PATIENCE);
            plan.ask(address, Rc::clone(self)).await;
            if !which(self).is_empty() {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Requests without an answer that stands.
    fn open(&self) -> Vec<u64> {
        self.numbers(|standing| *standing == Standing::Open)
    }

    /// Bookings that were acknowledged and not confirmed yet.
    fn unconfirmed(&self) -> Vec<u64> {
        self.numbers(|standing| matches!(standing, Standing::Made(_)))
    }

    fn numbers(&self, which: impl Fn(&Standing) -> bool) -> Vec<u64> {
        let standing = self.standing.borrow();
        standing.iter().zip(0..).filter(|(standing, _)| which(standing)).map(|(_, number)| number).collect()
    }

    /// Of request `number`, the seat that it and one rival want.
    fn seat(&self, number: u64) -> Option<&str> {
        let place = usize::try_from(number / 4).ok()?;
        (number % 2 == 1).then(|| self.seats.get(place)).flatten().map(String::as_str)
    }

    /// Takes an answer; what contradicts it is a fault.
    fn judge(&self, number: u64, sample: &Sample, body: &[u8]) -> Result<(), String> {
        let Outcome::Answer { status, replayed, .. } = sample.outcome else { return Ok(()) };
        let mut all = self.standing.borrow_mut();
        let standing = all.get_mut(number as usize).ok_or("an answer to nothing")?;
        match (status, standing.clone()) {
            (503, _) => {}
            (409, before) if self.seat(number).is_some() => match before {
                Standing::Made(id) | Standing::Confirmed(id) => {
                    return Err(format!("request {number} booked {id}, and then was refused"));
                }
                Standing::Open | Standing::Taken => *standing = Standing::Taken,
            },
            (201, before) => {
                let id: Box<str> =
                    first_id(body).ok_or(format!("request {number} has a booking without an id"))?.into();
                if self.mark.get().is_some_and(|mark| sample.sent > mark) && self.marked.get().is_none() {
                    self.marked.set(Some(sample.now));
                }
                let again = if self.confirming.get() { Standing::Confirmed } else { Standing::Made };
                *standing = Standing::Made(id.clone());
                match before {
                    Standing::Open => {}
                    Standing::Made(before) | Standing::Confirmed(before) if before != id => {
                        return Err(format!("request {number} has booked {before}, and then {id}"));
                    }
                    Standing::Made(_) | Standing::Confirmed(_) if replayed => *standing = again(id),
                    Standing::Made(_) | Standing::Confirmed(_) => {
                        return Err(format!("request {number} was booked a second time, under the same id"));
                    }
                    Standing::Taken => return Err(format!("request {number} was refused, and then booked {id}")),
                }
            }
            _ => return Err(format!("request {number} was answered {status}")),
        }
        Ok(())
    }
}

impl Script for Journal {
    fn write(&self, _: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked> {
        let mut standing = self.standing.borrow_mut();
        if standing.len() <= number as usize {
            standing.resize(number as usize + 1, Standing::Open);
        }
        match self.seat(number) {
            Some(seat) => self.orders.seat(&self.seated, seat, number, request),
            None => self.orders.place(&self.places, number, request),
        }
        Some(Asked::Goal)
    }

    fn told(&self, _: usize, number: u64, sample: &Sample, body: &[u8]) {
        if let Err(fault) = self.judge(number, sample, body) {
            self.faults.borrow_mut().require(false, || fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::tests::{fixture, orders};

    /// The arena has two seats.
    fn journal() -> Journal {
        Journal::new(&fixture(), orders()).unwrap()
    }

    fn tell(journal: &Journal, number: u64, status: u16, replayed: bool, id: &str) {
        journal.write(0, number, &mut Vec::new());
        let (now, outcome) = (Instant::now(), Outcome::Answer { status, replayed, retry_after: None });
        let sample = Sample { asked: Asked::Goal, due: now, sent: now, now, outcome };
        journal.told(0, number, &sample, format!(r#"{{"id":"{id}"}}"#).as_bytes());
    }

    #[test]
    fn two_rivals_want_each_seat() {
        let journal = journal();
        let wanted: Vec<_> = (0..8).map(|number| journal.seat(number)).collect();
        assert_eq!(wanted, [None, Some("s1"), None, Some("s1"), None, Some("s2"), None, Some("s2")]);
        assert_eq!(journal.seat(9), None, "all seats are asked for");
    }

    #[test]
    fn what_stands_is_told_from_what_is_open() {
        let journal = journal();
        tell(&journal, 0, 201, false, "b0");
        tell(&journal, 1, 409, false, "");
        tell(&journal, 2, 503, false, "");
        let taken = || journal.numbers(|standing| *standing == Standing::Taken);
        assert_eq!((journal.unconfirmed(), taken(), journal.open()), (vec![0], vec![1], vec![2]));
        tell(&journal, 2, 201, true, "b2");
        assert_eq!((journal.unconfirmed(), taken(), journal.open()), (vec![0, 2], vec![1], vec![]));
        journal.confirming.set(true);
        tell(&journal, 2, 201, true, "b2");
        assert_eq!((journal.unconfirmed(), journal.faults.take().missed().len()), (vec![0], 0));
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
            assert!(journal.faults.borrow().missed().is_empty());
            tell(&journal, 1, second.0, second.1, second.2);
            assert_eq!(journal.faults.borrow().missed().len(), 1, "{first:?} {second:?}");
        }
    }
}
