//! The operating-system account that runs PostgreSQL, which refuses to run as root.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::unistd::{Uid, User, geteuid};
use tokio::process::Command;

use super::PrivatePostgresError;

/// What PostgreSQL's programs may see of our environment. Everything else stays here: it holds the server's
/// secrets, and `PG…` variables would change what the programs do.
const PASSED_ON: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR"];

/// The account of whatever needs none; several programs may run as it.
const SHARED: &str = "nobody";

/// An account, and whether we have to become it first.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// For messages.
    pub(super) name: String,
    /// User and group to change to; `None` when we are that user already.
    drop_to: Option<(u32, u32)>,
}

impl Account {
    /// The owner of the `cluster` if it is there; otherwise ourselves, or for root the account `wanted` or `postgres`. Never `nobody`: everyone else who
    /// runs as that account could read all data and stop the server.
    pub(super) fn choose(wanted: Option<&str>, cluster: &Path) -> Result<Self, PrivatePostgresError> {
        let me = geteuid();
        let owner = fs::metadata(cluster).ok().map(|meta| Uid::from_raw(meta.uid()));
        match owner {
            Some(owner) if !me.is_root() && owner != me => Err(PrivatePostgresError::WrongOwner {
                path: cluster.to_owned(),
                owner: name_of(owner),
                me: name_of(me),
            }),
            _ if !me.is_root() => Ok(Self { name: name_of(me), drop_to: None }),
            // PostgreSQL accepts nobody but the folder's owner, so the owner goes before the setting.
            Some(owner) if !owner.is_root() => {
                let gid = fs::metadata(cluster).map(|meta| meta.gid()).unwrap_or(owner.as_raw());
                Ok(Self { name: name_of(owner), drop_to: Some((owner.as_raw(), gid)) })
            }
            _ => {
                let name = wanted.unwrap_or("postgres");
                let user =
                    User::from_name(name).ok().flatten().filter(|user| !user.uid.is_root() && user.name != SHARED);
                let user = user.ok_or_else(|| PrivatePostgresError::NoAccount { name: name.to_owned() })?;
                Ok(Self { name: user.name, drop_to: Some((user.uid.as_raw(), user.gid.as_raw())) })
            }
        }
    }

    /// Whether we run as root and change to another account.
    pub(super) fn is_dropped_to(&self) -> bool {
        self.drop_to.is_some()
    }

    /// The account's user id.
    pub(super) fn uid(&self) -> u32 {
        self.drop_to.map_or_else(|| geteuid().as_raw(), |(uid, _)| uid)
    }

    /// A command that runs as the account, with a bare environment, no input, and outside our process group: a
    /// Ctrl-C at the terminal must reach the server alone, which drains first and then stops PostgreSQL itself.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // Our own folder may be closed to the account.
        command.env("HOME", "/").env("LC_ALL", "C").current_dir("/");
        command.stdin(Stdio::null()).process_group(0);
        if let Some((uid, gid)) = self.drop_to {
            // When root sets a user id and no groups, the standard library clears root's supplementary groups too.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives `path` to the account.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        self.drop_to.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
    }

    /// The first folder on the way to `path`, itself included, that the account can't enter. Asked of the kernel by
    /// a child that runs as the account: mode bits alone say nothing about ACLs and security modules.
    pub(super) async fn first_closed(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let mut steps: Vec<&Path> = path.ancestors().collect();
        steps.reverse();
        let script = r#"for step; do [ -x "$step" ] || { printf %s "$step"; exit 0; }; done"#;
        let output = self.command("/bin/sh").args(["-c", script, "sh"]).args(steps).output().await?;
        let closed = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok((!closed.is_empty()).then(|| closed.into()))
    }
}

/// The account's name, or its number when it has none.
fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: that no account is taken that other programs run as.
    #[test]
    fn root_takes_an_account_of_its_own_or_none() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let cluster = folder.path().join("postgres");
        for name in [SHARED, "no-such-account", "root"] {
            let refused = Account::choose(Some(name), &cluster).unwrap_err();
            assert!(matches!(refused, PrivatePostgresError::NoAccount { .. }), "{name}: {refused}");
        }
        if let Ok(chosen) = Account::choose(None, &cluster) {
            assert_eq!(chosen.name, "postgres");
        }
    }
}
