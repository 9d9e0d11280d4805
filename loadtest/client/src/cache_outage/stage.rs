//! The phases, and what is counted in each.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::SocketAddr,
    rc::Rc,
    time::Duration,
};

use hdrhistogram::Histogram;
use onsale::flow::{Script, Times, Told};
use serde::Serialize;
use tokio::time::Instant;

use super::{Outcome, Phase, edits::Cached, questions::Questions, truth::Truth};

/// Longest latency that is told apart from longer ones.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Answers to what was due within a phase.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counted {
    pub(super) answers: u64,
    /// All but 200, and connections that broke.
    pub(super) others: BTreeMap<String, u64>,
    /// From when it was due to its last byte.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// Where the answers came from.
    pub(super) from: Cached,
}

struct Part {
    phase: Phase,
    begin: Instant,
    latency_us: Histogram<u64>,
    others: BTreeMap<String, u64>,
    /// What the servers had counted when it began.
    before: Cached,
}

/// See the module's page.
pub(super) struct Stage {
    truth: Rc<Truth>,
    parts: RefCell<Vec<Part>>,
    empty: Histogram<u64>,
    end: Cell<Option<(Instant, Cached)>>,
}

impl Stage {
    pub(super) fn new(truth: Rc<Truth>) -> anyhow::Result<Self> {
        let empty = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?;
        Ok(Self { truth, parts: RefCell::default(), empty, end: Cell::default() })
    }

    /// The next phase begins. `cached` is what the servers have counted so far.
    pub(super) fn enter(&self, phase: Phase, cached: Cached) {
        self.truth.share(phase.shares());
        let latency_us = self.empty.clone();
        let part = Part { phase, begin: Instant::now(), latency_us, others: BTreeMap::new(), before: cached };
        self.parts.borrow_mut().push(part);
    }

    /// The last phase ends.
    pub(super) fn leave(&self, cached: Cached) {
        self.end.set(Some((Instant::now(), cached)));
    }

    fn count(&self, times: Times, other: Option<String>) {
        let mut parts = self.parts.borrow_mut();
        let Some(part) = parts.iter_mut().rev().find(|part| part.begin <= times.due) else { return };
        match other {
            Some(other) => *part.others.entry(other).or_default() += 1,
            None => {
                let latency = u64::try_from((times.now - times.due).as_micros()).unwrap_or(u64::MAX);
                part.latency_us.saturating_record(latency.max(1));
            }
        }
    }

    /// What came of each phase.
    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let parts = self.parts.borrow();
        let last = self.end.get().unwrap_or((Instant::now(), Cached::default()));
        let ends = parts.iter().skip(1).map(|part| (part.begin, part.before)).chain([last]);
        parts.iter().zip(ends).map(|(part, (end, cached))| part.outcome(&self.truth, end, cached)).collect()
    }
}

impl Part {
    fn outcome(&self, truth: &Truth, end: Instant, cached: Cached) -> Outcome {
        let (edits, [detail, list]) = truth.between(self.begin, end);
        let ms = |micros: u64| (micros as f64 / 10.0).round() / 100.0;
        let quantile = |of: f64| ms(self.latency_us.value_at_quantile(of));
        let millis = |duration: Duration| ms(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        let counted = Counted {
            answers: self.latency_us.len(),
            others: self.others.clone(),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            max_ms: quantile(1.0),
            from: cached.since(self.before),
        };
        let (oldest_detail_ms, oldest_list_ms) = (millis(detail), millis(list));
        Outcome { phase: self.phase, counted, edits, oldest_detail_ms, oldest_list_ms }
    }
}

/// Who asks one of the servers.
pub(super) struct Reader {
    server: usize,
    address: SocketAddr,
    questions: Rc<Questions>,
    stage: Rc<Stage>,
}

impl Reader {
    pub(super) fn new(server: usize, address: SocketAddr, questions: Rc<Questions>, stage: Rc<Stage>) -> Self {
        Self { server, address, questions, stage }
    }

    /// The two servers are asked the same questions, in another order.
    fn question(&self, number: u64) -> &super::questions::Question {
        self.questions.of(2 * number + self.server as u64)
    }
}

impl Script for Reader {
    fn write(&self, number: u64, request: &mut Vec<u8>) {
        let path = &self.question(number).path;
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\naccept: application/json\r\n\r\n", self.address);
        request.extend_from_slice(head.as_bytes());
    }

    fn told(&self, number: u64, times: Times, told: Told<'_>) {
        let other = match told {
            Told::Answer(answer) if answer.status == 200 => {
                self.stage.truth.check(self.server, self.question(number), times.sent, answer.body);
                None
            }
            Told::Answer(answer) => Some(answer.status.to_string()),
            Told::Broke(kind) => Some(kind.to_string()),
            Told::Unanswered => Some("unanswered".to_owned()),
        };
        self.stage.count(times, other);
    }
}
