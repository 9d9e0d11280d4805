//! Visitors who look at the hot event while others book it. An open loop of its own beside either loop of bookings: they
//! come at a constant rate, and what they wait for counts from the instant they were due.

use std::{cell::RefCell, future::Future, io, rc::Rc};

use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    PAUSE_AFTER_ERROR, ask_over,
    pace::{Pace, Window, histogram, record, wait_for},
};
use crate::{
    report::{Latency, ReadReport, ReadsReport},
    workload::{Read, Workload},
};

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reads {
    /// Connections, besides those that book.
    pub connections: usize,
    /// Requests a second, of all of them.
    pub rate: f64,
}

/// One run's.
pub(super) struct Reading {
    plan: Reads,
    workload: Rc<Workload>,
    window: Rc<Window>,
    pace: Pace,
    /// For each connection, what it has asked for and when that was due.
    under_way: RefCell<Vec<Option<(Read, Instant)>>>,
    counts: RefCell<[Counts; Read::ALL.len()]>,
}

struct Counts {
    histogram: Histogram<u64>,
    report: ReadReport,
}

impl Counts {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { histogram: histogram()?, report: ReadReport::default() })
    }
}

impl Reading {
    pub(super) fn new(
        plan: Reads,
        workload: Rc<Workload>,
        window: Rc<Window>,
        begin: Instant,
    ) -> anyhow::Result<Rc<Self>> {
        Ok(Rc::new(Self {
            workload,
            window,
            pace: Pace::new(begin, plan.rate),
            under_way: RefCell::new(vec![None; plan.connections]),
            counts: RefCell::new([Counts::new()?, Counts::new()?]),
            plan,
        }))
    }

    /// Starts the connections, which end by themselves.
    pub(super) fn start<C, F, S>(self: &Rc<Self>, tasks: &mut JoinSet<()>, connect: &Rc<C>)
    where
        C: Fn() -> F + 'static,
        F: Future<Output = io::Result<S>> + 'static,
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        for number in 0..self.plan.connections {
            tasks.spawn_local(look_and_look(Rc::clone(self), Rc::clone(connect), number));
        }
    }

    /// Counts what was not answered, and says what came of it all.
    pub(super) fn finish(&self) -> ReadsReport {
        let now = Instant::now();
        let mut counts = self.counts.borrow_mut();
        let mut unanswered = |read: Read, due: Instant| {
            let counts = &mut counts[read as usize];
            counts.report.unanswered += 1;
            record(&mut counts.histogram, &self.window, due, now);
        };
        for (read, due) in self.under_way.borrow_mut().iter_mut().filter_map(Option::take) {
            unanswered(read, due);
        }
        while let Some((ticket, due)) = self.pace.take(self.window.until.get()) {
            unanswered(Read::of(ticket), due);
        }
        let mut report = |read: Read| {
            let counts = &mut counts[read as usize];
            ReadReport { latency: Latency::of(&counts.histogram), ..std::mem::take(&mut counts.report) }
        };
        ReadsReport {
            connections: self.plan.connections,
            rate: self.plan.rate,
            availability: report(Read::Availability),
            event: report(Read::Event),
        }
    }

    fn set_under_way(&self, number: usize, what: Option<(Read, Instant)>) {
        if let Some(place) = self.under_way.borrow_mut().get_mut(number) {
            *place = what;
        }
    }

    fn ended(&self, read: Read, due: Instant, result: io::Result<u16>) {
        let now = Instant::now();
        let counts = &mut self.counts.borrow_mut()[read as usize];
        match result {
            Ok(status) => {
                *counts.report.statuses.entry(status).or_default() += 1;
                counts.report.answers += u64::from(self.window.holds(now));
            }
            Err(error) => *counts.report.errors.entry(error.kind().to_string()).or_default() += 1,
        }
        record(&mut counts.histogram, &self.window, due, now);
    }
}

/// One connection, until the run is over.
async fn look_and_look<C, F, S>(reading: Rc<Reading>, connect: Rc<C>, number: usize)
where
    C: Fn() -> F,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = Vec::with_capacity(256);
    let mut connection = None;
    while let Some((ticket, due)) = reading.pace.take(reading.window.until.get()) {
        wait_for(due).await;
        let read = reading.workload.read(ticket, &mut request);
        reading.set_under_way(number, Some((read, due)));
        let status = ask_over(&mut connection, &*connect, &request).await.map(|answer| answer.status);
        reading.set_under_way(number, None);
        let broke = status.is_err();
        reading.ended(read, due, status);
        if broke {
            connection = None;
            sleep(PAUSE_AFTER_ERROR).await;
        }
    }
}
