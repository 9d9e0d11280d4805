//! A private PostgreSQL that the server owns, for when no database was given.
//!
//! The server finds PostgreSQL's programs on the machine, makes a cluster in its data folder once, and runs it with
//! full durability behind a Unix socket that only its own account can reach. One server at a time: a file lock, which
//! the kernel lets go of however the server ends, guards the folder, and another one a cluster that lies elsewhere, which also says whose
//! it is.
//!
//! Either side may be killed at any moment:
//!
//! - **The server dies**: PostgreSQL runs on. The next server *adopts* it rather than restarting it, because a stop
//!   would cost a checkpoint or a replay of up to `max_wal_size` of log, and adopting costs nothing.
//! - **PostgreSQL dies**: [`PrivatePostgres::keep_alive`] starts it again; leftover backends, which would hold the
//!   old shared memory, are ended first.

mod account;
mod binaries;
mod cluster;
mod error;
mod process;
mod supervise;

use std::{
    fs::{self, File, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use account::Account;
use binaries::Binaries;
use cluster::Layout;
use nix::sys::signal::Signal;
use tokio::{process::Child, time::sleep};

pub use error::PrivatePostgresError;

/// The role the server connects as: owns the database and may create others, but is no superuser, so that no
/// statement of the server can reach the machine's files or programs.
pub const ROLE: &str = "boxoffice";

/// How long a start waits for another owner to let go. A killed one has by then; a living one keeps the lock.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// How to run the private PostgreSQL.
#[derive(Debug, Clone)]
pub struct PrivatePostgresSettings {
    /// The server's data folder, `./data` for example; made if missing. The cluster is `postgres` inside.
    pub data_dir: PathBuf,
    /// The folder that holds `initdb` and `postgres`. Without it `PATH` and the distributions' folders are searched.
    pub bin_dir: Option<PathBuf>,
    /// The account to run PostgreSQL as when we are root, which it refuses. Without it `postgres`. An
    /// existing cluster stays with its owner.
    pub user: Option<String>,
    /// Whether commits survive a power cut. Off is for tests: commits then survive the death of processes only.
    pub durable: bool,
    /// The database to make and use.
    pub database: String,
}

impl PrivatePostgresSettings {
    /// Durable, database `boxoffice`, programs searched.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), bin_dir: None, user: None, durable: true, database: "boxoffice".into() }
    }
}

/// Who runs the cluster at the moment.
#[derive(Debug)]
enum Postmaster {
    /// Nobody: not started yet, or ended and noticed.
    Gone,
    /// Our child.
    Child(Child),
    /// The child of a server that is no more. Not ours to reap, so its end is seen by looking.
    Adopted(i32),
}

/// A running private PostgreSQL. Dropping it without [`stop`](Self::stop) asks PostgreSQL to shut down and does not
/// wait.
#[derive(Debug)]
pub struct PrivatePostgres {
    layout: Layout,
    account: Account,
    binaries: Binaries,
    database: String,
    url: String,
    postmaster: Postmaster,
    /// Of the data folder, and of the cluster when that lies elsewhere. Locked for as long as we live. Opened close-on-exec, as everything
    /// in Rust: PostgreSQL must not inherit them, or a killed server's lock would live on in it.
    _locks: Vec<File>,
}

impl PrivatePostgres {
    /// Makes the cluster if there is none, and starts PostgreSQL or adopts one that a killed server left running.
    /// Ready for connections on return, the database made.
    ///
    /// # Errors
    /// When the programs are missing, the folder is in use or can't be used, or PostgreSQL doesn't start.
    pub async fn start(settings: PrivatePostgresSettings) -> Result<Self, PrivatePostgresError> {
        let layout = Layout::new(&settings.data_dir)
            .map_err(PrivatePostgresError::io("create the data folder", &settings.data_dir))?;
        let lock = lock(&layout.data_dir).await?;
        let account = Account::choose(settings.user.as_deref(), &layout.cluster)?;
        let layout = layout.settle(&account).await?;
        let mut locks = vec![lock];
        if layout.is_elsewhere() {
            // Before the lock: the server that holds it may be the original's server, and both paths say more than that it runs.
            layout.is_mine()?;
            locks.push(self::lock(layout.home()).await?);
            layout.claim()?;
        }
        let binaries = binaries::find(settings.bin_dir.as_deref(), layout.cluster_major(), &account).await?;
        layout.init(&binaries, &account, settings.durable).await?;
        layout.make_socket_dir(&account)?;
        layout
            .write_conf(&account, settings.durable)
            .map_err(PrivatePostgresError::io("write the settings in", layout.home()))?;
        let url = url(&layout.socket_dir, ROLE, &settings.database);
        let mut postgres = Self {
            layout,
            account,
            binaries,
            database: settings.database,
            url,
            postmaster: Postmaster::Gone,
            _locks: locks,
        };
        postgres.restart().await?;
        Ok(postgres)
    }

    /// Where to connect: a URL for `tokio_postgres`, `psql` and the like. The same after every restart.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The postmaster's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        match &self.postmaster {
            Postmaster::Gone => None,
            Postmaster::Child(child) => child.id(),
            Postmaster::Adopted(pid) => u32::try_from(*pid).ok(),
        }
    }

    /// Whether there is a cluster in `data_dir`, running or not. Makes nothing.
    pub fn is_there(data_dir: &Path) -> bool {
        data_dir.join("postgres").join("PG_VERSION").exists()
    }

    /// The URL of the private PostgreSQL of a server that runs on `data_dir` now, for commands that work beside it
    /// (migrations, the console). `None` when none runs; then the command may start one itself.
    pub fn url_of_running(data_dir: &Path) -> Option<String> {
        let lock = File::open(data_dir.join(LOCK_FILE)).ok()?;
        // A shared lock, held for an instant, is refused exactly while an owner lives.
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) | Err(TryLockError::Error(_)) => return None,
        }
        let url = fs::read_to_string(Layout::new(data_dir).ok()?.url_file()).ok()?;
        Some(url.trim().to_owned()).filter(|url| !url.is_empty())
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()) {
            process::send(pid, Signal::SIGINT);
        }
    }
}

/// Its lock says that a server lives; its content, which one.
const LOCK_FILE: &str = "boxoffice.lock";

async fn lock(data_dir: &Path) -> Result<File, PrivatePostgresError> {
    let path = data_dir.join(LOCK_FILE);
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(PrivatePostgresError::io("open", &path))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => {
                let pid = std::process::id().to_string();
                let written = file.set_len(0).and_then(|()| file.write_all(pid.as_bytes()));
                written.map_err(PrivatePostgresError::io("write", &path))?;
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => sleep(LOCK_PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(PrivatePostgresError::io("lock", &path)(error)),
        }
    }
    let mut pid = String::new();
    let _ = file.read_to_string(&mut pid);
    let pid = Some(pid.trim().to_owned()).filter(|pid| !pid.is_empty());
    Err(PrivatePostgresError::InUse { data_dir: data_dir.to_owned(), pid })
}

/// A URL that names a Unix socket's folder as its host.
fn url(socket_dir: &Path, role: &str, database: &str) -> String {
    let encode = |text: &str| -> String {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
    };
    format!("postgresql://{}@{}/{}", encode(role), encode(&socket_dir.to_string_lossy()), encode(database))
}
