//! The two ways of asking.
//!
//! **Closed loop**: each connection sends its next request when the last one is answered. It shows what a server can do,
//! and hides what waiting costs: while the server stalls, nobody asks.
//!
//! **Open loop**: requests are due at a constant rate, whatever the answers do, as buyers come. Latency counts from the
//! instant a request was due, not from when a connection came free to send it, so a stall is seen by every request that
//! was due meanwhile (no coordinated omission). Requests that were due and never sent count as well.
//!
//! Beside either, visitors may look at what is booked: see [`Reads`].

mod pace;
mod reads;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    io,
    rc::Rc,
    time::Duration,
};

use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until, timeout_at},
};

pub use reads::Reads;

use self::{
    pace::{Pace, Window, histogram, record, wait_for},
    reads::Reading,
};
use crate::{
    connection::{Answer, Connection},
    processes::{Watched, cpu_seconds},
    report::{Latency, Report, Total},
    workload::{Buyer, Step, Workload},
};

/// Pause after a connection broke, so that a server that is away is not stormed by a loop.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// As soon as the one before is answered.
    Closed,
    /// So many a second.
    Open(f64),
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Connections at once. In an open loop they bound what can be under way.
    pub connections: usize,
    /// When requests are sent.
    pub mode: Mode,
    /// Who looks meanwhile.
    pub reads: Option<Reads>,
    /// Before measuring.
    pub warmup: Duration,
    /// Of measuring.
    pub measured: Duration,
    /// How long to wait, at the end, for what is not answered yet.
    pub patience: Duration,
    /// Whose CPU time to measure.
    pub watched: Vec<Watched>,
}

/// What all connections share. One thread, so cells are enough.
struct Shared {
    plan: Plan,
    workload: Rc<Workload>,
    window: Rc<Window>,
    sold_out: Notify,
    /// Of the open loop.
    pace: Option<Pace>,
    reading: Option<Rc<Reading>>,
    /// For each connection, since when its present request was due.
    under_way: RefCell<Vec<Option<Instant>>>,
    counts: RefCell<Counts>,
}

struct Counts {
    histogram: Histogram<u64>,
    answers: u64,
    bookings: u64,
    statuses: BTreeMap<u16, u64>,
    total: Total,
}

/// Runs `workload` by `plan` over connections that `connect` makes. Ends by itself, at the latest after warm-up, measuring
/// and patience.
pub async fn run<C, F, S>(plan: Plan, workload: Rc<Workload>, connect: C) -> anyhow::Result<Report>
where
    C: Fn() -> F + 'static,
    F: Future<Output = io::Result<S>> + 'static,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let begin = Instant::now();
    let from = begin + plan.warmup;
    let window = Rc::new(Window { from, until: Cell::new(from + plan.measured) });
    let reading = |reads| Reading::new(reads, Rc::clone(&workload), Rc::clone(&window), begin);
    let shared = Rc::new(Shared {
        reading: plan.reads.map(reading).transpose()?,
        pace: if let Mode::Open(rate) = plan.mode { Some(Pace::new(begin, rate)) } else { None },
        window,
        sold_out: Notify::new(),
        under_way: RefCell::new(vec![None; plan.connections]),
        counts: RefCell::new(Counts {
            histogram: histogram()?,
            answers: 0,
            bookings: 0,
            statuses: BTreeMap::new(),
            total: Total::default(),
        }),
        plan,
        workload,
    });
    let connect = Rc::new(connect);
    let local = LocalSet::new();
    local.run_until(measure(shared, connect)).await
}

async fn measure<C, F, S>(shared: Rc<Shared>, connect: Rc<C>) -> anyhow::Result<Report>
where
    C: Fn() -> F + 'static,
    F: Future<Output = io::Result<S>> + 'static,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut asking = JoinSet::new();
    for number in 0..shared.plan.connections {
        asking.spawn_local(ask_and_ask(Rc::clone(&shared), Rc::clone(&connect), number));
    }
    if let Some(reading) = &shared.reading {
        reading.start(&mut asking, &connect);
    }
    let used = || -> Vec<Option<f64>> { shared.plan.watched.iter().map(cpu_seconds).collect() };
    let from = shared.window.from;
    sleep_until(from).await;
    let before = used();
    let _ = timeout_at(shared.window.until.get(), shared.sold_out.notified()).await;
    let (after, until) = (used(), shared.window.until.get());

    let give_up = until + shared.plan.patience;
    let finish = async { while asking.join_next().await.is_some() {} };
    if timeout_at(give_up, finish).await.is_err() {
        asking.shutdown().await;
    }
    shared.give_up();

    let seconds = until.saturating_duration_since(from).as_secs_f64();
    let sold_out = until < from + shared.plan.measured;
    let spent = |index: usize| Some((after.get(index).copied()?? - before.get(index).copied()??) / seconds);
    let watched = shared.plan.watched.iter().enumerate();
    let cores = watched.filter_map(|(index, one)| Some((one.name.clone(), spent(index)?))).collect();
    let mut counts = shared.counts.borrow_mut();
    let statuses = std::mem::take(&mut counts.statuses);
    Ok(Report {
        mode: if shared.plan.mode == Mode::Closed { "closed" } else { "open" }.to_owned(),
        connections: shared.plan.connections,
        rate: if let Mode::Open(rate) = shared.plan.mode { Some(rate) } else { None },
        seconds,
        sold_out,
        answers: counts.answers,
        bookings: counts.bookings,
        bookings_per_second: if seconds > 0.0 { counts.bookings as f64 / seconds } else { 0.0 },
        latency: Latency::of(&counts.histogram),
        reads: shared.reading.as_ref().map(|reading| reading.finish()),
        total: Total { statuses, ..std::mem::take(&mut counts.total) },
        cores,
    })
}

/// One connection, until nothing is left to ask for.
async fn ask_and_ask<C, F, S>(shared: Rc<Shared>, connect: Rc<C>, number: usize)
where
    C: Fn() -> F,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut buyer = shared.workload.buyer(number);
    let mut request = Vec::with_capacity(1024);
    let mut connection = None;
    while let Some(due) = shared.next_due().await {
        let Some(step) = shared.workload.next(&mut buyer, &mut request) else {
            shared.nothing_left();
            return;
        };
        shared.set_under_way(number, Some(due));
        let answer = ask_over(&mut connection, &*connect, &request).await;
        shared.set_under_way(number, None);
        match answer {
            Ok(answer) => shared.answered(&mut buyer, step, due, &answer),
            Err(error) => {
                shared.broke(due, &error);
                connection = None;
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

/// Asks over the connection; opens one if there is none that can be used.
async fn ask_over<'a, C, F, S>(
    connection: &'a mut Option<Connection<S>>,
    connect: &C,
    request: &[u8],
) -> io::Result<Answer<'a>>
where
    C: Fn() -> F,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    if connection.as_ref().is_none_or(|open| !open.is_open()) {
        *connection = None;
    }
    let open = match connection {
        Some(open) => open,
        none => none.insert(Connection::new(connect().await?)),
    };
    open.ask(request).await
}

impl Shared {
    /// Waits until the next request is due; `None` when the run is over. In a closed loop it is due now.
    async fn next_due(&self) -> Option<Instant> {
        let until = self.window.until.get();
        let Some(pace) = &self.pace else {
            return Some(Instant::now()).filter(|now| *now < until);
        };
        let (_, due) = pace.take(until)?;
        wait_for(due).await;
        Some(due)
    }

    fn set_under_way(&self, number: usize, since: Option<Instant>) {
        if let Some(place) = self.under_way.borrow_mut().get_mut(number) {
            *place = since;
        }
    }

    /// Everything is sold: the run, and with it the window, ends now.
    fn nothing_left(&self) {
        let now = Instant::now();
        if now < self.window.until.get() {
            self.window.until.set(now);
            self.sold_out.notify_one();
        }
    }

    fn answered(&self, buyer: &mut Buyer, step: Step, due: Instant, answer: &Answer<'_>) {
        let Answer { status, replayed, body, .. } = *answer;
        self.workload.answered(buyer, step, status, body);
        let now = Instant::now();
        let mut counts = self.counts.borrow_mut();
        let counts = &mut *counts;
        *counts.statuses.entry(status).or_default() += 1;
        let made = status == 201 && !replayed;
        match step {
            _ if status == 201 && replayed => counts.total.replayed += 1,
            Step::Book => counts.total.bookings += u64::from(made),
            Step::Hold => counts.total.holds += u64::from(made),
        }
        if self.window.holds(now) {
            counts.answers += 1;
            counts.bookings += u64::from(made && step == Step::Book);
        }
        record(&mut counts.histogram, &self.window, due, now);
    }

    fn broke(&self, due: Instant, error: &io::Error) {
        let mut counts = self.counts.borrow_mut();
        *counts.total.errors.entry(error.kind().to_string()).or_default() += 1;
        // It waited until here, whatever came of it.
        record(&mut counts.histogram, &self.window, due, Instant::now());
    }

    /// Counts what was not answered: what is under way, and in an open loop also what was due and never sent.
    fn give_up(&self) {
        let now = Instant::now();
        let mut counts = self.counts.borrow_mut();
        for due in self.under_way.borrow_mut().iter_mut().filter_map(Option::take) {
            counts.total.unanswered += 1;
            record(&mut counts.histogram, &self.window, due, now);
        }
        let Some(pace) = &self.pace else { return };
        while let Some((_, due)) = pace.take(self.window.until.get()) {
            counts.total.unanswered += 1;
            counts.total.unsent += 1;
            record(&mut counts.histogram, &self.window, due, now);
        }
    }
}

#[cfg(test)]
mod tests;
