//! The on-sale that several commands measure: bookings in a closed or an open loop, and visitors who look meanwhile.

use std::{future::Future, io, net::SocketAddr, ops::Range, path::PathBuf, rc::Rc, sync::Arc, time::Duration};

use anyhow::bail;
use serde::Serialize;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::{
    connection::{Connection, connect, get},
    experiment::seconds,
    fixture::{Fixture, House},
    load::{self, Pace, Plan},
    report::{Heard, Row, Since, Tally, line, say},
    requests::{Orders, Scenario, Visitors, Workload},
    threads::on_thread,
    usage::{Sampler, Usage, Watched},
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

/// What an on-sale led to.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OnSale {
    #[serde(flatten)]
    pub(crate) row: Row,
    /// Whether it ended because nothing was left to ask for.
    pub(crate) sold_out: bool,
    /// Over the whole run, warm-up included: what the database is compared with.
    pub(crate) total: Tally,
    /// Of those who looked meanwhile.
    pub(crate) reads: Vec<Row>,
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
        let load = self.clone();
        let sampler = Sampler::start(watched);
        let (booked, thread_seconds) = on_thread(move || async move {
            let fixture = Fixture::read(&fixture)?;
            let orders = Orders::new(&fixture, address);
            let workload = Workload::new(load.scenario, &fixture, orders, load.skip_houses)?;
            open_events(address, workload.events()).await?;
            load.book(Rc::new(workload), move || connect(address)).await
        })
        .await?;
        Ok(OnSale { thread_seconds, ..booked?.report(name, self, &sampler.finish()) })
    }

    async fn book<C, F, S>(&self, workload: Rc<Workload>, connect: C) -> anyhow::Result<Booked>
    where
        C: Fn() -> F + Clone + 'static,
        F: Future<Output = io::Result<S>> + 'static,
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (warmup, stop) = (seconds(self.warmup)?, Arc::default());
        let lasts = warmup + seconds(self.seconds)?;
        let plan = |connections: usize, rate: Option<f64>| {
            let pace = rate.map_or(Pace::Closed, |rate| Pace::Open { rate, lag_max: Duration::MAX });
            Plan { stop: Arc::clone(&stop), ..Plan::new(connections, pace, lasts, PATIENCE) }
        };
        let booking = load::run(plan(self.connections, self.rate), Rc::clone(&workload), connect.clone());
        let looking = |page: &'static str| {
            let visitors = Visitors { workload: Rc::clone(&workload), page };
            let connections = self.readers.div_ceil(PAGES.len());
            load::run(plan(connections, Some(self.read_rate / 2.0)), Rc::new(visitors), connect.clone())
        };
        let (booked, reads) = if self.readers == 0 {
            (booking.await, Vec::new())
        } else {
            let (booked, one, other) = tokio::join!(booking, looking(PAGES[0].1), looking(PAGES[1].1));
            (booked, vec![one, other])
        };
        let window = booked.begin + warmup..booked.end.max(booked.begin + warmup);
        Ok(Booked { window, booked, reads, houses_used: workload.houses_used() })
    }
}

/// What an on-sale leaves.
struct Booked {
    window: Range<Instant>,
    booked: Heard,
    reads: Vec<Heard>,
    houses_used: usize,
}

impl Booked {
    fn report(&self, name: &str, load: &Load, usage: &Usage) -> OnSale {
        let row = |name: &str, heard: &Heard, connections: usize, rate: Option<f64>| Row {
            pace: rate.map_or("closed".to_owned(), |rate| format!("open {rate:.0}")),
            connections,
            ..Row::of(name, &heard.samples, &self.window, Since::Due)
        };
        let looked = self.reads.iter().zip(PAGES);
        let each = load.readers.div_ceil(PAGES.len());
        OnSale {
            row: Row { cores: usage.cores(&self.window), ..row(name, &self.booked, load.connections, load.rate) },
            sold_out: self.booked.sold_out,
            total: Tally::of(&self.booked.samples, Since::Due),
            reads: looked.map(|(heard, (name, _))| row(name, heard, each, Some(load.read_rate / 2.0))).collect(),
            houses_used: self.houses_used,
            thread_seconds: 0.0,
        }
    }
}

impl OnSale {
    pub(crate) fn print(&self) {
        line(&self.row);
        self.reads.iter().for_each(line);
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
