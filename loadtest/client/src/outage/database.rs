//! What is done to the database.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

use crate::bench::scratch::Scratch;

/// How long a PostgreSQL may take to start, and to stop with a checkpoint.
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(60);

/// A PostgreSQL that is not the server's.
pub(crate) struct Keeper {
    process: Child,
    url: String,
}

impl Keeper {
    /// Starts it on these data, and waits until it takes connections.
    pub(crate) async fn start(scratch: &Scratch, baseline: &Path, data: &Path) -> anyhow::Result<Self> {
        let mut command = scratch.command(baseline, data)?;
        command.arg("postgres").stdout(Stdio::piped());
        let mut process = command.spawn().context("PostgreSQL's keeper doesn't start")?;
        let output = process.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = timeout(START_MAX, lines.next_line()).await.context("PostgreSQL takes too long to start")??;
        let Some(url) = line else { bail!("PostgreSQL's keeper ended with {}", process.wait().await?) };
        Ok(Self { process, url })
    }

    /// Where it is; the same after each start.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Shuts it down.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.process.id() {
            send(pid, Signal::SIGTERM)?;
        }
        timeout(STOP_MAX, self.process.wait()).await.context("PostgreSQL does not stop")??;
        Ok(())
    }
}

/// Processes that are stopped; they go on when this is dropped, whatever the reason.
pub(crate) struct Stopped(Vec<u32>);

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = send(*pid, Signal::SIGCONT);
        }
    }
}

/// Stops a postmaster, which makes no new back ends from then on, and then all that it has.
pub(crate) fn stop_all(postmaster: u32) -> anyhow::Result<Stopped> {
    let mut stopped = Stopped(vec![postmaster]);
    send(postmaster, Signal::SIGSTOP)?;
    for pid in children(postmaster) {
        stopped.0.push(pid);
        send(pid, Signal::SIGSTOP)?;
    }
    Ok(stopped)
}

/// SIGKILL.
pub(crate) fn kill(pid: u32) -> anyhow::Result<()> {
    send(pid, Signal::SIGKILL)
}

fn children(parent: u32) -> Vec<u32> {
    let task = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    task.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// A process that is gone already is no error.
fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    match signal::kill(Pid::from_raw(i32::try_from(pid)?), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{signal} can't be sent to process {pid}")),
    }
}
