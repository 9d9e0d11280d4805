//! `onsale overload`: several times more than the server can do, on one hot event, and what becomes of everybody else.
//!
//! First closed loops find the most that it does. Then a storm asks for a multiple of that at a constant rate over thousands
//! of connections, while probes go on booking now and then: some on the hot event, which is to be calm again as soon as the
//! storm is over, some on another event, which is not to notice it.

mod judge;
mod probe;
mod storm;
mod table;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use clap::Args;
use onsale::{
    connection::Connection,
    fixture::{Fixture, House},
    limits::raise_descriptors,
    orders::Orders,
    report::Report,
    tally::Counts,
    workload::Scenario,
};
use serde::Serialize;
use tokio::time::sleep;

use self::{
    judge::judge,
    probe::{Probe, Probed},
    storm::Stormed,
};
use crate::{
    bench::{
        Contender, cleanly,
        contender::{Check, Load, Served},
        machine::Machine,
        say,
        scratch::Scratch,
        write,
    },
    load::connect,
    memory::{Memory, Sampler},
    started::StartArgs,
};

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverloadArgs {
    #[command(flatten)]
    #[serde(flatten)]
    start: StartArgs,
    /// How many times the most that the server can do is asked for
    #[arg(long, default_value_t = 5.0)]
    factor: f64,
    /// Requests a second of the storm, instead of a multiple of what was measured
    #[arg(long)]
    rate: Option<f64>,
    /// Connections of the storm: as many requests can be under way at once
    #[arg(long, default_value_t = 9000)]
    connections: usize,
    /// Seconds of the storm
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections of the closed loops that find the most, one run each
    #[arg(long, value_delimiter = ',', default_value = "256,1000")]
    peak_connections: Vec<usize>,
    /// Seconds of each closed loop
    #[arg(long, default_value_t = 5.0)]
    peak_seconds: f64,
    /// Bookings a second of each probe
    #[arg(long, default_value_t = 100.0)]
    probe_rate: f64,
    /// Milliseconds that PostgreSQL waits before each write to its log, as with a slow disk: what the server can do is then
    /// bound by storage, and there is processor time left for the storm's own client
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    disk_delay_ms: u32,
    /// Seconds of probing before the storm, and after it
    #[arg(long, default_value_t = 4)]
    calm_seconds: u64,
}

/// Everything that one command measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    machine: Machine,
    settings: OverloadArgs,
    /// The closed loops.
    peaks: Vec<Report>,
    /// The most bookings a second of them.
    peak: f64,
    storm: Stormed,
    /// Of the hot event.
    hot: Probed,
    /// Of another event.
    quiet: Probed,
    memory: Memory,
    check: Check,
    /// Criteria that were missed.
    missed: Vec<String>,
}

/// Measures, prints, writes, and fails when a criterion is missed.
pub(crate) async fn overload(args: &OverloadArgs) -> anyhow::Result<()> {
    if args.connections == 0 || args.peak_connections.is_empty() || args.peak_connections.contains(&0) {
        bail!("give numbers of connections above 0");
    }
    raise_descriptors(args.connections + 1000)?;
    if !(args.seconds >= 3.0 && args.probe_rate > 0.0 && args.factor > 0.0) {
        bail!("give at least 3 seconds, and a factor and a probe rate above 0");
    }
    let scratch = args.start.scratch()?;
    cleanly(&scratch, measure(&scratch, args)).await
}

async fn measure(scratch: &Scratch, args: &OverloadArgs) -> anyhow::Result<()> {
    let mut machine = Machine::of_here();
    say(&format!("{machine}\nseeding …"));
    scratch.seed().await?;
    if args.disk_delay_ms > 0 {
        scratch.slow_disk(args.disk_delay_ms)?;
    }
    let fixture = Fixture::read(&scratch.fixture())?;
    let mut server = Served::start(scratch, Contender::Boxoffice, &args.start.settings()).await?;
    let before = server.check().await?.context("no ledger")?;

    table::heading();
    let mut peaks = Vec::new();
    for connections in &args.peak_connections {
        let (scenario, rate, seconds) = (Scenario::HotGa, None, args.peak_seconds);
        let load =
            Load { scenario, connections: *connections, rate, warmup: 2.0, seconds, skip_houses: 0, reads: None };
        let report = server.load(load).await?.report;
        table::peak(&report);
        peaks.push(report);
    }
    let peak = peaks.iter().map(|report| report.bookings_per_second).fold(0.0, f64::max);
    let rate = args.rate.unwrap_or(args.factor * peak);
    let (storm, hot, quiet, memory) = under_storm(&server, &fixture, args, rate).await?;
    server.alive()?;

    let check = server.check().await?.context("no ledger")?;
    machine.postgres = Some(check.server_version.clone());
    let made = peaks.iter().map(|report| report.total.bookings).sum::<u64>()
        + [&storm.counts, &hot.total, &quiet.total].iter().map(|counts| counts.made).sum::<u64>();
    let unknown = peaks.iter().map(|report| report.total.unknown()).sum::<u64>()
        + [&storm.counts, &hot.total, &quiet.total].iter().map(|counts| unknown(counts)).sum::<u64>();
    let written = check.bookings - before.bookings;
    let mut results =
        Results { machine, settings: args.clone(), peaks, peak, storm, hot, quiet, memory, check, missed: Vec::new() };
    results.missed = judge(&results);
    results.missed.extend(results.check.faults.iter().map(|fault| format!("the ledger is wrong: {fault}")));
    if written < made || written > made + unknown {
        results.missed.push(format!("{made} bookings were acknowledged, {unknown} are unknown, and {written} written"));
    }
    table::results(&results);
    server.stop().await?;
    write(&results, &args.start.out, &format!("overload-{}.json", results.machine.unix_seconds))?;
    if results.missed.is_empty() { Ok(()) } else { bail!("missed:\n- {}", results.missed.join("\n- ")) }
}

/// Requests that may have booked something: without an answer, or given up by the server while the ledger was working.
fn unknown(counts: &Counts) -> u64 {
    counts.refused + counts.others.values().sum::<u64>()
}

async fn under_storm(
    server: &Served<'_>,
    fixture: &Fixture,
    args: &OverloadArgs,
    rate: f64,
) -> anyhow::Result<(Stormed, Probed, Probed, Memory)> {
    let hot = fixture.of_kind("hot-ga")?.into_iter().next().context("no hot event")?;
    let quiet = fixture.of_kind("lukewarm")?.into_iter().next().context("no quiet event")?;
    open(server, &[&hot, &quiet]).await?;
    let host = server.address().to_string();
    let run = format!("{:x}", SystemTime::UNIX_EPOCH.elapsed()?.as_micros());
    let orders = |part: &str| Orders::new(fixture, &host, &format!("{run}-{part}"));

    let stop = Arc::new(AtomicBool::new(false));
    let memory = Sampler::start(server.pid()?);
    let probes = [("hot", &hot), ("quiet", &quiet)].map(|(part, event)| Probe {
        address: server.address(),
        orders: orders(part),
        event: event.clone(),
        rate: args.probe_rate,
    });
    let probing = probe::start(probes.to_vec(), Arc::clone(&stop));
    let calm = Duration::from_secs(args.calm_seconds);
    sleep(calm).await;
    let stormed = storm::storm(server, orders("storm"), hot, args, rate).await;
    // Until the calm after it is over, also when what the storm has left took long to be answered.
    if let Ok(stormed) = &stormed {
        sleep((stormed.end + calm + Duration::from_millis(500)).saturating_duration_since(tokio::time::Instant::now()))
            .await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut samples = probing.join().map_err(|_| anyhow::anyhow!("the probes panicked"))??;
    let stormed = stormed?;
    let (Some(quiet), Some(hot)) = (samples.pop(), samples.pop()) else { bail!("the probes said nothing") };
    let memory = memory.finish(stormed.begin, stormed.end);
    let probed = |samples: &[probe::Sample]| Probed::of(samples, stormed.begin, stormed.end, args.calm_seconds);
    let (hot, quiet) = (probed(&hot)?, probed(&quiet)?);
    Ok((stormed, hot, quiet, memory))
}

/// Asks for the availability of the events, as visitors do before a sale: loading an inventory is not measured here.
async fn open(server: &Served<'_>, events: &[&House]) -> anyhow::Result<()> {
    let mut connection = Connection::new(connect(server.address()).await?);
    for event in events {
        let request =
            format!("GET /api/v1/events/{}/availability HTTP/1.1\r\nhost: {}\r\n\r\n", event.id, server.address());
        let status = connection.ask(request.as_bytes()).await?.status;
        if status != 200 {
            bail!("the availability of an event answers {status}");
        }
    }
    Ok(())
}
