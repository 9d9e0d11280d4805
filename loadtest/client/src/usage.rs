//! What processes cost: CPU time and memory from `/proc`. Elsewhere than on Linux nothing is known.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux there is (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// Between two readings of a [`Sampler`].
pub(crate) const EVERY: Duration = Duration::from_millis(100);

/// A process to watch.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    /// What it is called in reports.
    pub name: &'static str,
    pub pid: u32,
    /// Whether its children belong to it: a postmaster and its back ends.
    pub family: bool,
}

impl Watched {
    /// This program.
    pub(crate) fn client() -> Self {
        Self { name: "client", pid: std::process::id(), family: false }
    }

    /// CPU seconds that it has used so far.
    pub fn cpu_seconds(&self) -> Option<f64> {
        let (own, reaped) = cpu_of(self.pid)?;
        if !self.family {
            return Some(own);
        }
        // Children that end during the run move from the one sum to the other.
        let running = children(self.pid).into_iter().filter_map(|pid| cpu_of(pid).map(|(own, _)| own));
        Some(own + reaped + running.sum::<f64>())
    }
}

/// CPU seconds of a process, and of its children that have ended.
fn cpu_of(pid: u32) -> Option<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| Some(fields.get(index)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    Some((ticks(11)? + ticks(12)?, ticks(13)? + ticks(14)?))
}

/// Its children that run.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let task = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    task.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Bytes of a process that are in RAM: now, and the most there ever were.
pub(crate) fn resident(pid: u32) -> Option<(u64, u64)> {
    resident_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn resident_in(status: &str) -> Option<(u64, u64)> {
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

/// What the first process that was watched kept in memory, in MiB. Zero where it can't be known.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// Just before the window.
    pub(crate) before_mib: f64,
    /// The most of all readings.
    pub(crate) peak_mib: f64,
    /// At the end of the window.
    pub(crate) end_mib: f64,
    /// In the last reading of all.
    pub(crate) after_mib: f64,
    /// A third into the window.
    pub(crate) third_mib: f64,
}

#[derive(Debug)]
struct Reading {
    at: Instant,
    cpu_seconds: Vec<Option<f64>>,
    resident: u64,
}

/// Reads what processes cost, on a thread of its own, until it is dropped or told to finish.
pub(crate) struct Sampler {
    watched: Vec<Watched>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Reading>>>,
}

/// What a [`Sampler`] has read.
#[derive(Debug)]
pub(crate) struct Usage {
    watched: Vec<Watched>,
    readings: Vec<Reading>,
}

impl Sampler {
    pub(crate) fn start(watched: Vec<Watched>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, reads) = (Arc::clone(&stop), watched.clone());
        let thread = std::thread::spawn(move || {
            let mut readings = Vec::new();
            while !told.load(Ordering::Relaxed) {
                readings.push(Reading {
                    at: Instant::now(),
                    cpu_seconds: reads.iter().map(Watched::cpu_seconds).collect(),
                    resident: reads.first().and_then(|first| resident(first.pid)).unwrap_or_default().0,
                });
                std::thread::sleep(EVERY);
            }
            readings
        });
        Self { watched, stop, thread: Some(thread) }
    }

    pub(crate) fn finish(mut self) -> Usage {
        self.stop.store(true, Ordering::Relaxed);
        let readings = self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        Usage { watched: std::mem::take(&mut self.watched), readings }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Usage {
    fn at(&self, instant: Instant) -> Option<&Reading> {
        self.readings.iter().rev().find(|reading| reading.at <= instant).or(self.readings.first())
    }

    /// Cores in use within a window, by name.
    pub(crate) fn cores(&self, window: &Range<Instant>) -> BTreeMap<String, f64> {
        let (Some(from), Some(until)) = (self.at(window.start), self.at(window.end)) else { return BTreeMap::new() };
        let seconds = until.at.saturating_duration_since(from.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let used = from.cpu_seconds.iter().zip(&until.cpu_seconds);
        let cores = self.watched.iter().zip(used);
        cores.filter_map(|(of, (from, until))| Some((of.name.to_owned(), ((*until)? - (*from)?) / seconds))).collect()
    }

    pub(crate) fn memory(&self, window: &Range<Instant>) -> Memory {
        // A tenth is exact enough, and reads better.
        let mib = |reading: &Reading| (reading.resident as f64 / 104_857.6).round() / 10.0;
        let at = |instant| self.at(instant).map_or(0.0, mib);
        Memory {
            before_mib: at(window.start),
            peak_mib: self.readings.iter().map(mib).fold(0.0, f64::max),
            end_mib: at(window.end),
            after_mib: self.readings.last().map_or(0.0, mib),
            third_mib: at(window.start + window.end.saturating_duration_since(window.start) / 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tserver\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n";
        assert_eq!(resident_in(status), Some((1 << 20, 2 << 20)));
        assert_eq!(resident_in("Name:\tkernel thread\n"), None);
    }

    #[test]
    fn what_is_used_is_seen_while_something_runs() {
        let sampler = Sampler::start(vec![Watched::client()]);
        let begin = Instant::now();
        while begin.elapsed() < EVERY * 4 {}
        let window = begin + EVERY..Instant::now();
        let usage = sampler.finish();
        assert!(usage.cores(&window)["client"] > 0.0, "{usage:?}");
        assert!(usage.memory(&window).peak_mib > 0.0);
    }
}
