//! `onsale bench`: boxoffice, the baseline and the ceilings, side by side in one run.
//!
//! Scenario by scenario, and within a scenario one contender after the other, each with a copy of the same seeded data, so
//! that a machine whose speed drifts is unfair to all of them alike.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::process::Command;

use crate::{
    experiment,
    on_sale::{Load, OnSale},
    processes::complete,
    report::{Row, heading, line, say},
    requests::Scenario,
    scratch::{Data, Programs, Scratch},
    server::{Server, boxoffice, remove},
    verdict::Verdict,
};

/// Those that are measured when none is named.
const SCENARIOS: &str = "hot-ga,named-seats,many-events,hold-then-book,priced";

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    #[serde(flatten)]
    programs: Programs,
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
    #[arg(long, value_enum, value_delimiter = ',', default_value = SCENARIOS)]
    scenarios: Vec<Scenario>,
    /// Who is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "boxoffice,baseline,empty,database")]
    contenders: Vec<Contender>,
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
}

/// Who can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Contender {
    /// The server as it ships.
    Boxoffice,
    /// The same HTTP and schema with one transaction and one row lock a booking.
    Baseline,
    /// hyper with an empty handler: what HTTP alone allows.
    Empty,
    /// The ledger's rows in synthetic groups, without HTTP and decisions: what the database alone allows.
    Database,
}

impl Contender {
    /// Only boxoffice takes money.
    fn can(self, scenario: Scenario) -> bool {
        self == Self::Boxoffice || scenario != Scenario::Priced
    }
}

/// One run of a contender.
#[derive(Debug, Serialize)]
struct Run {
    scenario: Scenario,
    contender: Contender,
    #[serde(flatten)]
    on_sale: OnSale,
}

pub(crate) async fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    if args.connections.contains(&0) || args.connections.is_empty() {
        bail!("give at least one number of connections above 0");
    }
    let data = Data { events: args.events, houses: args.houses };
    experiment::measure("onsale", args, &args.programs, data, async |scratch| {
        let mut runs = Vec::new();
        for scenario in &args.scenarios {
            heading(&scenario.name(), "bookings/s", true);
            for contender in args.contenders.iter().filter(|contender| contender.can(*scenario)) {
                let measured = match contender {
                    Contender::Database => groups(scratch, args, *scenario).await,
                    _ => serve(scratch, args, *scenario, *contender).await,
                };
                runs.extend(measured.with_context(|| format!("{scenario:?} on {contender:?}"))?);
            }
            ratios(*scenario, &args.connections, &runs);
        }
        Ok((serde_json::json!({ "runs": runs }), Verdict::default()))
    })
    .await
}

/// All runs of one scenario on one contender, with fresh data.
async fn serve(
    scratch: &Scratch,
    args: &BenchArgs,
    scenario: Scenario,
    contender: Contender,
) -> anyhow::Result<Vec<Run>> {
    let baseline = |argument: &str| {
        let mut command = Command::new(&scratch.programs.baseline);
        command.arg(argument);
        command
    };
    let (name, command) = match contender {
        Contender::Boxoffice => ("boxoffice", boxoffice(scratch)),
        Contender::Baseline => ("baseline", baseline("serve")),
        _ => ("empty", baseline("empty")),
    };
    let has_ledger = contender != Contender::Empty;
    let data = if has_ledger { Some(scratch.copy().await?) } else { None };
    let mut server = Server::start(scratch, name, command, data, &args.programs.settings(&[])).await?;
    let mut written = if has_ledger { server.check().await?.sold(scenario) } else { 0 };
    let mut plans: Vec<(usize, bool)> = args.connections.iter().map(|connections| (*connections, false)).collect();
    if args.open_share > 0.0 && has_ledger {
        plans.push((args.open_connections, true));
    }
    let (mut runs, mut houses, mut most): (Vec<Run>, usize, f64) = (Vec::new(), 0, 0.0);
    for (connections, is_open) in plans {
        let rate = is_open.then_some((args.open_share * most).max(1.0));
        // The open loop is a measurement of its own, and the baseline has no such routes.
        let readers = if is_open || contender != Contender::Boxoffice { 0 } else { args.readers };
        let load = Load {
            readers,
            read_rate: args.read_rate,
            skip_houses: houses,
            ..Load::of(scenario, connections, rate, args.warmup, args.seconds)
        };
        let on_sale = server.load(&load).await?;
        houses += on_sale.houses_used;
        // Requests, not bookings: a hold is a request too.
        most = most.max(on_sale.row.answers_per_second);
        let mut added = None;
        if has_ledger {
            let ledger = server.settled().await?;
            let mut verdict = Verdict::default();
            ledger.judge(&mut verdict);
            verdict.pronounce()?;
            added = Some(ledger.sold(scenario) - written);
            written = ledger.sold(scenario);
        }
        on_sale.judge(added).pronounce()?;
        on_sale.print();
        runs.push(Run { scenario, contender, on_sale });
    }
    server.remove().await?;
    Ok(runs)
}

/// The database ceiling of a scenario, with fresh data.
async fn groups(scratch: &Scratch, args: &BenchArgs, scenario: Scenario) -> anyhow::Result<Vec<Run>> {
    let data = scratch.copy().await?;
    let mut command = scratch.command(&args.programs.baseline, &data)?;
    let sizes: Vec<String> = args.group_sizes.iter().map(usize::to_string).collect();
    command.args(["groups", "--scenario", &scenario.name(), "--sizes", &sizes.join(",")]);
    command.args(["--seconds", &args.group_seconds.to_string(), "--fixture"]).arg(scratch.fixture());
    let output = complete(command, "the database ceiling").await?;
    remove(&data)?;
    let rows: Vec<Row> = serde_json::from_slice(&output).context("the database ceiling printed no result")?;
    rows.iter().for_each(line);
    let run = |row| Run { scenario, contender: Contender::Database, on_sale: OnSale { row, ..OnSale::default() } };
    Ok(rows.into_iter().map(run).collect())
}

/// boxoffice against the others, closed loop, at each number of connections.
fn ratios(scenario: Scenario, connections: &[usize], runs: &[Run]) {
    let best = |who: Contender, connections: Option<usize>| {
        let runs = runs.iter().filter(|run| run.scenario == scenario && run.contender == who);
        let rows = runs.map(|run| &run.on_sale.row).filter(|row| !row.pace.starts_with("open"));
        let rows = rows.filter(|row| connections.is_none_or(|connections| row.connections == connections));
        rows.map(|row| row.served_per_second).fold(0.0, f64::max)
    };
    for connections in connections {
        let ours = best(Contender::Boxoffice, Some(*connections));
        if ours == 0.0 {
            continue;
        }
        let ratio = |theirs: f64| if theirs > 0.0 { format!("{:.2}", ours / theirs) } else { "–".to_owned() };
        say(&format!(
            "{connections:>5} connections: boxoffice / baseline {}, / database {}, / empty handler {}",
            ratio(best(Contender::Baseline, Some(*connections))),
            ratio(best(Contender::Database, None)),
            ratio(best(Contender::Empty, Some(*connections))),
        ));
    }
}
