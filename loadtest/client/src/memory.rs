//! The resident memory of a process over time, read by a thread of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use onsale::processes;
use serde::Serialize;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_millis(100);

/// What a process kept in memory, in MiB. Zero where it can't be known.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    /// Just before.
    pub(crate) before_mib: f64,
    /// The most.
    pub(crate) peak_mib: f64,
    /// At the end of the time that was looked at.
    pub(crate) end_mib: f64,
    /// In the last reading of all.
    pub(crate) after_mib: f64,
    /// Once a second from the beginning of the time that was looked at.
    pub(crate) by_second_mib: Vec<f64>,
}

/// Reads until it is told to finish.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<(Instant, u64)>>>,
}

impl Sampler {
    /// Of this process.
    pub(crate) fn start(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut readings = Vec::new();
            while !told.load(Ordering::Relaxed) {
                readings.extend(processes::memory(pid).map(|memory| (Instant::now(), memory.resident / 1024)));
                std::thread::sleep(EVERY);
            }
            readings
        });
        Self { stop, thread: Some(thread) }
    }

    /// What it was from `begin` until `end`, and after.
    pub(crate) fn finish(mut self, begin: Instant, end: Instant) -> Memory {
        self.stop.store(true, Ordering::Relaxed);
        let readings = self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let at = |instant: Instant| {
            let reading = readings.iter().rev().find(|(at, _)| *at <= instant).or(readings.first());
            reading.map_or(0.0, |(_, kib)| mib(*kib))
        };
        let seconds = end.saturating_duration_since(begin).as_secs();
        Memory {
            before_mib: at(begin),
            peak_mib: readings.iter().map(|(_, kib)| mib(*kib)).fold(0.0, f64::max),
            end_mib: at(end),
            after_mib: readings.last().map_or(0.0, |(_, kib)| mib(*kib)),
            by_second_mib: (0..=seconds).map(|second| at(begin + Duration::from_secs(second))).collect(),
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn mib(kib: u64) -> f64 {
    // A tenth is exact enough, and reads better.
    (kib as f64 / 102.4).round() / 10.0
}
