//! The cluster on disk: where it lies, how it is made and how it is configured.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Output,
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{PrivatePostgresError, account::Account, binaries::Binaries};

/// The cluster's superuser, for an operator at the console. The server itself uses [`ROLE`].
pub(super) const SUPERUSER: &str = "postgres";
/// The longest socket folder: Linux allows 107 bytes for a socket's path and macOS 103, and PostgreSQL appends
/// `/.s.PGSQL.5432`.
const SOCKET_DIR_BYTES_MAX: usize = 103 - 14;
/// Where root's cluster goes when the account that runs it can't reach the data folder.
const ELSEWHERE: &str = "/var/lib/boxoffice";
/// The folder of a cluster that `initdb` is still making: renamed when complete, thrown away when found at a start.
const UNFINISHED_PREFIX: &str = "postgres.init.";

/// Where everything lies.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The folder in the settings, absolute. Holds the lock and, normally, the rest.
    pub(super) data_dir: PathBuf,
    /// PostgreSQL's own folder. A symbolic link `postgres` in `data_dir` decides, when there is one.
    pub(super) cluster: PathBuf,
    /// The folder of the Unix socket.
    pub(super) socket_dir: PathBuf,
    /// Tells our backends from those of other clusters on the machine.
    pub(super) cluster_name: String,
}

impl Layout {
    /// Makes `data_dir` if it is missing, and computes the rest.
    pub(super) fn new(data_dir: &Path) -> io::Result<Self> {
        if !data_dir.exists() {
            fs::create_dir_all(data_dir)?;
            // Whatever the umask says: the account that runs PostgreSQL must be able to pass.
            fs::set_permissions(data_dir, Permissions::from_mode(0o755))?;
        }
        let data_dir = fs::canonicalize(data_dir)?;
        let named = data_dir.join("postgres");
        let cluster = match fs::read_link(&named) {
            Ok(target) => fs::canonicalize(&named).unwrap_or_else(|_| data_dir.join(target)),
            Err(_) => named,
        };
        Ok(Self::with_cluster(data_dir, cluster))
    }

    fn with_cluster(data_dir: PathBuf, cluster: PathBuf) -> Self {
        let hash = short_hash(&data_dir);
        let beside = cluster.with_file_name("run");
        // The setting is a list, and so is the host in an address.
        let is_one = !beside.as_os_str().as_bytes().contains(&b',') && !beside.as_os_str().as_bytes().contains(&b'"');
        let socket_dir = if beside.as_os_str().len() <= SOCKET_DIR_BYTES_MAX && is_one {
            beside
        } else {
            PathBuf::from(format!("/tmp/boxoffice-{hash}"))
        };
        Self { data_dir, cluster, socket_dir, cluster_name: format!("boxoffice-{hash}") }
    }

    /// The folder that holds the cluster, its socket and its settings.
    pub(super) fn home(&self) -> &Path {
        self.cluster.parent().unwrap_or(&self.data_dir)
    }

    /// The file that says which database a running server uses; written when the cluster is ready.
    pub(super) fn url_file(&self) -> PathBuf {
        self.data_dir.join("postgres.url")
    }

    /// Whether a symbolic link in the data folder leads to the cluster: then it goes with no copy of the folder.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.home() != self.data_dir
    }

    /// The file beside a cluster that lies elsewhere that names its data folder.
    fn owner_file(&self) -> PathBuf {
        self.home().join("boxoffice.data-folder")
    }

    /// Makes sure that a cluster elsewhere is this data folder's: a copy of the folder has the same link, and would share the cluster with the
    /// original. False when nobody has claimed it yet, and its place is not that of another folder.
    pub(super) fn is_mine(&self) -> Result<bool, PrivatePostgresError> {
        let file = self.owner_file();
        let owner = match fs::read(&file) {
            Ok(owner) => PathBuf::from(OsStr::from_bytes(owner.strip_suffix(b"\n").unwrap_or(&owner))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.folder_of_place() {
                Some(hash) if hash != short_hash(&self.data_dir) => PathBuf::from("another data folder"),
                _ => return Ok(false),
            },
            Err(error) => return Err(PrivatePostgresError::io("read", &file)(error)),
        };
        if owner == self.data_dir {
            return Ok(true);
        }
        let (data_dir, cluster) = (self.data_dir.clone(), self.cluster.clone());
        Err(PrivatePostgresError::AnothersCluster { data_dir, cluster, owner, file })
    }

    /// Claims a cluster elsewhere that is nobody's. Call it under the lock beside the cluster.
    pub(super) fn claim(&self) -> Result<(), PrivatePostgresError> {
        if self.is_mine()? {
            return Ok(());
        }
        let file = self.owner_file();
        fs::write(&file, self.data_dir.as_os_str().as_bytes()).map_err(PrivatePostgresError::io("write", &file))
    }

    /// Of a cluster that [`Layout::settle`] has placed: what stands for its data folder.
    fn folder_of_place(&self) -> Option<&str> {
        let (place, name) = (self.home().parent()?, self.home().file_name()?);
        if place == Path::new(ELSEWHERE) { name.to_str() } else { None }
    }

    /// What PostgreSQL prints before its own log file is open.
    pub(super) fn output_file(&self) -> PathBuf {
        self.data_dir.join("postgres.out")
    }

    /// The major version that made the cluster; `None` when there is no cluster yet.
    pub(super) fn cluster_major(&self) -> Option<u32> {
        super::binaries::major(&fs::read_to_string(self.cluster.join("PG_VERSION")).ok()?)
    }

    /// Checks that `account` can get to the cluster. A data folder below a closed one (a checkout in `/root`, say)
    /// has its new cluster in `/var/lib/boxoffice` instead, and a symbolic link that leads there.
    pub(super) async fn settle(self, account: &Account) -> Result<Self, PrivatePostgresError> {
        fs::create_dir_all(self.home()).map_err(PrivatePostgresError::io("create", self.home()))?;
        let home = self.home().to_owned();
        let ask = async |path: &Path| account.first_closed(path).await.map_err(PrivatePostgresError::io("reach", path));
        let Some(closed) = ask(&home).await? else { return Ok(self) };
        let unreachable = |closed: PathBuf| PrivatePostgresError::Unreachable {
            account: account.name.clone(),
            closed,
            data_dir: self.data_dir.clone(),
        };
        if self.cluster.exists() || !account.is_dropped_to() {
            return Err(unreachable(closed));
        }
        let elsewhere = Path::new(ELSEWHERE).join(short_hash(&self.data_dir)).join("postgres");
        let moved = Self::with_cluster(self.data_dir.clone(), elsewhere);
        fs::create_dir_all(moved.home()).map_err(PrivatePostgresError::io("create", moved.home()))?;
        if let Some(closed) = ask(moved.home()).await? {
            return Err(unreachable(closed));
        }
        let link = moved.data_dir.join("postgres");
        let _ = fs::remove_file(&link);
        symlink(&moved.cluster, &link).map_err(PrivatePostgresError::io("link", &link))?;
        tracing::warn!(
            account = account.name, closed = %closed.display(), cluster = %moved.cluster.display(),
            "the account that runs PostgreSQL can't enter the data folder; the cluster lies elsewhere"
        );
        Ok(moved)
    }

    /// Makes the cluster unless there is one. Made beside its place and renamed when complete, so that an `initdb`
    /// that was killed half-way leaves nothing that looks like a cluster.
    pub(super) async fn init(
        &self,
        binaries: &Binaries,
        account: &Account,
        durable: bool,
    ) -> Result<(), PrivatePostgresError> {
        self.remove_unfinished();
        if self.cluster.join("global/pg_control").exists() {
            return Ok(());
        }
        if fs::read_dir(&self.cluster).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(PrivatePostgresError::NotACluster { path: self.cluster.clone() });
        }
        let unfinished = self.home().join(format!("{UNFINISHED_PREFIX}{}", Uuid::now_v7().simple()));
        let io = |what| PrivatePostgresError::io(what, &unfinished);
        DirBuilder::new().mode(0o700).create(&unfinished).map_err(io("create"))?;
        account.own(&unfinished).map_err(io("give away"))?;

        // Not every system knows C.UTF-8; C sorts the same way and differs in upper and lower case beyond ASCII.
        let mut output = run_initdb(binaries, account, &unfinished, "C.UTF-8", durable).await.map_err(io("fill"))?;
        if !output.status.success() {
            output = run_initdb(binaries, account, &unfinished, "C", durable).await.map_err(io("fill"))?;
        }
        if !output.status.success() {
            let _ = fs::remove_dir_all(&unfinished);
            return Err(PrivatePostgresError::InitFailed { output: text_of(&output) });
        }
        let mut conf =
            OpenOptions::new().append(true).open(unfinished.join("postgresql.conf")).map_err(io("configure"))?;
        writeln!(conf, "\ninclude = '../boxoffice.conf'").and_then(|()| conf.sync_all()).map_err(io("configure"))?;
        // An empty folder in the place is replaced by the rename.
        fs::rename(&unfinished, &self.cluster).map_err(io("rename"))?;
        File::open(self.home()).and_then(|folder| folder.sync_all()).map_err(io("make durable"))?;
        Ok(())
    }

    /// Throws away what interrupted `initdb` runs left. Best effort: one that still runs fails on its own.
    fn remove_unfinished(&self) {
        for entry in fs::read_dir(self.home()).into_iter().flatten().flatten() {
            if entry.file_name().as_bytes().starts_with(UNFINISHED_PREFIX.as_bytes()) {
                tracing::warn!(path = %entry.path().display(), "removing a cluster whose creation was interrupted");
                if let Err(error) = fs::remove_dir_all(entry.path()) {
                    tracing::warn!(path = %entry.path().display(), %error, "can't remove it");
                }
            }
        }
    }

    /// Writes the settings file, at every start, so that a newer server's settings take effect.
    pub(super) fn write_conf(&self, account: &Account, durable: bool) -> io::Result<()> {
        let path = self.home().join("boxoffice.conf");
        let new = path.with_extension("conf.new");
        fs::write(&new, self.conf(durable))?;
        account.own(&new)?;
        fs::rename(&new, &path)
    }

    fn conf(&self, durable: bool) -> String {
        let mut conf = String::from("# Written by boxoffice at every start: changes here are lost.\n");
        let quoted = |text: &OsStr| text.to_string_lossy().replace('\\', r"\\").replace('\'', "''");
        let switch = |on| if on { "on" } else { "off" };
        let settings = [
            ("cluster_name", self.cluster_name.clone()),
            // No TCP: nothing to guard with passwords, no port to clash with another cluster.
            ("listen_addresses", String::new()),
            ("port", "5432".into()),
            ("unix_socket_directories", quoted(self.socket_dir.as_os_str())),
            ("unix_socket_permissions", "0700".into()),
            ("max_connections", "100".into()),
            ("fsync", switch(durable).into()),
            ("full_page_writes", switch(durable).into()),
            ("synchronous_commit", "on".into()),
            ("shared_buffers", "256MB".into()),
            ("max_wal_size", "4GB".into()),
            ("wal_compression", "on".into()),
            // Compiling a plan costs more than the short statements of this server take.
            ("jit", "off".into()),
            // A backend whose client vanished stops within this time and lets go of its locks.
            ("client_connection_check_interval", "1s".into()),
            ("timezone", "UTC".into()),
            ("log_timezone", "UTC".into()),
            // One file a weekday, overwritten a week later.
            ("logging_collector", "on".into()),
            ("log_directory", "log".into()),
            ("log_filename", "postgresql-%a.log".into()),
            ("log_rotation_age", "1d".into()),
            ("log_rotation_size", "0".into()),
            ("log_truncate_on_rotation", "on".into()),
            ("log_line_prefix", "%m [%p] %a ".into()),
            ("log_min_duration_statement", "1s".into()),
            // What statements are given, and the details of their errors, are addresses, hashes and one-time tokens.
            ("log_parameter_max_length", "0".into()),
            ("log_parameter_max_length_on_error", "0".into()),
            ("log_error_verbosity", "terse".into()),
            ("log_lock_waits", "on".into()),
        ];
        for (name, value) in settings {
            let _ = writeln!(conf, "{name} = '{value}'");
        }
        conf
    }

    /// Makes the socket's folder, open to nobody but the account: anyone who can enter it is trusted by PostgreSQL.
    pub(super) fn make_socket_dir(&self, account: &Account) -> Result<(), PrivatePostgresError> {
        let io = |what| PrivatePostgresError::io(what, &self.socket_dir);
        match DirBuilder::new().mode(0o700).create(&self.socket_dir) {
            Ok(()) => account.own(&self.socket_dir).map_err(io("give away")),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // In /tmp, somebody else may have been first.
                let meta = fs::symlink_metadata(&self.socket_dir).map_err(io("look at"))?;
                let private = meta.is_dir() && meta.uid() == account.uid() && meta.mode() & 0o077 == 0;
                private.then_some(()).ok_or_else(|| PrivatePostgresError::SocketFolder {
                    path: self.socket_dir.clone(),
                    account: account.name.clone(),
                })
            }
            Err(error) => Err(io("create")(error)),
        }
    }

    /// The last lines PostgreSQL wrote, for an error message.
    pub(super) fn last_output(&self) -> String {
        let logs = fs::read_dir(self.cluster.join("log")).into_iter().flatten().flatten();
        let newest = logs.max_by_key(|entry| entry.metadata().and_then(|meta| meta.modified()).ok());
        let files = [Some(self.output_file()), newest.map(|entry| entry.path())];
        let text: String =
            files.iter().flatten().filter_map(|path| fs::read(path).ok()).fold(String::new(), |mut text, bytes| {
                let tail = &bytes[bytes.len().saturating_sub(2_000)..];
                text.push_str(&String::from_utf8_lossy(tail));
                text
            });
        text.trim().to_owned()
    }
}

async fn run_initdb(
    binaries: &Binaries,
    account: &Account,
    folder: &Path,
    locale: &str,
    durable: bool,
) -> io::Result<Output> {
    let mut command = account.command(&binaries.initdb);
    command.arg("-D").arg(folder).args(["--username", SUPERUSER, "--encoding=UTF8"]);
    command.arg(format!("--locale={locale}")).args(["--auth-local=trust", "--auth-host=reject", "--data-checksums"]);
    if !durable {
        command.arg("--no-sync");
    }
    command.kill_on_drop(true).output().await
}

fn text_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)).trim().to_owned()
}

/// Sixteen hexadecimal digits that stand for a path.
fn short_hash(path: &Path) -> String {
    Sha256::digest(path.as_os_str().as_bytes()).iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn a_long_data_folder_has_its_socket_in_a_short_one() {
        let layout = Layout::with_cluster("/d".into(), "/d/postgres".into());
        assert_eq!(layout.socket_dir, std::path::Path::new("/d/run"));
        let deep = std::path::PathBuf::from(format!("/{}", "x".repeat(100)));
        let layout = Layout::with_cluster(deep.clone(), deep.join("postgres"));
        assert!(layout.socket_dir.starts_with("/tmp"), "{layout:?}");
        for list in ["/srv/box,office", "/srv/box\"office"] {
            let layout = Layout::with_cluster(list.into(), std::path::Path::new(list).join("postgres"));
            assert!(layout.socket_dir.starts_with("/tmp"), "{layout:?}");
        }
    }

    #[test]
    fn the_log_has_nothing_that_statements_were_given() {
        let conf = Layout::with_cluster("/d".into(), "/d/postgres".into()).conf(true);
        for line in [
            "log_parameter_max_length = '0'",
            "log_parameter_max_length_on_error = '0'",
            "log_error_verbosity = 'terse'",
        ] {
            assert!(conf.lines().any(|written| written == line), "{line} is not in\n{conf}");
        }
    }

    #[test]
    fn quotes_in_a_path_do_not_end_the_setting() {
        let layout = Layout::with_cluster("/it's".into(), "/it's/postgres".into());
        assert!(layout.conf(true).contains("unix_socket_directories = '/it''s/run'"));
    }
}
