//! The frame of every measurement: data are seeded, something is measured, results are written, and a verdict is pronounced.

use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::Signal;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    machine::Machine,
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
        say(&format!("{machine}\nseeding …"));
        scratch.seed(data).await?;
        let (results, verdict) = work(&scratch).await?;
        machine.postgres = scratch.postgres.take();
        let path = programs.out.join(format!("{name}-{}.json", machine.unix_seconds));
        std::fs::create_dir_all(&programs.out)?;
        std::fs::write(&path, serde_json::to_vec_pretty(&Written { machine, settings: args, results })?)
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
