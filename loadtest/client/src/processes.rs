//! What processes cost: CPU time and memory from `/proc`. Elsewhere than on Linux nothing is known.

use std::{fs, str::FromStr};

/// Clock ticks a second in `/proc/PID/stat`: 100 on every Linux there is (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A process to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What it is called in reports.
    pub name: String,
    /// Its id.
    pub pid: u32,
    /// Whether its children belong to it: a postmaster and its back ends.
    pub family: bool,
}

impl FromStr for Watched {
    type Err = String;

    /// `name=pid`, or `name=pid+` with its children.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, pid) = text.split_once('=').ok_or("give name=pid, or name=pid+ for its children too")?;
        let family = pid.ends_with('+');
        let pid = pid.trim_end_matches('+').parse().map_err(|error| format!("{pid:?}: {error}"))?;
        Ok(Self { name: name.to_owned(), pid, family })
    }
}

/// What one process has used so far.
struct Stat {
    parent: u32,
    own: f64,
    /// Of children that ended.
    reaped: f64,
}

/// CPU seconds that a process has used so far.
pub fn cpu_seconds(watched: &Watched) -> Option<f64> {
    let stat = stat(&watched.pid.to_string())?;
    if !watched.family {
        return Some(stat.own);
    }
    // Children that end during the run move from the one sum to the other.
    let children: f64 = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let name = name.to_str()?.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.to_str())??;
            self::stat(name).filter(|stat| stat.parent == watched.pid).map(|stat| stat.own)
        })
        .sum();
    Some(stat.own + stat.reaped + children)
}

/// Memory of a process that is in RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes now.
    pub resident: u64,
    /// The most there ever were.
    pub peak: u64,
}

/// What a process has in RAM.
pub fn memory(pid: u32) -> Option<Memory> {
    memory_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn memory_in(status: &str) -> Option<Memory> {
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    };
    Some(Memory { resident: of("VmRSS:")?, peak: of("VmHWM:")? })
}

fn stat(pid: &str) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| Some(fields.get(index)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    Some(Stat { parent: fields.get(1)?.parse().ok()?, own: ticks(11)? + ticks(12)?, reaped: ticks(13)? + ticks(14)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_with_or_without_its_children() {
        let of = |text: &str| text.parse::<Watched>();
        assert_eq!(of("server=17"), Ok(Watched { name: "server".into(), pid: 17, family: false }));
        assert_eq!(of("postgres=4+"), Ok(Watched { name: "postgres".into(), pid: 4, family: true }));
        assert!(of("17").is_err() && of("a=b").is_err());
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tserver\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n";
        assert_eq!(memory_in(status), Some(Memory { resident: 1 << 20, peak: 2 << 20 }));
        assert_eq!(memory_in("Name:\tkernel thread\n"), None);
    }
}
