//! The one way of asking: requests over many connections, each with what became of it and when.
//!
//! **Closed loop**: each connection sends its next request when the last one is answered. It shows what a server can do,
//! and hides what waiting costs: while the server stalls, nobody asks.
//!
//! **Open loop**: requests are due at a constant rate, whatever the answers do, as buyers come. Latency counts from the
//! instant a request was due, not from when a connection came free to send it, so a stall is seen by every request that
//! was due meanwhile (no coordinated omission). Requests that were due and never sent count as well.
//!
//! Nothing is judged or added up here: every request leaves a [`Sample`], from which reports are made afterwards.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Semaphore, oneshot},
    task::{JoinSet, LocalSet},
    time::{Instant, sleep, sleep_until},
};

use crate::{
    connection::{Connection, connect, get},
    report::{Asked, Heard, Outcome, Sample},
};

/// Pause after a connection broke, so that a server that is away is not stormed by a loop.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(20);
/// How often it is looked whether the load is told to stop.
const STOP_POLL: Duration = Duration::from_millis(50);
/// Connections that are being opened at once: fewer than any backlog of a listener.
pub(crate) const OPENING_MAX: usize = 64;

/// What is asked, and who hears the answers.
pub(crate) trait Script {
    /// Writes request `number` of all into the empty `request`, for the connection in this place. `None` when nothing is
    /// left to ask for, which ends the load.
    fn write(&self, place: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked>;

    /// Hears what became of it, with the body of an answer.
    fn told(&self, _place: usize, _number: u64, _sample: &Sample, _body: &[u8]) {}
}

/// Opens connections.
pub(crate) trait Connect: 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + 'static;

    fn open(&self) -> impl Future<Output = io::Result<Self::Stream>>;
}

impl<C, F, S> Connect for C
where
    C: Fn() -> F + 'static,
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    type Stream = S;

    fn open(&self) -> impl Future<Output = io::Result<S>> {
        self()
    }
}

/// When requests are sent.
#[derive(Clone, Debug)]
pub(crate) enum Pace {
    Closed,
    /// So many a second. What is due for longer than `lag_max` and finds no connection free, or a client too slow, is not
    /// sent at all, and counted.
    Open {
        rate: f64,
        lag_max: Duration,
    },
    /// The requests with these numbers, each as soon as a connection is free.
    List(Vec<u64>),
}

impl Pace {
    fn name(&self) -> String {
        match self {
            Self::Closed => "closed".to_owned(),
            Self::Open { rate, .. } => format!("open {rate:.0}"),
            Self::List(numbers) => format!("{} once", numbers.len()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Plan {
    /// Connections at once, all opened before the first request is due. In an open loop they bound what can be under way.
    pub(crate) connections: usize,
    /// A request that is sent on each of them when it is opened: a server has taken a connection that it has answered on. A
    /// kernel takes as many as its backlog holds, and drops the others.
    pub(crate) greeting: Option<String>,
    pub(crate) pace: Pace,
    /// For how long requests are sent.
    pub(crate) lasts: Duration,
    /// How long to wait, at the end, for what is not answered yet.
    pub(crate) patience: Duration,
    /// Ends the load early when it becomes true; it does so itself when nothing is left to ask for.
    pub(crate) stop: Arc<AtomicBool>,
    /// Is told when the first request is due.
    pub(crate) begun: Option<oneshot::Sender<Instant>>,
}

impl Plan {
    pub(crate) fn new(connections: usize, pace: Pace, lasts: Duration, patience: Duration) -> Self {
        Self { connections, greeting: None, pace, lasts, patience, stop: Arc::default(), begun: None }
    }

    /// Greets a server first.
    pub(crate) fn greeting(self, address: SocketAddr) -> Self {
        Self { greeting: Some(get(address, "/health/live", "")), ..self }
    }

    /// Asks a server by it.
    pub(crate) async fn ask<T: Script + 'static>(self, address: SocketAddr, script: Rc<T>) -> Heard {
        run(self, script, move || connect(address)).await
    }
}

/// What all connections share. One thread, so cells are enough.
struct Shared<T> {
    script: Rc<T>,
    pace: Pace,
    stop: Arc<AtomicBool>,
    begin: Instant,
    /// When nothing is sent any more.
    until: Cell<Instant>,
    /// The next request that is due, or the next place in the list.
    ticket: Cell<u64>,
    sent: Cell<u64>,
    unsent: Cell<u64>,
    sold_out: Cell<bool>,
    /// For each connection, its present request.
    under_way: RefCell<Vec<Option<(u64, Sample)>>>,
    samples: RefCell<Vec<Sample>>,
}

/// Asks by `plan` over connections that `connect` makes. Ends by itself, at the latest when all patience is over.
pub(crate) async fn run(plan: Plan, script: Rc<impl Script + 'static>, connect: impl Connect) -> Heard {
    let connect = Rc::new(connect);
    let work = async move {
        let opened = open(plan.connections, &connect, plan.greeting).await;
        let begin = Instant::now();
        if let Some(begun) = plan.begun {
            let _ = begun.send(begin);
        }
        let shared = Rc::new(Shared {
            script,
            pace: plan.pace,
            stop: plan.stop,
            begin,
            until: Cell::new(begin + plan.lasts),
            ticket: Cell::default(),
            sent: Cell::default(),
            unsent: Cell::default(),
            sold_out: Cell::default(),
            under_way: RefCell::new(vec![None; plan.connections]),
            samples: RefCell::default(),
        });
        let mut asking = JoinSet::new();
        for (place, connection) in opened.into_iter().enumerate() {
            asking.spawn_local(ask_and_ask(Rc::clone(&shared), Rc::clone(&connect), place, connection));
        }
        let all = async { while asking.join_next().await.is_some() {} };
        let over = async {
            while !shared.is_over() {
                sleep(STOP_POLL).await;
            }
            sleep(plan.patience).await;
        };
        tokio::select! {
            () = all => {}
            () = over => {}
        }
        asking.shutdown().await;
        shared.give_up();
        Heard {
            pace: shared.pace.name(),
            connections: plan.connections,
            begin,
            end: shared.until.get(),
            sold_out: shared.sold_out.get(),
            sent: shared.sent.get(),
            unsent: shared.unsent.get(),
            samples: shared.samples.take(),
        }
    };
    LocalSet::new().run_until(work).await
}

/// Opens all connections, some at once, and sends the greeting on each. `None` where that fails.
pub(crate) async fn open<C: Connect>(
    count: usize,
    connect: &Rc<C>,
    greeting: Option<String>,
) -> Vec<Option<Connection<C::Stream>>> {
    let opening = Rc::new(Semaphore::new(OPENING_MAX));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (opening, connect, greeting) = (Rc::clone(&opening), Rc::clone(connect), greeting.clone());
        tasks.spawn_local(async move {
            let _turn = opening.acquire().await;
            let mut connection = Connection::new(connect.open().await.ok()?);
            if let Some(greeting) = greeting {
                connection.ask(greeting.as_bytes()).await.ok().filter(|answer| answer.status == 200)?;
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

/// One connection, until nothing is left to ask for.
async fn ask_and_ask<C: Connect>(
    shared: Rc<Shared<impl Script>>,
    connect: Rc<C>,
    place: usize,
    mut connection: Option<Connection<C::Stream>>,
) {
    let mut request = Vec::with_capacity(1024);
    while let Some((listed, due)) = shared.next().await {
        let number = listed.unwrap_or(shared.sent.get());
        request.clear();
        let Some(asked) = shared.script.write(place, number, &mut request) else {
            shared.sold_out.set(true);
            shared.stop.store(true, Ordering::Relaxed);
            return;
        };
        shared.sent.set(shared.sent.get() + 1);
        let sent = Instant::now();
        let sample = Sample { asked, due, sent, now: sent, outcome: Outcome::Unanswered };
        shared.under_way.borrow_mut()[place] = Some((number, sample));
        if connection.as_ref().is_some_and(|open| !open.is_open()) {
            connection = None;
        }
        let answer = async {
            let open = match &mut connection {
                Some(open) => open,
                none => none.insert(Connection::new(connect.open().await?)),
            };
            open.ask(&request).await
        };
        let broke = match answer.await {
            Ok(answer) => {
                let (status, replayed, retry_after) = (answer.status, answer.replayed, answer.retry_after);
                shared.told(place, Outcome::Answer { status, replayed, retry_after }, answer.body);
                false
            }
            Err(error) => {
                shared.told(place, Outcome::Broke(error.kind()), b"");
                true
            }
        };
        if broke {
            connection = None;
            sleep(PAUSE_AFTER_ERROR).await;
        }
    }
}

impl<T: Script> Shared<T> {
    /// Waits until the next request is due; `None` when there is none. Of a list, with its number.
    async fn next(&self) -> Option<(Option<u64>, Instant)> {
        match &self.pace {
            Pace::Closed => (!self.is_over()).then(|| (None, Instant::now())),
            Pace::List(numbers) => {
                let place = self.ticket.replace(self.ticket.get() + 1);
                let number = numbers.get(usize::try_from(place).ok()?)?;
                (!self.stop.load(Ordering::Relaxed)).then(|| (Some(*number), Instant::now()))
            }
            Pace::Open { rate, lag_max } => {
                let due = self.take_ticket(*rate, *lag_max)?;
                // To the next millisecond: the timer's grain, and so an error of up to one.
                sleep_until(due).await;
                (!self.stop.load(Ordering::Relaxed)).then_some((None, due))
            }
        }
    }

    /// Whether nothing may be sent any more.
    fn is_over(&self) -> bool {
        let now = Instant::now();
        if self.stop.load(Ordering::Relaxed) {
            self.until.set(self.until.get().min(now));
        }
        now >= self.until.get()
    }

    /// When the next request is due, which may be past or to come.
    fn take_ticket(&self, rate: f64, lag_max: Duration) -> Option<Instant> {
        let due = |ticket: u64| self.begin + Duration::from_secs_f64(ticket as f64 / rate);
        let (mut ticket, now, until) = (self.ticket.get(), Instant::now(), self.until.get());
        if now.saturating_duration_since(due(ticket)) > lag_max {
            let present = ((now.min(until) - self.begin).as_secs_f64() * rate) as u64;
            self.unsent.set(self.unsent.get() + present.saturating_sub(ticket));
            ticket = ticket.max(present);
        }
        self.ticket.set(ticket + 1);
        Some(due(ticket)).filter(|due| *due < until)
    }

    /// Tells what became of the present request of a connection.
    fn told(&self, place: usize, outcome: Outcome, body: &[u8]) {
        let Some((number, mut sample)) = self.under_way.borrow_mut()[place].take() else { return };
        (sample.now, sample.outcome) = (Instant::now(), outcome);
        self.script.told(place, number, &sample, body);
        self.samples.borrow_mut().push(sample);
    }

    /// Counts what is under way and will not be answered, and in an open loop also what was due and never sent.
    fn give_up(&self) {
        self.is_over();
        let connections = self.under_way.borrow().len();
        for place in 0..connections {
            self.told(place, Outcome::Unanswered, b"");
        }
        let Pace::Open { rate, lag_max } = self.pace else { return };
        let now = Instant::now();
        while let Some(due) = self.take_ticket(rate, lag_max) {
            self.unsent.set(self.unsent.get() + 1);
            let sample = Sample { asked: Asked::Goal, due, sent: now, now, outcome: Outcome::Unsent };
            self.samples.borrow_mut().push(sample);
        }
    }
}

#[cfg(test)]
mod tests;
