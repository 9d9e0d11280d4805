//! `onsale load`: one run against one server.

use std::{net::SocketAddr, path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use onsale::{
    connection::Connection,
    fixture::Fixture,
    processes::Watched,
    report::Report,
    run::{self, Mode, Plan, Reads},
    workload::{Scenario, Workload},
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// The server; a loopback address, because this is a weapon
    #[arg(long)]
    address: SocketAddr,
    /// The file that `boxoffice seed --scenario loadtest --out` wrote
    #[arg(long)]
    fixture: PathBuf,
    /// What to ask for
    #[arg(long, value_enum, default_value_t = Scenario::HotGa)]
    scenario: Scenario,
    /// Connections at once
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests a second (open loop); without it each connection asks when it was answered (closed loop)
    #[arg(long)]
    rate: Option<f64>,
    /// Connections that look at the hot event meanwhile; 0 leaves them out
    #[arg(long, default_value_t = 0)]
    readers: usize,
    /// Reads a second, of all of them
    #[arg(long, default_value_t = 500.0)]
    read_rate: f64,
    /// Seconds before measuring
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// Seconds of measuring
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds to wait, at the end, for what is not answered
    #[arg(long, default_value_t = 10.0)]
    patience: f64,
    /// Houses that earlier runs sold out
    #[arg(long, default_value_t = 0)]
    skip_houses: usize,
    /// Process whose CPU time to measure, as name=pid, or name=pid+ with its children
    #[arg(long = "watch")]
    watched: Vec<Watched>,
}

/// What `onsale load` prints.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Loaded {
    /// What the run found.
    pub(crate) report: Report,
    /// Houses that this run opened.
    pub(crate) houses_used: usize,
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) async fn load(args: &LoadArgs) -> anyhow::Result<()> {
    if !args.address.ip().is_loopback() {
        bail!("{} is not a loopback address", args.address);
    }
    let is_no_rate = |rate: f64| !(rate > 0.0 && rate.is_finite());
    if args.rate.is_some_and(is_no_rate) || is_no_rate(args.read_rate) || args.connections == 0 {
        bail!("rates and connections must be above 0");
    }
    // Unique on any database that this machine can reach in its lifetime.
    let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let run = format!("{:x}-{:x}", started.as_micros(), std::process::id());
    let fixture = Fixture::read(&args.fixture)?;
    let host = args.address.to_string();
    let workload = Rc::new(Workload::new(args.scenario, fixture, &host, &run, args.skip_houses)?);
    open(&workload, args.address).await.context("the events can't be opened")?;

    let mut watched = args.watched.clone();
    watched.push(Watched { name: "client".into(), pid: std::process::id(), family: false });
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).context("not a number of seconds");
    let plan = Plan {
        connections: args.connections,
        mode: args.rate.map_or(Mode::Closed, Mode::Open),
        reads: (args.readers > 0).then_some(Reads { connections: args.readers, rate: args.read_rate }),
        warmup: seconds(args.warmup)?,
        measured: seconds(args.seconds)?,
        patience: seconds(args.patience)?,
        watched,
    };
    let address = args.address;
    let report = run::run(plan, Rc::clone(&workload), move || connect(address)).await?;
    println!("{}", serde_json::to_string(&Loaded { report, houses_used: workload.houses_used() })?);
    Ok(())
}

pub(crate) async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks for the availability of every event, as visitors do before a sale: loading an inventory is not measured here.
async fn open(workload: &Workload, address: SocketAddr) -> anyhow::Result<()> {
    let mut connection = Connection::new(connect(address).await?);
    for request in workload.openings() {
        let status = connection.ask(request.as_bytes()).await?.status;
        // The ceiling has no events.
        if status != 200 && status != 201 {
            bail!("the availability of an event answers {status}");
        }
    }
    Ok(())
}
