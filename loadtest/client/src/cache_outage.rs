//! `onsale cache-outage`: Redis hangs, refuses connections, goes back, is full and is emptied, while two servers show what is on and an organizer
//! edits it.
//!
//! Reads come at a steady rate, whatever the answers do, and every answer is compared with what was last acknowledged: the
//! server that took an edit shows it in whatever is asked afterwards, the other one within a second, or, while Redis is away,
//! once the answers in its memory have ended.

mod edits;
mod questions;
mod redis;
mod truth;

use std::{net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use self::{
    edits::{Cached, Editor},
    questions::Questions,
    redis::Redis,
    truth::Truth,
};
use crate::{
    connection::get,
    experiment,
    fixture::Fixture,
    load::{Pace, Plan, Script},
    report::{Asked, Heard, Row, Sample, Since, figures, heading, line, millis},
    scratch::{Data, Programs, Scratch},
    server::{Keeper, Server, boxoffice},
    verdict::Verdict,
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
/// By how much the 99th percentile may grow while Redis is away.
const GROWTH_MAX: f64 = 2.0;

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct CacheOutageArgs {
    #[command(flatten)]
    #[serde(flatten)]
    programs: Programs,
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

/// What is done to Redis at the beginning of a phase, or all through it.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    Nothing,
    /// It is stopped, keeps its connections, and answers nothing.
    Hang,
    GoOn,
    /// It is killed, and connections are refused.
    Kill,
    /// It is started again, empty.
    Launch,
    /// It writes its snapshot; half a phase later it is killed, and starts from that.
    Snapshot,
    /// It has no memory left.
    Fill,
    /// It is emptied again and again.
    Flush,
}

/// A part of the measurement: its name, its thirds of a whole one's length, what happens, and whether edits are told to the other
/// server all the while.
struct Phase(&'static str, u32, Disturbance, bool);

const PHASES: [Phase; 10] = [
    // Memory and Redis are being filled; judged by its answers only.
    Phase(WARM_UP, 2, Disturbance::Nothing, false),
    Phase(HEALTHY, 3, Disturbance::Nothing, true),
    Phase("hung", 3, Disturbance::Hang, false),
    Phase("goes on", 2, Disturbance::GoOn, false),
    Phase("killed, refusing", 3, Disturbance::Kill, false),
    Phase("started, empty", 2, Disturbance::Launch, false),
    Phase("from a snapshot", 3, Disturbance::Snapshot, false),
    Phase("full", 3, Disturbance::Fill, true),
    Phase("flushed 4 times", 3, Disturbance::Flush, true),
    Phase("healthy again", 3, Disturbance::Nothing, true),
];
const WARM_UP: &str = "warming up";
const HEALTHY: &str = "healthy";

impl Phase {
    fn lasts(&self, whole: u64) -> Duration {
        Duration::from_secs(whole) * self.1 / 3
    }
}

/// What one phase led to.
#[derive(Debug, Serialize)]
struct PhaseOutcome {
    /// Of what was due within it.
    #[serde(flatten)]
    row: Row,
    /// Where the answers came from.
    from: Cached,
    edits: usize,
    /// The longest time after an edit's acknowledgement that the other server was asked and still showed the state before.
    oldest_detail_ms: f64,
    oldest_list_ms: f64,
}

#[derive(Debug, Serialize)]
struct CacheOutageResults {
    /// Reads that were sent, and that were due and found no connection free.
    sent: u64,
    unsent: u64,
    phases: Vec<PhaseOutcome>,
}

pub(crate) async fn cache_outage(args: &CacheOutageArgs) -> anyhow::Result<()> {
    if args.rate <= 0.0 || !args.rate.is_finite() || args.connections == 0 || args.seconds < 6 || args.edit_every == 0 {
        bail!("give a rate, connections and an interval above 0, and phases of at least 6 seconds");
    }
    let data = Data { events: args.events, houses: 0 };
    experiment::measure("cache-outage", args, &args.programs, data, async |scratch| {
        let (results, mut verdict) = measure(scratch, args).await?;
        heading("Redis; latency from due; loop and connections of each server", "reads/s", false);
        results.phases.iter().for_each(|outcome| line(&outcome.row));
        figures(&results);
        judge(&results, args, &mut verdict);
        Ok((results, verdict))
    })
    .await
}

async fn measure(scratch: &Scratch, args: &CacheOutageArgs) -> anyhow::Result<(CacheOutageResults, Verdict)> {
    let keeper = Keeper::start(scratch, scratch.copy().await?).await?;
    let mut redis = Redis::start(&args.redis)?;
    let secret = edits::add_admin(scratch, &keeper.url).await?;
    let redis_url = redis.url();
    let serve = async |name: &str| {
        let mut settings = args.programs.settings(&SETTINGS);
        settings.extend([
            ("DATABASE_URL", keeper.url.as_str()),
            ("REDIS_URL", &redis_url),
            ("BOXOFFICE__NODE__NAME", name),
        ]);
        Server::start(scratch, name, boxoffice(scratch), None, &settings).await
    };
    let servers = [serve(SERVERS[0]).await?, serve(SERVERS[1]).await?];
    let events = Fixture::read(&scratch.fixture())?.of_kind("lukewarm")?;
    let questions = Rc::new(Questions::new(events.into_iter().map(|event| event.id).collect())?);
    let truth = Rc::new(Truth::new(questions.edited().len()));
    let addresses = servers.each_ref().map(|server| server.address);
    let editor = Editor::sign_in(addresses, &secret, Rc::clone(&questions), Rc::clone(&truth)).await?;
    // Every title is an edited one before anybody looks.
    editor.edit_all().await?;

    let (heard, marks) = tokio::select! {
        performed = perform(args, addresses, &questions, &truth, &editor, &mut redis) => performed?,
        failed = editor.edit_on(Duration::from_millis(args.edit_every)) => {
            failed.context("editing")?;
            bail!("the editor stopped")
        }
    };
    let [mut both, other] = heard;
    (both.sent, both.unsent) = (both.sent + other.sent, both.unsent + other.unsent);
    both.samples.extend(other.samples);
    let outcome = |(phase, marks): (&Phase, &[(Instant, Cached)])| {
        let [(begin, before), (end, after)] = *marks else { return None };
        let (edits, [detail, list]) = truth.between(begin, end);
        let from = after.since(before);
        let (oldest_detail_ms, oldest_list_ms) = (millis(detail), millis(list));
        let Cached { memory, redis, database } = from;
        let note = format!(
            "from memory {memory}, Redis {redis}, database {database}; {edits} edits, oldest detail {oldest_detail_ms:.0} ms, \
             list {oldest_list_ms:.0} ms"
        );
        let row = both.row(phase.0, &(begin..end), Since::Due);
        let row = Row { note, ..row };
        Some(PhaseOutcome { row, from, edits, oldest_detail_ms, oldest_list_ms })
    };
    let phases = PHASES.iter().zip(marks.windows(2)).filter_map(outcome).collect();
    for server in servers {
        server.stop().await?;
    }
    keeper.stop().await?;
    Ok((CacheOutageResults { sent: both.sent, unsent: both.unsent, phases }, truth.wrong.take()))
}

/// Who asks one of the servers.
struct Reader {
    server: usize,
    address: SocketAddr,
    questions: Rc<Questions>,
    truth: Rc<Truth>,
}

impl Reader {
    /// The two servers are asked the same questions, in another order.
    fn question(&self, number: u64) -> &questions::Question {
        self.questions.of(2 * number + self.server as u64)
    }
}

impl Script for Reader {
    fn write(&self, _: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked> {
        let text = get(self.address, &self.question(number).path, "accept: application/json\r\n");
        request.extend_from_slice(text.as_bytes());
        Some(Asked::Goal)
    }

    fn told(&self, _: usize, number: u64, sample: &Sample, body: &[u8]) {
        if sample.is_answer(200) {
            self.truth.check(self.server, self.question(number), sample.sent, body);
        }
    }
}

/// Reads from both servers, through all phases; also when each phase began and the last one ended, and what the servers had
/// counted then.
async fn perform(
    args: &CacheOutageArgs,
    addresses: [SocketAddr; 2],
    questions: &Rc<Questions>,
    truth: &Rc<Truth>,
    editor: &Editor,
    redis: &mut Redis,
) -> anyhow::Result<([Heard; 2], Vec<(Instant, Cached)>)> {
    let reading = |server: usize| {
        let address = addresses[server];
        let pace = Pace::Open { rate: args.rate / 2.0, lag_max: LAG_MAX };
        let lasts = PHASES.iter().map(|phase| phase.lasts(args.seconds)).sum();
        let plan = Plan::new(args.connections, pace, lasts, PATIENCE);
        let (questions, truth) = (Rc::clone(questions), Rc::clone(truth));
        let reader = Rc::new(Reader { server, address, questions, truth });
        plan.greeting(address).ask(address, reader)
    };
    let disturbing = async {
        let mut marks = Vec::new();
        for phase in &PHASES {
            let cached = editor.cached().await?;
            truth.share(phase.3);
            marks.push((Instant::now(), cached));
            disturb(redis, phase.2, phase.lasts(args.seconds)).await?;
        }
        let cached = editor.cached().await?;
        marks.push((Instant::now(), cached));
        anyhow::Ok(marks)
    };
    let (one, two, marks) = tokio::join!(reading(0), reading(1), disturbing);
    Ok(([one, two], marks?))
}

/// Disturbs Redis, and waits until the phase is over.
async fn disturb(redis: &mut Redis, how: Disturbance, lasts: Duration) -> anyhow::Result<()> {
    let mut rest = lasts;
    match how {
        Disturbance::Nothing => {}
        Disturbance::Hang => redis.hang()?,
        Disturbance::GoOn => redis.go_on(),
        Disturbance::Kill => redis.kill().await?,
        Disturbance::Launch => redis.launch()?,
        Disturbance::Snapshot => {
            redis.tell("SAVE").await?;
            rest = lasts / 2;
            sleep(rest).await;
            redis.kill().await?;
            redis.launch()?;
        }
        Disturbance::Fill => {
            redis.tell("CONFIG SET maxmemory 1").await?;
            sleep(lasts).await;
            redis.tell("CONFIG SET maxmemory 0").await?;
            rest = Duration::ZERO;
        }
        Disturbance::Flush => {
            rest = lasts / 4;
            for _ in 0..3 {
                redis.tell("FLUSHALL").await?;
                sleep(rest).await;
            }
            redis.tell("FLUSHALL").await?;
        }
    }
    sleep(rest).await;
    Ok(())
}

/// What servers must keep to while Redis is away.
fn judge(results: &CacheOutageResults, args: &CacheOutageArgs, verdict: &mut Verdict) {
    verdict.none("reads that were not sent because every connection waited", results.unsent);
    let p99 = |outcome: &PhaseOutcome| outcome.row.tally.latency.p99;
    let healthy = results.phases.iter().find(|outcome| outcome.row.name == HEALTHY).map_or(0.0, p99);
    let limit = (healthy * GROWTH_MAX).max(args.floor);
    for outcome in &results.phases {
        let (Row { name, tally, .. }, p99) = (&outcome.row, p99(outcome));
        verdict.require(tally.unexpected() == 0, || format!("{name}: answers other than 200: {tally:?}"));
        let was_busy = tally.served > 0 && outcome.edits > 0;
        verdict.require(was_busy, || format!("{name}: nothing was read or edited"));
        verdict.require(name == WARM_UP || p99 <= limit, || {
            format!("{name}: the 99th percentile is {p99:.1} ms, above {limit:.1} ms; healthy it is {healthy:.1} ms")
        });
    }
}
