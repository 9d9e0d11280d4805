//! How many connections this machine lets one process have.

use std::fs;

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// File descriptors that a process has beside its connections, rounded up generously.
const OTHER_DESCRIPTORS: u64 = 256;

/// Raises this process's limit of file descriptors, which what it starts inherits, to what the system allows; fails when
/// that is not enough for `connections` on either side.
pub fn raise_descriptors(connections: usize) -> anyhow::Result<()> {
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

/// Fails when there are fewer ports than `connections` to one address need. Where the system does not tell, nothing fails.
pub fn check_ports(connections: usize) -> anyhow::Result<()> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let Some(ports) = ports_in(&range) else { return Ok(()) };
    if ports < connections {
        bail!(
            "{connections} connections need as many local ports, and there are {ports}: widen \
             net.ipv4.ip_local_port_range, or ask for fewer connections"
        );
    }
    Ok(())
}

fn ports_in(range: &str) -> Option<usize> {
    let mut ends = range.split_whitespace().map(str::parse::<usize>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    (last + 1).checked_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_counted_with_both_ends() {
        assert_eq!(ports_in("32768\t60999\n"), Some(28_232));
        assert_eq!(ports_in(""), None);
    }

    #[test]
    fn more_connections_than_there_may_be_are_refused_with_a_reason() {
        assert!(raise_descriptors(1).is_ok());
        let reason = raise_descriptors(usize::MAX).unwrap_err().to_string();
        assert!(reason.contains("raise the hard limit"), "{reason}");
        assert!(check_ports(1).is_ok());
    }
}
