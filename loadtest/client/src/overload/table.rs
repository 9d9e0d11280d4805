//! The results as a person reads them.

use onsale::{report::Report, tally::Counts};

use super::{Results, probe::Probed};
use crate::bench::say;

pub(super) fn heading() {
    say(&format!(
        "\n{:<22} {:>9} {:>9} {:>9}  {:>23}  {:>23}  cores: server postgres client",
        "", "offered/s", "201/s", "503/s", "201: p50 p99 max ms", "503: p50 p99 max ms"
    ));
}

pub(super) fn peak(report: &Report) {
    let (core, latency) = (|name: &str| report.cores.get(name).copied().unwrap_or_default(), &report.latency);
    say(&format!(
        "{:<22} {:>9.0} {:>9.0} {:>9}  {:>7.1} {:>7.1} {:>7.1}  {:>23}  {:>13.2} {:>8.2} {:>6.2}",
        format!("closed, {} conn.", report.connections),
        report.answers as f64 / report.seconds,
        report.bookings_per_second,
        "",
        latency.p50,
        latency.p99,
        latency.max,
        "",
        core("server"),
        core("postgres"),
        core("client")
    ));
}

pub(super) fn results(results: &Results) {
    let Results { storm, hot, quiet, memory, settings, .. } = results;
    let core = |name: &str| storm.cores.get(name).copied().unwrap_or_default();
    say(&format!(
        "{:<22} {:>9.0} {:>9.0} {:>9.0}  {}  {:>13.2} {:>8.2} {:>6.2}",
        format!("storm, {} conn.", settings.connections),
        storm.offered_rate,
        storm.goodput,
        storm.refusals,
        latencies(&storm.counts),
        core("server"),
        core("postgres"),
        core("client")
    ));
    say(&format!(
        "\nasked for {:.0}/s, sent {:.0}/s ({:.1} times the peak); goodput is {:.0} % of the peak; Retry-After up to {} s, \
         missing {} times; other answers {:?}",
        storm.asked_rate,
        storm.offered_rate,
        storm.offered_rate / results.peak,
        storm.goodput / results.peak * 100.0,
        storm.counts.retry_after_max,
        storm.counts.without_retry_after,
        storm.counts.others
    ));
    say(&format!(
        "server memory: {:.0} MiB before, {:.0} MiB at the most, {:.0} MiB after",
        memory.before_mib, memory.peak_mib, memory.after_mib
    ));
    say(&format!(
        "\n{:<22} {:>9} {:>9} {:>9}  {:>23}  {:>23}",
        "probes, latency from due", "201", "503", "other", "201: p50 p99 max ms", "503: p50 p99 max ms"
    ));
    probe("hot event", hot);
    probe("quiet event", quiet);
}

fn probe(name: &str, probed: &Probed) {
    let row = |when: &str, counts: &Counts| {
        let others: u64 = counts.others.values().sum();
        say(&format!(
            "{:<22} {:>9} {:>9} {others:>9}  {}",
            format!("{name}, {when}"),
            counts.made,
            counts.refused,
            latencies(counts)
        ));
    };
    row("before", &probed.before);
    row("during", &probed.during);
    for (second, counts) in probed.after.iter().enumerate() {
        row(&format!("{}. s", second + 1), counts);
    }
}

fn latencies(counts: &Counts) -> String {
    let (made, refused) = (counts.made_latency, counts.refused_latency);
    format!(
        "{:>7.1} {:>7.1} {:>7.1}  {:>7.1} {:>7.1} {:>7.1}",
        made.p50, made.p99, made.max, refused.p50, refused.p99, refused.max
    )
}
