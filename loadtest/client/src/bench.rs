//! `onsale bench`: boxoffice, the baseline and the ceilings, side by side in one run.
//!
//! Scenario by scenario, and within a scenario one contender after the other, each with a copy of the same seeded data, so
//! that a machine whose speed drifts is unfair to all of them alike.

pub(crate) mod contender;
pub(crate) mod machine;
pub(crate) mod scratch;
mod table;

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use onsale::{report::Report, workload::Scenario};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    contender::{Check, Group, Load, Served},
    scratch::{Scratch, Setup},
};
use crate::load::Loaded;

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BenchArgs {
    /// The server that is measured
    #[arg(long)]
    binary: PathBuf,
    /// The program of the baseline and of the ceilings
    #[arg(long)]
    baseline: PathBuf,
    /// Connections of the closed loop, one run each
    #[arg(long, value_delimiter = ',', default_value = "64,256,1000")]
    connections: Vec<usize>,
    /// Seconds of measuring, each run
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds before measuring, each run
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// What is asked for. `best-available` too, for a server that has it
    #[arg(long, value_enum, value_delimiter = ',', default_value = "hot-ga,named-seats,many-events,hold-then-book")]
    scenarios: Vec<Scenario>,
    /// Who is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "boxoffice,baseline,empty,database")]
    contenders: Vec<Contender>,
    /// Buyers
    #[arg(long, default_value_t = 1000)]
    users: u32,
    /// Events of `many-events`
    #[arg(long, default_value_t = 1000)]
    events: u32,
    /// Houses with 20,000 seats each, for the scenarios with seats: a run goes on with the next when one is sold out
    #[arg(long, default_value_t = 60)]
    houses: u32,
    /// Connections that look at the hot event while others book it, in the closed loop; 0 leaves them out
    #[arg(long, default_value_t = 16)]
    readers: usize,
    /// Reads a second, of all of them
    #[arg(long, default_value_t = 500.0)]
    read_rate: f64,
    /// The open loop asks at this share of the most that the closed loop reached; 0 leaves it out
    #[arg(long, default_value_t = 0.7)]
    open_share: f64,
    /// Connections of the open loop
    #[arg(long, default_value_t = 1000)]
    open_connections: usize,
    /// Seconds of each group size of the database ceiling
    #[arg(long, default_value_t = 4.0)]
    group_seconds: f64,
    /// Group sizes of the database ceiling
    #[arg(long, value_delimiter = ',', default_value = "64,256,1000")]
    group_sizes: Vec<usize>,
    /// Where the JSON goes
    #[arg(long, default_value = "loadtest/results")]
    out: PathBuf,
}

/// Who can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    /// The server as it ships.
    Boxoffice,
    /// The same HTTP and schema with one transaction and one row lock a booking.
    Baseline,
    /// hyper with an empty handler: what HTTP alone allows.
    Empty,
    /// The ledger's rows in synthetic groups, without HTTP and decisions: what the database alone allows.
    Database,
}

/// One run of the load client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    scenario: Scenario,
    contender: Contender,
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

/// Everything that one command measured.
#[derive(Debug, Serialize)]
struct Results {
    machine: machine::Machine,
    settings: BenchArgs,
    runs: Vec<Run>,
    /// The database ceilings.
    groups: Vec<Group>,
}

/// Measures, prints, writes.
pub(crate) async fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    if args.connections.contains(&0) || args.connections.is_empty() {
        bail!("give at least one number of connections above 0");
    }
    let BenchArgs { binary, baseline, users, events, houses, .. } = args.clone();
    let scratch = Scratch::new(Setup { binary, baseline, users, events, houses })?;
    cleanly(&scratch, all(&scratch, args)).await
}

/// Runs to the end or to a signal. Whatever happens, nothing that was started is left running and no data stay.
pub(crate) async fn cleanly(scratch: &Scratch, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let result = tokio::select! {
        result = work => result,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("told to stop")),
    };
    // Servers that were cut off above left their PostgreSQL behind.
    scratch.clean(Signal::SIGQUIT).await;
    result
}

/// Writes results as JSON, and says where.
pub(crate) fn write(results: &impl Serialize, folder: &Path, name: &str) -> anyhow::Result<()> {
    let path = folder.join(name);
    std::fs::create_dir_all(folder)?;
    std::fs::write(&path, serde_json::to_vec_pretty(results)?)
        .with_context(|| format!("{} can't be written", path.display()))?;
    say(&format!("\nwritten to {}", path.display()));
    Ok(())
}

async fn all(scratch: &Scratch, args: &BenchArgs) -> anyhow::Result<()> {
    let mut results =
        Results { machine: machine::Machine::of_here(), settings: args.clone(), runs: Vec::new(), groups: Vec::new() };
    say(&format!("{}\nseeding …", results.machine));
    scratch.seed().await?;
    for scenario in &args.scenarios {
        table::heading(*scenario);
        for contender in &args.contenders {
            match contender {
                Contender::Database => {
                    let groups = contender::groups(scratch, args, *scenario).await?;
                    groups.iter().for_each(table::group);
                    results.groups.extend(groups);
                }
                served => {
                    let runs = measure(scratch, args, *scenario, *served).await;
                    results.runs.extend(runs.with_context(|| format!("{scenario:?} on {served:?}"))?);
                }
            }
        }
        table::ratios(*scenario, &results);
    }
    results.machine.postgres = results.runs.iter().find_map(|run| Some(run.check.as_ref()?.server_version.clone()));
    write(&results, &args.out, &format!("onsale-{}.json", results.machine.unix_seconds))
}

/// All runs of one scenario on one contender, with fresh data.
async fn measure(
    scratch: &Scratch,
    args: &BenchArgs,
    scenario: Scenario,
    contender: Contender,
) -> anyhow::Result<Vec<Run>> {
    let mut server = Served::start(scratch, contender, &[]).await?;
    let mut houses = 0;
    let mut runs: Vec<Run> = Vec::new();
    let mut before = server.check().await?;
    let closed = args.connections.iter().map(|connections| (*connections, None));
    let mut plans: Vec<(usize, Option<f64>)> = closed.collect();
    if args.open_share > 0.0 && contender != Contender::Empty {
        plans.push((args.open_connections, Some(args.open_share)));
    }
    for (connections, share) in plans {
        // Requests, not bookings: a hold is a request too.
        let most = runs.iter().map(|run| run.report.answers as f64 / run.report.seconds).fold(0.0, f64::max);
        let rate = share.map(|share| (share * most).max(1.0));
        let (warmup, seconds) = (args.warmup, args.seconds);
        // The open loop is a measurement of its own, and the baseline has no such routes.
        let reads = (rate.is_none() && contender == Contender::Boxoffice).then_some((args.readers, args.read_rate));
        let load = Load { scenario, connections, rate, warmup, seconds, skip_houses: houses, reads };
        let Loaded { report, houses_used } = server.load(load).await?;
        houses += houses_used;
        let check = server.check().await?;
        judge(contender, &report, before.as_ref(), check.as_ref())?;
        before.clone_from(&check);
        let run = Run { scenario, contender, report, check };
        table::run(&run);
        runs.push(run);
    }
    server.stop().await?;
    Ok(runs)
}

/// Whether the answers were right: no refusals, for none of the scenarios has rivals; and the ledger has what was
/// promised, no more and no less, but for requests whose answers were lost.
pub(crate) fn judge(
    contender: Contender,
    report: &Report,
    before: Option<&Check>,
    after: Option<&Check>,
) -> anyhow::Result<()> {
    let total = &report.total;
    if report.answers == 0 {
        bail!("nothing was answered: {total:?}");
    }
    // A refusal is part of the result when a server is overloaded, but never to more than it serves.
    if total.unexpected() > total.bookings {
        bail!("{contender:?} refused more than it served: {:?}", total.statuses);
    }
    if let Some(reads) = &report.reads
        && [&reads.availability, &reads.event].iter().any(|read| !read.statuses.contains_key(&200))
    {
        bail!("nobody could look: {reads:?}");
    }
    let (Some(before), Some(after)) = (before, after) else { return Ok(()) };
    if !after.faults.is_empty() {
        bail!("the ledger of {contender:?} is wrong: {}", after.faults.join("; "));
    }
    let written = after.bookings - before.bookings;
    // A server that gave up waiting for its database answers 503 about something that may still be written.
    let failed: u64 = total.statuses.iter().filter(|(status, _)| **status >= 500).map(|(_, count)| count).sum();
    if written < total.bookings || written > total.bookings + total.unknown() + failed {
        bail!(
            "{contender:?} answered 201 to {} bookings and wrote {written}, with {} requests of unknown outcome",
            total.bookings,
            total.unknown() + failed
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// How long anything that should take a moment may take.
const STEP_MAX: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use onsale::report::{ReadReport, ReadsReport};
    use std::collections::BTreeMap;

    use super::*;

    fn check(bookings: u64, faults: &[&str]) -> Check {
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        Check { bookings, faults, versions: BTreeMap::new(), server_version: String::new() }
    }

    fn verdict(report: &Report, after: &Check) -> bool {
        judge(Contender::Baseline, report, Some(&check(100, &[])), Some(after)).is_ok()
    }

    #[test]
    fn reads_that_all_fail_fail_the_run() {
        let report = |status| {
            let read = ReadReport { statuses: [(status, 9)].into(), ..ReadReport::default() };
            let other = ReadReport { statuses: [(200, 9)].into(), ..ReadReport::default() };
            let reads = ReadsReport { availability: other, event: read, ..ReadsReport::default() };
            Report { answers: 10, reads: Some(reads), ..Report::default() }
        };
        assert!(judge(Contender::Boxoffice, &report(200), None, None).is_ok());
        assert!(judge(Contender::Boxoffice, &report(404), None, None).is_err());
    }

    #[test]
    fn a_ledger_that_differs_from_the_answers_fails_the_run() {
        let mut report = Report { answers: 10, ..Report::default() };
        report.total.bookings = 10;
        assert!(verdict(&report, &check(110, &[])));
        for wrong in [check(109, &[]), check(111, &[]), check(110, &["a seat is sold twice"])] {
            assert!(!verdict(&report, &wrong), "{wrong:?}");
        }
        // An answer that never came may be a booking, but makes none disappear.
        report.total.errors.insert("connection reset".into(), 1);
        assert!(verdict(&report, &check(110, &[])) && verdict(&report, &check(111, &[])));
        assert!(!verdict(&report, &check(112, &[])) && !verdict(&report, &check(109, &[])));
    }
}
