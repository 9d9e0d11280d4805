//! What requests led to, added up afterwards from the samples that a load leaves, and printed as lines of one table.

use std::{collections::BTreeMap, io, ops::Range, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

/// What success with a request is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A hold: only the way to a booking.
    Hold,
    /// A booking that has to be paid: only the way to a paid one.
    Unpaid,
    /// What is counted: a booking, a payment, or a page.
    Goal,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answer {
        status: u16,
        replayed: bool,
        retry_after: Option<u32>,
    },
    /// The connection broke, or could not be opened: what became of the request is unknown.
    Broke(io::ErrorKind),
    /// No answer until the end of all patience: unknown as well.
    Unanswered,
    /// It was due, and no connection was free until the end.
    Unsent,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) asked: Asked,
    /// By the rate; in a closed loop when it was sent.
    pub(crate) due: Instant,
    /// When a connection was free for it.
    pub(crate) sent: Instant,
    /// When it ended.
    pub(crate) now: Instant,
    pub(crate) outcome: Outcome,
}

impl Sample {
    /// Whether it was answered with this status.
    pub(crate) fn is_answer(&self, wanted: u16) -> bool {
        matches!(self.outcome, Outcome::Answer { status, .. } if status == wanted)
    }
}

/// From when latency counts, and by what a sample belongs to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// From when the request was due, so that waiting for a connection counts (no coordinated omission).
    Due,
    /// From when it was sent: for a load that is more than the client or its connections can carry.
    Sent,
}

impl Since {
    pub(crate) fn of(self, sample: &Sample) -> Instant {
        if self == Self::Due { sample.due } else { sample.sent }
    }
}

/// What a load leaves.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Of its plan.
    pub(crate) pace: String,
    pub(crate) connections: usize,
    /// When the first request was due.
    pub(crate) begin: Instant,
    /// When no further one was sent.
    pub(crate) end: Instant,
    /// Whether that was because nothing was left to ask for.
    pub(crate) sold_out: bool,
    /// Requests that were sent.
    pub(crate) sent: u64,
    /// Requests that were due and were not sent.
    pub(crate) unsent: u64,
    pub(crate) samples: Vec<Sample>,
}

impl Heard {
    /// What came of it within a window: how many answers a second from when they came, the rest from when their requests began.
    pub(crate) fn row(&self, name: impl Into<String>, window: &Range<Instant>, since: Since) -> Row {
        self.row_of(name, window, since, |_| true)
    }

    /// The same of one kind of request: whatever of it was answered as it should be is counted.
    pub(crate) fn step(&self, name: &str, window: &Range<Instant>, since: Since, asked: Asked) -> Row {
        let row = self.row_of(name, window, since, |sample| sample.asked == asked);
        let answered = row.tally.served + row.tally.held;
        let served_per_second = if row.seconds > 0.0 { answered as f64 / row.seconds } else { 0.0 };
        Row { served_per_second, ..row }
    }

    fn row_of(
        &self,
        name: impl Into<String>,
        window: &Range<Instant>,
        since: Since,
        which: impl Fn(&&Sample) -> bool,
    ) -> Row {
        let samples: Vec<&Sample> = self.samples.iter().filter(which).collect();
        let came = samples.iter().copied().filter(|sample| window.contains(&sample.now));
        let answered = Tally::of(came.filter(|sample| matches!(sample.outcome, Outcome::Answer { .. })), since);
        let Tally { served, held, replayed, refused, .. } = answered;
        let seconds = window.end.saturating_duration_since(window.start).as_secs_f64();
        let a_second = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Row {
            name: name.into(),
            pace: self.pace.clone(),
            connections: self.connections,
            seconds,
            answers_per_second: a_second(served + held + replayed + answered.unexpected()),
            served_per_second: a_second(served),
            refused_per_second: a_second(refused),
            tally: Tally::of(samples.iter().copied().filter(|sample| window.contains(&since.of(sample))), since),
            ..Row::default()
        }
    }
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        // The smallest that so many of a thousand do not exceed.
        let at = |share: usize| {
            let rank = (all.len() * share).div_ceil(1000).saturating_sub(1);
            all.get(rank).map_or(0.0, |latency| millis(*latency))
        };
        Self { p50: at(500), p95: at(950), p99: at(990), p999: at(999), max: at(1000) }
    }
}

/// To a hundredth, which reads better.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 100.0
}

/// Samples by kind. The mean of a booking and of a refusal says nothing, so that refusals have latencies of their own.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Tally {
    /// 200, 201 and 304 to what is counted, the first time.
    pub(crate) served: u64,
    /// 201 to holds, and to bookings that have to be paid, the first time.
    pub(crate) held: u64,
    /// 201 that repeats an earlier answer.
    pub(crate) replayed: u64,
    /// 503.
    pub(crate) refused: u64,
    /// 503 that does not say when to come again.
    pub(crate) without_retry_after: u64,
    /// The longest wait that a 503 has asked for, in seconds.
    pub(crate) retry_after_max: u32,
    /// Other statuses, broken connections, no answer.
    pub(crate) others: BTreeMap<String, u64>,
    /// What was due and never sent.
    pub(crate) unsent: u64,
    /// What may have booked something, or not: a server that gave up waiting for its database does not know either.
    pub(crate) unknown: u64,
    /// Of all but refusals: what was never answered, or never sent, counts as late.
    pub(crate) latency: Latency,
    pub(crate) refused_latency: Latency,
}

impl Tally {
    pub(crate) fn of<'a>(samples: impl IntoIterator<Item = &'a Sample>, since: Since) -> Self {
        let mut tally = Self::default();
        let (mut latencies, mut refused) = (Vec::new(), Vec::new());
        for sample in samples {
            let latency = sample.now.saturating_duration_since(since.of(sample));
            match sample.outcome {
                Outcome::Answer { status: 503, .. } => refused.push(latency),
                _ => latencies.push(latency),
            }
            tally.count(sample);
        }
        (tally.latency, tally.refused_latency) = (Latency::of(latencies), Latency::of(refused));
        tally
    }

    fn count(&mut self, sample: &Sample) {
        let other = match sample.outcome {
            Outcome::Unsent => return self.unsent += 1,
            Outcome::Answer { replayed: true, .. } => return self.replayed += 1,
            Outcome::Answer { status: 200 | 201 | 304, .. } if sample.asked == Asked::Goal => return self.served += 1,
            Outcome::Answer { status: 200 | 201 | 304, .. } => return self.held += 1,
            Outcome::Answer { status: 503, retry_after, .. } => {
                self.refused += 1;
                self.unknown += 1;
                self.without_retry_after += u64::from(retry_after.is_none());
                return self.retry_after_max = self.retry_after_max.max(retry_after.unwrap_or_default());
            }
            Outcome::Answer { status, .. } => {
                self.unknown += u64::from(status >= 500);
                status.to_string()
            }
            Outcome::Broke(kind) => {
                self.unknown += 1;
                kind.to_string()
            }
            Outcome::Unanswered => {
                self.unknown += 1;
                "unanswered".to_owned()
            }
        };
        *self.others.entry(other).or_default() += 1;
    }

    /// Answers that a run without rivals for its places must not get.
    pub(crate) fn unexpected(&self) -> u64 {
        self.refused + self.others.values().sum::<u64>()
    }
}

/// One line of results: what a load led to within a window. `baseline groups` prints such lines as well.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// `closed`, `open` with its rate, or what else there is to say.
    pub(crate) pace: String,
    pub(crate) connections: usize,
    /// Of the window.
    pub(crate) seconds: f64,
    /// Answers that came within it, of any kind.
    pub(crate) answers_per_second: f64,
    /// Those of them that were asked for, and refusals.
    pub(crate) served_per_second: f64,
    pub(crate) refused_per_second: f64,
    /// Of requests that began within it.
    #[serde(flatten)]
    pub(crate) tally: Tally,
    /// Cores in use, by process.
    pub(crate) cores: BTreeMap<String, f64>,
    /// What else there is to say.
    pub(crate) note: String,
}

impl Row {
    fn remarks(&self) -> String {
        let Tally { replayed, without_retry_after, others, unsent, .. } = &self.tally;
        let remarks = [
            (!self.note.is_empty()).then(|| self.note.clone()),
            (!others.is_empty()).then(|| format!("others {others:?}")),
            (*unsent > 0).then(|| format!("{unsent} unsent")),
            (*replayed > 0).then(|| format!("{replayed} replays")),
            (*without_retry_after > 0).then(|| format!("{without_retry_after} refusals without Retry-After")),
        ];
        remarks.into_iter().flatten().map(|remark| format!("  {remark}")).collect()
    }
}

/// What lines say of the columns of figures, under a title.
pub(crate) fn heading(title: &str, served: &str, cores: bool) {
    say(&format!("\n== {title}"));
    say(&format!(
        "{:<20} {:>11} {:>7} {:>11}  {:>8} {:>8} {:>8} {:>8}  {:>8} {:>8} {:>8}{}",
        "",
        "loop",
        "conn",
        served,
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
        "503/s",
        "p50 ms",
        "p99 ms",
        if cores { "  cores: server, PostgreSQL, client" } else { "" }
    ));
}

/// A line below the heading.
pub(crate) fn line(row: &Row) {
    let Row { name, pace, connections, served_per_second, refused_per_second, tally, cores, .. } = row;
    let Latency { p50, p95, p99, max, .. } = tally.latency;
    let refused = match tally.refused {
        0 => format!("{:>26}", ""),
        _ => format!("{refused_per_second:>8.0} {:>8.2} {:>8.2}", tally.refused_latency.p50, tally.refused_latency.p99),
    };
    let core = |name: &str| cores.get(name).map_or(String::new(), |cores| format!("{cores:.2}"));
    let cores = match cores.is_empty() {
        true => String::new(),
        false => format!("  {:>13} {:>11} {:>7}", core("server"), core("postgres"), core("client")),
    };
    let [p50, p95, p99, max] = [p50, p95, p99, max].map(|ms| if ms > 0.0 { format!("{ms:.2}") } else { String::new() });
    let line = format!(
        "{name:<20} {pace:>11} {connections:>7} {served_per_second:>11.0}  {p50:>8} {p95:>8} {p99:>8} {max:>8}  \
         {refused}{cores}{}",
        row.remarks()
    );
    say(line.trim_end());
}

/// Prints the plain figures of what was measured, a line for each part of it. What has latencies is printed as a line of the
/// table instead.
pub(crate) fn figures(results: &impl Serialize) {
    fn print(part: &str, value: &Value) {
        match value {
            Value::Array(parts) => parts.iter().for_each(|value| print(value["name"].as_str().unwrap_or(part), value)),
            Value::Object(members) if !members.contains_key("latency") => {
                let plain = members.iter().filter_map(|(name, value)| Some(format!("{name} {:.2}", value.as_f64()?)));
                let plain: Vec<String> =
                    plain.map(|figure| figure.trim_end_matches('0').trim_end_matches('.').to_owned()).collect();
                if !plain.is_empty() {
                    say(&format!("{part}: {}", plain.join(", ")));
                }
                members.iter().for_each(|(name, value)| print(name, value));
            }
            _ => {}
        }
    }
    print("in all", &serde_json::to_value(results).unwrap_or_default());
}

#[expect(clippy::print_stdout, reason = "a command talks to its terminal")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn kinds_are_counted_apart_and_by_window() {
        let begin = Instant::now();
        let at = |due_ms: u64, waits_ms: u64, outcome: Outcome| {
            let due = begin + Duration::from_millis(due_ms);
            Sample { asked: Asked::Goal, due, sent: due, now: due + Duration::from_millis(waits_ms), outcome }
        };
        let answer = |status, retry_after| Outcome::Answer { status, replayed: false, retry_after };
        let samples = [
            at(100, 10, answer(201, None)),
            at(1100, 30, answer(503, Some(4))),
            at(1200, 50, answer(503, None)),
            at(9000, 1, Outcome::Unanswered),
        ];
        let (pace, samples) = (String::new(), samples.to_vec());
        let heard = Heard { pace, connections: 1, begin, end: begin, sold_out: false, sent: 4, unsent: 0, samples };
        let window = |from: u64, until: u64| begin + Duration::from_secs(from)..begin + Duration::from_secs(until);
        let row = |from, until| heard.row("", &window(from, until), Since::Due);
        assert_eq!((row(0, 1).tally.served, row(1, 2).tally.served, row(1, 2).tally.refused), (1, 0, 2));
        assert_eq!((row(1, 2).tally.without_retry_after, row(1, 2).tally.retry_after_max), (1, 4));
        assert_eq!(row(2, 10).tally.others["unanswered"], 1);
        assert!((49.0..=51.0).contains(&row(1, 2).tally.refused_latency.max), "{:?}", row(1, 2));
        let both = row(0, 2);
        assert_eq!((both.tally.served, both.tally.refused, both.tally.others.len()), (1, 2, 0));
        assert_eq!((both.served_per_second, both.answers_per_second, both.refused_per_second), (0.5, 1.5, 1.0));
        assert!((9.0..=11.0).contains(&both.tally.latency.p50), "{both:?}");
        assert_eq!(Tally::of(&heard.samples, Since::Due).unknown, 3);
    }
}
