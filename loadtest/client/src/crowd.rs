//! `onsale crowd`: what thousands who only look cost, and whether those who buy notice them.
//!
//! Idle connections, each of which has made a request, and live streams of the hot event are opened against one server;
//! then bookings of that event run over connections of their own. The server's memory is read at each step. In the end
//! every idle connection must answer again, and every stream must show the version that the ledger has.

mod table;

use std::{future::Future, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use onsale::{
    fixture::Fixture,
    limits,
    processes::{Memory, Watched, cpu_seconds, memory},
    report::Report,
    visitors::{Heard, Idle, Listeners},
    workload::Scenario,
};
use serde::Serialize;
use tokio::{
    task::LocalSet,
    time::{Instant, sleep},
};

use crate::bench::{
    Contender, cleanly,
    contender::{Check, Load, Served},
    judge,
    machine::Machine,
    say,
    scratch::{Scratch, Setup},
    write,
};

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CrowdArgs {
    /// The server that is measured
    #[arg(long)]
    binary: PathBuf,
    /// The program that checks the ledger
    #[arg(long)]
    baseline: PathBuf,
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
    /// Buyers
    #[arg(long, default_value_t = 1000)]
    users: u32,
    /// Where the JSON goes
    #[arg(long, default_value = "loadtest/results")]
    out: PathBuf,
}

/// How long streams may take to show the last version once nothing changes.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
/// After connections were opened, before memory is read: what only opening needed is given back.
const SETTLE: Duration = Duration::from_secs(2);
/// Between two readings of the memory.
const SAMPLE: Duration = Duration::from_millis(100);
/// The server's default is little more than a minute, and a run may be longer.
const SETTINGS: [(&str, &str); 1] = [("BOXOFFICE__HTTP__IDLE_TIMEOUT", "1h")];

/// The server's memory at one step.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    name: &'static str,
    resident_bytes: u64,
    /// Of each connection that this step added.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_each: Option<f64>,
}

/// Everything that one command measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    machine: Machine,
    settings: CrowdArgs,
    steps: Vec<Step>,
    /// The most that the server had until the end of the bookings, by the kernel's account: what is judged.
    peak_bytes: u64,
    /// The same once all idle connections have asked again, which are not idle then.
    peak_bytes_when_all_ask: u64,
    bookings: Report,
    /// What reading the streams cost the client, beside the booking one.
    listening_cores: f64,
    check: Check,
    heard: Heard,
    /// The event's version in the ledger at the end.
    version: i64,
    /// Streams that show another one.
    streams_behind: usize,
    /// Idle connections that did not answer again.
    idle_lost: usize,
}

/// Measures, prints, writes; fails with every criterion that was missed.
pub(crate) async fn crowd(args: &CrowdArgs) -> anyhow::Result<()> {
    let connections = args.idle + args.streams + args.connections;
    limits::raise_descriptors(connections)?;
    limits::check_ports(connections)?;
    if args.connections == 0 || args.streams == 0 {
        bail!("streams and connections must be above 0");
    }
    if memory(std::process::id()).is_none() {
        bail!("memory of processes can be read on Linux only");
    }
    let CrowdArgs { binary, baseline, users, .. } = args.clone();
    let scratch = Scratch::new(Setup { binary, baseline, users, events: 1, houses: 0 })?;
    cleanly(&scratch, Box::pin(LocalSet::new().run_until(all(&scratch, args)))).await
}

async fn all(scratch: &Scratch, args: &CrowdArgs) -> anyhow::Result<()> {
    let machine = Machine::of_here();
    say(&format!("{machine}\nseeding …"));
    scratch.seed().await?;
    let mut server = Served::start(scratch, Contender::Boxoffice, &SETTINGS).await?;
    let results = measure(scratch, &mut server, args, machine).await;
    let results = results.with_context(|| format!("the server's log ends with {:?}", server.last_words()))?;
    server.stop().await?;
    table::results(&results);
    write(&results, &args.out, &format!("crowd-{}.json", results.machine.unix_seconds))?;
    let missed = missed(&results);
    if missed.is_empty() { Ok(()) } else { bail!("{}", missed.join("; ")) }
}

async fn measure(
    scratch: &Scratch,
    server: &mut Served<'_>,
    args: &CrowdArgs,
    mut machine: Machine,
) -> anyhow::Result<Results> {
    let (pid, address) = (server.pid()?, server.address());
    let fixture = Fixture::read(&scratch.fixture())?;
    let event = fixture.of_kind("hot-ga")?.remove(0).id;
    let before = check(server).await?;
    let mut steps = Vec::new();

    // The inventory in memory, as the first visitor leaves it.
    drop(Idle::open(address, 1, &request(&event, address, "application/json")).await?);
    step(&mut steps, "started", pid, None).await?;
    let mut idle = Idle::open(address, args.idle, &request(&event, address, "application/json")).await?;
    step(&mut steps, "idle connections", pid, Some(args.idle)).await?;
    let listeners = Listeners::open(address, args.streams, &request(&event, address, "text/event-stream")).await?;
    step(&mut steps, "streams", pid, Some(args.streams)).await?;

    let CrowdArgs { connections, rate, warmup, seconds, .. } = *args;
    let load = Load { scenario: Scenario::HotGa, connections, rate, warmup, seconds, skip_houses: 0, reads: None };
    let me = Watched { name: String::new(), pid: std::process::id(), family: false };
    let (began, used) = (Instant::now(), cpu_seconds(&me).unwrap_or_default());
    let (loaded, most) = with_most(pid, server.load(load)).await;
    let report = loaded?.report;
    let listening_cores = (cpu_seconds(&me).unwrap_or_default() - used) / began.elapsed().as_secs_f64();
    steps.push(Step { name: "bookings, the most", resident_bytes: most, bytes_each: None });

    let check = check(server).await?;
    judge(Contender::Boxoffice, &report, Some(&before), Some(&check))?;
    let version = check.versions.get(&event).copied().context("the ledger has no version of the event")?;
    let streams_behind = listeners.not_at(version, CATCH_UP_MAX).await;
    step(&mut steps, "afterwards", pid, None).await?;
    let peak_bytes = read(pid)?.peak;
    let idle_lost = idle.ask_again().await?;
    let peak_bytes_when_all_ask = read(pid)?.peak;
    machine.postgres = Some(check.server_version.clone());
    Ok(Results {
        machine,
        settings: args.clone(),
        steps,
        peak_bytes,
        peak_bytes_when_all_ask,
        bookings: report,
        listening_cores,
        check,
        heard: listeners.heard(),
        version,
        streams_behind,
        idle_lost,
    })
}

fn request(event: &str, address: SocketAddr, kind: &str) -> String {
    format!("GET /api/v1/events/{event}/availability HTTP/1.1\r\nhost: {address}\r\naccept: {kind}\r\n\r\n")
}

fn read(pid: u32) -> anyhow::Result<Memory> {
    memory(pid).context("the server has ended")
}

async fn check(server: &Served<'_>) -> anyhow::Result<Check> {
    server.check().await?.context("boxoffice has a database")
}

/// Notes the memory once it has settled.
async fn step(steps: &mut Vec<Step>, name: &'static str, pid: u32, added: Option<usize>) -> anyhow::Result<()> {
    sleep(SETTLE).await;
    let resident_bytes = read(pid)?.resident;
    let last = steps.last().map_or(0, |step: &Step| step.resident_bytes);
    let bytes_each = added.filter(|added| *added > 0).map(|added| (resident_bytes as f64 - last as f64) / added as f64);
    steps.push(Step { name, resident_bytes, bytes_each });
    Ok(())
}

/// What comes of `work`, and the most resident memory that was seen meanwhile.
async fn with_most<T>(pid: u32, work: impl Future<Output = T>) -> (T, u64) {
    let mut work = std::pin::pin!(work);
    let mut most = 0;
    let mut next = Instant::now();
    loop {
        tokio::select! {
            done = work.as_mut() => return (done, most),
            () = tokio::time::sleep_until(next) => {
                most = memory(pid).map_or(most, |memory| most.max(memory.resident));
                next += SAMPLE;
            }
        }
    }
}

/// The criteria that were not met.
fn missed(results: &Results) -> Vec<String> {
    let Results { settings, bookings, heard, .. } = results;
    let (most, p99) = (results.peak_bytes as f64 / 1e6, bookings.latency.p99);
    let mut missed = Vec::new();
    let mut unless = |met: bool, reason: String| missed.extend((!met).then_some(reason));
    unless(
        most < settings.memory_max_mb,
        format!("the server had {most:.1} MB, not less than {} MB", settings.memory_max_mb),
    );
    unless(p99 < settings.p99_max_ms, format!("p99 is {p99:.1} ms, not less than {} ms", settings.p99_max_ms));
    unless(
        bookings.total.unexpected() == 0 && bookings.total.unknown() == 0,
        format!("not every booking was made: {:?}, {:?}", bookings.total.statuses, bookings.total.errors),
    );
    unless(heard.ended.is_empty(), format!("streams ended: {:?}", heard.ended));
    let (behind, version) = (results.streams_behind, results.version);
    unless(behind == 0, format!("{behind} streams do not show version {version}, which the ledger has"));
    unless(results.idle_lost == 0, format!("{} idle connections did not answer again", results.idle_lost));
    missed
}

#[cfg(test)]
mod tests;
