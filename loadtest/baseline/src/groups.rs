//! The database alone: the rows that boxoffice's ledger writes, in groups of a fixed size, one after the other.
//!
//! The groups go through the ledger's own port, so that they are what boxoffice sends, whatever its statement is today.
//! While one group is written the next is made.

mod target;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::bail;
use boxoffice::{config::Config, serve::database::Database};
use boxoffice_store::postgres::ledger::{LedgerOptions, PgLedger};
use clap::Args;
use domain::ledger::Ledger as _;
use embedded_postgres::PrivatePostgres;
use jiff::SignedDuration;
use onsale::{Scenario, Watched, fixture::Fixture};
use tokio::task::JoinSet;

use self::target::Target;

#[derive(Debug, Args)]
pub(crate) struct GroupsArgs {
    /// What is booked
    #[arg(long, value_enum, default_value_t = Scenario::HotGa)]
    scenario: Scenario,
    /// Bookings a group
    #[arg(long, value_delimiter = ',', default_value = "64,256,1000")]
    sizes: Vec<usize>,
    /// Connections at once, each with events of its own: two writers of one event would wait for each other
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    connections: Vec<usize>,
    /// Seconds for each size and number of connections
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// The file that `boxoffice seed --scenario loadtest --out` wrote, with houses
    #[arg(long)]
    fixture: PathBuf,
}

/// Prints a list of what was reached.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) async fn groups(config: &Config, args: &GroupsArgs) -> anyhow::Result<()> {
    let connections_max = args.connections.iter().copied().max().unwrap_or(1);
    if args.sizes.contains(&0) || connections_max == 0 {
        bail!("sizes and connections must be above 0");
    }
    let seconds = Duration::try_from_secs_f64(args.seconds)?;
    let fixture = Fixture::read(&args.fixture)?;
    let database = Database::own(config).await?;
    let mut targets =
        target::targets(&database.connect(config).await?, args.scenario, &fixture, connections_max).await?;
    let options = LedgerOptions {
        hold: SignedDuration::try_from(config.inventory.hold)?,
        payment: SignedDuration::try_from(config.inventory.payment)?,
        minimum: |_| None,
        prepared_statements: config.database.prepared_statements,
        unpaid: None,
    };
    let ledger = Arc::new(
        PgLedger::open(database.ledger_pool(config, config.database.max_connections)?, "groups", options).await?,
    );
    let postgres = postmaster(config).map(|pid| Watched { name: "postgres", pid, family: true });
    let used = || postgres.as_ref().and_then(Watched::cpu_seconds);
    let mut found = Vec::new();
    for connections in &args.connections {
        for size in &args.sizes {
            let (before, began) = (used(), Instant::now());
            let mut writing = JoinSet::new();
            for target in targets.drain(..*connections) {
                writing.spawn(write(Arc::clone(&ledger), target, *size, seconds));
            }
            let (mut bookings, mut times) = (0, Vec::new());
            for written in writing.join_all().await {
                let written = written?;
                bookings += written.bookings;
                times.extend(written.times);
                targets.push(written.target);
            }
            let took = began.elapsed().as_secs_f64();
            times.sort_unstable();
            let at = |share: usize| times.get(times.len() * share / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
            found.push(serde_json::json!({
                "name": "database", "pace": format!("by {size}"), "connections": connections,
                "served_per_second": bookings as f64 / took, "latency": { "p50": at(50), "p99": at(99) },
                "cores": { "postgres": used().zip(before).map_or(0.0, |(after, before)| (after - before) / took) },
            }));
        }
    }
    database.release().await;
    println!("{}", serde_json::Value::from(found));
    Ok(())
}

struct Written {
    target: Target,
    bookings: usize,
    /// Of each group.
    times: Vec<Duration>,
}

/// One group after the other until the time is over, or nothing is left.
async fn write(ledger: Arc<PgLedger>, mut target: Target, size: usize, seconds: Duration) -> anyhow::Result<Written> {
    let began = Instant::now();
    let (mut bookings, mut times) = (0, Vec::new());
    let mut next = target.group(size);
    while let Some((batches, booked)) = next {
        if began.elapsed() >= seconds {
            // Decided and not written: the versions go on from the last one that was.
            target.take_back(&batches);
            break;
        }
        let started = Instant::now();
        // The first is polled first: the group is on its way when the next one is made.
        let (committed, made) = tokio::join!(ledger.commit(&batches), async { target.group(size) });
        committed.map_err(|error| anyhow::anyhow!("a group was refused: {error:?}"))?;
        times.push(started.elapsed());
        bookings += booked;
        next = made;
    }
    Ok(Written { target, bookings, times })
}

fn postmaster(config: &Config) -> Option<u32> {
    // Ours while it runs; its first line is the process.
    PrivatePostgres::url_of_running(&config.database.data_dir)?;
    let text = std::fs::read_to_string(config.database.data_dir.join("postgres/postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}
