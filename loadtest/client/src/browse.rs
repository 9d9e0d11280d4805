//! `onsale browse`: cached reads, against hyper alone that answers the same bytes with the same headers.
//!
//! Question by question, the contenders are asked in turn, for a moment each and many times over, by one client. Each round is
//! compared by itself, and the middle one of these comparisons counts: a machine whose speed drifts is unfair to all of a round
//! alike, and a disturbance spoils some rounds and not the result. Each server has one thread and a core of its own, and the
//! client another one: what is measured is what a core of the server can do, not how two programs share it.

mod closed_loop;
mod sample;
mod table;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use onsale::{
    fixture::Fixture,
    processes::{Watched, cpu_seconds},
};
use serde::Serialize;
use tokio::{process::Command, task::LocalSet};

use self::{closed_loop::Measured, sample::Sample};
use crate::bench::{
    cleanly,
    contender::Served,
    machine::Machine,
    say,
    scratch::{Scratch, Setup, complete},
    write,
};

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BrowseArgs {
    /// The server that is measured
    #[arg(long)]
    binary: PathBuf,
    /// The program that answers fixed bytes
    #[arg(long)]
    baseline: PathBuf,
    /// Connections of the closed loop
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds of measuring, each run
    #[arg(long, default_value_t = 0.5)]
    seconds: f64,
    /// Seconds before measuring, each run
    #[arg(long, default_value_t = 0.1)]
    warmup: f64,
    /// Runs of each contender for each question, compared round by round; the middle one counts
    #[arg(long, default_value_t = 25)]
    rounds: usize,
    /// Events in the database
    #[arg(long, default_value_t = 1000)]
    events: u32,
    /// Measures the server without limits and without the headers that protect browsers as well: what both cost
    #[arg(long)]
    bare: bool,
    /// Fails when the server does less than this part of what hyper alone does; 0 judges nothing
    #[arg(long, default_value_t = 0.8)]
    ratio_min: f64,
    /// Lets the kernel choose cores and the servers as many threads as there are
    #[arg(long)]
    unpinned: bool,
    /// Where the JSON goes
    #[arg(long, default_value = "loadtest/results")]
    out: PathBuf,
}

/// The server's core, and the client's.
const CORES: [&str; 2] = ["0", "1"];
/// What browsers say.
const CODINGS: &str = "gzip, deflate, br, zstd";
/// Every client is counted, and nobody is refused.
const SETTINGS: [(&str, &str); 3] = [
    ("BOXOFFICE__RATE_LIMIT__TRUSTED", ""),
    ("BOXOFFICE__RATE_LIMIT__PUBLIC", "1000000/1s"),
    ("BOXOFFICE__HTTP__CONNECTIONS_PER_NETWORK", "1000000"),
];

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
enum Who {
    /// hyper alone.
    Raw,
    /// The server as it ships.
    Boxoffice,
    /// The server without limits and headers.
    Bare,
}

/// What is asked for, and how.
struct Question {
    name: String,
    path: String,
    compressed: bool,
    conditional: bool,
}

/// What came of one question.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    question: String,
    body_bytes: usize,
    head_bytes: usize,
    contenders: BTreeMap<Who, Compared>,
}

/// How a contender did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Compared {
    /// Each number by itself the middle one of all rounds.
    middle: Measured,
    /// The middle one of all rounds' parts of what hyper alone did.
    of_raw: f64,
    /// The middle one of all rounds' parts of what the server without limits and headers did.
    of_bare: Option<f64>,
    rounds: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Results {
    machine: Machine,
    settings: BrowseArgs,
    questions: Vec<Answered>,
}

pub(crate) async fn browse(args: &BrowseArgs) -> anyhow::Result<()> {
    if args.connections == 0 || args.rounds == 0 {
        bail!("connections and rounds must be above 0");
    }
    let BrowseArgs { binary, baseline, events, .. } = args.clone();
    let scratch = Scratch::new(Setup { binary, baseline, users: 1, events, houses: 0 })?;
    cleanly(&scratch, Box::pin(LocalSet::new().run_until(all(&scratch, args)))).await
}

async fn all(scratch: &Scratch, args: &BrowseArgs) -> anyhow::Result<()> {
    let machine = Machine::of_here();
    say(&format!("{machine}\nseeding …"));
    scratch.seed().await?;
    if !args.unpinned {
        let mut pin = Command::new("taskset");
        pin.args(["-pc", CORES[1], &std::process::id().to_string()]);
        complete(pin, "taskset, which binds programs to cores").await?;
    }
    let server = start(scratch, args, Who::Boxoffice, &[]).await?;
    let bare = if args.bare { Some(start(scratch, args, Who::Bare, &[]).await?) } else { None };
    let mut results = Results { machine, settings: args.clone(), questions: Vec::new() };
    table::heading(args.bare);
    for question in questions(&Fixture::read(&scratch.fixture())?)? {
        let answered = ask(scratch, args, &server, bare.as_ref(), question).await?;
        table::line(&answered);
        results.questions.push(answered);
    }
    server.stop().await?;
    if let Some(bare) = bare {
        bare.stop().await?;
    }
    write(&results, &args.out, &format!("browse-{}.json", results.machine.unix_seconds))?;
    let missed = table::missed(&results);
    if missed.is_empty() { Ok(()) } else { bail!("{}", missed.join("; ")) }
}

fn questions(fixture: &Fixture) -> anyhow::Result<Vec<Question>> {
    let event = fixture.of_kind("lukewarm")?.remove(0).id;
    let paths = [("list", "/api/v1/events".to_owned()), ("detail", format!("/api/v1/events/{event}"))];
    let mut questions = Vec::new();
    for (what, path) in paths {
        for (how, compressed, conditional) in
            [("", false, false), (", compressed", true, false), (", 304", false, true)]
        {
            questions.push(Question { name: format!("{what}{how}"), path: path.clone(), compressed, conditional });
        }
    }
    Ok(questions)
}

/// Starts a contender, on a core of its own.
async fn start<'a>(scratch: &'a Scratch, args: &BrowseArgs, who: Who, more: &[&str]) -> anyhow::Result<Served<'a>> {
    let data = if who == Who::Raw { None } else { Some(scratch.copy().await?) };
    let (program, argument) = match who {
        Who::Raw => (&args.baseline, "raw"),
        Who::Boxoffice => (&args.binary, "serve"),
        Who::Bare => (&args.baseline, "bare"),
    };
    let program = fs::canonicalize(program).with_context(|| format!("{} is missing", program.display()))?;
    let mut settings = SETTINGS.to_vec();
    let command = if args.unpinned {
        Command::new(program)
    } else {
        settings.push(("TOKIO_WORKER_THREADS", "1"));
        let mut pinned = Command::new(sample::found("taskset")?);
        pinned.args(["-c", CORES[0]]).arg(program);
        pinned
    };
    let mut command = command;
    command.arg(argument).args(more);
    Served::launch(scratch, format!("{who:?}").to_lowercase(), command, data, &settings).await
}

async fn ask(
    scratch: &Scratch,
    args: &BrowseArgs,
    server: &Served<'_>,
    bare: Option<&Served<'_>>,
    question: Question,
) -> anyhow::Result<Answered> {
    let mut extra = String::new();
    if question.compressed {
        extra.push_str(&format!("accept-encoding: {CODINGS}\r\n"));
    }
    let first = Sample::take(server.address(), &question.path, &extra).await?;
    if question.conditional {
        let etag = first.header("etag").context("the answer has no entity tag")?;
        extra.push_str(&format!("if-none-match: {etag}\r\n"));
    }
    let sample = Sample::take(server.address(), &question.path, &extra).await?;
    let expected = if question.conditional { 304 } else { 200 };
    if sample.status != expected || question.compressed != sample.header("content-encoding").is_some() {
        bail!("{}: the server answers {} with {:?}", question.name, sample.status, sample.headers);
    }
    let file = scratch.fixture().with_extension("answer");
    fs::write(&file, serde_json::to_vec(&sample.replayed())?)?;
    let raw = start(scratch, args, Who::Raw, &["--answer", &file.to_string_lossy()]).await?;
    let copy = Sample::take(raw.address(), &question.path, &extra).await?;
    copy.check_like(&sample)?;

    let mut runs: BTreeMap<Who, Vec<Measured>> = BTreeMap::new();
    for round in 0..args.rounds {
        let mut contenders = [(Who::Raw, Some(&raw)), (Who::Boxoffice, Some(server)), (Who::Bare, bare)];
        if round % 2 == 1 {
            contenders.reverse();
        }
        for (who, served) in contenders.into_iter().filter_map(|(who, served)| Some((who, served?))) {
            let measured = measure(args, served, &question.path, &extra, expected).await?;
            runs.entry(who).or_default().push(measured);
        }
    }
    raw.stop().await?;
    let (body_bytes, head_bytes) = (sample.body.len(), sample.head_bytes);
    Ok(Answered { question: question.name, body_bytes, head_bytes, contenders: compare(&runs) })
}

fn compare(runs: &BTreeMap<Who, Vec<Measured>>) -> BTreeMap<Who, Compared> {
    let part = |rounds: &[Measured], who| {
        let others = runs.get(&who)?;
        Some(middle(rounds.iter().zip(others).map(|(one, other)| one.per_second / other.per_second.max(1.0))))
    };
    let compared = |(who, rounds): (&Who, &Vec<Measured>)| {
        let (of_raw, of_bare) = (part(rounds, Who::Raw).unwrap_or(0.0), part(rounds, Who::Bare));
        (*who, Compared { middle: Measured::middle(rounds), of_raw, of_bare, rounds: rounds.clone() })
    };
    runs.iter().map(compared).collect()
}

/// The middle one; 0 of none.
fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

async fn measure(
    args: &BrowseArgs,
    served: &Served<'_>,
    path: &str,
    extra: &str,
    expected: u16,
) -> anyhow::Result<Measured> {
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).context("not a number of seconds");
    let plan = closed_loop::Plan {
        address: served.address(),
        request: sample::request(served.address(), path, extra),
        expected,
        connections: args.connections,
        warmup: seconds(args.warmup)?,
        measured: seconds(args.seconds)?,
    };
    let server = Watched { name: "server".to_owned(), pid: served.pid()?, family: false };
    let client = Watched { name: "client".to_owned(), pid: std::process::id(), family: false };
    closed_loop::run(plan, move || (cpu_seconds(&server), cpu_seconds(&client))).await
}
