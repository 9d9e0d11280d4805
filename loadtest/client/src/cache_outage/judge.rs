//! What servers must keep to while Redis is away.

use super::{Phase, Results};

/// By how much the 99th percentile may grow.
const GROWTH_MAX: f64 = 2.0;

/// The criteria that were missed, in words.
pub(super) fn judge(results: &Results) -> Vec<String> {
    let mut missed = Vec::new();
    let mut require = |met: bool, what: String| {
        if !met {
            missed.push(what);
        }
    };
    require(results.wrong.is_empty(), format!("wrong answers:\n  {}", results.wrong.join("\n  ")));
    require(results.unsent == 0, format!("{} reads were not sent: every connection waited", results.unsent));
    let healthy = results.phases.iter().find(|outcome| outcome.phase == Phase::Healthy);
    let healthy = healthy.map_or(0.0, |outcome| outcome.counted.p99_ms);
    let limit = (healthy * GROWTH_MAX).max(results.settings.floor);
    for outcome in &results.phases {
        let (phase, counted) = (outcome.phase, &outcome.counted);
        require(counted.others.is_empty(), format!("{phase:?}: answers other than 200: {:?}", counted.others));
        require(counted.answers > 0 && outcome.edits > 0, format!("{phase:?}: nothing was read or edited"));
        let p99 = counted.p99_ms;
        require(
            phase == Phase::WarmUp || p99 <= limit,
            format!(
                "{phase:?}: the 99th percentile is {p99:.1} ms, above {limit:.1} ms; healthy it is {healthy:.1} ms"
            ),
        );
    }
    missed
}
