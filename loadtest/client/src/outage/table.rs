//! The results as a person reads them.

use super::{How, Outage};
use crate::bench::say;

pub(super) fn heading(how: How) {
    let title = match how {
        How::Hung => "the database takes connections and answers nothing",
        How::Refused => "the database is shut down and refuses connections",
        How::Kills => "the postmaster is killed again and again",
    };
    say(&format!(
        "\n== {title}\n{:<20} {:>8} {:>8} {:>8} {:>8}  {:>26}  {:>26}",
        "sent", "seconds", "201", "503", "409", "201: p50 p99 max ms", "503: p50 p99 max ms"
    ));
}

pub(super) fn outage(outage: &Outage) {
    for phase in &outage.phases {
        let counts = &phase.counts;
        let (made, refused) = (counts.made_latency, counts.refused_latency);
        let others: Vec<_> = counts.others.iter().filter(|(what, _)| *what != "409").collect();
        let others = if others.is_empty() { String::new() } else { format!("  others {others:?}") };
        say(&format!(
            "{:<20} {:>8} {:>8} {:>8} {:>8}  {:>8.1} {:>8.1} {:>8.1}  {:>8.1} {:>8.1} {:>8.1}{others}",
            phase.name,
            phase.seconds,
            counts.made,
            counts.refused,
            counts.others.get("409").copied().unwrap_or_default(),
            made.p50,
            made.p99,
            made.max,
            refused.p50,
            refused.p99,
            refused.max
        ));
    }
    let retry_after = outage.phases.iter().map(|phase| phase.counts.retry_after_max).max().unwrap_or_default();
    say(&format!(
        "{} requests sent, {} left out because every connection waited; Retry-After up to {retry_after} s; the server logged {} \
         lines",
        outage.sent, outage.unsent, outage.log_lines
    ));
    recoveries(outage);
    let (memory, settled) = (&outage.memory, &outage.settled);
    say(&format!(
        "server memory: {:.0} MiB before, {:.0} MiB at the most, {:.0} MiB at the end of the outage, {:.0} MiB in the end",
        memory.before_mib, memory.peak_mib, memory.end_mib, memory.after_mib
    ));
    say(&format!(
        "{} were asked again under the same key, {} stay open; {} bookings acknowledged, {} of them not given again by a new \
         server; the ledger holds {} with {} contradictions",
        settled.asked_again,
        settled.left_open,
        settled.made,
        settled.unconfirmed,
        outage.check.bookings,
        outage.check.faults.len() + settled.faults.len()
    ));
}

fn recoveries(outage: &Outage) {
    let mut sorted = outage.recoveries_ms.clone();
    sorted.sort_by(f64::total_cmp);
    let (Some(middle), Some(last)) = (sorted.get(sorted.len() / 2), sorted.last()) else { return };
    say(&match outage.how {
        How::Kills => format!(
            "{} kills; from a kill to the next booking {middle:.0} ms (median), {last:.0} ms at the most",
            sorted.len()
        ),
        _ => format!("the first booking {last:.0} ms after the database was back"),
    });
}
