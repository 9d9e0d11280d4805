//! Answers counted by kind, with a latency of each kind: the mean of a booking and of a refusal says nothing.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Duration, Instant};

use crate::{
    flow::{Times, Told},
    report::Latency,
};

/// Longest latency that is told apart from longer ones.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Counts of one flow, or of one second of it.
#[derive(Clone, Debug)]
pub struct Tally {
    made: Histogram<u64>,
    refused: Histogram<u64>,
    summary: Counts,
}

/// What a tally says, for people and for JSON.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// 201, the first time.
    pub made: u64,
    /// 201 that repeats an earlier answer.
    pub replayed: u64,
    /// 503.
    pub refused: u64,
    /// 503 that does not say when to come again.
    pub without_retry_after: u64,
    /// The longest wait that a 503 has asked for, in seconds.
    pub retry_after_max: u32,
    /// Anything else: statuses, broken connections, no answer.
    pub others: BTreeMap<String, u64>,
    /// Milliseconds until a 201.
    pub made_latency: Latency,
    /// Milliseconds until a 503.
    pub refused_latency: Latency,
}

/// From when latency counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// From when the request was due, so that waiting for a connection counts (no coordinated omission).
    Due,
    /// From when it was sent: for a flow that is more than the client or its connections can carry.
    Sent,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 2);
        Ok(Self { made: histogram()?, refused: histogram()?, summary: Counts::default() })
    }

    /// Counts one answer.
    pub fn count(&mut self, since: Since, times: Times, told: &Told<'_>) {
        let from = if since == Since::Due { times.due } else { times.sent };
        let micros = u64::try_from(times.now.saturating_duration_since(from).as_micros()).unwrap_or(u64::MAX).max(1);
        let other = match told {
            Told::Answer(answer) if answer.status == 201 && answer.replayed => {
                self.summary.replayed += 1;
                return;
            }
            Told::Answer(answer) if answer.status == 201 => {
                self.summary.made += 1;
                return self.made.saturating_record(micros);
            }
            Told::Answer(answer) if answer.status == 503 => {
                self.summary.refused += 1;
                self.summary.without_retry_after += u64::from(answer.retry_after.is_none());
                self.summary.retry_after_max = self.summary.retry_after_max.max(answer.retry_after.unwrap_or_default());
                return self.refused.saturating_record(micros);
            }
            Told::Answer(answer) => answer.status.to_string(),
            Told::Broke(kind) => kind.to_string(),
            Told::Unanswered => "unanswered".to_owned(),
        };
        *self.summary.others.entry(other).or_default() += 1;
    }

    /// What it says so far.
    pub fn counts(&self) -> Counts {
        Counts {
            made_latency: Latency::of(&self.made),
            refused_latency: Latency::of(&self.refused),
            ..self.summary.clone()
        }
    }
}

/// A tally for each second, by when the request was due or sent.
#[derive(Debug)]
pub struct Timeline {
    begin: Instant,
    since: Since,
    seconds: Vec<Tally>,
}

impl Timeline {
    /// So many seconds from `begin`; what comes later counts into the last one.
    pub fn new(begin: Instant, since: Since, seconds: usize) -> anyhow::Result<Self> {
        let seconds = (0..seconds.max(1)).map(|_| Tally::new()).collect::<Result<_, _>>()?;
        Ok(Self { begin, since, seconds })
    }

    /// Counts one answer.
    pub fn count(&mut self, times: Times, told: &Told<'_>) {
        let from = if self.since == Since::Due { times.due } else { times.sent };
        let second = usize::try_from(from.saturating_duration_since(self.begin).as_secs()).unwrap_or(usize::MAX);
        let second = second.min(self.seconds.len() - 1);
        if let Some(tally) = self.seconds.get_mut(second) {
            tally.count(self.since, times, told);
        }
    }

    /// What each second says.
    pub fn counts(&self) -> Vec<Counts> {
        self.seconds.iter().map(Tally::counts).collect()
    }

    /// What the seconds from `from` until `until` say together, counted from the begin.
    pub fn between(&self, from: Duration, until: Duration) -> anyhow::Result<Counts> {
        let mut sum = Tally::new()?;
        let range = usize::try_from(from.as_secs())?..usize::try_from(until.as_secs())?.min(self.seconds.len());
        for second in self.seconds.get(range).unwrap_or_default() {
            sum.add(second)?;
        }
        Ok(sum.counts())
    }
}

impl Tally {
    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.made.add(&other.made)?;
        self.refused.add(&other.refused)?;
        let (sum, more) = (&mut self.summary, &other.summary);
        sum.made += more.made;
        sum.replayed += more.replayed;
        sum.refused += more.refused;
        sum.without_retry_after += more.without_retry_after;
        sum.retry_after_max = sum.retry_after_max.max(more.retry_after_max);
        for (what, count) in &more.others {
            *sum.others.entry(what.clone()).or_default() += count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Answer;

    fn told(status: u16, retry_after: Option<u32>) -> Told<'static> {
        Told::Answer(Answer { status, replayed: false, retry_after, body: b"" })
    }

    #[tokio::test(start_paused = true)]
    async fn kinds_are_counted_apart_and_by_second() {
        let begin = Instant::now();
        let mut timeline = Timeline::new(begin, Since::Due, 3).unwrap();
        let mut at = |due_ms: u64, waits_ms: u64, told: &Told<'_>| {
            let due = begin + Duration::from_millis(due_ms);
            timeline.count(Times { due, sent: due, now: due + Duration::from_millis(waits_ms) }, told);
        };
        at(100, 10, &told(201, None));
        at(1100, 30, &told(503, Some(4)));
        at(1200, 50, &told(503, None));
        at(9000, 1, &Told::Unanswered);
        let seconds = timeline.counts();
        assert_eq!((seconds[0].made, seconds[1].made, seconds[1].refused), (1, 0, 2));
        assert_eq!((seconds[1].without_retry_after, seconds[1].retry_after_max), (1, 4));
        assert_eq!(seconds[2].others["unanswered"], 1, "what comes later counts into the last second");
        assert!((49.0..=51.0).contains(&seconds[1].refused_latency.max), "{seconds:?}");
        let sum = timeline.between(Duration::ZERO, Duration::from_secs(2)).unwrap();
        assert_eq!((sum.made, sum.refused, sum.others.len()), (1, 2, 0));
        assert!((9.0..=11.0).contains(&sum.made_latency.p50), "{sum:?}");
    }
}
