//! What a run is judged by.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct CrowdCli {
    #[command(flatten)]
    args: CrowdArgs,
}

fn missed(spoil: fn(&mut CrowdResults)) -> Vec<String> {
    let args = CrowdCli::parse_from(["crowd", "--binary", "a", "--baseline", "b"]).args;
    let mut results = CrowdResults {
        steps: Vec::new(),
        peak_mb: 299.0,
        peak_when_all_ask_mb: 301.0,
        bookings: OnSale::default(),
        listening_cores: 0.0,
        followed: Followed { open: 5000, ..Followed::default() },
        version: 10,
        streams_behind: 0,
        idle_lost: 0,
    };
    results.bookings.row.tally.latency.p99 = 99.0;
    spoil(&mut results);
    let mut verdict = Verdict::default();
    judge(&args, &results, &mut verdict);
    verdict.missed().to_vec()
}

#[track_caller]
fn misses(spoil: fn(&mut CrowdResults), says: &str) {
    let missed = missed(spoil);
    assert!(missed.len() == 1 && missed[0].contains(says), "{missed:?} is not about {says}");
}

#[test]
fn every_criterion_can_be_missed_and_says_how() {
    assert_eq!(missed(|_| {}), [""; 0]);
    misses(|results| results.peak_mb = 300.0, "MB: 300.0");
    misses(|results| results.bookings.row.tally.latency.p99 = 100.0, "p99 of the bookings in ms: 100.0");
    misses(|results| results.bookings.total.refused = 1, "refused: 1");
    misses(|results| *results.bookings.total.others.entry("reset".into()).or_default() += 1, "\"reset\": 1");
    misses(|results| *results.followed.ended.entry("closed".into()).or_default() += 2, "\"closed\": 2");
    misses(|results| results.streams_behind = 3, "3 streams do not show version 10");
    misses(|results| results.idle_lost = 4, "again: 4");
}
