//! The results as a person reads them.

use super::{Answered, Compared, Results, Who, closed_loop::Measured};
use crate::bench::say;

pub(super) fn heading(bare: bool) {
    let costs = if bare { "   limits + headers" } else { "" };
    say(&format!(
        "\n{:<18} {:>9}  {:<10} {:>10} {:>8} {:>8} {:>10} {:>7}  {:>6}{costs}",
        "", "bytes", "", "requests/s", "p50 µs", "p99 µs", "server µs", "client", "ratio"
    ));
}

pub(super) fn line(answered: &Answered) {
    for (who, Compared { middle, of_raw, of_bare, .. }) in &answered.contenders {
        let Measured { per_second, p50_us, p99_us, server_us, client_cores } = middle;
        let cost = match (who, of_bare) {
            (Who::Boxoffice, Some(part)) => format!("{:>17.1} %", 100.0 * (1.0 - part)),
            _ => String::new(),
        };
        say(&format!(
            "{:<18} {:>9}  {:<10} {per_second:>10.0} {p50_us:>8} {p99_us:>8} {server_us:>10.2} {client_cores:>7.2}  {of_raw:>6.2}{cost}",
            answered.question,
            format!("{}+{}", answered.head_bytes, answered.body_bytes),
            format!("{who:?}").to_lowercase(),
        ));
    }
}

/// The questions for which the server is too far from hyper alone.
pub(super) fn missed(results: &Results) -> Vec<String> {
    let wanted = results.settings.ratio_min;
    let slow = results.questions.iter().filter_map(|answered| {
        let ratio = answered.contenders.get(&Who::Boxoffice).map_or(0.0, |compared| compared.of_raw);
        (ratio < wanted).then(|| format!("{}: {ratio:.2} of hyper alone, less than {wanted}", answered.question))
    });
    slow.collect()
}
