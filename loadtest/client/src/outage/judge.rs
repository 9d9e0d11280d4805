//! What a server must keep to in an outage.

use super::{How, Outage, OutageArgs};

/// A refusal of a server that has noticed, in milliseconds.
const REFUSAL_P99_MS_MAX: f64 = 250.0;
/// The longest that anybody waits for a refusal: the server's deadline and a second, in milliseconds.
const REFUSAL_MS_MAX: f64 = 6_000.0;
/// From the database's return, or its death, to the first booking, in milliseconds.
const RECOVERY_MS_MAX: f64 = 10_000.0;
/// What may be added to memory by an outage, and between its first third and its end, in MiB.
const GROWTH_MIB_MAX: f64 = 256.0;
const CREEP_MIB_MAX: f64 = 32.0;

/// The criteria that were missed, in words.
pub(super) fn judge(outage: &Outage, bookings_before: u64, args: &OutageArgs) -> Vec<String> {
    let mut missed = Vec::new();
    let mut require = |met: bool, what: String| {
        if !met {
            missed.push(what);
        }
    };
    for phase in &outage.phases {
        let (name, counts) = (phase.name, &phase.counts);
        let silent = counts.without_retry_after;
        require(silent == 0, format!("{name}: {silent} refusals without Retry-After"));
        let others: Vec<_> = counts.others.iter().filter(|(what, _)| *what != "409").collect();
        require(others.is_empty(), format!("{name}: other answers {others:?}"));
        let latency = counts.refused_latency;
        require(latency.max < REFUSAL_MS_MAX, format!("{name}: a refusal took {:.0} ms", latency.max));
        if name == "away, after that" {
            require(counts.refused > 0 && counts.made == 0, format!("{name}: the database was there: {counts:?}"));
            let p99 = latency.p99;
            require(
                p99 < REFUSAL_P99_MS_MAX,
                format!("{name}: the 99th percentile of refusals is {p99:.0} ms, not below 250"),
            );
        }
    }
    let expected = if outage.how == How::Kills { args.kills as usize } else { 1 };
    require(
        outage.recoveries_ms.len() == expected,
        format!("recovered {} times of {expected}", outage.recoveries_ms.len()),
    );
    let slowest = outage.recoveries_ms.iter().copied().fold(0.0, f64::max);
    require(slowest < RECOVERY_MS_MAX, format!("it took {slowest:.0} ms to book again"));
    memory(outage, &mut require);
    let settled = &outage.settled;
    require(settled.left_open == 0, format!("{} requests never had an answer that stands", settled.left_open));
    require(settled.unconfirmed == 0, format!("{} bookings were not given again", settled.unconfirmed));
    require(settled.faults.is_empty(), format!("answers contradict each other: {}", settled.faults.join("; ")));
    let written = outage.check.bookings - bookings_before;
    require(written == settled.made, format!("{} bookings were acknowledged and {written} written", settled.made));
    require(outage.check.faults.is_empty(), format!("the ledger is wrong: {}", outage.check.faults.join("; ")));
    missed
}

fn memory(outage: &Outage, require: &mut impl FnMut(bool, String)) {
    let memory = &outage.memory;
    let growth = memory.peak_mib - memory.before_mib;
    require(growth < GROWTH_MIB_MAX, format!("memory grew by {growth:.0} MiB"));
    if outage.how != How::Kills {
        let third = memory.by_second_mib.get(memory.by_second_mib.len() / 3).copied().unwrap_or_default();
        let creep = memory.end_mib - third;
        require(creep < CREEP_MIB_MAX, format!("memory still grows after a third of the outage, by {creep:.0} MiB"));
    }
}
