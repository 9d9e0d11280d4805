//! One PostgreSQL for all tests of a run, whether they share a process (`cargo test`) or not (`cargo nextest`).
//!
//! Every process of tests holds a lock shared for as long as it lives. The first one starts an *owner*: this same program
//! once more, in the background, with nothing to do but to keep PostgreSQL running. When nobody has held the lock for a
//! while, the owner stops PostgreSQL, deletes its folder and ends. An owner that is killed leaves an orphan, which the
//! next one adopts. Durability is off: commits survive the death of processes, which is all that tests inflict.

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use boxoffice_store::postgres::migrate::Migrator;
use embedded_postgres::{PrivatePostgres, PrivatePostgresSettings};
use tokio_postgres::{Client, NoTls, error::SqlState};

/// Set for the owner: the folder it keeps PostgreSQL in.
const OWNER_OF: &str = "BOXOFFICE_TEST_POSTGRES_OWNER";
/// How long the owner waits for another process of tests; longer than the pause between two programs of one run.
const GRACE: Duration = Duration::from_secs(15);
const START_PATIENCE: Duration = Duration::from_secs(120);
/// A cluster and some hundred small databases; a container's `/dev/shm` of 64 MiB is too small.
const MEMORY_BYTES_MIN: u64 = 1 << 30;

/// Where the shared PostgreSQL is, with a migrated template.
#[derive(Debug)]
pub(crate) struct SharedPostgres {
    /// The address of a database, with `{}` for its name.
    pattern: String,
    /// The template's name.
    pub(crate) template: String,
    _in_use: File,
}

impl SharedPostgres {
    /// The one of this run; the first call starts it, if no other process has.
    pub(crate) fn get() -> &'static Self {
        static SHARED: OnceLock<SharedPostgres> = OnceLock::new();
        SHARED.get_or_init(|| blocking(Self::find_or_start()))
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        self.pattern.replace("{}", database)
    }

    /// The address of a database for the cluster's superuser.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        self.url(database).replacen("//boxoffice@", "//postgres@", 1)
    }

    async fn find_or_start() -> Self {
        let places = Places::new();
        let in_use = places.lock_file("users");
        in_use.lock_shared().unwrap();
        // One after the other: the first starts what the others find.
        let starting = places.lock_file("start");
        starting.lock().unwrap();
        if !places.is_ready() {
            places.start_owner().await;
        }
        let url = fs::read_to_string(places.ready()).unwrap();
        let template = format!("template_{:016x}", hash_of_migrations());
        let (base, _) = url.trim().rsplit_once('/').unwrap();
        let shared = Self { pattern: format!("{base}/{{}}"), template, _in_use: in_use };
        let done = places.folder.join(&shared.template);
        if !done.exists() {
            shared.make_template().await;
            File::create(done).unwrap();
        }
        shared
    }

    async fn make_template(&self) {
        let admin = connect(&self.url("postgres")).await;
        let template = &self.template;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {template}")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {template}")).await.unwrap();
        let mut client = connect(&self.url(template)).await;
        Migrator::embedded().unwrap().up(&mut client).await.unwrap();
    }

    /// Makes a database, empty or migrated.
    pub(crate) async fn create_database(&self, name: &str, migrated: bool) {
        let admin = connect(&self.url("postgres")).await;
        let template = if migrated { &self.template } else { "template1" };
        let deadline = Instant::now() + START_PATIENCE;
        // Nobody may be connected to a template while it is copied, and a backend outlives its connection by a moment.
        while let Err(error) = admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await {
            assert!(error.code() == Some(&SqlState::OBJECT_IN_USE) && Instant::now() < deadline, "{error:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Deletes a database, no matter who is connected to it. Best effort: the whole cluster is deleted in the end.
    pub(crate) async fn drop_database(&self, name: &str) {
        let config: tokio_postgres::Config = self.url("postgres").parse().unwrap();
        if let Ok((client, connection)) = config.connect(NoTls).await {
            tokio::spawn(connection);
            let _ = client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

/// Runs a future to its end on a thread and a runtime of its own: the caller may be inside of another runtime.
pub(crate) fn blocking<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Another migration, another template.
fn hash_of_migrations() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        (file.file_name(), fs::read(&file).unwrap()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Files by which the processes find each other: locks in the build's folder, the cluster in memory when there is enough.
struct Places {
    locks: PathBuf,
    folder: PathBuf,
}

impl Places {
    fn new() -> Self {
        let locks = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(&locks).unwrap();
        // Each checkout and each account has its own.
        let mut hasher = DefaultHasher::new();
        (&locks, nix::unistd::geteuid().as_raw()).hash(&mut hasher);
        let memory = Path::new("/dev/shm");
        let free = nix::sys::statvfs::statvfs(memory).map(|stat| stat.blocks_available() * stat.fragment_size());
        let fits = free.is_ok_and(|free| free >= MEMORY_BYTES_MIN);
        let parent = if fits { memory.to_owned() } else { std::env::temp_dir() };
        Self { locks, folder: parent.join(format!("boxoffice-tests-{:016x}", hasher.finish())) }
    }

    fn lock_file(&self, name: &str) -> File {
        let path = self.locks.join(format!("postgres.{name}.lock"));
        OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap()
    }

    /// Written by the owner when PostgreSQL can be used; holds its address.
    fn ready(&self) -> PathBuf {
        self.folder.join("ready")
    }

    fn is_ready(&self) -> bool {
        self.ready().exists() && PrivatePostgres::url_of_running(&self.folder).is_some()
    }

    #[expect(clippy::zombie_processes, reason = "it outlives this process, and is reaped by init")]
    async fn start_owner(&self) {
        fs::create_dir_all(&self.folder).unwrap();
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755)).unwrap();
        let _ = fs::remove_file(self.ready());
        let output = File::create(self.locks.join("postgres.owner.log")).unwrap();
        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "support::shared_postgres::keeps_postgres_running", "--ignored", "--nocapture"])
            .env(OWNER_OF, &self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            // Out of reach of the terminal's Ctrl-C and of anyone who ends this test's process group.
            .process_group(0)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + START_PATIENCE;
        while !self.ready().exists() {
            let ended = owner.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(self.locks.join("postgres.owner.log")).unwrap_or_default();
                panic!("the shared PostgreSQL did not start ({ended:?}):\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Not a test: the owner.
#[tokio::test]
#[ignore = "the process that keeps the PostgreSQL of the other tests running"]
async fn keeps_postgres_running() {
    let Some(folder) = std::env::var_os(OWNER_OF).map(PathBuf::from) else { return };
    let places = Places::new();
    let settings = PrivatePostgresSettings { durable: false, ..PrivatePostgresSettings::new(&folder) };
    let mut postgres = PrivatePostgres::start(settings).await.unwrap();
    // As many servers at once as the machine has cores, each with a pool. Takes effect with a restart.
    let superuser = postgres.url().replacen("//boxoffice@", "//postgres@", 1);
    let admin = connect(&superuser).await;
    admin.batch_execute("ALTER SYSTEM SET max_connections = 1000").await.unwrap();
    // For tests that count the statements of a request.
    admin.batch_execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'").await.unwrap();
    postgres.restart().await.unwrap();
    fs::write(places.ready().with_extension("new"), postgres.url()).unwrap();
    fs::rename(places.ready().with_extension("new"), places.ready()).unwrap();

    let users = places.lock_file("users");
    let mut last_used = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Refused while anybody holds it shared; anyone who comes meanwhile waits for the end and starts the next owner.
        if users.try_lock().is_err() {
            last_used = Instant::now();
            continue;
        }
        if last_used.elapsed() >= GRACE {
            break;
        }
        users.unlock().unwrap();
    }
    let _ = fs::remove_file(places.ready());
    postgres.stop().await;
    let _ = fs::remove_dir_all(&folder);
}
