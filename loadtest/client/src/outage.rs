//! `onsale outage`: the database hangs, refuses connections, or is killed again and again, while bookings go on.
//!
//! Whatever had no answer that stands is asked again afterwards under the same key, everything that was acknowledged is asked
//! once more of a server that has been started anew, and the ledger is checked: nothing is lost, nothing is there twice.

mod journal;

use std::{
    ops::Range,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::Serialize;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout},
};

use self::journal::{Journal, Settled};
use crate::{
    experiment,
    fixture::Fixture,
    load::{Pace, Plan},
    processes::{raise_descriptors, send, stop_all},
    report::{Heard, Row, Since, figures, heading, line, millis},
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
const NOTICE_S: u64 = 2;
const NOTICED: &str = "away, after that";
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
struct Outage {
    how: How,
    /// Requests that were sent, and that were due and found no connection free.
    sent: u64,
    unsent: u64,
    /// By when requests were sent.
    phases: Vec<Row>,
    /// From the database's return, or from its death, to the first booking of a request that was sent afterwards.
    recoveries_ms: Vec<f64>,
    recovery_median_ms: f64,
    recovery_max_ms: f64,
    retry_after_max_s: u32,
    memory: Memory,
    /// Lines that the server has logged.
    log_lines: usize,
    settled: Settled,
    /// Bookings that the ledger has from it.
    written: u64,
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
            heading(&format!("the database: {how:?}"), "201/s", false);
            outage.phases.iter().for_each(line);
            figures(&outage);
            verdict.join(&format!("{how:?}"), judged);
            outages.push(outage);
        }
        Ok((serde_json::json!({ "outages": outages }), verdict))
    })
    .await
}

async fn one(scratch: &Scratch, args: &OutageArgs, how: How) -> anyhow::Result<(Outage, Verdict)> {
    let data = scratch.copy().await?;
    // A server starts its own PostgreSQL again at once: to be away, it must be somebody else's.
    let mut keeper = if how == How::Refused { Some(Keeper::start(scratch, data.clone()).await?) } else { None };
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
    let Raged { heard, recoveries_ms, away } = rage(scratch, &mut server, args, &journal, how, &mut keeper).await?;
    server.alive()?;
    let memory = sampler.finish().memory(&away);
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
    let (phases, mut sorted) = (phases(args, how, &heard), recoveries_ms.clone());
    sorted.sort_by(f64::total_cmp);
    let (sent, unsent, written) = (heard.sent, heard.unsent, ledger.bookings - before.bookings);
    let outage = Outage {
        how,
        sent,
        unsent,
        retry_after_max_s: phases.iter().map(|phase| phase.tally.retry_after_max).max().unwrap_or_default(),
        phases,
        recoveries_ms,
        recovery_median_ms: sorted.get(sorted.len() / 2).copied().unwrap_or_default(),
        recovery_max_ms: sorted.last().copied().unwrap_or_default(),
        memory,
        log_lines,
        settled,
        written,
    };
    let mut verdict = judge(&outage, args);
    ledger.judge(&mut verdict);
    verdict.join("contradiction", journal.faults.take());
    Ok((outage, verdict))
}

/// What a load through an outage led to.
struct Raged {
    heard: Heard,
    recoveries_ms: Vec<f64>,
    /// From when the database was there no more until it was back for good.
    away: Range<Instant>,
}

/// Bookings before, during and after one absence of the database; or while the postmaster is killed again and again.
async fn rage(
    scratch: &Scratch,
    server: &mut Server<'_>,
    args: &OutageArgs,
    journal: &Rc<Journal>,
    how: How,
    keeper: &mut Option<Keeper>,
) -> anyhow::Result<Raged> {
    let (says, begun) = oneshot::channel();
    let (address, pace, stop) = (server.address, Pace::Open { rate: args.rate, lag_max: LAG_MAX }, Arc::default());
    let lasts = Duration::from_secs(args.before + args.away + args.after);
    let lasts = if how == How::Kills { KILLING_MAX } else { lasts };
    let plan =
        Plan { stop: Arc::clone(&stop), begun: Some(says), ..Plan::new(args.connections, pace, lasts, PATIENCE) };
    let disturbing = async {
        let begin = begun.await.context("no connection could be opened")?;
        if how == How::Kills {
            let recoveries_ms = kill_and_wait(server, args, journal).await;
            stop.store(true, Ordering::Relaxed);
            return Ok((begin..Instant::now(), recoveries_ms?));
        }
        sleep_until(begin + Duration::from_secs(args.before)).await;
        let gone = Instant::now();
        let until = gone + Duration::from_secs(args.away);
        match keeper.take() {
            Some(running) => *keeper = Some(running.rest_until(scratch, until).await?),
            None => {
                let stopped = stop_all(server.postmaster().context("no postmaster")?)?;
                sleep_until(until).await;
                drop(stopped);
            }
        }
        journal.mark(Instant::now());
        anyhow::Ok((gone..Instant::now(), Vec::new()))
    };
    let (heard, disturbed) = tokio::join!(plan.greeting(address).ask(address, Rc::clone(journal)), disturbing);
    let (away, mut recoveries_ms) = disturbed?;
    if how != How::Kills {
        recoveries_ms.extend(journal.marked().map(|at| millis(at.saturating_duration_since(away.end))));
    }
    Ok(Raged { heard, recoveries_ms, away })
}

/// What came of the requests that were sent in each part of it.
fn phases(args: &OutageArgs, how: How, heard: &Heard) -> Vec<Row> {
    let at = |seconds: u64| heard.begin + Duration::from_secs(seconds);
    let (gone, back) = (args.before, args.before + args.away);
    let parts = match how {
        How::Kills => vec![("all", heard.begin..heard.end)],
        How::Hung | How::Refused => vec![
            ("before", heard.begin..at(gone)),
            ("away, first 2 s", at(gone)..at(gone + NOTICE_S)),
            (NOTICED, at(gone + NOTICE_S)..at(back)),
            ("back", at(back)..heard.end),
        ],
    };
    parts.into_iter().map(|(name, window)| heard.row(name, &window, Since::Sent)).collect()
}

async fn kill_and_wait(server: &mut Server<'_>, args: &OutageArgs, journal: &Journal) -> anyhow::Result<Vec<f64>> {
    let mut recoveries = Vec::new();
    for number in 1..=args.kills {
        sleep(Duration::from_millis(StdRng::seed_from_u64(number.into()).random_range(RAGE_MS))).await;
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
    verdict.below("slowest return to booking in ms", outage.recovery_max_ms, RECOVERY_MS_MAX);
    let memory = &outage.memory;
    verdict.below("growth of memory in MiB", memory.peak_mib - memory.before_mib, GROWTH_MIB_MAX);
    if outage.how != How::Kills {
        verdict.below("growth after a third of the outage in MiB", memory.end_mib - memory.third_mib, CREEP_MIB_MAX);
    }
    let Settled { left_open, unconfirmed, made, .. } = &outage.settled;
    verdict.none("requests without an answer that stands", *left_open);
    verdict.none("bookings that were not given again", *unconfirmed);
    let written = outage.written;
    verdict.require(written == *made, || format!("{made} bookings were acknowledged and {written} written"));
    verdict
}
