//! What a number was measured on, without which it says nothing.

use std::{fmt, fs, process::Command, time::SystemTime};

use serde::Serialize;

/// The machine, the moment and the versions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) unix_seconds: u64,
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    /// Load averages before the start: above 0.5 or so, somebody else was there.
    load_before: String,
    pub(crate) postgres: Option<String>,
    rustc: String,
    /// The commit that is checked out, and whether files differ from it.
    commit: String,
}

impl Machine {
    pub(crate) fn of_here() -> Self {
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

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_mib, kernel, load_before, rustc, commit, .. } = self;
        write!(
            f,
            "{cores} cores of {cpu}, {memory_mib} MiB, Linux {kernel}, load {load_before}\n{rustc}, commit {commit}"
        )
    }
}
