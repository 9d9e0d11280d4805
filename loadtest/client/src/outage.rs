//! `onsale outage`: the database hangs, refuses connections, or is killed again and again, while bookings go on.
//!
//! Whatever had no answer that stands is asked again afterwards under the same key, everything that was acknowledged is asked
//! once more of a server that has been started anew, and the ledger is checked: nothing is lost, nothing is there twice.

mod journal;

use std::{
    ops::Range,
    path::Path,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use serde::Serialize;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout},
};

use self::journal::{Journal, Settled};
use crate::{
    connection::get,
    experiment,
    fixture::Fixture,
    limits::raise_descriptors,
    load::{Pace, Plan},
    processes::{send, stop_all},
    report::{Heard, Row, Since, heading, line, millis, say},
    requests::Orders,
    scratch::{Data, Programs, Scratch},
    server::{Keeper, Server, boxoffice, remove},
    usage::{Memory, Sampler},
    verdict::Verdict,
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
const RAGE_MS: Range<u64> = 200..1500;

/// A refusal of a server that has noticed, in milliseconds.
const REFUSAL_P99_MS_MAX: f64 = 250.0;
/// The longest that anybody waits for a refusal: the server's deadline and a second, in milliseconds.
const REFUSAL_MS_MAX: f64 = 6_000.0;
/// From the database's return, or its death, to the first booking, in milliseconds.
const RECOVERY_MS_MAX: f64 = 10_000.0;
/// What may be added to memory by an outage, and between its first third and its end, in MiB.
const GROWTH_MIB_MAX: f64 = 256.0;
const CREEP_MIB_MAX: f64 = 32.0;

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutageArgs {
    #[command(flatten)]
    #[serde(flatten)]
    programs: Programs,
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
    /// By when requests were sent.
    phases: Vec<Row>,
    /// From the database's return, or from its death, to the first booking of a request that was sent afterwards.
    recoveries_ms: Vec<f64>,
    memory: Memory,
    /// Lines that the server has logged.
    log_lines: usize,
    settled: Settled,
    /// Bookings that the ledger has from it.
    written: u64,
}

#[derive(Debug, Serialize)]
struct OutageResults {
    outages: Vec<Outage>,
}

pub(crate) async fn outage(args: &OutageArgs) -> anyhow::Result<()> {
    if args.rate <= 0.0 || !args.rate.is_finite() || args.connections == 0 || args.how.is_empty() {
        bail!("give a rate and a number of connections above 0");
    }
    if args.away < 5 || args.before < 1 || args.after < 1 || args.kills == 0 {
        bail!("give at least 5 seconds away, 1 before and after, and 1 kill");
    }
    raise_descriptors(args.connections)?;
    let data = Data { events: 1, houses: 0 };
    experiment::measure("outage", args, &args.programs, data, async |scratch| {
        let (mut outages, mut verdict) = (Vec::new(), Verdict::default());
        for how in &args.how {
            let (outage, judged) = one(scratch, args, *how).await.with_context(|| format!("{how:?}"))?;
            print(&outage);
            verdict.join(&format!("{how:?}"), judged);
            outages.push(outage);
        }
        Ok((OutageResults { outages }, verdict))
    })
    .await
}

async fn one(scratch: &Scratch, args: &OutageArgs, how: How) -> anyhow::Result<(Outage, Verdict)> {
    let data = scratch.copy().await?;
    // A server starts its own PostgreSQL again at once: to be away, it must be somebody else's.
    let mut keeper = if how == How::Refused { Some(Keeper::start(scratch, &data).await?) } else { None };
    let url = keeper.as_ref().map(|keeper| keeper.url.clone());
    let mut settings = args.programs.settings(&[]);
    settings.extend(url.iter().map(|url| ("DATABASE_URL", url.as_str())));
    let start = async || {
        let program = boxoffice(scratch);
        Server::start(scratch, "boxoffice", program, Some(data.clone()), &settings).await
    };
    let mut server = start().await?;
    let before = server.check().await?;

    let fixture = Fixture::read(&scratch.fixture())?;
    let journal = Rc::new(Journal::new(&fixture, Orders::new(&fixture, server.address))?);
    let sampler = Sampler::start(server.watched()?);
    let raged = match how {
        How::Kills => under_kills(&mut server, args, &journal).await?,
        How::Hung | How::Refused => through_outage(&server, args, &journal, &mut keeper, scratch, &data).await?,
    };
    server.alive()?;
    let memory = sampler.finish().memory(&raged.away);
    let log_lines = server.log().lines().count();

    let mut settled = journal.settle(server.address).await;
    // What it knows now it knows from the ledger.
    server.stop().await?;
    server = start().await?;
    journal.confirm(server.address, &mut settled).await;
    let ledger = server.check().await?;
    server.stop().await?;
    if let Some(keeper) = keeper {
        keeper.stop().await?;
    }
    remove(&data)?;
    let Raged { heard, phases, recoveries_ms, .. } = raged;
    let (sent, unsent, written) = (heard.sent, heard.unsent, ledger.bookings - before.bookings);
    let outage = Outage { how, sent, unsent, phases, recoveries_ms, memory, log_lines, settled, written };
    let mut verdict = judge(&outage, args);
    ledger.judge(&mut verdict);
    Ok((outage, verdict))
}

/// What a load through an outage led to.
struct Raged {
    heard: Heard,
    phases: Vec<Row>,
    recoveries_ms: Vec<f64>,
    /// From when the database was there no more until it was back for good.
    away: Range<Instant>,
}

/// Bookings, and `disturb` beside them, which is given the moment when they begin.
async fn rage<T>(
    args: &OutageArgs,
    journal: &Rc<Journal>,
    lasts: Duration,
    disturb: impl AsyncFnOnce(Instant) -> anyhow::Result<T>,
) -> anyhow::Result<(Heard, T)> {
    let address = journal.address();
    let (says, begun) = oneshot::channel();
    let (pace, stop) = (Pace::Open { rate: args.rate, lag_max: LAG_MAX }, Arc::new(AtomicBool::new(false)));
    let plan = Plan {
        greeting: Some(get(address, "/health/live", "")),
        stop: Arc::clone(&stop),
        begun: Some(says),
        ..Plan::new(args.connections, pace, lasts, PATIENCE)
    };
    let asking = plan.ask(address, Rc::clone(journal));
    let disturbing = async {
        let disturbed = disturb(begun.await.context("no connection could be opened")?).await;
        if lasts == KILLING_MAX || disturbed.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        disturbed
    };
    let (heard, disturbed) = tokio::join!(asking, disturbing);
    Ok((heard, disturbed?))
}

/// Bookings before, during and after one absence of the database.
async fn through_outage(
    server: &Server<'_>,
    args: &OutageArgs,
    journal: &Rc<Journal>,
    keeper: &mut Option<Keeper>,
    scratch: &Scratch,
    data: &Path,
) -> anyhow::Result<Raged> {
    let seconds = Duration::from_secs;
    let lasts = seconds(args.before + args.away + args.after);
    let postmaster = server.postmaster();
    let (heard, away) = rage(args, journal, lasts, async |begin| {
        sleep_until(begin + seconds(args.before)).await;
        let gone = Instant::now();
        match keeper.take() {
            Some(running) => {
                running.stop().await?;
                sleep_until(gone + seconds(args.away)).await;
                *keeper = Some(Keeper::start(scratch, data).await?);
            }
            None => {
                let stopped = stop_all(postmaster.context("no postmaster")?)?;
                sleep_until(gone + seconds(args.away)).await;
                drop(stopped);
            }
        }
        let back = Instant::now();
        journal.mark(back);
        Ok(gone..back)
    })
    .await?;
    let recoveries_ms = journal.marked().iter().map(|at| millis(at.saturating_duration_since(away.end))).collect();
    let (start, end) = (seconds(args.before), seconds(args.before + args.away));
    let parts = [
        ("before", Duration::ZERO, start),
        ("away, first 2 s", start, start + NOTICE),
        (NOTICED, start + NOTICE, end),
        ("back", end, lasts),
    ];
    let phases = parts.map(|(name, from, until)| phase(args, name, &heard, heard.begin + from..heard.begin + until));
    Ok(Raged { heard, phases: phases.into(), recoveries_ms, away })
}

const NOTICED: &str = "away, after that";

fn phase(args: &OutageArgs, name: &str, heard: &Heard, window: Range<Instant>) -> Row {
    let (pace, connections) = (format!("open {:.0}", args.rate), args.connections);
    Row { pace, connections, ..Row::of(name, &heard.samples, &window, Since::Sent) }
}

/// Bookings while the postmaster is killed again and again.
async fn under_kills(server: &mut Server<'_>, args: &OutageArgs, journal: &Rc<Journal>) -> anyhow::Result<Raged> {
    let (heard, (gone, recoveries_ms)) =
        rage(args, journal, KILLING_MAX, async |begin| Ok((begin, kill_and_wait(server, args, journal).await?)))
            .await?;
    let phases = vec![phase(args, "all", &heard, heard.begin..heard.end)];
    Ok(Raged { heard, phases, recoveries_ms, away: gone..Instant::now() })
}

async fn kill_and_wait(server: &mut Server<'_>, args: &OutageArgs, journal: &Journal) -> anyhow::Result<Vec<f64>> {
    let mut recoveries = Vec::new();
    for number in 1..=args.kills {
        sleep(Duration::from_millis(journal::scattered(number, RAGE_MS))).await;
        let postmaster = server.postmaster().context("no postmaster")?;
        send(postmaster, Signal::SIGKILL)?;
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
        recoveries.push(millis(journal.marked().unwrap_or(killed) - killed));
    }
    Ok(recoveries)
}

fn print(outage: &Outage) {
    let title = match outage.how {
        How::Hung => "the database takes connections and answers nothing",
        How::Refused => "the database is shut down and refuses connections",
        How::Kills => "the postmaster is killed again and again",
    };
    heading(title, "201/s", false);
    outage.phases.iter().for_each(line);
    let (Outage { memory, settled, recoveries_ms, .. }, phases) = (outage, &outage.phases);
    let mut sorted = recoveries_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let (middle, last) = (sorted.get(sorted.len() / 2).copied(), sorted.last().copied());
    say(&format!(
        "{} requests sent, {} left out because every connection waited; Retry-After up to {} s; the server logged {} lines\n\
         recovered {} times; the first booking {:.0} ms after the database was back, or killed (median), {:.0} ms at the most\n\
         server memory: {:.0} MiB before, {:.0} MiB at the most, {:.0} MiB at the end of the outage, {:.0} MiB in the end\n\
         {} were asked again under the same key, {} stay open; {} bookings acknowledged, {} of them not given again by a new \
         server; the ledger has {}, with {} contradicting answers",
        outage.sent,
        outage.unsent,
        phases.iter().map(|phase| phase.tally.retry_after_max).max().unwrap_or_default(),
        outage.log_lines,
        sorted.len(),
        middle.unwrap_or_default(),
        last.unwrap_or_default(),
        memory.before_mib,
        memory.peak_mib,
        memory.end_mib,
        memory.after_mib,
        settled.asked_again,
        settled.left_open,
        settled.made,
        settled.unconfirmed,
        outage.written,
        settled.faults.len()
    ));
}

/// What a server must keep to in an outage.
fn judge(outage: &Outage, args: &OutageArgs) -> Verdict {
    let mut verdict = Verdict::default();
    for Row { name, tally, .. } in &outage.phases {
        verdict.none(&format!("{name}: refusals without Retry-After"), tally.without_retry_after);
        let others: Vec<_> = tally.others.iter().filter(|(what, _)| *what != "409").collect();
        verdict.require(others.is_empty(), || format!("{name}: other answers {others:?}"));
        let latency = tally.refused_latency;
        verdict.below(&format!("{name}: slowest refusal in ms"), latency.max, REFUSAL_MS_MAX);
        if name == NOTICED {
            let was_away = tally.refused > 0 && tally.served == 0;
            verdict.require(was_away, || format!("{name}: the database was there: {tally:?}"));
            verdict.below(&format!("{name}: p99 of refusals in ms"), latency.p99, REFUSAL_P99_MS_MAX);
        }
    }
    let expected = if outage.how == How::Kills { args.kills as usize } else { 1 };
    let recovered = outage.recoveries_ms.len();
    verdict.require(recovered == expected, || format!("recovered {recovered} times of {expected}"));
    let slowest = outage.recoveries_ms.iter().copied().fold(0.0, f64::max);
    verdict.below("slowest return to booking in ms", slowest, RECOVERY_MS_MAX);
    let memory = &outage.memory;
    verdict.below("growth of memory in MiB", memory.peak_mib - memory.before_mib, GROWTH_MIB_MAX);
    let third = memory.by_second_mib.get(memory.by_second_mib.len() / 3).copied().unwrap_or_default();
    if outage.how != How::Kills {
        verdict.below("growth after a third of the outage in MiB", memory.end_mib - third, CREEP_MIB_MAX);
    }
    let Settled { left_open, unconfirmed, faults, made, .. } = &outage.settled;
    verdict.none("requests without an answer that stands", *left_open);
    verdict.none("bookings that were not given again", *unconfirmed);
    verdict.require(faults.is_empty(), || format!("answers contradict each other: {}", faults.join("; ")));
    let written = outage.written;
    verdict.require(written == *made, || format!("{made} bookings were acknowledged and {written} written"));
    verdict
}
