//! The private PostgreSQL: its life, and the deaths of either side.
//!
//! These run as root (PostgreSQL then runs as another account) and as a normal user alike.
#![allow(clippy::print_stdout, reason = "the process that plays a server says where it is")]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use embedded_postgres::{PrivatePostgres, PrivatePostgresError, PrivatePostgresSettings};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Set for the process that plays a server which is then killed: the data folder it serves.
const OWNER_OF: &str = "BOXOFFICE_TEST_OWNER_OF";

/// A data folder that the account PostgreSQL runs as can reach.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn settings(data_dir: &Path) -> PrivatePostgresSettings {
    PrivatePostgresSettings { durable: false, ..PrivatePostgresSettings::new(data_dir) }
}

async fn start(data_dir: &Path) -> PrivatePostgres {
    PrivatePostgres::start(settings(data_dir)).await.unwrap()
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn insert(url: &str, value: i32) {
    let client = connect(url).await;
    client.batch_execute("CREATE TABLE IF NOT EXISTS kept (value int)").await.unwrap();
    client.execute("INSERT INTO kept VALUES ($1)", &[&value]).await.unwrap();
}

async fn kept(url: &str) -> Vec<i32> {
    let rows = connect(url).await.query("SELECT value FROM kept ORDER BY value", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn kill_hard(pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
}

/// Starts a copy of this test program that owns `data_dir` until it is killed; returns when it is ready.
fn owner_process(data_dir: &Path) -> (Child, u32) {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded_postgres::plays_a_server_for_the_other_tests", "--ignored", "--nocapture"])
        .env(OWNER_OF, data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let ready = lines.map(Result::unwrap).find_map(|line| Some(line.split_once("postmaster ")?.1.to_owned()));
    (owner, ready.unwrap().trim().parse().unwrap())
}

#[tokio::test]
#[ignore = "the other half of the tests that kill a server"]
async fn plays_a_server_for_the_other_tests() {
    let Some(data_dir) = std::env::var_os(OWNER_OF) else { return };
    let postgres = start(&PathBuf::from(data_dir)).await;
    insert(postgres.url(), 1).await;
    println!("postmaster {}", postgres.pid().unwrap());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn data_survives_a_stop_and_a_start() {
    let folder = folder();
    let first = start(folder.path()).await;
    insert(first.url(), 1).await;
    first.stop().await;
    assert!(!folder.path().join("postgres/postmaster.pid").exists(), "stopped for good");

    let second = start(folder.path()).await;
    assert_eq!(kept(second.url()).await, [1]);
    let client = connect(second.url()).await;
    let row = client.query_one("SELECT rolsuper, current_database() FROM pg_roles WHERE rolname = current_user", &[]);
    let row = row.await.unwrap();
    assert_eq!((row.get::<_, bool>(0), row.get::<_, &str>(1)), (false, "boxoffice"));
    second.stop().await;
}

#[tokio::test]
async fn the_defaults_are_durable() {
    let folder = folder();
    let postgres = PrivatePostgres::start(PrivatePostgresSettings::new(folder.path())).await.unwrap();
    let client = connect(postgres.url()).await;
    for (name, wanted) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("client_connection_check_interval", "1s"),
        ("server_encoding", "UTF8"),
    ] {
        let value: String = client.query_one("SELECT current_setting($1)", &[&name]).await.unwrap().get(0);
        assert_eq!(value, wanted, "{name}");
    }
    postgres.stop().await;
}

#[tokio::test]
async fn a_killed_postmaster_is_started_again_with_every_commit() {
    let folder = folder();
    let mut postgres = start(folder.path()).await;
    for round in 0..3 {
        insert(postgres.url(), round).await;
        // A backend in the middle of a statement doesn't notice the postmaster's end: it must not block the start.
        let busy = connect(postgres.url()).await;
        let running =
            tokio::spawn(async move { busy.batch_execute("SELECT count(*) FROM generate_series(1, 1e12)").await });
        let watcher = connect(postgres.url()).await;
        until("the statement runs", async || {
            let sql = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%1e12%' AND pid <> pg_backend_pid()";
            watcher.query_opt(sql, &[]).await.unwrap().is_some()
        })
        .await;
        kill_hard(postgres.pid().unwrap());
        postgres.wait_exit().await;
        assert_eq!(postgres.pid(), None);
        postgres.restart().await.unwrap();
        assert!(running.await.unwrap().is_err());
        assert_eq!(kept(postgres.url()).await, (0..=round).collect::<Vec<_>>());
    }
    postgres.stop().await;
}

#[tokio::test]
async fn keep_alive_brings_a_killed_postmaster_back_and_stops_it_in_the_end() {
    let folder = folder();
    let postgres = start(folder.path()).await;
    let (url, first) = (postgres.url().to_owned(), postgres.pid().unwrap());
    insert(&url, 7).await;
    let (shutdown, told) = tokio::sync::oneshot::channel::<()>();
    let keeper = tokio::spawn(postgres.keep_alive(async { drop(told.await) }));
    kill_hard(first);
    until("another postmaster is ready", async || {
        pid_in(folder.path()) != Some(first) && tokio_postgres::connect(&url, NoTls).await.is_ok()
    })
    .await;
    assert_eq!(kept(&url).await, [7]);
    shutdown.send(()).unwrap();
    keeper.await.unwrap();
    assert_eq!(pid_in(folder.path()), None);
}

#[tokio::test]
async fn the_orphan_of_a_killed_server_is_adopted() {
    let folder = folder();
    let (mut owner, postmaster) = owner_process(folder.path());
    owner.kill().unwrap();
    owner.wait().unwrap();

    let mut adopted = start(folder.path()).await;
    assert_eq!(adopted.pid(), Some(postmaster), "the same postmaster goes on");
    assert_eq!(kept(adopted.url()).await, [1]);

    // Not our child, and watched all the same.
    kill_hard(postmaster);
    adopted.wait_exit().await;
    adopted.restart().await.unwrap();
    assert_ne!(adopted.pid(), Some(postmaster));
    assert_eq!(kept(adopted.url()).await, [1]);
    adopted.stop().await;
}

#[tokio::test]
async fn an_orphan_is_stopped_as_thoroughly_as_a_child() {
    let folder = folder();
    let (mut owner, _) = owner_process(folder.path());
    owner.kill().unwrap();
    owner.wait().unwrap();
    start(folder.path()).await.stop().await;
    assert_eq!(pid_in(folder.path()), None);
}

#[tokio::test]
async fn server_and_postmaster_killed_together_leave_every_commit() {
    let folder = folder();
    let (mut owner, postmaster) = owner_process(folder.path());
    kill_hard(postmaster);
    owner.kill().unwrap();
    owner.wait().unwrap();
    let postgres = start(folder.path()).await;
    assert_eq!(kept(postgres.url()).await, [1]);
    postgres.stop().await;
}

#[tokio::test]
async fn a_second_owner_is_refused_and_may_use_the_first_ones_database() {
    let folder = folder();
    assert_eq!(PrivatePostgres::url_of_running(folder.path()), None);
    let first = start(folder.path()).await;
    let refused = PrivatePostgres::start(settings(folder.path())).await.unwrap_err();
    assert!(matches!(refused, PrivatePostgresError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    assert_eq!(PrivatePostgres::url_of_running(folder.path()).as_deref(), Some(first.url()));
    assert!(first.pid().is_some(), "the first one is unharmed");
    first.stop().await;
    assert_eq!(PrivatePostgres::url_of_running(folder.path()), None);
}

#[tokio::test]
async fn a_half_finished_initdb_is_done_again() {
    let folder = folder();
    let unfinished = folder.path().join("postgres.init.0123");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    let postgres = start(folder.path()).await;
    assert!(!unfinished.exists());
    insert(postgres.url(), 1).await;
    postgres.stop().await;
}

#[tokio::test]
async fn what_we_did_not_make_is_left_alone() {
    let folder = folder();
    let cluster = folder.path().join("postgres");
    fs::create_dir(&cluster).unwrap();
    fs::write(cluster.join("precious"), "").unwrap();
    let refused = PrivatePostgres::start(settings(folder.path())).await.unwrap_err();
    assert!(matches!(refused, PrivatePostgresError::NotACluster { .. }), "{refused}");
    assert!(cluster.join("precious").exists());
}

#[tokio::test]
async fn a_postmaster_pid_with_a_strangers_number_does_not_block_the_start() {
    let folder = folder();
    start(folder.path()).await.stop().await;
    // As after a reboot: the number belongs to some other process now, of the same account.
    let mut stranger = Command::new("sleep");
    if nix::unistd::geteuid().is_root() {
        stranger.uid(fs::metadata(folder.path().join("postgres")).unwrap().uid());
    }
    let mut stranger = stranger.arg("600").spawn().unwrap();
    let text = format!("{}\n{}\n1\n5432\n/nowhere\n\n 1 1\nready\n", stranger.id(), folder.path().display());
    fs::write(folder.path().join("postgres/postmaster.pid"), &text).unwrap();
    fs::write(folder.path().join("run/.s.PGSQL.5432.lock"), &text).unwrap();
    let postgres = start(folder.path()).await;
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    postgres.stop().await;
}

#[tokio::test]
async fn missing_programs_are_named_with_the_command_that_brings_them() {
    let folder = folder();
    let settings = PrivatePostgresSettings { bin_dir: Some(folder.path().into()), ..settings(folder.path()) };
    let message = PrivatePostgres::start(settings).await.unwrap_err().to_string();
    assert!(message.contains("initdb") && message.contains(folder.path().to_str().unwrap()), "{message}");
    assert!(message.contains("install") && message.contains("make setup"), "{message}");
}

#[tokio::test]
async fn a_folder_with_a_long_and_odd_name_works() {
    let folder = folder();
    let data_dir = folder.path().join(format!("it's a % {}", "long".repeat(30)));
    let postgres = start(&data_dir).await;
    insert(postgres.url(), 1).await;
    let url = postgres.url().to_owned();
    assert_eq!(kept(&url).await, [1]);
    if let Ok(output) = Command::new("psql").args([url.as_str(), "-Atc", "SELECT value FROM kept"]).output() {
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n", "psql understands the address: {output:?}");
    }
    let in_tmp = || fs::read_dir("/tmp").unwrap().flatten().map(|entry| entry.file_name()).collect::<Vec<_>>();
    let socket_dir = url.split("%2F").last().unwrap().split('/').next().unwrap();
    assert!(in_tmp().iter().any(|name| name == socket_dir), "{url}");
    postgres.stop().await;
    assert!(!in_tmp().iter().any(|name| name == socket_dir), "nothing stays in /tmp");
}

#[tokio::test]
async fn a_folder_the_account_cannot_reach_is_worked_around_or_explained() {
    let folder = folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let data_dir = closed.join("data");
    if !nix::unistd::geteuid().is_root() {
        // Our own folders are open to ourselves.
        start(&data_dir).await.stop().await;
        return;
    }
    let postgres = start(&data_dir).await;
    let cluster = fs::read_link(data_dir.join("postgres")).unwrap();
    assert!(cluster.starts_with("/var/lib/boxoffice"), "{cluster:?}");
    insert(postgres.url(), 1).await;
    postgres.stop().await;
    // The link decides from now on, even when the way is open.
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    let postgres = start(&data_dir).await;
    assert_eq!(kept(postgres.url()).await, [1]);
    postgres.stop().await;
    // A cluster that was made inside and is closed off later can't be moved: say so.
    fs::remove_file(data_dir.join("postgres")).unwrap();
    fs::remove_dir_all(cluster.parent().unwrap()).unwrap();
    start(&data_dir).await.stop().await;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let message = PrivatePostgres::start(settings(&data_dir)).await.unwrap_err().to_string();
    assert!(message.contains(&format!("chmod o+x {}", closed.display())), "{message}");
}

/// Guards: `claim` and the lock beside the cluster. A link is copied with its folder, and the cluster is not.
#[tokio::test]
async fn the_copy_of_a_data_folder_does_not_share_the_database_of_the_original() {
    let folder = folder();
    let (data, copy, elsewhere) =
        (folder.path().join("data"), folder.path().join("copy"), folder.path().join("elsewhere"));
    for made in [&data, &copy, &elsewhere] {
        fs::create_dir(made).unwrap();
        fs::set_permissions(made, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for made in [&data, &copy] {
        std::os::unix::fs::symlink(elsewhere.join("postgres"), made.join("postgres")).unwrap();
    }
    let original = start(&data).await;
    insert(original.url(), 1).await;
    let refused = PrivatePostgres::start(settings(&copy)).await.unwrap_err();
    assert!(matches!(refused, PrivatePostgresError::AnothersCluster { .. }), "while it runs: {refused}");
    assert_eq!(PrivatePostgres::url_of_running(&copy), None, "nor do commands");
    assert_eq!(kept(original.url()).await, [1], "the original is unharmed");
    fs::remove_file(elsewhere.join("boxoffice.data-folder")).unwrap();
    let refused = PrivatePostgres::start(settings(&copy)).await.unwrap_err();
    assert!(matches!(refused, PrivatePostgresError::InUse { .. }), "the lock beside the cluster: {refused}");
    fs::write(elsewhere.join("boxoffice.data-folder"), fs::canonicalize(&data).unwrap().as_os_str().as_encoded_bytes())
        .unwrap();
    original.stop().await;

    let refused = PrivatePostgres::start(settings(&copy)).await.unwrap_err();
    assert!(matches!(refused, PrivatePostgresError::AnothersCluster { .. }), "{refused}");
    for path in [fs::canonicalize(&data).unwrap(), fs::canonicalize(&copy).unwrap()] {
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
    }
    let original = start(&data).await;
    assert_eq!(kept(original.url()).await, [1]);
    original.stop().await;
    // Moved: somebody says so.
    fs::write(elsewhere.join("boxoffice.data-folder"), format!("{}\n", fs::canonicalize(&copy).unwrap().display()))
        .unwrap();
    let moved = start(&copy).await;
    assert_eq!(kept(moved.url()).await, [1]);
    moved.stop().await;
}

fn pid_in(data_dir: &Path) -> Option<u32> {
    fs::read_to_string(data_dir.join("postgres/postmaster.pid")).ok()?.lines().next()?.parse().ok()
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
