//! The database fails over: its standby, which takes no writes at first, is promoted.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use embedded_postgres::{PrivatePostgres, PrivatePostgresSettings};
use nix::{sys::signal::Signal, unistd::Pid};

use super::mixed::Load;
use super::signal;
use crate::support::{ChildServer, audit::audit, relay::Relay, shared_postgres::connect, until};

fn as_superuser(url: &str) -> String {
    url.replacen("//boxoffice@", "//postgres@", 1)
}

/// A copy of a PostgreSQL that follows it. Ends when dropped.
struct Standby {
    process: Child,
    url: String,
}

impl Standby {
    /// Of the cluster below `folder`, run by the process `postmaster`.
    async fn of(folder: &Path, postmaster: u32, url: &str) -> Self {
        let owner = fs::metadata(fs::canonicalize(folder.join("postgres")).unwrap()).unwrap();
        let programs = fs::read_link(format!("/proc/{postmaster}/exe")).unwrap().parent().unwrap().to_owned();
        let home = folder.join("standby");
        let (data, sockets) = (home.join("postgres"), home.join("run"));
        for made in [&home, &sockets] {
            fs::create_dir(made).unwrap();
            chown(made, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        // The cluster includes it by this relative path.
        let conf = fs::canonicalize(folder.join("postgres")).unwrap().parent().unwrap().join("boxoffice.conf");
        fs::copy(conf, home.join("boxoffice.conf")).unwrap();
        fs::set_permissions(home.join("boxoffice.conf"), fs::Permissions::from_mode(0o644)).unwrap();
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.uid(owner.uid()).gid(owner.gid()).current_dir(&home).stdin(Stdio::null());
            command
        };
        let mut backup = program("pg_basebackup");
        backup.arg("-d").arg(as_superuser(url)).arg("-D").arg(&data).args(["-R", "-X", "stream", "--checkpoint=fast"]);
        let made = tokio::task::spawn_blocking(move || backup.output().unwrap()).await.unwrap();
        assert!(made.status.success(), "{made:?}");
        let log = fs::File::create(folder.join("standby.log")).unwrap();
        let mut server = program("postgres");
        server.arg("-D").arg(&data).arg("-c").arg(format!("unix_socket_directories={}", sockets.display()));
        server.args(["-c", "cluster_name=standby", "-c", "logging_collector=off"]);
        let process = server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let encoded = sockets.display().to_string().replace('/', "%2F");
        Self { process, url: format!("postgresql://boxoffice@{encoded}/boxoffice") }
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        signal(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), Signal::SIGQUIT);
        let _ = self.process.wait();
    }
}

/// A folder that the account of PostgreSQL can enter.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

/// The guards: SQLSTATE 25006 and a connection that ends are no defects, and a read-only database is not ready. What was acknowledged
/// before is there afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_takes_over_and_nobody_is_told_that_the_server_is_broken() {
    let (_folder, path) = folder();
    let settings = PrivatePostgresSettings { durable: false, ..PrivatePostgresSettings::new(&path) };
    let primary = PrivatePostgres::start(settings).await.unwrap();
    let standby = Standby::of(&path, primary.pid().unwrap(), primary.url()).await;
    let console = connect(&as_superuser(primary.url())).await;
    // Nothing that was acknowledged may be lost, so the primary waits for its standby.
    console.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
    console.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    let mut relay = Relay::closed();
    relay.open(primary.url()).await;
    let server = ChildServer::start(super::settings().set("DATABASE_URL", relay.url(primary.url()))).await;
    let mut load = Load::begin(&server.api, &connect(primary.url()).await).await;
    load.during(async |load| {
        let since = Instant::now();
        signal(Pid::from_raw(i32::try_from(primary.pid().unwrap()).unwrap()), Signal::SIGQUIT);
        relay.close();
        load.is_refused("list", since).await;
        relay.open(&standby.url).await;
        let since = Instant::now();
        for operation in ["edit", "profile", "tag", "book"] {
            load.is_refused(operation, since).await;
        }
        until("it is not ready", async || server.api.get("/health/ready").await.status == 503).await;
        let console = connect(&as_superuser(&standby.url)).await;
        // Without a standby of its own.
        console.batch_execute("SELECT pg_promote()").await.unwrap();
        console.batch_execute("ALTER SYSTEM RESET synchronous_standby_names").await.unwrap();
        console.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    })
    .await;
    until("it is ready again", async || server.api.get("/health/ready").await.status == 200).await;
    load.judge().await;
    audit(&connect(&standby.url).await).await;
}
