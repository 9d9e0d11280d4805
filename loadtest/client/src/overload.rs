//! `onsale overload`: several times more than the server can do, on one hot event, and what becomes of everybody else.
//!
//! First closed loops find the most that it does. Then a storm asks for a multiple of that at a constant rate over thousands
//! of connections, while probes go on booking now and then: some on the hot event, which is to be calm again as soon as the
//! storm is over, some on another event, which is not to notice it.

use std::{
    ops::Range,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    experiment::{self, seconds},
    fixture::{Fixture, House},
    load::{Pace, Plan, Script},
    on_sale::{Load, OnSale, open_events},
    processes::{on_thread, raise_descriptors},
    report::{Asked, Heard, Row, Since, Tally, figures, heading, line},
    requests::{Orders, Scenario},
    scratch::{Data, Programs, Scratch},
    server::Server,
    usage::{Memory, Sampler},
    verdict::Verdict,
};

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct OverloadArgs {
    #[command(flatten)]
    #[serde(flatten)]
    programs: Programs,
    /// How many times the most that the server can do is asked for
    #[arg(long, default_value_t = 5.0)]
    factor: f64,
    /// Requests a second of the storm, instead of a multiple of what was measured
    #[arg(long)]
    rate: Option<f64>,
    /// Connections of the storm: as many requests can be under way at once
    #[arg(long, default_value_t = 9000)]
    connections: usize,
    /// Seconds of the storm
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections of the closed loops that find the most, one run each
    #[arg(long, value_delimiter = ',', default_value = "256,1000")]
    peak_connections: Vec<usize>,
    /// Seconds of each closed loop
    #[arg(long, default_value_t = 5.0)]
    peak_seconds: f64,
    /// Bookings a second of each probe
    #[arg(long, default_value_t = 100.0)]
    probe_rate: f64,
    /// Milliseconds that PostgreSQL waits before each write to its log, as with a slow disk: what the server can do is then
    /// bound by storage, and there is processor time left for the storm's own client
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    disk_delay_ms: u32,
    /// Seconds of probing before the storm, and after it
    #[arg(long, default_value_t = 4)]
    calm_seconds: u64,
}

/// The beginning of a storm that does not count: connections find their pace.
const RISE: Duration = Duration::from_secs(1);
/// What is due for longer than this and finds no connection free is not sent in a storm.
const LAG_MAX: Duration = Duration::from_millis(20);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Connections of a probe: enough for a second of answers that take a third of it.
const PROBE_CONNECTIONS: usize = 32;
/// Longer than any storm.
const PROBE_MAX: Duration = Duration::from_secs(3600);

/// Share of the most it did that the server must go on doing.
const GOODPUT_SHARE_MIN: f64 = 0.9;
/// A refusal that takes longer than this is no early one, in milliseconds.
const REFUSAL_P99_MS_MAX: f64 = 50.0;
/// An event that nobody storms is to answer within this, in milliseconds.
const QUIET_P99_MS_MAX: f64 = 100.0;
/// Share of the rate asked for that the client must have sent: below, the storm was a smaller one than it says.
const OFFERED_SHARE_MIN: f64 = 0.95;
/// What may be added to memory, each connection of the storm and everything under way included, in MiB.
const GROWTH_MIB_MAX: f64 = 512.0;
/// From this second after the storm on it must be calm.
const CALM_FROM_S: usize = 1;
/// Calm is a 95th percentile of at most twice that before the storm and so many milliseconds.
const CALM_EXTRA_MS: f64 = 10.0;

#[derive(Debug, Serialize)]
struct OverloadResults {
    /// The closed loops.
    peaks: Vec<OnSale>,
    /// The most bookings a second of them.
    peak: f64,
    /// Requests a second that were to be sent, that were sent, and both as parts of the peak.
    asked_rate: f64,
    offered_rate: f64,
    offered_share: f64,
    goodput_share: f64,
    /// The rise left out. Latency from when a request was sent.
    storm: Row,
    /// The rise included.
    storm_total: Tally,
    hot: Probed,
    /// Another event.
    quiet: Probed,
    memory: Memory,
}

/// What a probe found: in the calm before the storm, during it, and after it, second by second. Latency from when a request
/// was due.
#[derive(Debug, Serialize)]
struct Probed {
    before: Row,
    during: Row,
    after: Vec<Row>,
    total: Tally,
}

/// One place of one event with each request.
#[derive(Clone)]
struct Places {
    orders: Orders,
    event: House,
}

impl Script for Places {
    fn write(&self, _: usize, number: u64, request: &mut Vec<u8>) -> Option<Asked> {
        self.orders.place(&self.event, number, request);
        Some(Asked::Goal)
    }
}

pub(crate) async fn overload(args: &OverloadArgs) -> anyhow::Result<()> {
    if args.connections == 0 || args.peak_connections.is_empty() || args.peak_connections.contains(&0) {
        bail!("give numbers of connections above 0");
    }
    raise_descriptors(args.connections + 1000)?;
    if !(args.seconds >= 3.0 && args.probe_rate > 0.0 && args.factor > 0.0) {
        bail!("give at least 3 seconds, and a factor and a probe rate above 0");
    }
    let data = Data { events: 1, houses: 0 };
    experiment::measure("overload", args, &args.programs, data, async |scratch| measure(scratch, args).await).await
}

async fn measure(scratch: &Scratch, args: &OverloadArgs) -> anyhow::Result<(OverloadResults, Verdict)> {
    if args.disk_delay_ms > 0 {
        scratch.slow_disk(args.disk_delay_ms)?;
    }
    let mut server = Server::boxoffice(scratch, &args.programs.settings(&[])).await?;
    let before = server.check().await?;
    heading("one hot event", "201/s", true);
    let mut peaks = Vec::new();
    for connections in &args.peak_connections {
        let done = server.load(&Load::of(Scenario::HotGa, *connections, None, 2.0, args.peak_seconds)).await?;
        done.print();
        peaks.push(done);
    }
    let peak = peaks.iter().map(|done| done.row.served_per_second).fold(0.0, f64::max);
    let rate = args.rate.unwrap_or(args.factor * peak);
    let results = under_storm(&server, &Fixture::read(&scratch.fixture())?, args, rate, (peaks, peak)).await?;
    server.alive()?;
    let after = server.check().await?;
    print(&results);
    let mut verdict = judge(&results);
    after.judge(&mut verdict);
    let loads = results.peaks.iter().map(|done| &done.total);
    let loads = loads.chain([&results.storm_total, &results.hot.total, &results.quiet.total]);
    let (made, unknown) = loads.fold((0, 0), |(made, unknown), of| (made + of.served, unknown + of.unknown));
    verdict.require_written(after.bookings - before.bookings, made, unknown);
    server.remove().await?;
    Ok((results, verdict))
}

async fn under_storm(
    server: &Server<'_>,
    fixture: &Fixture,
    args: &OverloadArgs,
    rate: f64,
    (peaks, peak): (Vec<OnSale>, f64),
) -> anyhow::Result<OverloadResults> {
    let (hot, quiet) = (fixture.first("hot-ga")?, fixture.first("lukewarm")?);
    open_events(server.address, &[hot.clone(), quiet.clone()]).await?;
    let places = |event: &House| Places { orders: Orders::new(fixture, server.address), event: event.clone() };

    let (stop, sampler) = (Arc::new(AtomicBool::new(false)), Sampler::start(server.watched()?));
    let calm = Duration::from_secs(args.calm_seconds);
    // On a thread of their own, so that the storm's client does not delay them.
    let (probes, told, probe_rate) = ((places(&hot), places(&quiet)), Arc::clone(&stop), args.probe_rate);
    let probing = on_thread(move || async move {
        tokio::join!(probe(probes.0, probe_rate, Arc::clone(&told)), probe(probes.1, probe_rate, told))
    });
    let storming = async {
        sleep(calm).await;
        let stormed = storm(args, rate, places(&hot)).await;
        // Until the calm after it is over, also when what the storm has left took long to be answered.
        if let Ok(stormed) = &stormed {
            sleep_until(stormed.end + calm + Duration::from_millis(500)).await;
        }
        stop.store(true, Ordering::Relaxed);
        stormed
    };
    let (stormed, probed) = tokio::join!(storming, probing);
    let (stormed, ((hot, quiet), _), usage) = (stormed?, probed?, sampler.finish());
    let window = stormed.begin + RISE..stormed.end;
    let offered_rate = stormed.sent as f64 / (stormed.end - stormed.begin).as_secs_f64();
    let row = Row { cores: usage.cores(&window), ..stormed.row("storm", &window, Since::Sent) };
    let whole = stormed.begin..stormed.end;
    Ok(OverloadResults {
        peaks,
        peak,
        asked_rate: rate,
        offered_rate,
        offered_share: offered_rate / peak,
        goodput_share: row.served_per_second / peak,
        storm: row,
        storm_total: Tally::of(&stormed.samples, Since::Sent),
        hot: Probed::of("hot event", &hot, &whole, args),
        quiet: Probed::of("quiet event", &quiet, &whole, args),
        memory: usage.memory(&whole),
    })
}

async fn storm(args: &OverloadArgs, rate: f64, places: Places) -> anyhow::Result<Heard> {
    let address = places.orders.address;
    let pace = Pace::Open { rate, lag_max: LAG_MAX };
    let plan = Plan::new(args.connections, pace, seconds(args.seconds)?, PATIENCE);
    Ok(plan.greeting(address).ask(address, Rc::new(places)).await)
}

/// A few bookings a second. A probe that falls behind says so in its latency; it leaves nothing out.
async fn probe(places: Places, rate: f64, stop: Arc<AtomicBool>) -> Heard {
    let (address, pace) = (places.orders.address, Pace::Open { rate, lag_max: PROBE_MAX });
    let plan = Plan { stop, ..Plan::new(PROBE_CONNECTIONS, pace, PROBE_MAX, PATIENCE / 2) };
    plan.ask(address, Rc::new(places)).await
}

impl Probed {
    fn of(name: &str, heard: &Heard, storm: &Range<Instant>, args: &OverloadArgs) -> Self {
        let row = |when: &str, window| heard.row(format!("{name}, {when}"), &window, Since::Due);
        let second = Duration::from_secs(1);
        let after = (0..u32::try_from(args.calm_seconds).unwrap_or(u32::MAX)).map(|number| {
            row(&format!("{}. s", number + 1), storm.end + second * number..storm.end + second * (number + 1))
        });
        Self {
            // The first second opens connections.
            before: row("before", heard.begin + second..storm.start),
            during: row("during", storm.clone()),
            after: after.collect(),
            total: Tally::of(&heard.samples, Since::Due),
        }
    }
}

fn print(results: &OverloadResults) {
    let OverloadResults { storm, hot, quiet, .. } = results;
    line(storm);
    figures(results);
    heading("probes", "201/s", false);
    for probed in [hot, quiet] {
        [&probed.before, &probed.during].into_iter().chain(&probed.after).for_each(line);
    }
}

/// What a server must keep to in an overload.
fn judge(results: &OverloadResults) -> Verdict {
    let OverloadResults { hot, quiet, memory, .. } = results;
    let mut verdict = Verdict::default();
    let offered = results.offered_rate / results.asked_rate;
    verdict
        .require(offered >= OFFERED_SHARE_MIN, || format!("only {:.0} % of the storm could be sent", offered * 100.0));
    let goodput = results.goodput_share;
    verdict
        .require(goodput >= GOODPUT_SHARE_MIN, || format!("goodput is {:.0} % of the peak, not 90", goodput * 100.0));
    let Tally { without_retry_after, others, refused_latency, .. } = &results.storm_total;
    verdict.below("p99 of refusals in ms", refused_latency.p99, REFUSAL_P99_MS_MAX);
    verdict.none("refusals without Retry-After", *without_retry_after);
    verdict.require(others.is_empty(), || format!("other answers in the storm: {others:?}"));
    verdict.below("growth of memory in MiB", memory.peak_mib - memory.before_mib, GROWTH_MIB_MAX);
    verdict.below("p99 of the quiet event in ms", quiet.during.tally.latency.p99, QUIET_P99_MS_MAX);
    verdict.none("failed requests of the quiet event", quiet.during.tally.unexpected());
    for probed in [hot, quiet] {
        let normal = probed.before.tally.latency.p95 * 2.0 + CALM_EXTRA_MS;
        for row in probed.after.iter().skip(CALM_FROM_S) {
            let p95 = row.tally.latency.p95;
            verdict.require(p95 <= normal && row.tally.unexpected() == 0, || {
                format!(
                    "not calm after the storm, {}: 95th percentile {p95:.1} ms (normal: at most {normal:.1}), {} refused, \
                     others {:?}",
                    row.name, row.tally.refused, row.tally.others
                )
            });
        }
    }
    verdict
}
