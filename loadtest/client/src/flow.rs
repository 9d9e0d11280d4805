//! A flow of requests over many connections: at a rate, whatever the answers do, or a list of them as fast as they are
//! answered. What is asked, and what an answer means, is a script's.
//!
//! Unlike [`crate::run`] it goes on through outages, hands every answer over with its times, and numbers what it sends,
//! so that what had no answer can be asked again.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::connection::{Answer, Connection};

/// Pause after a connection broke, so that a server that is away is not stormed by a loop.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);
/// How often it is looked whether the flow is told to stop.
const STOP_POLL: Duration = Duration::from_millis(50);
/// Connections that are being opened at once before the flow begins.
const OPENING_MAX: usize = 64;

/// What is asked, and who hears the answers.
pub trait Script {
    /// Writes request `number` into the empty `request`. The same number gives the same request.
    fn write(&self, number: u64, request: &mut Vec<u8>);
    /// Hears what became of request `number`.
    fn told(&self, number: u64, times: Times, told: Told<'_>);
}

/// When a request was due, was sent, and had its answer or the end of waiting for it.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// By the flow's rate; with a list when it was sent.
    pub due: Instant,
    /// When a connection was free for it.
    pub sent: Instant,
    /// When this is told.
    pub now: Instant,
}

/// What became of a request.
#[derive(Debug)]
pub enum Told<'a> {
    /// It was answered.
    Answer(Answer<'a>),
    /// The connection broke, or could not be opened: the outcome is unknown.
    Broke(io::ErrorKind),
    /// No answer until the end of all patience: the outcome is unknown.
    Unanswered,
}

/// What is sent when.
#[derive(Clone, Debug)]
pub enum Pace {
    /// So many a second for so long, numbered from 0. What is due for longer than `lag_max` and finds no connection free,
    /// or a client too slow, is not sent at all, and counted.
    Rate {
        /// Requests a second.
        rate: f64,
        /// For how long.
        lasts: Duration,
        /// The longest that a request may be late.
        lag_max: Duration,
    },
    /// The requests with these numbers, each as soon as a connection is free.
    List(Vec<u64>),
}

/// How to ask.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Connections at once, all opened before the flow begins.
    pub connections: usize,
    /// A request that is sent on each connection when it is opened before the flow begins: a server has taken a connection
    /// that it has answered on. A kernel takes as many as its backlog holds, and drops the others.
    pub greeting: Option<String>,
    /// What is sent when.
    pub pace: Pace,
    /// How long to wait, at the end, for what is not answered yet.
    pub patience: Duration,
    /// Ends the flow early when it becomes true.
    pub stop: Arc<AtomicBool>,
}

/// What came of a flow.
#[derive(Clone, Copy, Debug)]
pub struct Flowed {
    /// When the first request was due.
    pub begin: Instant,
    /// When no further one was sent.
    pub end: Instant,
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were due and were not sent.
    pub unsent: u64,
}

struct Shared<T> {
    script: Rc<T>,
    pace: Pace,
    stop: Arc<AtomicBool>,
    begin: Cell<Instant>,
    /// The next request that is due, or the next place in the list.
    ticket: Cell<u64>,
    sent: Cell<u64>,
    unsent: Cell<u64>,
    under_way: RefCell<Vec<Option<(u64, Times)>>>,
}

/// Sends by `plan` over connections that `connect` makes. `begun` is told when the first request is due.
pub async fn flow<T, C, F, S>(plan: Plan, script: Rc<T>, connect: C, begun: impl FnOnce(Instant)) -> Flowed
where
    T: Script + 'static,
    C: Fn() -> F + 'static,
    F: Future<Output = io::Result<S>> + 'static,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let shared = Rc::new(Shared {
        script,
        pace: plan.pace,
        stop: plan.stop,
        begin: Cell::new(Instant::now()),
        ticket: Cell::new(0),
        sent: Cell::new(0),
        unsent: Cell::new(0),
        under_way: RefCell::new(vec![None; plan.connections]),
    });
    let connect = Rc::new(connect);
    let work = async move {
        let opened = open(plan.connections, &connect, plan.greeting).await;
        shared.begin.set(Instant::now());
        begun(shared.begin.get());
        let mut asking = JoinSet::new();
        for (place, connection) in opened.into_iter().enumerate() {
            asking.spawn_local(ask_and_ask(Rc::clone(&shared), Rc::clone(&connect), place, connection));
        }
        let lasts = shared.lasts();
        let all = async { while asking.join_next().await.is_some() {} };
        let over = async {
            let _ = timeout(lasts, shared.stopped()).await;
            sleep(plan.patience).await;
        };
        tokio::select! {
            () = all => {}
            () = over => {}
        }
        asking.shutdown().await;
        shared.give_up();
        let begin = shared.begin.get();
        let end = Instant::now().min(begin + lasts);
        Flowed { begin, end, sent: shared.sent.get(), unsent: shared.unsent.get() }
    };
    LocalSet::new().run_until(work).await
}

/// Opens all connections. What can't be opened now is opened with its first request.
async fn open<C, F, S>(count: usize, connect: &Rc<C>, greeting: Option<String>) -> Vec<Option<Connection<S>>>
where
    C: Fn() -> F + 'static,
    F: Future<Output = io::Result<S>> + 'static,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let opening = Rc::new(Semaphore::new(OPENING_MAX));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (opening, connect, greeting) = (Rc::clone(&opening), Rc::clone(connect), greeting.clone());
        tasks.spawn_local(async move {
            let _turn = opening.acquire().await;
            let mut connection = Connection::new(connect().await.ok()?);
            if let Some(greeting) = greeting {
                connection.ask(greeting.as_bytes()).await.ok()?;
            }
            connection.is_open().then_some(connection)
        });
    }
    let mut opened = Vec::with_capacity(count);
    while let Some(connection) = tasks.join_next().await {
        opened.push(connection.ok().flatten());
    }
    opened
}

async fn ask_and_ask<T, C, F, S>(
    shared: Rc<Shared<T>>,
    connect: Rc<C>,
    place: usize,
    mut connection: Option<Connection<S>>,
) where
    T: Script,
    C: Fn() -> F,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = Vec::with_capacity(1024);
    while let Some((number, due)) = shared.next().await {
        request.clear();
        shared.script.write(number, &mut request);
        let sent = Instant::now();
        shared.note(place, Some((number, Times { due, sent, now: sent })));
        let asked = async {
            let connection = match &mut connection {
                Some(open) if open.is_open() => open,
                other => other.insert(Connection::new(connect().await?)),
            };
            let answer = connection.ask(&request).await?;
            shared.script.told(number, Times { due, sent, now: Instant::now() }, Told::Answer(answer));
            io::Result::Ok(())
        };
        let asked = asked.await;
        shared.note(place, None);
        if let Err(error) = asked {
            connection = None;
            shared.script.told(number, Times { due, sent, now: Instant::now() }, Told::Broke(error.kind()));
            sleep(PAUSE_AFTER_ERROR).await;
        }
    }
}

impl<T: Script> Shared<T> {
    fn lasts(&self) -> Duration {
        match self.pace {
            Pace::Rate { lasts, .. } => lasts,
            Pace::List(_) => Duration::ZERO,
        }
    }

    async fn stopped(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            sleep(STOP_POLL).await;
        }
    }

    /// Waits until the next request is due, and gives its number; `None` when there is none.
    async fn next(&self) -> Option<(u64, Instant)> {
        let due = match &self.pace {
            Pace::List(numbers) => {
                let place = self.ticket.replace(self.ticket.get() + 1);
                let number = *numbers.get(usize::try_from(place).ok()?)?;
                self.sent.set(self.sent.get() + 1);
                return (!self.stop.load(Ordering::Relaxed)).then(|| (number, Instant::now()));
            }
            Pace::Rate { rate, lasts, lag_max } => self.take_ticket(*rate, *lasts, *lag_max)?,
        };
        if due > Instant::now() {
            // To the next millisecond: the timer's grain.
            sleep_until(due).await;
        }
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        Some((self.sent.replace(self.sent.get() + 1), due))
    }

    fn take_ticket(&self, rate: f64, lasts: Duration, lag_max: Duration) -> Option<Instant> {
        let begin = self.begin.get();
        let due = |ticket: u64| begin + Duration::from_secs_f64(ticket as f64 / rate);
        let (mut ticket, now) = (self.ticket.get(), Instant::now());
        if due(ticket) + lag_max < now {
            let present = ((now.min(begin + lasts) - begin).as_secs_f64() * rate) as u64;
            self.unsent.set(self.unsent.get() + present.saturating_sub(ticket));
            ticket = ticket.max(present);
        }
        self.ticket.set(ticket + 1);
        Some(due(ticket)).filter(|due| *due < begin + lasts)
    }

    fn note(&self, place: usize, request: Option<(u64, Times)>) {
        if let Some(noted) = self.under_way.borrow_mut().get_mut(place) {
            *noted = request;
        }
    }

    fn give_up(&self) {
        let now = Instant::now();
        for (number, times) in self.under_way.borrow_mut().iter_mut().filter_map(Option::take) {
            self.script.told(number, Times { now, ..times }, Told::Unanswered);
        }
    }
}

#[cfg(test)]
mod tests;
