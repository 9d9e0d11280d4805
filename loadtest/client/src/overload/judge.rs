//! What a server must keep to in an overload.

use super::Results;

/// Share of the most it did that it must go on doing.
const GOODPUT_SHARE_MIN: f64 = 0.9;
/// A refusal that takes longer than this is no early one, in milliseconds.
const REFUSAL_P99_MS_MAX: f64 = 50.0;
/// An event that nobody storms is to answer within this, in milliseconds.
const QUIET_P99_MS_MAX: f64 = 100.0;
/// Share of the rate asked for that the client must have sent: below, the storm was a smaller one than it says.
const OFFERED_SHARE_MIN: f64 = 0.95;
/// What may be added to memory, each connection of the storm and everything under way included, in MiB.
const GROWTH_MIB_MAX: f64 = 512.0;
/// From this second after the storm on it must be calm.
const CALM_FROM_S: usize = 1;
/// Calm is a 95th percentile of at most twice that before the storm and so many milliseconds.
const CALM_EXTRA_MS: f64 = 10.0;

/// The criteria that were missed, in words.
pub(super) fn judge(results: &Results) -> Vec<String> {
    let Results { peak, storm, hot, quiet, memory, .. } = results;
    let mut missed = Vec::new();
    let mut require = |met: bool, what: String| {
        if !met {
            missed.push(what);
        }
    };
    let offered = storm.offered_rate / storm.asked_rate;
    require(offered >= OFFERED_SHARE_MIN, format!("only {:.0} % of the storm could be sent", offered * 100.0));
    let share = storm.goodput / peak;
    require(share >= GOODPUT_SHARE_MIN, format!("goodput is {:.0} % of the peak, below 90 %", share * 100.0));
    let refusal = storm.counts.refused_latency.p99;
    require(refusal < REFUSAL_P99_MS_MAX, format!("the 99th percentile of refusals is {refusal:.1} ms, not below 50"));
    let silent = storm.counts.without_retry_after;
    require(silent == 0, format!("{silent} refusals without Retry-After"));
    require(storm.counts.others.is_empty(), format!("other answers in the storm: {:?}", storm.counts.others));
    let growth = memory.peak_mib - memory.before_mib;
    require(growth < GROWTH_MIB_MAX, format!("memory grew by {growth:.0} MiB"));

    let p99 = quiet.during.made_latency.p99;
    require(p99 < QUIET_P99_MS_MAX, format!("the quiet event's 99th percentile is {p99:.1} ms, not below 100"));
    let turned_away = quiet.during.refused + quiet.during.others.values().sum::<u64>();
    require(turned_away == 0, format!("{turned_away} requests of the quiet event failed"));
    for (name, probed) in [("hot", hot), ("quiet", quiet)] {
        let normal = probed.before.made_latency.p95 * 2.0 + CALM_EXTRA_MS;
        for (second, counts) in probed.after.iter().enumerate().skip(CALM_FROM_S) {
            let p95 = counts.made_latency.p95;
            require(
                p95 <= normal && counts.refused == 0 && counts.others.is_empty(),
                format!(
                    "the {name} event is not calm {second} s after the storm: 95th percentile {p95:.1} ms (normal: at \
                     most {normal:.1}), {} refused, others {:?}",
                    counts.refused, counts.others
                ),
            );
        }
    }
    missed
}
