//! Processes of a cluster that are not our children: an orphaned postmaster, backends that outlived theirs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::time::{Instant, sleep};

/// How often a process that is not our child is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long backends get to notice that their postmaster is gone. Idle ones do at once.
const LEFTOVERS_LEAVE: Duration = Duration::from_millis(300);

/// What a postmaster writes about itself into `postmaster.pid`.
#[derive(Debug)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) socket_dir: PathBuf,
    /// `starting`, `ready`, `stopping` or `standby`; empty while the file is being written.
    pub(super) status: String,
}

impl PidFile {
    /// Reads the file of `cluster`; `None` when there is none or it isn't finished.
    pub(super) fn read(cluster: &Path) -> Option<Self> {
        let path = cluster.join("postmaster.pid");
        let text = fs::read_to_string(&path).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        // Lines, since PostgreSQL 10: pid, data folder, start time, port, socket folder, address, memory key, status.
        let line = |number: usize| lines.get(number).copied().unwrap_or_default();
        Some(Self { pid: locked_by(&path)?, socket_dir: line(4).into(), status: line(7).to_owned() })
    }
}

/// The process that a lock file of PostgreSQL names on its first line.
pub(super) fn locked_by(file: &Path) -> Option<i32> {
    fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok().filter(|pid| *pid > 1)
}

/// The arguments of every process we may look at, or of one.
///
/// Read from the command line and not from `/proc/PID/cwd`: the latter takes ptrace rights that root in a container
/// often lacks for another account's processes.
#[cfg(target_os = "linux")]
fn arguments(pid: i32) -> Option<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn arguments(pid: i32) -> Option<String> {
    let output =
        std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(target_os = "linux")]
fn all_processes() -> Vec<(i32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, arguments(pid)?)))
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn all_processes() -> Vec<(i32, String)> {
    let Ok(output) = std::process::Command::new("ps").args(["-axww", "-o", "pid=,command="]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| {
            let (pid, command) = line.trim_start().split_once(' ')?;
            Some((pid.parse().ok()?, command.trim().to_owned()))
        })
        .collect()
}

/// Whether `pid` is alive and the postmaster of `cluster`, and not a stranger that got the same number later. A
/// process that ended and waits to be reaped has no arguments and is not.
pub(super) fn is_postmaster_of(pid: i32, cluster: &Path) -> bool {
    let Some(command) = arguments(pid) else { return false };
    let (program, rest) = command.split_once(" -D ").unwrap_or((&command, ""));
    let wanted = cluster.to_string_lossy();
    let named = rest.strip_prefix(wanted.as_ref()).is_some_and(|after| after.is_empty() || after.starts_with(' '));
    let is_postgres = matches!(program.rsplit('/').next(), Some("postgres" | "postmaster"));
    // Started by hand with a relative folder: its working folder is the cluster.
    let stands_there = || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == cluster);
    is_postgres && (named || stands_there())
}

/// Whether any process has this number, a dead one that was not reaped included.
pub(super) fn exists(pid: i32) -> bool {
    signal::kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

/// Sends a signal; a process that is gone already is no error.
pub(super) fn send(pid: i32, signal: Signal) {
    if let Err(error) = signal::kill(Pid::from_raw(pid), signal)
        && error != nix::errno::Errno::ESRCH
    {
        tracing::warn!(pid, %signal, %error, "can't signal a PostgreSQL process");
    }
}

/// Removes what a killed postmaster left running: its backends keep the old shared memory attached, and a new
/// postmaster refuses to start beside it. They are known by `cluster_name`, which PostgreSQL shows in their title.
pub(super) async fn sweep_leftovers(cluster_name: &str) {
    let prefix = format!("postgres: {cluster_name}: ");
    let leftovers = || -> Vec<i32> {
        all_processes().into_iter().filter(|(_, title)| title.starts_with(&prefix)).map(|(pid, _)| pid).collect()
    };
    let started = Instant::now();
    // Ending them loses nothing: what they acknowledged is in the write-ahead log, which the next start replays. So:
    // time to leave, then SIGQUIT, then SIGKILL.
    let escalation = [(LEFTOVERS_LEAVE, Signal::SIGQUIT), (LEFTOVERS_LEAVE * 3, Signal::SIGKILL)];
    let mut steps = escalation.into_iter().peekable();
    loop {
        let pids = leftovers();
        if pids.is_empty() || started.elapsed() > LEFTOVERS_LEAVE * 10 {
            return;
        }
        if let Some((_, signal)) = steps.next_if(|(after, _)| started.elapsed() >= *after) {
            tracing::warn!(?pids, %signal, "ending processes of a PostgreSQL whose postmaster is gone");
            pids.into_iter().for_each(|pid| send(pid, signal));
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{PidFile, exists, is_postmaster_of};

    #[test]
    fn an_unfinished_pid_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(PidFile::read(folder.path()).is_none());
        std::fs::write(folder.path().join("postmaster.pid"), "").unwrap();
        assert!(PidFile::read(folder.path()).is_none());
        std::fs::write(folder.path().join("postmaster.pid"), "42\n/data\n1\n5432\n/run\n\n 7 8\nready   \n").unwrap();
        let file = PidFile::read(folder.path()).unwrap();
        assert_eq!((file.pid, file.status.as_str()), (42, "ready"));
        assert_eq!(file.socket_dir, std::path::Path::new("/run"));
    }

    #[test]
    fn another_process_with_the_same_number_is_no_postmaster() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(exists(me));
        assert!(!is_postmaster_of(me, "/data/postgres".as_ref()));
    }
}
