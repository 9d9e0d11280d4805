//! What the races of one process found.

use std::{collections::BTreeMap, time::Duration};

use super::{
    lane::PAIR,
    points::Point,
    race::{Plan, Raced},
};

/// Longer texts are cut: a hundred failures must be readable.
const TEXT_MAX: usize = 500;
/// So many of a hundred fail points may disturb nobody although their operation was done: it may find less to do than when it was alone,
/// and on a slow machine something has expired before its point is armed.
const MISSED_MAX: usize = 15;
/// Fewer fail points tell nothing of a share.
const POINTS_MIN: usize = 50;
/// So many fail points of one operation can't all miss it by chance.
const OWN_MIN: usize = 20;

/// How many fail points an operation was to meet, and how many it did not.
#[derive(Clone, Copy, Default)]
struct Met {
    points: usize,
    missed: usize,
}

impl Met {
    /// Whether the races with these points are of nothing.
    fn is_too_little(self) -> bool {
        self.points >= POINTS_MIN && self.missed * 100 > self.points * MISSED_MAX
    }
}

/// See the module's page.
#[derive(Default)]
pub(crate) struct Report {
    /// By pair.
    pub(crate) failures: BTreeMap<String, Vec<String>>,
    /// By state and kind of disturbance.
    races: BTreeMap<String, usize>,
    /// By the operation that was to be disturbed.
    met: BTreeMap<&'static str, Met>,
}

impl Report {
    /// Of what was wrong already before the races.
    pub(crate) fn of(failures: BTreeMap<String, Vec<String>>) -> Self {
        Self { failures, ..Self::default() }
    }

    /// Notes a race, and says at once what was wrong: thousands may follow before the report.
    pub(crate) fn note(&mut self, pair: String, plan: &Plan, round: u64, raced: Raced) {
        let kind = match plan.point {
            Point::None => "together",
            Point::Stop(_) => "stopped",
            Point::Fail(..) => "failed",
        };
        *self.races.entry(format!("{:?}, {kind}", plan.state)).or_default() += 1;
        if let Some(is_disturbed) = raced.is_disturbed {
            let met = self.met.entry(plan.first.name).or_default();
            met.points += 1;
            met.missed += usize::from(!is_disturbed);
        }
        if !raced.wrong.is_empty() {
            let texts = raced.wrong.iter().map(|text| text.chars().take(TEXT_MAX).collect::<String>());
            let lines: Vec<_> = texts.map(|text| format!("{plan} (round {round}): {text}")).collect();
            lines.iter().for_each(|line| eprintln!("{line}"));
            self.failures.entry(pair).or_default().extend(lines);
        }
    }

    fn all_met(&self) -> Met {
        let add = |sum: Met, met: &Met| Met { points: sum.points + met.points, missed: sum.missed + met.missed };
        self.met.values().fold(Met::default(), add)
    }

    /// Fails when the fail points disturb too few, or none of an operation's.
    pub(crate) fn check_points(&mut self) {
        let met = self.all_met();
        let never = self.met.iter().filter(|(_, met)| met.points >= OWN_MIN && met.missed == met.points);
        let mut texts: Vec<_> = never.map(|(name, met)| format!("none of {} disturbed {name}", met.points)).collect();
        if met.is_too_little() {
            texts.push(format!("{} of {} disturbed nobody", met.missed, met.points));
        }
        if !texts.is_empty() {
            self.failures.insert("the fail points".to_owned(), texts);
        }
    }

    /// The report.
    pub(crate) fn text(&self, took: Duration) -> String {
        let count: usize = self.races.values().sum();
        let mut lines = vec![format!("{count} races in {took:.0?}, {} pairs failed", self.failures.len())];
        lines.extend(self.races.iter().map(|(kind, count)| format!("{count:8} {kind}")));
        let Met { points, missed } = self.all_met();
        lines.push(format!("{missed} of {points} fail points disturbed nobody"));
        let most = self.met.iter().filter(|(_, met)| met.missed > 0);
        lines.extend(most.map(|(name, met)| format!("{:8} of {} of {name}", met.missed, met.points)));
        for (pair, texts) in &self.failures {
            let again = format!(": again with {PAIR}={pair} and the seed above");
            // What is no race can't be asked for by its pair.
            lines.push(format!("{pair}{}", if pair.contains('+') { &again } else { ":" }));
            lines.extend(texts.iter().take(8).map(|text| format!("    {text}")));
        }
        lines.join("\n")
    }
}
