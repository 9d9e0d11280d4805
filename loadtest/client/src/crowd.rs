//! `onsale crowd`: what thousands who only look cost, and whether those who buy notice them.
//!
//! Idle connections, each of which has made a request, and live streams of the hot event are opened against one server;
//! then bookings of that event run over connections of their own. The server's memory is read at each step. In the end
//! every idle connection must answer again, and every stream must show the version that the ledger has.

mod lookers;
mod stream;

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use self::lookers::{Followed, Idle, Listeners};
use crate::{
    connection::get,
    experiment,
    fixture::Fixture,
    on_sale::{Load, OnSale},
    processes::raise_descriptors,
    report::{figures, heading},
    requests::Scenario,
    scratch::{Data, Programs, Scratch},
    server::Server,
    usage::{Sampler, Watched, resident},
    verdict::Verdict,
};

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct CrowdArgs {
    #[command(flatten)]
    #[serde(flatten)]
    programs: Programs,
    /// Idle connections, each of which has made a request
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Live streams of the event that is booked
    #[arg(long, default_value_t = 5_000)]
    streams: usize,
    /// Connections that book
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Bookings a second (open loop); without it each connection books when it was answered (closed loop)
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds of bookings before measuring
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// Seconds of measuring
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Fails when the server had this much resident memory or more at any moment, in MB (10^6 bytes)
    #[arg(long, default_value_t = 300.0)]
    memory_max_mb: f64,
    /// Fails when the 99th percentile of the bookings is this many ms or more
    #[arg(long, default_value_t = 100.0)]
    p99_max_ms: f64,
}

/// How long streams may take to show the last version once nothing changes.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
/// After connections were opened, before memory is read: what only opening needed is given back.
const SETTLE: Duration = Duration::from_secs(2);
/// The server's default is little more than a minute, and a run may be longer.
const SETTINGS: [(&str, &str); 1] = [("BOXOFFICE__HTTP__IDLE_TIMEOUT", "1h")];

/// The server's memory at one step.
#[derive(Clone, Debug, Serialize)]
struct MemoryStep {
    name: &'static str,
    resident_mb: f64,
    /// Of each connection that this step added.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_each: Option<f64>,
}

#[derive(Debug, Serialize)]
struct CrowdResults {
    steps: Vec<MemoryStep>,
    /// The most that the server had until the end of the bookings, by the kernel's account: what is judged.
    peak_mb: f64,
    /// The same once all idle connections have asked again, which are not idle then.
    peak_when_all_ask_mb: f64,
    bookings: OnSale,
    /// What reading the streams cost the client, beside the booking one.
    listening_cores: f64,
    followed: Followed,
    /// The event's version in the ledger at the end.
    version: i64,
    /// Streams that show another one.
    streams_behind: usize,
    /// Idle connections that did not answer again.
    idle_lost: usize,
}

pub(crate) async fn crowd(args: &CrowdArgs) -> anyhow::Result<()> {
    let connections = args.idle + args.streams + args.connections;
    raise_descriptors(connections)?;
    if args.connections == 0 || args.streams == 0 {
        bail!("streams and connections must be above 0");
    }
    if resident(std::process::id()).is_none() {
        bail!("memory of processes can be read on Linux only");
    }
    let data = Data { events: 1, houses: 0 };
    experiment::measure("crowd", args, &args.programs, data, async |scratch| {
        let mut server = Server::boxoffice(scratch, &args.programs.settings(&SETTINGS)).await?;
        let results = measure(scratch, &mut server, args).await;
        let (results, mut verdict) = results.with_context(|| server.last_words())?;
        server.remove().await?;
        heading("bookings meanwhile", "bookings/s", true);
        results.bookings.print();
        figures(&results);
        judge(args, &results, &mut verdict);
        Ok((results, verdict))
    })
    .await
}

async fn measure(
    scratch: &Scratch,
    server: &mut Server<'_>,
    args: &CrowdArgs,
) -> anyhow::Result<(CrowdResults, Verdict)> {
    let (pid, address) = (server.pid()?, server.address);
    let event = Fixture::read(&scratch.fixture())?.first("hot-ga")?.id;
    let before = server.check().await?;
    let mut steps = Vec::new();

    // The inventory in memory, as the first visitor leaves it.
    drop(Idle::open(address, 1, request(&event, address, "application/json")).await?);
    step(&mut steps, "started", pid, None).await?;
    let idle = Idle::open(address, args.idle, request(&event, address, "application/json")).await?;
    step(&mut steps, "idle connections", pid, Some(args.idle)).await?;
    let listeners = Listeners::open(address, args.streams, &request(&event, address, "text/event-stream")).await?;
    step(&mut steps, "streams", pid, Some(args.streams)).await?;

    let load = Load::of(Scenario::HotGa, args.connections, args.rate, args.warmup, args.seconds);
    let used = || Watched::client().cpu_seconds().unwrap_or_default();
    let (began, before_it, sampler) =
        (Instant::now(), used(), Sampler::start(vec![Watched { name: "server", pid, family: false }]));
    let bookings = server.load(&load).await?;
    let listening_cores = (used() - before_it - bookings.thread_seconds) / began.elapsed().as_secs_f64();
    let resident_mb = sampler.finish().memory(&(began..Instant::now())).peak_mib * 1.048_576;
    steps.push(MemoryStep { name: "bookings, the most", resident_mb, bytes_each: None });

    let after = server.check().await?;
    let mut verdict = bookings.judge(Some(after.bookings - before.bookings));
    after.judge(&mut verdict);
    let version = after.versions.get(&event).copied().context("the ledger has no version of the event")?;
    let streams_behind = listeners.not_at(version, CATCH_UP_MAX).await;
    step(&mut steps, "afterwards", pid, None).await?;
    let peak = || anyhow::Ok(resident(pid).context("the server has ended")?.1 as f64 / 1e6);
    let peak_mb = peak()?;
    let idle_lost = idle.ask_again().await;
    let results = CrowdResults {
        steps,
        peak_mb,
        peak_when_all_ask_mb: peak()?,
        bookings,
        listening_cores,
        followed: listeners.followed(),
        version,
        streams_behind,
        idle_lost,
    };
    Ok((results, verdict))
}

fn request(event: &str, address: SocketAddr, kind: &str) -> String {
    get(address, &format!("/api/v1/events/{event}/availability"), &format!("accept: {kind}\r\n"))
}

/// Notes the memory once it has settled.
async fn step(steps: &mut Vec<MemoryStep>, name: &'static str, pid: u32, added: Option<usize>) -> anyhow::Result<()> {
    sleep(SETTLE).await;
    let resident_mb = resident(pid).context("the server has ended")?.0 as f64 / 1e6;
    let last = steps.last().map_or(0.0, |step| step.resident_mb);
    let bytes_each = added.filter(|added| *added > 0).map(|added| (resident_mb - last) * 1e6 / added as f64);
    steps.push(MemoryStep { name, resident_mb, bytes_each });
    Ok(())
}

fn judge(args: &CrowdArgs, results: &CrowdResults, verdict: &mut Verdict) {
    let CrowdResults { bookings, followed, streams_behind: behind, version, idle_lost, .. } = results;
    verdict.below("the server's memory in MB", results.peak_mb, args.memory_max_mb);
    verdict.below("p99 of the bookings in ms", bookings.row.tally.latency.p99, args.p99_max_ms);
    let total = &bookings.total;
    verdict.require(total.unexpected() == 0, || format!("not every booking was made: {total:?}"));
    verdict.require(followed.ended.is_empty(), || format!("streams ended: {:?}", followed.ended));
    verdict.require(*behind == 0, || format!("{behind} streams do not show version {version}, which the ledger has"));
    verdict.none("idle connections that did not answer again", *idle_lost as u64);
}

#[cfg(test)]
mod tests;
