//! The results as a person reads them.

use super::{Phase, Results};
use crate::bench::say;

pub(super) fn print(results: &Results) {
    say(&format!(
        "\n{:<18} {:>8} {:>8} {:>8} {:>8}  {:>8} {:>7} {:>8}  {:>6} {:>22}",
        "Redis",
        "answers",
        "p50 ms",
        "p99 ms",
        "max ms",
        "memory",
        "Redis",
        "database",
        "edits",
        "oldest: detail  list"
    ));
    for outcome in &results.phases {
        let (counted, name) = (&outcome.counted, name(outcome.phase));
        let others = if counted.others.is_empty() { String::new() } else { format!("  {:?}", counted.others) };
        say(&format!(
            "{name:<18} {:>8} {:>8.2} {:>8.2} {:>8.1}  {:>8} {:>7} {:>8}  {:>6} {:>12.0} ms {:>4.0} ms{others}",
            counted.answers,
            counted.p50_ms,
            counted.p99_ms,
            counted.max_ms,
            counted.from.memory,
            counted.from.redis,
            counted.from.database,
            outcome.edits,
            outcome.oldest_detail_ms,
            outcome.oldest_list_ms,
        ));
    }
    say(&format!(
        "{} reads sent to two servers, {} left out because every connection waited; {} wrong answers",
        results.sent, results.unsent, results.wrongs
    ));
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::WarmUp => "warming up",
        Phase::Healthy => "healthy",
        Phase::Hung => "hung",
        Phase::BackFromHanging => "goes on",
        Phase::Refused => "killed, refusing",
        Phase::BackFromDeath => "started, empty",
        Phase::Snapshot => "from a snapshot",
        Phase::Full => "full",
        Phase::Flushed => "flushed 4 times",
        Phase::HealthyAgain => "healthy again",
    }
}
