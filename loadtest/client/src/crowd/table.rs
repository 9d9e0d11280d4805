//! The results as a person reads them.

use super::Results;
use crate::bench::say;

pub(super) fn results(results: &Results) {
    say(&format!("\n{:<24} {:>9} {:>12}", "server's memory", "MB", "bytes each"));
    for step in &results.steps {
        let each = step.bytes_each.map_or(String::new(), |bytes| format!("{bytes:.0}"));
        say(&format!("{:<24} {:>9.1} {each:>12}", step.name, step.resident_bytes as f64 / 1e6));
    }
    say(&format!("{:<24} {:>9.1}", "the most until here", results.peak_bytes as f64 / 1e6));
    say(&format!("{:<24} {:>9.1}", "when all idle ones ask", results.peak_bytes_when_all_ask as f64 / 1e6));

    let Results { settings, bookings, heard, version, .. } = results;
    let core = |name: &str| bookings.cores.get(name).copied().unwrap_or_default();
    let latency = &bookings.latency;
    say(&format!(
        "\nbookings, {} loop, {} connections: {:.0} a second, p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        bookings.mode, bookings.connections, bookings.bookings_per_second, latency.p50, latency.p99, latency.max
    ));
    say(&format!(
        "cores: server {:.2}, PostgreSQL {:.2}, who books {:.2}, who listens {:.2}",
        core("server"),
        core("postgres"),
        core("client"),
        results.listening_cores
    ));
    say(&format!(
        "streams: {} open, {} snapshots and deltas, {} not at the ledger's version {version}",
        heard.open, heard.events, results.streams_behind
    ));
    say(&format!(
        "idle connections: {} answered again, {} did not",
        settings.idle - results.idle_lost,
        results.idle_lost
    ));
}
