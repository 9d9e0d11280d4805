//! One request over and over, on some connections, as fast as it is answered.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use anyhow::bail;
use hdrhistogram::Histogram;
use onsale::connection::Connection;
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::middle;
use crate::load::connect;

/// Longest latency that is told apart from longer ones.
const LATENCY_US_MAX: u64 = 60_000_000;

/// How to ask.
pub(super) struct Plan {
    pub(super) address: SocketAddr,
    pub(super) request: String,
    /// Every answer has this status.
    pub(super) expected: u16,
    pub(super) connections: usize,
    pub(super) warmup: Duration,
    pub(super) measured: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// CPU of the server for one request.
    pub(super) server_us: f64,
    /// Cores of the client: near 1, the client is what is measured.
    pub(super) client_cores: f64,
}

impl Measured {
    /// Each number by itself the middle one.
    pub(super) fn middle(runs: &[Self]) -> Self {
        let of = |number: fn(&Self) -> f64| middle(runs.iter().map(number));
        Self {
            per_second: of(|run| run.per_second),
            p50_us: of(|run| run.p50_us),
            p99_us: of(|run| run.p99_us),
            server_us: of(|run| run.server_us),
            client_cores: of(|run| run.client_cores),
        }
    }
}

struct Counts {
    from: Instant,
    until: Instant,
    answers: Cell<u64>,
    wrong: Cell<u64>,
    latency_us: RefCell<Histogram<u64>>,
}

/// Runs by `plan` on this thread. `used` tells the CPU seconds that server and client have used.
pub(super) async fn run(plan: Plan, used: impl Fn() -> (Option<f64>, Option<f64>)) -> anyhow::Result<Measured> {
    let from = Instant::now() + plan.warmup;
    let counts = Rc::new(Counts {
        from,
        until: from + plan.measured,
        answers: Cell::new(0),
        wrong: Cell::new(0),
        latency_us: RefCell::new(Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?),
    });
    let plan = Rc::new(plan);
    let mut asking = JoinSet::new();
    for _ in 0..plan.connections {
        asking.spawn_local(ask_and_ask(Rc::clone(&plan), Rc::clone(&counts)));
    }
    sleep_until(counts.from).await;
    let before = used();
    sleep_until(counts.until).await;
    let after = used();
    while let Some(ended) = asking.join_next().await {
        ended??;
    }
    if counts.wrong.get() > 0 {
        bail!("{} answers had another status than {}", counts.wrong.get(), plan.expected);
    }
    let (answers, seconds) = (counts.answers.get() as f64, plan.measured.as_secs_f64());
    let spent =
        |before: Option<f64>, after: Option<f64>| after.zip(before).map_or(0.0, |(after, before)| after - before);
    let latency = counts.latency_us.borrow();
    Ok(Measured {
        per_second: answers / seconds,
        p50_us: latency.value_at_quantile(0.5) as f64,
        p99_us: latency.value_at_quantile(0.99) as f64,
        server_us: spent(before.0, after.0) * 1e6 / answers.max(1.0),
        client_cores: spent(before.1, after.1) / seconds,
    })
}

async fn ask_and_ask(plan: Rc<Plan>, counts: Rc<Counts>) -> anyhow::Result<()> {
    let mut connection = Connection::new(connect(plan.address).await?);
    loop {
        let sent = Instant::now();
        if sent >= counts.until {
            return Ok(());
        }
        let status = connection.ask(plan.request.as_bytes()).await?.status;
        let now = Instant::now();
        if status != plan.expected {
            counts.wrong.set(counts.wrong.get() + 1);
        }
        if counts.from <= now && now < counts.until {
            counts.answers.set(counts.answers.get() + 1);
            let latency = u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX);
            counts.latency_us.borrow_mut().saturating_record(latency.max(1));
        }
    }
}
