//! What boxoffice is measured against. Not part of what ships.
//!
//! Settings come from the same environment variables as boxoffice's: each contender has a data folder of its own.

mod check;
mod fixed;
mod groups;
mod postgres;
mod prepare;
mod serve;
mod shop;

use std::{path::PathBuf, process::ExitCode};

use boxoffice::config::{Config, Sources};
use clap::{Parser, Subcommand};
use telemetry::{
    logs::{self, Format},
    metrics,
};
use tokio::signal::unix::{SignalKind, signal};

use self::fixed::Answer;

/// The allocator that boxoffice has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What boxoffice is measured against.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve bookings, each in one transaction that locks the row of its quota
    Serve,
    /// Serve a fixed answer to everything: what HTTP alone allows
    Empty,
    /// Serve the answer in a file to everything: what HTTP alone allows with the same bytes
    Raw {
        /// What `onsale browse` has written: status, headers and body as JSON
        #[arg(long)]
        answer: PathBuf,
    },
    /// Serve boxoffice without limits and without the headers that protect browsers: what both cost
    Bare,
    /// Add houses with the seats of the hot seated event, and name them in the fixture
    Prepare {
        /// How many
        #[arg(long, default_value_t = 10)]
        houses: u32,
        /// The file that `boxoffice seed --scenario loadtest --out` wrote
        #[arg(long)]
        fixture: PathBuf,
    },
    /// Run the private PostgreSQL of the data folder until a signal says stop, and print its URL once it is ready
    Postgres,
    /// Say what the ledger holds and whether it contradicts itself, as JSON
    Check,
    /// Write the ledger's rows in groups, without HTTP and decisions: what the database alone allows
    Groups(groups::GroupsArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command talks to its terminal")]
            {
                eprintln!("baseline: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// SIGTERM or SIGINT from now on.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn run(command: Command) -> anyhow::Result<()> {
    let mut config = Sources::of_process().and_then(|sources| Config::load(&sources)).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(faults.join("\n"))
    })?;
    metrics::install()?;
    let _guard = match command {
        Command::Serve | Command::Bare => Some(logs::install(&config.log.filter, Format::asked(None, false))?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        match command {
            Command::Serve => serve::serve(config).await,
            Command::Empty => fixed::serve(config.http.listen, Answer::booking()).await,
            Command::Raw { answer } => fixed::serve(config.http.listen, Answer::read(&answer)?).await,
            Command::Bare => {
                config.http.server.edge.bare = true;
                boxoffice::serve::serve(config).await.map(drop)
            }
            Command::Prepare { houses, fixture } => prepare::prepare(&config, houses, &fixture).await,
            Command::Check => check::check(&config).await,
            Command::Postgres => postgres::keep(&config).await,
            Command::Groups(args) => groups::groups(&config, &args).await,
        }
    })
}
