//! `onsale browse`: cached reads, against hyper alone that answers the same bytes with the same headers.
//!
//! Question by question, the contenders are asked in turn, for a moment each and many times over, by one client. Each round is
//! compared by itself, and the middle one of these comparisons counts: a machine whose speed drifts is unfair to all of a round
//! alike, and a disturbance spoils some rounds and not the result. Each server has one thread and a core of its own, and the
//! client another one: what is measured is what a core of the server can do, not how two programs share it.

use std::{collections::BTreeMap, fs, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use tokio::process::Command;

use crate::{
    connection::{Connection, HEADERS_MAX, connect, get},
    experiment::{self, seconds},
    fixture::Fixture,
    load::{Pace, Plan, Script},
    processes::complete,
    report::{Asked, Row, Since, heading, line},
    scratch::{Data, Programs, Scratch},
    server::Server,
    usage::{Sampler, Watched},
    verdict::Verdict,
};

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct BrowseArgs {
    #[command(flatten)]
    #[serde(flatten)]
    programs: Programs,
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
enum Browsed {
    /// hyper alone.
    Raw,
    /// The server as it ships.
    Boxoffice,
    /// The server without limits and headers.
    Bare,
}

/// What is asked for, and how.
struct Page {
    name: String,
    path: String,
    compressed: bool,
    conditional: bool,
}

/// How a contender did with one question.
#[derive(Debug, Serialize)]
struct Compared {
    who: Browsed,
    /// Each number by itself the middle one of all rounds.
    #[serde(flatten)]
    middle: Row,
    /// CPU of the server for one request.
    server_us: f64,
    /// The middle one of all rounds' parts of what hyper alone did.
    of_raw: f64,
    /// The middle one of all rounds' parts of what the server without limits and headers did.
    of_bare: Option<f64>,
    rounds: Vec<Row>,
}

pub(crate) async fn browse(args: &BrowseArgs) -> anyhow::Result<()> {
    if args.connections == 0 || args.rounds == 0 {
        bail!("connections and rounds must be above 0");
    }
    let data = Data { events: args.events, houses: 0 };
    experiment::measure("browse", args, &args.programs, data, async |scratch| {
        pin(args, CORES[1], std::process::id()).await?;
        let server = start(scratch, args, Browsed::Boxoffice, &[]).await?;
        let bare = if args.bare { Some(start(scratch, args, Browsed::Bare, &[]).await?) } else { None };
        let (mut questions, mut verdict) = (Vec::new(), Verdict::default());
        heading("cached reads; ratio to hyper alone", "requests/s", true);
        for page in pages(&Fixture::read(&scratch.fixture())?)? {
            for compared in ask(scratch, args, &server, bare.as_ref(), page).await? {
                let Compared { who, of_raw, middle, .. } = &compared;
                line(middle);
                verdict.require(*who != Browsed::Boxoffice || *of_raw >= args.ratio_min, || {
                    format!("{}: {of_raw:.2} of hyper alone, less than {}", middle.name, args.ratio_min)
                });
                questions.push(compared);
            }
        }
        server.remove().await?;
        if let Some(bare) = bare {
            bare.remove().await?;
        }
        Ok((serde_json::json!({ "questions": questions }), verdict))
    })
    .await
}

fn pages(fixture: &Fixture) -> anyhow::Result<Vec<Page>> {
    let event = fixture.first("lukewarm")?.id;
    let paths = [("list", "/api/v1/events".to_owned()), ("detail", format!("/api/v1/events/{event}"))];
    let mut pages = Vec::new();
    for (what, path) in paths {
        for (how, compressed, conditional) in
            [("", false, false), (", compressed", true, false), (", 304", false, true)]
        {
            pages.push(Page { name: format!("{what}{how}"), path: path.clone(), compressed, conditional });
        }
    }
    Ok(pages)
}

/// Starts a contender, on a core of its own.
async fn start<'a>(scratch: &'a Scratch, args: &BrowseArgs, who: Browsed, more: &[&str]) -> anyhow::Result<Server<'a>> {
    let data = if who == Browsed::Raw { None } else { Some(scratch.copy().await?) };
    let Programs { binary, baseline, .. } = &args.programs;
    let (name, program, argument) = match who {
        Browsed::Raw => ("raw", baseline, "raw"),
        Browsed::Boxoffice => ("boxoffice", binary, "serve"),
        Browsed::Bare => ("bare", baseline, "bare"),
    };
    let mut settings = args.programs.settings(&SETTINGS);
    if !args.unpinned {
        settings.push(("TOKIO_WORKER_THREADS", "1"));
    }
    let mut command = Command::new(program);
    command.arg(argument).args(more);
    let server = Server::start(scratch, name, command, data, &settings).await?;
    pin(args, CORES[0], server.pid()?).await?;
    Ok(server)
}

/// Binds all threads of a program to a core, and those that they start.
async fn pin(args: &BrowseArgs, core: &str, pid: u32) -> anyhow::Result<()> {
    if !args.unpinned {
        let mut pin = Command::new("taskset");
        pin.args(["-apc", core, &pid.to_string()]);
        complete(pin, "taskset, which binds programs to cores: install it, or measure with --unpinned").await?;
    }
    Ok(())
}

async fn ask(
    scratch: &Scratch,
    args: &BrowseArgs,
    server: &Server<'_>,
    bare: Option<&Server<'_>>,
    page: Page,
) -> anyhow::Result<Vec<Compared>> {
    let mut headers = "accept: */*\r\n".to_owned();
    if page.compressed {
        headers.push_str(&format!("accept-encoding: {CODINGS}\r\n"));
    }
    let first = Copied::take(server.address, &page.path, &headers).await?;
    if page.conditional {
        let etag = first.header("etag").context("the answer has no entity tag")?;
        headers.push_str(&format!("if-none-match: {etag}\r\n"));
    }
    let sample = Copied::take(server.address, &page.path, &headers).await?;
    let expected = if page.conditional { 304 } else { 200 };
    if sample.status != expected || page.compressed != sample.header("content-encoding").is_some() {
        bail!("{}: the server answers {} with {:?}", page.name, sample.status, sample.headers);
    }
    let file = scratch.fixture().with_extension("answer");
    fs::write(&file, serde_json::to_vec(&sample.replayed())?)?;
    let raw = start(scratch, args, Browsed::Raw, &["--answer", &file.to_string_lossy()]).await?;
    Copied::take(raw.address, &page.path, &headers).await?.check_like(&sample)?;

    let mut runs: BTreeMap<Browsed, Vec<Row>> = BTreeMap::new();
    for round in 0..args.rounds {
        let mut contenders = [(Browsed::Raw, Some(&raw)), (Browsed::Boxoffice, Some(server)), (Browsed::Bare, bare)];
        if round % 2 == 1 {
            contenders.reverse();
        }
        for (who, server) in contenders.into_iter().filter_map(|(who, server)| Some((who, server?))) {
            runs.entry(who).or_default().push(measure(args, server, &page, &headers, expected).await?);
        }
    }
    raw.remove().await?;
    Ok(compare(&page.name, &sample, runs))
}

fn compare(name: &str, sample: &Copied, runs: BTreeMap<Browsed, Vec<Row>>) -> Vec<Compared> {
    let part = |rounds: &[Row], who| {
        let others = runs.get(&who)?;
        let parts = rounds.iter().zip(others);
        Some(middle(parts.map(|(one, other)| one.served_per_second / other.served_per_second.max(1.0))))
    };
    let compared = |(who, rounds): (&Browsed, &Vec<Row>)| {
        let of = |number: fn(&Row) -> f64| middle(rounds.iter().map(number));
        let core = |name: &str| middle(rounds.iter().filter_map(|row| row.cores.get(name).copied()));
        let mut row = rounds.first().cloned().unwrap_or_default();
        (row.name, row.pace) = (name.to_owned(), format!("{who:?}").to_lowercase());
        (row.served_per_second, row.answers_per_second) =
            (of(|row| row.served_per_second), of(|row| row.answers_per_second));
        row.tally.latency.p50 = of(|row| row.tally.latency.p50);
        row.tally.latency.p95 = of(|row| row.tally.latency.p95);
        row.tally.latency.p99 = of(|row| row.tally.latency.p99);
        row.tally.latency.max = of(|row| row.tally.latency.max);
        row.cores = ["server", "client"].map(|name| (name.to_owned(), core(name))).into();
        let server_us =
            middle(rounds.iter().map(|row| {
                row.cores.get("server").copied().unwrap_or_default() * 1e6 / row.answers_per_second.max(1.0)
            }));
        let (of_raw, of_bare) = (part(rounds, Browsed::Raw).unwrap_or(0.0), part(rounds, Browsed::Bare));
        let (head_bytes, body_bytes) = (sample.head_bytes, sample.body.len());
        row.note = format!("{head_bytes}+{body_bytes} bytes, server {server_us:.2} µs, ratio {of_raw:.2}");
        if let (Browsed::Boxoffice, Some(part)) = (who, of_bare) {
            row.note.push_str(&format!(", limits and headers {:.1} %", 100.0 * (1.0 - part)));
        }
        Compared { who: *who, middle: row, server_us, of_raw, of_bare, rounds: rounds.clone() }
    };
    runs.iter().map(compared).collect()
}

/// The middle one; 0 of none.
fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// One request over and over.
struct Repeated(String);

impl Script for Repeated {
    fn write(&self, _: usize, _: u64, request: &mut Vec<u8>) -> Option<Asked> {
        request.extend_from_slice(self.0.as_bytes());
        Some(Asked::Goal)
    }
}

async fn measure(
    args: &BrowseArgs,
    server: &Server<'_>,
    page: &Page,
    headers: &str,
    expected: u16,
) -> anyhow::Result<Row> {
    let (address, warmup) = (server.address, seconds(args.warmup)?);
    let lasts = warmup + seconds(args.seconds)?;
    let plan = Plan::new(args.connections, Pace::Closed, lasts, Duration::from_secs(10));
    let watched = [Watched { name: "server", pid: server.pid()?, family: false }, Watched::client()];
    let sampler = Sampler::start(watched.to_vec());
    let heard = plan.ask(address, Rc::new(Repeated(get(address, &page.path, headers)))).await;
    let window = heard.begin + warmup..heard.end;
    let row = heard.row("", &window, Since::Due);
    let right = heard.samples.iter().filter(|sample| sample.is_answer(expected)).count();
    if right < heard.samples.len() {
        bail!("{} answers had another status than {expected}: {row:?}", heard.samples.len() - right);
    }
    Ok(Row { cores: sampler.finish().cores(&window), ..row })
}

/// hyper adds these itself.
const OF_HYPER: [&str; 2] = ["content-length", "date"];
/// Of one request only, in value but not in length.
const OF_ONE_REQUEST: [&str; 3] = ["date", "x-request-id", "ratelimit"];

/// An answer that can be given again.
struct Copied {
    status: u16,
    headers: Vec<(String, String)>,
    head_bytes: usize,
    body: Vec<u8>,
}

/// What `baseline raw` reads.
#[derive(Serialize)]
struct Replayed<'a> {
    status: u16,
    headers: Vec<&'a (String, String)>,
    body: &'a [u8],
}

impl Copied {
    async fn take(address: SocketAddr, path: &str, headers: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::new(connect(address).await?);
        let answer = connection.ask(get(address, path, headers).as_bytes()).await?;
        let mut found = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut found);
        response.parse(answer.head)?;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = response.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect();
        Ok(Self { status: answer.status, headers, head_bytes: answer.head.len(), body: answer.body.to_vec() })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn replayed(&self) -> Replayed<'_> {
        let headers = self.headers.iter().filter(|(name, _)| !OF_HYPER.contains(&name.as_str()));
        Replayed { status: self.status, headers: headers.collect(), body: &self.body }
    }

    /// Fails when this is not an answer of the same status, headers and body.
    fn check_like(&self, other: &Self) -> anyhow::Result<()> {
        let comparable = |sample: &Self| {
            let mut headers = sample.headers.clone();
            for (name, value) in &mut headers {
                if OF_ONE_REQUEST.contains(&name.as_str()) {
                    value.clear();
                }
            }
            headers.sort();
            (sample.status, headers)
        };
        if comparable(self) != comparable(other) || self.body != other.body {
            bail!("hyper alone does not answer the same: {:?} instead of {:?}", self.headers, other.headers);
        }
        Ok(())
    }
}
