//! Processes and threads that a measurement starts, what is done to them, and how much they may have.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{self, Signal},
    },
    time::{ClockId, clock_gettime},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    runtime::Builder,
    task::spawn_blocking,
    time::timeout,
};

use crate::usage::children;

/// How long a step of the preparations may take.
const STEP_MAX: Duration = Duration::from_secs(300);
/// How long a process may take to stop: a checkpoint after minutes of writing takes its time.
const STOP_MAX: Duration = Duration::from_secs(90);

/// A process that goes on until it is stopped; killed when dropped.
pub(crate) struct Process {
    name: String,
    pub(crate) child: Child,
}

impl Process {
    pub(crate) fn start(name: &str, mut command: Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn();
        Ok(Self { name: name.to_owned(), child: child.with_context(|| format!("{name} doesn't start"))? })
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().with_context(|| format!("{} has ended", self.name))
    }

    /// How it ended, when it has ended by itself.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// SIGTERM, and the end of it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id() {
            send(pid, Signal::SIGTERM)?;
        }
        let ended = timeout(STOP_MAX, self.child.wait()).await;
        ended.with_context(|| format!("{} does not stop", self.name))??;
        Ok(())
    }

    /// SIGKILL, and the end of it.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
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

/// Stops a process, which starts no others from then on, and then all its children.
pub(crate) fn stop_all(parent: u32) -> anyhow::Result<Stopped> {
    let mut stopped = Stopped(vec![parent]);
    send(parent, Signal::SIGSTOP)?;
    for pid in children(parent) {
        stopped.0.push(pid);
        send(pid, Signal::SIGSTOP)?;
    }
    Ok(stopped)
}

/// A process that is gone already is no error.
pub(crate) fn send(pid: u32, signal: Signal) -> anyhow::Result<()> {
    match signal::kill(Pid::from_raw(i32::try_from(pid)?), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{signal} can't be sent to process {pid}")),
    }
}

pub(crate) fn is_alive(pid: u32) -> bool {
    i32::try_from(pid).is_ok_and(|pid| signal::kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH))
}

/// Runs a command to its end, and gives what it printed.
pub(crate) async fn complete(mut command: Command, what: &str) -> anyhow::Result<Vec<u8>> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = timeout(STEP_MAX, command.output()).await;
    let output = output.with_context(|| format!("{what} takes too long"))?.with_context(|| what.to_owned())?;
    if !output.status.success() {
        bail!("{what} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// Ports that are free now, held together so that they differ. Somebody else may take one first; then the start fails and
/// says so.
pub(crate) fn free_addresses() -> anyhow::Result<[SocketAddr; 2]> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let both = [bind()?, bind()?];
    Ok([both[0].local_addr()?, both[1].local_addr()?])
}

/// File descriptors that a process has beside its connections, rounded up generously.
const OTHER_DESCRIPTORS: u64 = 256;

/// Raises this process's limit of file descriptors, which what it starts inherits, to what the system allows; fails when
/// that is not enough for `connections` on either side.
pub(crate) fn raise_descriptors(connections: usize) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("the limit of file descriptors is unknown")?;
    let needed = (connections as u64).saturating_add(OTHER_DESCRIPTORS);
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("the limit of file descriptors can't be raised")?;
    }
    if hard < needed {
        bail!(
            "{connections} connections need {needed} file descriptors, on the client's side as on the server's, and a \
             process may have {hard} here: raise the hard limit (ulimit -Hn, LimitNOFILE), or ask for fewer connections"
        );
    }
    Ok(())
}

/// What `work` comes to, and the CPU seconds that its thread has taken.
pub(crate) async fn on_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<(T, f64)>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let run = || {
        let done = Builder::new_current_thread().enable_all().build()?.block_on(work());
        let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        Ok((done, used.tv_sec() as f64 + used.tv_nsec() as f64 / 1e9))
    };
    spawn_blocking(run).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_there_may_be_are_refused_with_a_reason() {
        assert!(raise_descriptors(1).is_ok());
        let reason = raise_descriptors(usize::MAX).unwrap_err().to_string();
        assert!(reason.contains("raise the hard limit"), "{reason}");
    }
}
