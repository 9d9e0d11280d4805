//! `onsale outage`: the database hangs, refuses connections, or is killed again and again, while bookings go on.
//!
//! Whatever had no answer that stands is asked again afterwards under the same key, everything that was acknowledged is asked
//! once more of a server that has been started anew, and the ledger is checked: nothing is lost, nothing is there twice.

pub(crate) mod database;
mod journal;
mod judge;
mod settle;
mod table;

use std::{
    future::Future,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use onsale::{
    fixture::Fixture,
    flow::{self, Flowed, Pace, Plan},
    limits::raise_descriptors,
    orders::Orders,
    tally::Counts,
};
use serde::Serialize;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use self::{database::Keeper, journal::Journal, settle::Settled};
use crate::{
    bench::{
        Contender, cleanly,
        contender::{Check, Served},
        machine::Machine,
        say,
        scratch::Scratch,
        write,
    },
    load::connect,
    memory::{Memory, Sampler},
    started::StartArgs,
};

/// What is due for longer than this and finds no connection free is not sent.
const LAG_MAX: Duration = Duration::from_millis(100);
/// How long the last answers may take: longer than the server's longest deadline.
const PATIENCE: Duration = Duration::from_secs(40);
/// The first seconds of an outage are told apart: until the server has noticed.
const NOTICE: Duration = Duration::from_secs(2);
/// How long a killed database may stay away.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// Longer than all kills together.
const KILLING_MAX: Duration = Duration::from_secs(3600);
/// How long the storm rages between two kills, in milliseconds.
const RAGE_MS: std::ops::Range<u64> = 200..1500;

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutageArgs {
    #[command(flatten)]
    #[serde(flatten)]
    start: StartArgs,
    /// What happens to the database
    #[arg(long, value_enum, value_delimiter = ',', default_value = "hung,refused,kills")]
    how: Vec<How>,
    /// Bookings a second that are asked for
    #[arg(long, default_value_t = 2000.0)]
    rate: f64,
    /// Connections: as many requests can wait at once
    #[arg(long, default_value_t = 4000)]
    connections: usize,
    /// Seconds without the database
    #[arg(long, default_value_t = 30)]
    away: u64,
    /// Seconds of bookings before it goes
    #[arg(long, default_value_t = 5)]
    before: u64,
    /// Seconds of bookings after it is back
    #[arg(long, default_value_t = 10)]
    after: u64,
    /// How often it is killed
    #[arg(long, default_value_t = 20)]
    kills: u32,
}

/// How a database can be away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    /// It takes connections and answers nothing: all of its processes are stopped.
    Hung,
    /// It is shut down, and connections are refused.
    Refused,
    /// Its postmaster is killed with SIGKILL, again and again; the server starts it anew.
    Kills,
}

/// What one outage led to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outage {
    how: How,
    /// Requests that were sent, and that were due and found no connection free.
    sent: u64,
    unsent: u64,
    phases: Vec<Phase>,
    /// From the database's return, or from its death, to the first booking of a request that was sent afterwards.
    recoveries_ms: Vec<f64>,
    memory: Memory,
    /// Lines that the server has logged.
    log_lines: usize,
    settled: Settled,
    check: Check,
    missed: Vec<String>,
}

/// Answers to what was sent within a part of the run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Phase {
    name: &'static str,
    seconds: u64,
    counts: Counts,
}

#[derive(Debug, Serialize)]
struct Results {
    machine: Machine,
    settings: OutageArgs,
    outages: Vec<Outage>,
}

/// Measures, prints, writes, and fails when a criterion is missed.
pub(crate) async fn outage(args: &OutageArgs) -> anyhow::Result<()> {
    if args.rate <= 0.0 || !args.rate.is_finite() || args.connections == 0 || args.how.is_empty() {
        bail!("give a rate and a number of connections above 0");
    }
    if args.away < 5 || args.before < 1 || args.after < 1 || args.kills == 0 {
        bail!("give at least 5 seconds away, 1 before and after, and 1 kill");
    }
    raise_descriptors(args.connections)?;
    let scratch = args.start.scratch()?;
    cleanly(&scratch, measure(&scratch, args)).await
}

async fn measure(scratch: &Scratch, args: &OutageArgs) -> anyhow::Result<()> {
    let mut results = Results { machine: Machine::of_here(), settings: args.clone(), outages: Vec::new() };
    say(&format!("{}\nseeding …", results.machine));
    scratch.seed().await?;
    for how in &args.how {
        table::heading(*how);
        let outage = one(scratch, args, *how).await.with_context(|| format!("{how:?}"))?;
        table::outage(&outage);
        results.outages.push(outage);
    }
    results.machine.postgres = results.outages.first().map(|outage| outage.check.server_version.clone());
    write(&results, &args.start.out, &format!("outage-{}.json", results.machine.unix_seconds))?;
    let missed =
        results.outages.iter().flat_map(|outage| outage.missed.iter().map(|what| format!("{:?}: {what}", outage.how)));
    let missed: Vec<String> = missed.collect();
    if missed.is_empty() { Ok(()) } else { bail!("missed:\n- {}", missed.join("\n- ")) }
}

async fn one(scratch: &Scratch, args: &OutageArgs, how: How) -> anyhow::Result<Outage> {
    let data = scratch.copy().await?;
    // A server starts its own PostgreSQL again at once: to be away, it must be somebody else's.
    let mut keeper =
        if how == How::Refused { Some(Keeper::start(scratch, &args.start.baseline, &data).await?) } else { None };
    let url = keeper.as_ref().map(|keeper| keeper.url().to_owned());
    let mut variables = args.start.settings();
    variables.extend(url.iter().map(|url| ("DATABASE_URL", url.as_str())));
    let start = async || Served::start_on(scratch, Contender::Boxoffice, Some(data.clone()), &variables).await;
    let mut server = start().await?;
    let before = server.check().await?.context("no ledger")?;

    let fixture = Fixture::read(&scratch.fixture())?;
    let run = format!("{:x}", SystemTime::UNIX_EPOCH.elapsed()?.as_micros());
    let journal = Rc::new(Journal::new(&fixture, Orders::new(&fixture, &server.address().to_string(), &run))?);
    let memory = Sampler::start(server.pid()?);
    let mut raged = match how {
        How::Kills => under_kills(&mut server, args, &journal).await?,
        How::Hung | How::Refused => {
            through_outage(&mut server, args, how, &journal, &mut keeper, scratch, &data).await?
        }
    };
    server.alive()?;
    let memory = memory.finish(raged.gone, raged.back);
    let log_lines = std::fs::read_to_string(scratch.log("boxoffice")).unwrap_or_default().lines().count();

    let mut settled = settle::settle(server.address(), &journal).await?;
    // What it knows now it knows from the ledger.
    server.end().await?;
    server = start().await?;
    settle::confirm(server.address(), &journal, &mut settled).await?;
    let check = server.check().await?.context("no ledger")?;
    server.end().await?;
    if let Some(keeper) = keeper {
        keeper.stop().await?;
    }
    std::fs::remove_dir_all(&data).with_context(|| format!("{} can't be removed", data.display()))?;
    let mut outage = Outage {
        how,
        sent: raged.flowed.sent,
        unsent: raged.flowed.unsent,
        phases: std::mem::take(&mut raged.phases),
        recoveries_ms: std::mem::take(&mut raged.recoveries_ms),
        memory,
        log_lines,
        settled,
        check,
        missed: Vec::new(),
    };
    outage.missed = judge::judge(&outage, before.bookings, args);
    Ok(outage)
}

/// What a flow through an outage led to.
struct Raged {
    flowed: Flowed,
    phases: Vec<Phase>,
    recoveries_ms: Vec<f64>,
    /// When the database was there no more, and when it was back for good.
    gone: Instant,
    back: Instant,
}

fn plan(server: &Served<'_>, args: &OutageArgs, lasts: Duration, stop: Arc<AtomicBool>) -> Plan {
    Plan {
        connections: args.connections,
        greeting: Some(format!("GET /health/live HTTP/1.1\r\nhost: {}\r\n\r\n", server.address())),
        pace: Pace::Rate { rate: args.rate, lasts, lag_max: LAG_MAX },
        patience: PATIENCE,
        stop,
    }
}

/// Bookings before, during and after one absence of the database.
async fn through_outage(
    server: &mut Served<'_>,
    args: &OutageArgs,
    how: How,
    journal: &Rc<Journal>,
    keeper: &mut Option<Keeper>,
    scratch: &Scratch,
    data: &Path,
) -> anyhow::Result<Raged> {
    let seconds = Duration::from_secs;
    let lasts = seconds(args.before + args.away + args.after);
    let (address, plan) = (server.address(), plan(server, args, lasts, Arc::default()));
    let seconds_kept = usize::try_from(lasts.as_secs()).unwrap_or_default();
    let (flow, begun) = start_flow(plan, address, journal, Some(seconds_kept));
    let postmaster = server.postmaster();
    let away = async {
        let begin = begun.await.context("no connection could be opened")?;
        tokio::time::sleep_until(begin + seconds(args.before)).await;
        let gone = Instant::now();
        match how {
            How::Hung => {
                let stopped = database::stop_all(postmaster.context("no postmaster")?)?;
                tokio::time::sleep_until(gone + seconds(args.away)).await;
                drop(stopped);
            }
            _ => {
                keeper.take().context("no keeper")?.stop().await?;
                tokio::time::sleep_until(gone + seconds(args.away)).await;
                *keeper = Some(Keeper::start(scratch, &args.start.baseline, data).await?);
            }
        }
        let back = Instant::now();
        journal.mark(back);
        anyhow::Ok((gone, back))
    };
    let (flowed, away) = tokio::join!(flow, away);
    let (gone, back) = away?;
    let recoveries_ms = journal.marked().iter().map(|at| millis(at.saturating_duration_since(back))).collect();
    let (start, end) = (seconds(args.before), seconds(args.before + args.away));
    let parts = [
        ("before", Duration::ZERO, start),
        ("away, first 2 s", start, start + NOTICE),
        ("away, after that", start + NOTICE, end),
        ("back", end, lasts),
    ];
    let phase = |(name, from, until): (&'static str, Duration, Duration)| {
        anyhow::Ok(Phase { name, seconds: (until - from).as_secs(), counts: journal.between(from, until)? })
    };
    Ok(Raged { flowed, phases: parts.into_iter().map(phase).collect::<Result<_, _>>()?, recoveries_ms, gone, back })
}

/// The bookings, and the instant when they begin.
fn start_flow(
    plan: Plan,
    address: SocketAddr,
    journal: &Rc<Journal>,
    seconds: Option<usize>,
) -> (impl Future<Output = Flowed>, oneshot::Receiver<Instant>) {
    let (says, begun) = oneshot::channel();
    let watch = Rc::clone(journal);
    let begin = move |begin| {
        watch.begin(begin, seconds);
        let _ = says.send(begin);
    };
    (flow::flow(plan, Rc::clone(journal), move || connect(address), begin), begun)
}

/// Bookings while the postmaster is killed again and again.
async fn under_kills(server: &mut Served<'_>, args: &OutageArgs, journal: &Rc<Journal>) -> anyhow::Result<Raged> {
    let stop = Arc::new(AtomicBool::new(false));
    let (address, plan) = (server.address(), plan(server, args, KILLING_MAX, Arc::clone(&stop)));
    let (flow, begun) = start_flow(plan, address, journal, None);
    let killing = async {
        begun.await.context("no connection could be opened")?;
        let gone = Instant::now();
        let result = kill_and_wait(server, args, journal).await;
        stop.store(true, Ordering::Relaxed);
        result.map(|recoveries| (gone, recoveries))
    };
    let (flowed, killed) = tokio::join!(flow, killing);
    let (gone, recoveries_ms) = killed?;
    let counts = journal.total();
    let seconds = flowed.begin.elapsed().as_secs();
    Ok(Raged {
        flowed,
        phases: vec![Phase { name: "all", seconds, counts }],
        recoveries_ms,
        gone,
        back: Instant::now(),
    })
}

async fn kill_and_wait(server: &mut Served<'_>, args: &OutageArgs, journal: &Journal) -> anyhow::Result<Vec<f64>> {
    let mut recoveries = Vec::new();
    for number in 1..=args.kills {
        sleep(Duration::from_millis(journal::scattered(number, RAGE_MS))).await;
        let postmaster = server.postmaster().context("no postmaster")?;
        database::kill(postmaster)?;
        let killed = Instant::now();
        let booked = async {
            // Back ends live on for a moment, and may even commit.
            while server.postmaster().is_none_or(|other| other == postmaster) {
                sleep(Duration::from_millis(1)).await;
            }
            journal.mark(Instant::now());
            while journal.marked().is_none() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        if timeout(RECOVERY_MAX, booked).await.is_err() {
            bail!("nothing was booked for {} s after kill {number}", RECOVERY_MAX.as_secs());
        }
        server.alive()?;
        let recovered = journal.marked().unwrap_or(killed);
        recoveries.push(millis(recovered - killed));
    }
    Ok(recoveries)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}
