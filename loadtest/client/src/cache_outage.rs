//! `onsale cache-outage`: Redis hangs, refuses connections, goes back, is full and is emptied, while two servers show what is on and an organizer
//! edits it.
//!
//! Reads come at a steady rate, whatever the answers do, and every answer is compared with what was last acknowledged: the
//! server that took an edit shows it in whatever is asked afterwards, the other one within a second, or, while Redis is away,
//! once the answers in its memory have ended.

mod edits;
mod judge;
mod questions;
mod redis;
mod stage;
mod table;
mod truth;

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use onsale::{
    fixture::Fixture,
    flow::{self, Flowed, Pace, Plan},
};
use serde::Serialize;
use tokio::time::sleep;

use self::{
    edits::Editor,
    questions::Questions,
    redis::Redis,
    stage::{Counted, Reader, Stage},
    truth::Truth,
};
use crate::{
    bench::{cleanly, contender::Served, machine::Machine, say, scratch::Scratch, write},
    load::connect,
    outage::database::Keeper,
    started::StartArgs,
};

/// What is due for longer than this and finds no connection free is not sent.
const LAG_MAX: Duration = Duration::from_secs(1);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer in a server's memory is given at most: the two settings of the servers together.
const MEMORY: Duration = Duration::from_secs(10);
const SETTINGS: [(&str, &str); 3] = [
    ("BOXOFFICE__CACHE__FRESH", "5s"),
    ("BOXOFFICE__CACHE__STALE", "5s"),
    ("BOXOFFICE__AUTH__JWT_SECRET", "both-servers-sign-and-check-with-this-one"),
];
const SERVERS: [&str; 2] = ["one", "two"];

#[derive(Clone, Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CacheOutageArgs {
    #[command(flatten)]
    #[serde(flatten)]
    start: StartArgs,
    /// Reads a second, of both servers together
    #[arg(long, default_value_t = 600.0)]
    rate: f64,
    /// Connections to each server
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Events in the database
    #[arg(long, default_value_t = 2000)]
    events: u32,
    /// Seconds of a phase; those after Redis has come back last two thirds of it
    #[arg(long, default_value_t = 12)]
    seconds: u64,
    /// Milliseconds from one edit to the next
    #[arg(long, default_value_t = 500)]
    edit_every: u64,
    /// The 99th percentile of a phase is judged only above so many milliseconds: what is below them nobody feels
    #[arg(long, default_value_t = 5.0)]
    floor: f64,
    /// The program of Redis
    #[arg(long, default_value = "redis-server")]
    redis: String,
}

/// What goes on with Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// Memory and Redis are being filled; judged by its answers only.
    WarmUp,
    Healthy,
    /// It is stopped, keeps its connections, and answers nothing.
    Hung,
    /// It goes on.
    BackFromHanging,
    /// It is killed, and connections are refused.
    Refused,
    /// It is started again, empty.
    BackFromDeath,
    /// It writes its snapshot; half a phase later it is killed, and starts from that.
    Snapshot,
    /// It has no memory left.
    Full,
    /// It is emptied again and again.
    Flushed,
    HealthyAgain,
}

impl Phase {
    const ALL: [Self; 10] = [
        Self::WarmUp,
        Self::Healthy,
        Self::Hung,
        Self::BackFromHanging,
        Self::Refused,
        Self::BackFromDeath,
        Self::Snapshot,
        Self::Full,
        Self::Flushed,
        Self::HealthyAgain,
    ];

    fn lasts(self, seconds: u64) -> Duration {
        let whole = Duration::from_secs(seconds);
        match self {
            Self::WarmUp | Self::BackFromHanging | Self::BackFromDeath => whole * 2 / 3,
            _ => whole,
        }
    }

    /// Whether edits are told to the other server all the while.
    fn shares(self) -> bool {
        matches!(self, Self::Healthy | Self::Full | Self::Flushed | Self::HealthyAgain)
    }
}

/// What one phase led to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    phase: Phase,
    #[serde(flatten)]
    counted: Counted,
    edits: usize,
    /// The longest time after an edit's acknowledgement that the other server was asked and still showed the state before.
    oldest_detail_ms: f64,
    oldest_list_ms: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    machine: Machine,
    settings: CacheOutageArgs,
    /// Reads that were sent, and that were due and found no connection free.
    sent: u64,
    unsent: u64,
    phases: Vec<Outcome>,
    /// Answers that were wrong, and the first of them in words.
    wrongs: usize,
    wrong: Vec<String>,
}

/// Measures, prints, writes, and fails when a criterion is missed.
pub(crate) async fn cache_outage(args: &CacheOutageArgs) -> anyhow::Result<()> {
    if args.rate <= 0.0 || !args.rate.is_finite() || args.connections == 0 || args.seconds < 6 || args.edit_every == 0 {
        bail!("give a rate, connections and an interval above 0, and phases of at least 6 seconds");
    }
    let scratch = args.start.scratch_of(args.events)?;
    cleanly(&scratch, Box::pin(measure(&scratch, args))).await
}

async fn measure(scratch: &Scratch, args: &CacheOutageArgs) -> anyhow::Result<()> {
    let machine = Machine::of_here();
    say(&format!("{machine}\nseeding …"));
    scratch.seed().await?;
    let data = scratch.copy().await?;
    let keeper = Keeper::start(scratch, &args.start.baseline, &data).await?;
    let mut redis = Redis::start(&args.redis)?;
    let secret = edits::add_admin(scratch, &args.start, keeper.url()).await?;
    let servers = [
        serve(scratch, args, SERVERS[0], keeper.url(), &redis.url()).await?,
        serve(scratch, args, SERVERS[1], keeper.url(), &redis.url()).await?,
    ];
    let events = Fixture::read(&scratch.fixture())?.of_kind("lukewarm")?;
    let questions = Rc::new(Questions::new(events.into_iter().map(|event| event.id).collect()));
    let truth = Rc::new(Truth::new(questions.edited().len()));
    let addresses = servers.each_ref().map(Served::address);
    let editor = Editor::sign_in(addresses, &secret, Rc::clone(&questions), Rc::clone(&truth)).await?;
    let stage = Rc::new(Stage::new(Rc::clone(&truth))?);
    // Every title is an edited one before anybody looks.
    editor.edit_all().await?;

    let flowed = tokio::select! {
        flowed = perform(args, addresses, &questions, &stage, &editor, &mut redis) => flowed?,
        failed = editor.edit_on(Duration::from_millis(args.edit_every)) => return failed.context("editing"),
    };
    let phases = stage.outcomes();
    let (wrongs, wrong) = (truth.wrongs(), truth.wrong());
    let (sent, unsent) = (flowed.iter().map(|of| of.sent).sum(), flowed.iter().map(|of| of.unsent).sum());
    let results = Results { machine, settings: args.clone(), sent, unsent, phases, wrongs, wrong };
    table::print(&results);
    let [one, two] = servers;
    one.stop().await?;
    two.stop().await?;
    keeper.stop().await?;
    write(&results, &args.start.out, &format!("cache-outage-{}.json", results.machine.unix_seconds))?;
    let missed = judge::judge(&results);
    if missed.is_empty() { Ok(()) } else { bail!("missed:\n- {}", missed.join("\n- ")) }
}

async fn serve<'a>(
    scratch: &'a Scratch,
    args: &CacheOutageArgs,
    name: &str,
    database: &str,
    redis: &str,
) -> anyhow::Result<Served<'a>> {
    let mut settings = args.start.settings();
    settings.extend(SETTINGS);
    settings.extend([("DATABASE_URL", database), ("REDIS_URL", redis), ("BOXOFFICE__NODE__NAME", name)]);
    let mut program = tokio::process::Command::new(args.start.binary());
    program.arg("serve");
    Served::launch(scratch, name.to_owned(), program, None, &settings).await
}

/// Reads from both servers, through all phases.
async fn perform(
    args: &CacheOutageArgs,
    addresses: [std::net::SocketAddr; 2],
    questions: &Rc<Questions>,
    stage: &Rc<Stage>,
    editor: &Editor,
    redis: &mut Redis,
) -> anyhow::Result<[Flowed; 2]> {
    let stop = Arc::default();
    let flow = |server: usize| {
        let address = addresses[server];
        let plan = Plan {
            connections: args.connections,
            greeting: Some(format!("GET /health/live HTTP/1.1\r\nhost: {address}\r\n\r\n")),
            pace: Pace::Rate {
                rate: args.rate / addresses.len() as f64,
                lasts: Phase::ALL.iter().map(|phase| phase.lasts(args.seconds)).sum(),
                lag_max: LAG_MAX,
            },
            patience: PATIENCE,
            stop: Arc::clone(&stop),
        };
        let reader = Reader::new(server, address, Rc::clone(questions), Rc::clone(stage));
        flow::flow(plan, Rc::new(reader), move || connect(address), |_| {})
    };
    let faults = async {
        for phase in Phase::ALL {
            stage.enter(phase, editor.cached().await?);
            let lasts = phase.lasts(args.seconds);
            match phase {
                Phase::WarmUp | Phase::Healthy | Phase::HealthyAgain => {}
                Phase::Hung => redis.hang()?,
                Phase::BackFromHanging => redis.go_on(),
                Phase::Refused => redis.kill().await?,
                Phase::BackFromDeath => redis.launch()?,
                Phase::Snapshot => {
                    redis.save().await?;
                    sleep(lasts / 2).await;
                    redis.kill().await?;
                    redis.launch()?;
                    sleep(lasts / 2).await;
                    continue;
                }
                Phase::Full => {
                    redis.fill(true).await?;
                    sleep(lasts).await;
                    redis.fill(false).await?;
                    continue;
                }
                Phase::Flushed => {
                    for _ in 0..4 {
                        redis.flush().await?;
                        sleep(lasts / 4).await;
                    }
                    continue;
                }
            }
            sleep(lasts).await;
        }
        stage.leave(editor.cached().await?);
        anyhow::Ok(())
    };
    let (one, two, faults) = tokio::join!(flow(0), flow(1), faults);
    faults?;
    Ok([one, two])
}
