//! What a run is judged by.

use std::collections::BTreeMap;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: CrowdArgs,
}

fn good() -> Results {
    let settings = Cli::parse_from(["crowd", "--binary", "a", "--baseline", "b"]).args;
    let mut bookings = Report { answers: 10, ..Report::default() };
    bookings.latency.p99 = 99.0;
    bookings.total.statuses.insert(201, 10);
    Results {
        machine: Machine::of_here(),
        settings,
        steps: Vec::new(),
        peak_bytes: 299_000_000,
        peak_bytes_when_all_ask: 301_000_000,
        bookings,
        listening_cores: 0.0,
        check: Check { bookings: 10, faults: Vec::new(), versions: BTreeMap::new(), server_version: String::new() },
        heard: Heard { open: 5000, ..Heard::default() },
        version: 10,
        streams_behind: 0,
        idle_lost: 0,
    }
}

#[track_caller]
fn misses(spoil: fn(&mut Results), says: &str) {
    let mut results = good();
    spoil(&mut results);
    let missed = missed(&results);
    assert!(missed.len() == 1 && missed[0].contains(says), "{missed:?} is not about {says}");
}

#[test]
fn every_criterion_can_be_missed_and_says_how() {
    assert!(missed(&good()).is_empty(), "{:?}", missed(&good()));
    misses(|results| results.peak_bytes = 300_000_000, "300.0 MB");
    misses(|results| results.bookings.latency.p99 = 100.0, "p99 is 100.0 ms");
    misses(|results| *results.bookings.total.statuses.entry(503).or_default() += 1, "503: 1");
    misses(|results| *results.bookings.total.errors.entry("reset".into()).or_default() += 1, "\"reset\": 1");
    misses(|results| *results.heard.ended.entry("closed".into()).or_default() += 2, "\"closed\": 2");
    misses(|results| results.streams_behind = 3, "3 streams do not show version 10");
    misses(|results| results.idle_lost = 4, "4 idle connections");
}

#[tokio::test(start_paused = true)]
async fn the_most_memory_is_seen_while_something_runs() {
    let (done, most) = with_most(std::process::id(), async {
        sleep(SAMPLE * 3).await;
        "done"
    })
    .await;
    assert!(done == "done" && most > 0);
}
