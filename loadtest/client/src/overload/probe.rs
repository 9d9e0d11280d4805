//! Probes: a few bookings a second from a thread of their own, so that the storm's client does not delay them.

use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
    thread::JoinHandle,
    time::Duration,
};

use onsale::{
    connection::Answer,
    fixture::House,
    flow::{self, Pace, Plan, Script, Times, Told},
    orders::Orders,
    tally::{Counts, Since, Tally, Timeline},
};
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use crate::load::connect;

/// Connections of a probe: enough for a second of answers that take a third of it.
const CONNECTIONS: usize = 32;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any storm.
const LASTS: Duration = Duration::from_secs(3600);

/// Who is asked for what.
#[derive(Clone)]
pub(super) struct Probe {
    pub(super) address: SocketAddr,
    pub(super) orders: Orders,
    pub(super) event: House,
    /// Bookings a second.
    pub(super) rate: f64,
}

/// One answer, kept whole: when the storm was is known only afterwards.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    times: Times,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Status(u16, Option<u32>),
    Broke(std::io::ErrorKind),
    Unanswered,
}

/// What a probe found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probed {
    /// In the calm before the storm.
    pub(super) before: Counts,
    /// During it.
    pub(super) during: Counts,
    /// After it, second by second.
    pub(super) after: Vec<Counts>,
    /// From the first to the last.
    pub(super) total: Counts,
}

impl Probed {
    pub(super) fn of(samples: &[Sample], begin: Instant, end: Instant, calm: u64) -> anyhow::Result<Self> {
        let (mut before, mut during, mut total) = (Tally::new()?, Tally::new()?, Tally::new()?);
        let seconds = usize::try_from(calm)?;
        // One more, for what comes after the calm that was asked for.
        let mut after = Timeline::new(end, Since::Due, seconds + 1)?;
        for Sample { times, kind } in samples {
            let told = match kind {
                Kind::Status(status, retry_after) => {
                    Told::Answer(Answer { status: *status, replayed: false, retry_after: *retry_after, body: b"" })
                }
                Kind::Broke(kind) => Told::Broke(*kind),
                Kind::Unanswered => Told::Unanswered,
            };
            total.count(Since::Due, *times, &told);
            // The first second opens connections.
            let settled = samples.first().map_or(begin, |first| first.times.due + Duration::from_secs(1));
            if times.due < begin {
                if times.due >= settled {
                    before.count(Since::Due, *times, &told);
                }
            } else if times.due < end {
                during.count(Since::Due, *times, &told);
            } else {
                after.count(*times, &told);
            }
        }
        let mut after = after.counts();
        after.truncate(seconds);
        Ok(Self { before: before.counts(), during: during.counts(), after, total: total.counts() })
    }
}

struct Samples {
    probe: Probe,
    heard: RefCell<Vec<Sample>>,
}

impl Script for Samples {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        self.probe.orders.place(&self.probe.event, number, request);
    }

    fn told(&self, _: u64, times: Times, told: Told<'_>) {
        let kind = match told {
            Told::Answer(answer) => Kind::Status(answer.status, answer.retry_after),
            Told::Broke(kind) => Kind::Broke(kind),
            Told::Unanswered => Kind::Unanswered,
        };
        self.heard.borrow_mut().push(Sample { times, kind });
    }
}

/// Probes until `stop` becomes true; gives the samples of each.
pub(super) fn start(probes: Vec<Probe>, stop: Arc<AtomicBool>) -> JoinHandle<anyhow::Result<Vec<Vec<Sample>>>> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let all = tokio::task::LocalSet::new();
        runtime.block_on(all.run_until(async {
            let mut running = JoinSet::new();
            for (place, probe) in probes.into_iter().enumerate() {
                let stop = Arc::clone(&stop);
                running.spawn_local(async move { (place, ask(probe, stop).await) });
            }
            let mut samples = running.join_all().await;
            samples.sort_unstable_by_key(|(place, _)| *place);
            Ok(samples.into_iter().map(|(_, samples)| samples).collect())
        }))
    })
}

async fn ask(probe: Probe, stop: Arc<AtomicBool>) -> Vec<Sample> {
    // A probe that falls behind says so in its latency; it leaves nothing out.
    let pace = Pace::Rate { rate: probe.rate, lasts: LASTS, lag_max: LASTS };
    let plan = Plan { connections: CONNECTIONS, greeting: None, pace, patience: PATIENCE, stop };
    let address = probe.address;
    let samples = Rc::new(Samples { probe, heard: RefCell::default() });
    flow::flow(plan, Rc::clone(&samples), move || connect(address), |_| {}).await;
    samples.heard.take()
}
