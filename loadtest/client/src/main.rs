//! `onsale load` asks one server, `onsale bench` compares several, `onsale crowd` looks at memory under a crowd, `onsale
//! overload` asks for far too much, `onsale outage` takes the database away, `onsale browse` looks at what is on, `onsale
//! cache-outage` takes Redis away meanwhile.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod browse;
mod cache_outage;
mod crowd;
mod load;
mod memory;
mod outage;
mod overload;
mod started;

/// Measures an on-sale.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask one server, and print what came of it as JSON
    Load(load::LoadArgs),
    /// Measure boxoffice, the baseline and the ceilings side by side
    Bench(bench::BenchArgs),
    /// Measure memory and bookings with thousands of idle connections and live streams
    Crowd(crowd::CrowdArgs),
    /// Ask boxoffice for several times more than it can do
    Overload(overload::OverloadArgs),
    /// Measure cached reads against hyper alone answering the same bytes
    Browse(browse::BrowseArgs),
    /// Take the database away from boxoffice under load
    Outage(outage::OutageArgs),
    /// Take Redis away from two servers that are read from and edited
    CacheOutage(cache_outage::CacheOutageArgs),
}

/// One thread: a load client that takes both cores measures itself.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Load(args) => load::load(&args).await,
        Command::Bench(args) => bench::bench(&args).await,
        Command::Crowd(args) => crowd::crowd(&args).await,
        Command::Overload(args) => overload::overload(&args).await,
        Command::Browse(args) => browse::browse(&args).await,
        Command::Outage(args) => outage::outage(&args).await,
        Command::CacheOutage(args) => Box::pin(cache_outage::cache_outage(&args)).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command talks to its terminal")]
            {
                eprintln!("onsale: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
