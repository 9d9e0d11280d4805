//! How many connections this machine lets one process have.

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

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
