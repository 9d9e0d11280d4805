//! Measures an on-sale: a load client that costs little, and the benchmarks that compare what it measures.
//!
//! It shares the machine with what it measures, so it is made to cost little: one thread asks, requests are written from
//! templates, answers are read with `httparse`, and no JSON is parsed.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `load` | the one way of asking: closed loop, open loop, a list |
//! | `requests` | what is asked for: one hot event, named seats, many events, hold then book |
//! | `report` | what came of it: samples, their tally within a window, a line of the table |
//! | `verdict` | criteria, and those that were missed |
//! | `experiment` | the frame of every measurement: seed, measure, print, write, pronounce |
//! | `scratch`, `server`, `processes`, `usage` | the temporary folder, the servers, other processes, what they cost |
//! | `on_sale` | an on-sale with visitors, which several commands run |
//! | `bench`, `browse`, `crowd`, `overload`, `outage`, `cache_outage` | the commands |

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::{runtime::Builder, task::LocalSet};

mod bench;
mod browse;
mod cache_outage;
mod connection;
mod crowd;
mod experiment;
pub mod fixture;
mod load;
mod on_sale;
mod outage;
mod overload;
mod processes;
mod report;
mod requests;
mod scratch;
mod server;
mod usage;
mod verdict;

pub use requests::Scenario;
pub use usage::Watched;

/// Measures an on-sale.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Debug, Subcommand)]
enum Measurement {
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

/// Runs the command of this process. One thread: a load client that takes both cores measures itself.
pub fn main() -> ExitCode {
    let measurement = Cli::parse().measurement;
    let work = async move {
        match &measurement {
            Measurement::Bench(args) => bench::bench(args).await,
            Measurement::Crowd(args) => crowd::crowd(args).await,
            Measurement::Overload(args) => overload::overload(args).await,
            Measurement::Browse(args) => browse::browse(args).await,
            Measurement::Outage(args) => outage::outage(args).await,
            Measurement::CacheOutage(args) => cache_outage::cache_outage(args).await,
        }
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(Into::into).and_then(|runtime| LocalSet::new().block_on(&runtime, Box::pin(work)));
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
