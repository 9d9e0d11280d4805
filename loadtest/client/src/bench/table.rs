//! The results as a person reads them.

use std::collections::BTreeMap;

use onsale::{
    report::{ReadReport, Report},
    workload::Scenario,
};

use super::{Contender, Results, Run, contender::Group, say};

pub(super) fn heading(scenario: Scenario) {
    let title = match scenario {
        Scenario::HotGa => "one hot event, general admission",
        Scenario::NamedSeats => "one hot house, each request another free seat",
        Scenario::BestAvailable => "one hot house, the best available seat",
        Scenario::ManyEvents => "many events in turn",
        Scenario::HoldThenBook => "one hot event, hold then book (finished bookings; latency of either request)",
    };
    say(&format!("\n== {title}"));
    say(&format!(
        "{:<14} {:>11} {:>7}  {:>10}  {:>8} {:>8} {:>8} {:>8}  cores: server postgres client",
        "", "loop", "conn", "bookings/s", "p50 ms", "p95 ms", "p99 ms", "max ms"
    ));
}

pub(super) fn run(run: &Run) {
    let report = &run.report;
    let (latency, core) = (&report.latency, |name: &str| report.cores.get(name).copied().unwrap_or_default());
    let pace = report.rate.map_or("closed".to_owned(), |rate| format!("open {rate:.0}"));
    say(&format!(
        "{:<14} {:>11} {:>7}  {:>10.0}  {:>8.1} {:>8.1} {:>8.1} {:>8.1}  {:>13.2} {:>8.2} {:>6.2}{}",
        name(run.contender),
        pace,
        connections(report),
        report.bookings_per_second,
        latency.p50,
        latency.p95,
        latency.p99,
        latency.max,
        core("server"),
        core("postgres"),
        core("client"),
        remarks(run)
    ));
    if let Some(reads) = &report.reads {
        for (name, read) in [("  availability", &reads.availability), ("  event", &reads.event)] {
            // Half of all reads each.
            looked_at(name, read, reads.rate / 2.0, report.seconds);
        }
    }
}

/// Those that book, and those that look.
fn connections(report: &Report) -> String {
    let book = report.connections;
    report.reads.as_ref().map_or_else(|| book.to_string(), |reads| format!("{book}+{}", reads.connections))
}

/// Reads beside the bookings above them; answers a second stand where bookings do.
fn looked_at(name: &str, report: &ReadReport, rate: f64, seconds: f64) {
    let latency = &report.latency;
    let others: BTreeMap<_, _> = report.statuses.iter().filter(|(status, _)| **status != 200).collect();
    let remarks = [
        (!others.is_empty()).then(|| format!("  answers {others:?}")),
        (!report.errors.is_empty()).then(|| format!("  errors {:?}", report.errors)),
        (report.unanswered > 0).then(|| format!("  {} unanswered", report.unanswered)),
    ];
    say(&format!(
        "{:<14} {:>11} {:>7}  {:>10.0}  {:>8.1} {:>8.1} {:>8.1} {:>8.1}{}",
        name,
        format!("open {rate:.0}"),
        "",
        report.answers as f64 / seconds,
        latency.p50,
        latency.p95,
        latency.p99,
        latency.max,
        remarks.into_iter().flatten().collect::<String>()
    ));
}

fn name(contender: Contender) -> String {
    format!("{contender:?}").to_lowercase()
}

/// What is unusual about a run; nothing, usually.
fn remarks(run: &Run) -> String {
    let total = &run.report.total;
    let others: BTreeMap<_, _> = total.statuses.iter().filter(|(status, _)| **status != 201).collect();
    let remarks = [
        (!others.is_empty()).then(|| format!("answers {others:?}")),
        (!total.errors.is_empty()).then(|| format!("errors {:?}", total.errors)),
        (total.unanswered > 0).then(|| format!("{} unanswered, {} of them unsent", total.unanswered, total.unsent)),
        (total.replayed > 0).then(|| format!("{} replays", total.replayed)),
        run.report.sold_out.then(|| format!("sold out after {:.1} s", run.report.seconds)),
    ];
    remarks.into_iter().flatten().map(|remark| format!("  {remark}")).collect()
}

pub(super) fn group(group: &Group) {
    say(&format!(
        "{:<14} {:>11} {:>7}  {:>10.0}  {:>8.1} {:>8} {:>8.1} {:>8}  {:>13} {:>8.2}",
        "database",
        format!("by {}", group.size),
        group.connections,
        group.bookings_per_second,
        group.p50_ms,
        "",
        group.p99_ms,
        "",
        "",
        group.cores.unwrap_or_default()
    ));
}

/// boxoffice against the others, closed loop, at each number of connections.
pub(super) fn ratios(scenario: Scenario, results: &Results) {
    let of = |who: Contender, connections: usize| {
        let mut runs = results.runs.iter().filter(|run| run.scenario == scenario && run.contender == who);
        let run = runs.find(|run| run.report.connections == connections && run.report.rate.is_none());
        run.map(|run| run.report.bookings_per_second).filter(|rate| *rate > 0.0)
    };
    let groups = results.groups.iter().filter(|group| group.scenario == scenario);
    let database = groups.map(|group| group.bookings_per_second).fold(0.0, f64::max);
    for connections in &results.settings.connections {
        let Some(ours) = of(Contender::Boxoffice, *connections) else { continue };
        let ratio = |theirs: Option<f64>| theirs.map_or("–".to_owned(), |theirs| format!("{:.2}", ours / theirs));
        say(&format!(
            "{connections:>5} connections: boxoffice / baseline {}, / database {}, / empty handler {}",
            ratio(of(Contender::Baseline, *connections)),
            ratio(Some(database).filter(|rate| *rate > 0.0)),
            ratio(of(Contender::Empty, *connections)),
        ));
    }
}
