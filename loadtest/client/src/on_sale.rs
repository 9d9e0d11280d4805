//! The on-sale that several commands measure: bookings in a closed or an open loop, and visitors who look meanwhile.

use std::{net::SocketAddr, path::PathBuf, rc::Rc, sync::Arc, time::Duration};

use anyhow::bail;
use serde::Serialize;

use crate::{
    connection::{Connection, connect, get},
    experiment::seconds,
    fixture::{Fixture, House},
    load::{self, Connect, Pace, Plan},
    processes::on_thread,
    report::{Asked, Heard, Row, Since, Tally, line, say},
    requests::{Orders, Scenario, Visitors, Workload},
    usage::{Sampler, Watched},
    verdict::Verdict,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) scenario: Scenario,
    /// Connections at once.
    pub(crate) connections: usize,
    /// Requests a second (open loop); without it each connection asks when it was answered (closed loop).
    pub(crate) rate: Option<f64>,
    /// Connections that look at the hot event meanwhile, and reads a second of all of them.
    pub(crate) readers: usize,
    pub(crate) read_rate: f64,
    /// Seconds before measuring, and of it.
    pub(crate) warmup: f64,
    pub(crate) seconds: f64,
    /// Houses that earlier runs sold out.
    pub(crate) skip_houses: usize,
}

/// How long to wait, at the end, for what is not answered.
const PATIENCE: Duration = Duration::from_secs(10);
/// What visitors look at: half of them each.
const PAGES: [(&str, &str); 2] = [("  availability", "/availability"), ("  event", "")];

/// The requests on the way to a paid booking.
const STEPS: [(&str, Asked); 3] = [("  hold", Asked::Hold), ("  booking", Asked::Unpaid), ("  payment", Asked::Goal)];

/// What an on-sale led to.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct OnSale {
    #[serde(flatten)]
    pub(crate) row: Row,
    /// Whether it ended because nothing was left to ask for.
    pub(crate) sold_out: bool,
    /// Over the whole run, warm-up included: what the database is compared with.
    pub(crate) total: Tally,
    /// Of those who looked meanwhile.
    pub(crate) reads: Vec<Row>,
    /// Of each kind of request, where they differ much.
    pub(crate) steps: Vec<Row>,
    /// Payments that were still being processed when they were answered, over the whole run.
    pub(crate) unsettled: u64,
    #[serde(skip)]
    pub(crate) houses_used: usize,
    /// CPU seconds of the thread that asked.
    #[serde(skip)]
    pub(crate) thread_seconds: f64,
}

impl Load {
    /// Bookings over so many connections, without visitors: at a rate, or in a closed loop.
    pub(crate) fn of(scenario: Scenario, connections: usize, rate: Option<f64>, warmup: f64, seconds: f64) -> Self {
        Self { scenario, connections, rate, readers: 0, read_rate: 1.0, warmup, seconds, skip_houses: 0 }
    }

    /// Runs it against a server, on a thread of its own.
    pub(crate) async fn ask(
        &self,
        name: &str,
        address: SocketAddr,
        fixture: PathBuf,
        watched: Vec<Watched>,
    ) -> anyhow::Result<OnSale> {
        let is_no_rate = |rate: f64| !(rate > 0.0 && rate.is_finite());
        if self.rate.is_some_and(is_no_rate) || is_no_rate(self.read_rate) || self.connections == 0 {
            bail!("rates and connections must be above 0");
        }
        let (load, name, sampler) = (self.clone(), name.to_owned(), Sampler::start(watched));
        let (done, thread_seconds) = on_thread(move || async move {
            let fixture = Fixture::read(&fixture)?;
            let orders = Orders::new(&fixture, address);
            let workload = Workload::new(load.scenario, &fixture, orders, load.skip_houses)?;
            open_events(address, workload.events()).await?;
            load.book(&name, Rc::new(workload), move || connect(address), sampler).await
        })
        .await?;
        Ok(OnSale { thread_seconds, ..done? })
    }

    async fn book(
        &self,
        name: &str,
        workload: Rc<Workload>,
        connect: impl Connect + Clone,
        sampler: Sampler,
    ) -> anyhow::Result<OnSale> {
        let (warmup, stop) = (seconds(self.warmup)?, Arc::default());
        let lasts = warmup + seconds(self.seconds)?;
        let plan = |connections: usize, rate: Option<f64>| {
            let pace = rate.map_or(Pace::Closed, |rate| Pace::Open { rate, lag_max: Duration::MAX });
            Plan { stop: Arc::clone(&stop), ..Plan::new(connections, pace, lasts, PATIENCE) }
        };
        let booking = load::run(plan(self.connections, self.rate), Rc::clone(&workload), connect.clone());
        let (each, read_rate) = (self.readers.div_ceil(PAGES.len()), Some(self.read_rate / PAGES.len() as f64));
        let looking = async |page: &'static str| {
            let visitors = Rc::new(Visitors { workload: Rc::clone(&workload), page });
            let asks = self.readers > 0;
            if asks { Some(load::run(plan(each, read_rate), visitors, connect.clone()).await) } else { None }
        };
        let (booked, one, other) = tokio::join!(booking, looking(PAGES[0].1), looking(PAGES[1].1));
        let from = booked.begin + warmup;
        let window = from..booked.end.max(from);
        let row = |name: &str, heard: &Heard| heard.row(name, &window, Since::Due);
        let looked = PAGES.iter().zip([one, other]).filter_map(|((name, _), heard)| Some(row(name, &heard?)));
        let steps: &[_] = if self.scenario == Scenario::Priced { &STEPS } else { &[] };
        let steps = steps.iter().map(|(name, asked)| booked.step(name, &window, Since::Due, *asked));
        Ok(OnSale {
            reads: looked.collect(),
            steps: steps.collect(),
            unsettled: workload.unsettled(),
            row: Row { cores: sampler.finish().cores(&window), ..row(name, &booked) },
            sold_out: booked.sold_out,
            total: Tally::of(&booked.samples, Since::Due),
            houses_used: workload.houses_used(),
            thread_seconds: 0.0,
        })
    }
}

impl OnSale {
    pub(crate) fn print(&self) {
        line(&self.row);
        self.steps.iter().chain(&self.reads).for_each(line);
        if self.unsettled > 0 {
            say(&format!("  {} payments were still being processed when they were answered", self.unsettled));
        }
        if self.sold_out {
            say(&format!("  sold out after {:.1} s", self.row.seconds));
        }
    }

    /// Whether the answers were right: no refusals, for no scenario has rivals; and the ledger has what was promised, no more
    /// and no less, but for requests whose answers were lost.
    pub(crate) fn judge(&self, written: Option<u64>) -> Verdict {
        let (mut verdict, total, name) = (Verdict::default(), &self.total, &self.row.name);
        verdict.require(self.row.answers_per_second > 0.0, || format!("nothing was answered: {total:?}"));
        // A refusal is part of the result when a server is overloaded, but never to more than it serves.
        verdict.require(total.unexpected() <= total.served + total.held, || {
            format!("{name} refused more than it served: {total:?}")
        });
        let is_blind = self.reads.iter().any(|row| row.tally.served == 0);
        verdict.require(!is_blind, || format!("nobody could look: {:?}", self.reads));
        if let Some(written) = written {
            verdict.require_written(written, total.served, total.unknown);
        }
        verdict
    }
}

/// Asks for the availability of every event, as visitors do before a sale: loading an inventory is not measured here.
pub(crate) async fn open_events(address: SocketAddr, events: &[House]) -> anyhow::Result<()> {
    let mut connection = Connection::new(connect(address).await?);
    for event in events {
        let request = get(address, &format!("/api/v1/events/{}/availability", event.id), "");
        let status = connection.ask(request.as_bytes()).await?.status;
        // The ceiling has no events.
        if status != 200 && status != 201 {
            bail!("the availability of an event answers {status}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
