//! The frame of every measurement: data are seeded, something is measured, results are written, and a verdict is pronounced.

use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use nix::sys::signal::Signal;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    report::say,
    scratch::{Data, Programs, Scratch},
    verdict::Verdict,
};

/// Everything that one command measured, as it is written.
#[derive(Serialize)]
struct Written<'a, A, R> {
    machine: Machine,
    settings: &'a A,
    #[serde(flatten)]
    results: R,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

/// Measures, prints, writes, and fails with every criterion that was missed. Whatever happens, also at a signal, nothing that
/// was started is left running and no data stay.
pub(crate) async fn measure<A: Serialize, R: Serialize>(
    name: &str,
    args: &A,
    programs: &Programs,
    data: Data,
    work: impl AsyncFnOnce(&Scratch) -> anyhow::Result<(R, Verdict)>,
) -> anyhow::Result<()> {
    let scratch = Scratch::new(programs.clone())?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let work = async {
        let mut machine = Machine::of_here();
        say(&format!("{}\nseeding …", serde_json::to_string_pretty(&machine)?));
        scratch.seed(data).await?;
        let (results, verdict) = work(&scratch).await?;
        machine.postgres = scratch.postgres.take();
        let path = programs.out.join(format!("{name}-{}.json", machine.unix_seconds));
        std::fs::create_dir_all(&programs.out)?;
        std::fs::write(
            &path,
            serde_json::to_vec_pretty(&Written { machine, settings: args, results, verdict: &verdict })?,
        )
        .with_context(|| format!("{} can't be written", path.display()))?;
        say(&format!("\nwritten to {}", path.display()));
        verdict.pronounce()
    };
    let result = tokio::select! {
        result = Box::pin(work) => result,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("told to stop")),
    };
    // Servers that were cut off above left their PostgreSQL behind.
    scratch.clean(Signal::SIGQUIT).await;
    result
}

/// A length that was given in seconds.
pub(crate) fn seconds(seconds: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(seconds).context("not a number of seconds")
}

/// The machine, the moment and the versions.
#[derive(Debug, Serialize)]
struct Machine {
    unix_seconds: u64,
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    /// Load averages before the start: above 0.5 or so, somebody else was there.
    load_before: String,
    postgres: Option<String>,
    rustc: String,
    /// The commit that is checked out, and whether files differ from it.
    commit: String,
}

impl Machine {
    fn of_here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let field = |path: &str, name: &str| {
            let text = read(path);
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
        Self {
            unix_seconds: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs(),
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: kib / 1024,
            kernel: read("/proc/sys/kernel/osrelease"),
            load_before: read("/proc/loadavg"),
            postgres: None,
            rustc: said("rustc", &["--version"]),
            commit: said("git", &["describe", "--always", "--dirty", "--abbrev=40"]),
        }
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
