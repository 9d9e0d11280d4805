//! The storm itself.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use anyhow::Context;
use onsale::{
    fixture::House,
    flow::{self, Pace, Plan, Script, Times, Told},
    orders::Orders,
    processes::{Watched, cpu_seconds},
    tally::{Counts, Since, Tally},
};
use serde::Serialize;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::OverloadArgs;
use crate::{bench::contender::Served, load::connect};

/// The beginning of a storm that does not count: connections find their pace.
const RISE: Duration = Duration::from_secs(1);
/// What is due for longer than this and finds no connection free is not sent.
const LAG_MAX: Duration = Duration::from_millis(20);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stormed {
    /// Requests a second that were to be sent.
    pub(super) asked_rate: f64,
    /// Requests a second that were sent.
    pub(super) offered_rate: f64,
    /// 201s a second, the rise left out.
    pub(super) goodput: f64,
    /// 503s a second.
    pub(super) refusals: f64,
    /// Over the whole storm. Latency from when a request was sent.
    pub(super) counts: Counts,
    /// Cores in use, by process.
    pub(super) cores: BTreeMap<String, f64>,
    #[serde(skip)]
    pub(super) begin: Instant,
    #[serde(skip)]
    pub(super) end: Instant,
}

struct Hot {
    orders: Orders,
    event: House,
    window: Cell<(Instant, Instant)>,
    made: Cell<u64>,
    refused: Cell<u64>,
    tally: RefCell<Tally>,
}

impl Script for Hot {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        self.orders.place(&self.event, number, request);
    }

    fn told(&self, _: u64, times: Times, told: Told<'_>) {
        let (from, until) = self.window.get();
        if let Told::Answer(answer) = &told
            && from <= times.now
            && times.now < until
        {
            match answer.status {
                201 => self.made.set(self.made.get() + 1),
                503 => self.refused.set(self.refused.get() + 1),
                _ => {}
            }
        }
        self.tally.borrow_mut().count(Since::Sent, times, &told);
    }
}

pub(super) async fn storm(
    server: &Served<'_>,
    orders: Orders,
    event: House,
    args: &OverloadArgs,
    rate: f64,
) -> anyhow::Result<Stormed> {
    let now = Instant::now();
    let lasts = Duration::try_from_secs_f64(args.seconds)?;
    let hot = Rc::new(Hot {
        orders,
        event,
        window: Cell::new((now, now)),
        made: Cell::new(0),
        refused: Cell::new(0),
        tally: RefCell::new(Tally::new()?),
    });
    let plan = Plan {
        connections: args.connections,
        greeting: Some(format!("GET /health/live HTTP/1.1\r\nhost: {}\r\n\r\n", server.address())),
        pace: Pace::Rate { rate, lasts, lag_max: LAG_MAX },
        patience: PATIENCE,
        stop: std::sync::Arc::default(),
    };
    let address = server.address();
    let (says, begun) = oneshot::channel();
    let script = Rc::clone(&hot);
    let flow = flow::flow(
        plan,
        Rc::clone(&hot),
        move || connect(address),
        move |begin| {
            script.window.set((begin + RISE, begin + lasts));
            let _ = says.send((begin + RISE, begin + lasts));
        },
    );
    let (flowed, cores) = tokio::join!(flow, cores(server, begun));
    let measured = (lasts - RISE).as_secs_f64();
    let counts = hot.tally.borrow().counts();
    Ok(Stormed {
        asked_rate: rate,
        offered_rate: flowed.sent as f64 / lasts.as_secs_f64(),
        goodput: hot.made.get() as f64 / measured,
        refusals: hot.refused.get() as f64 / measured,
        counts,
        cores: cores?,
        begin: flowed.begin,
        end: flowed.end,
    })
}

/// Cores in use within the window that `begun` tells.
async fn cores(
    server: &Served<'_>,
    begun: oneshot::Receiver<(Instant, Instant)>,
) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut watched = vec![Watched { name: "client".into(), pid: std::process::id(), family: false }];
    watched.push(Watched { name: "server".into(), pid: server.pid()?, family: false });
    watched.extend(server.postmaster().map(|pid| Watched { name: "postgres".into(), pid, family: true }));
    let used = || -> Vec<Option<f64>> { watched.iter().map(cpu_seconds).collect() };
    let (from, until) = begun.await.context("the storm did not begin")?;
    sleep_until(from).await;
    let (before, measured_from) = (used(), Instant::now());
    sleep_until(until).await;
    let (after, seconds) = (used(), measured_from.elapsed().as_secs_f64());
    let cores = watched.iter().zip(before.into_iter().zip(after));
    Ok(cores.filter_map(|(one, (before, after))| Some((one.name.clone(), (after? - before?) / seconds))).collect())
}
