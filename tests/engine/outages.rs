//! The database is away, refusing or silent: what buyers are told meanwhile, and what is true afterwards.

mod failover;
mod mixed;

use std::time::{Duration, Instant};

use crate::support::{
    Api, ChildServer, EventBuilder, Settings, TestEvent, TestServer, accounts::add_accounts, audit::audit,
    client::uuid, shared_postgres::connect, until,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use uuid::Uuid;

/// Requests that are made during an outage, one after the other.
const REQUESTS: usize = 20;
/// As long as each of them would take if it waited in vain. So all together are faster than this only if none does.
const DEADLINE: Duration = Duration::from_secs(30);

/// When a commit without an answer is given up, and so when a silent database is noticed at the latest.
const COMMIT_MAX: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    Settings::default().set("BOXOFFICE__INVENTORY__STALLED_AFTER", "200ms")
}

/// Every answer is a 503 that says when to come again, and none takes its time.
async fn all_are_refused_at_once(api: &Api, event: &TestEvent) {
    let began = Instant::now();
    for number in 0..REQUESTS {
        api.book_as(event, &format!("k{number}"), &event.places(1)).await.problem(503, "SERVICE_001");
    }
    assert!(began.elapsed() < DEADLINE, "{REQUESTS} refusals took {:?}", began.elapsed());
}

/// Each key leads to one booking, which is given again.
async fn all_are_served(api: &Api, event: &TestEvent, keys: &[String]) -> Vec<Uuid> {
    let mut made = Vec::new();
    for key in keys {
        let body = event.places(1);
        until("it is booked", async || api.book_as(event, key, &body).await.status == 201).await;
        let again = api.book_as(event, key, &body).await;
        assert!(again.is_replay());
        made.push(uuid(&again.created()["id"]));
    }
    made
}

async fn keys_and_rows_agree(client: &tokio_postgres::Client, mut made: Vec<Uuid>) {
    made.sort_unstable();
    let rows = client.query("SELECT id FROM bookings ORDER BY id", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<Uuid>>(), made);
    audit(client).await;
}

fn keys() -> Vec<String> {
    let during = (0..REQUESTS).map(|number| format!("k{number}"));
    during.chain(["before", "cut-off"].map(str::to_owned)).collect()
}

/// Watches the refusal while a load fails, the repetition of loads, and that a failed commit is not guessed about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_connections_is_told_at_once_and_comes_back() {
    let server = TestServer::on(crate::support::TestDatabase::migrated().await, &settings()).await;
    let event = server.event(EventBuilder::ga(1000)).await;
    let api = server.signed_in().await;
    api.book_as(&event, "before", &event.places(1)).await.created();
    server.db.refuse_connections(true).await;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'boxoffice'";
    server.client.query_one(terminate, &[]).await.unwrap();
    api.book_as(&event, "cut-off", &event.places(1)).await.problem(503, "SERVICE_001");
    all_are_refused_at_once(&api, &event).await;
    assert_eq!(api.get("/health/ready").await.status, 503);
    server.db.refuse_connections(false).await;
    let made = all_are_served(&api, &event, &keys()).await;
    keys_and_rows_agree(&server.client, made).await;
}

/// Processes that go on when this is dropped.
struct Stopped(Vec<Pid>);

/// A process that has ended meanwhile is no matter.
fn signal(pid: Pid, signal: Signal) {
    let _ = kill(pid, signal);
}

impl Stopped {
    fn all_of(postmaster: Pid) -> Self {
        kill(postmaster, Signal::SIGSTOP).unwrap();
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
        let children = children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()));
        let stopped = Self([postmaster].into_iter().chain(children).collect());
        stopped.0.iter().for_each(|pid| signal(*pid, Signal::SIGSTOP));
        stopped
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| signal(*pid, Signal::SIGCONT));
    }
}

/// Watches the stall in `Admission`: nothing else tells of a database that says nothing before a commit is given up.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_says_nothing_is_noticed_and_what_it_kept_is_exact() {
    let server = ChildServer::start(settings().set("BOXOFFICE_ENV", "staging")).await;
    let client = connect(&server.private_url()).await;
    let event = EventBuilder::ga(1000).create(&client).await;
    let buyer = add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0);
    let api = server.api.of(&buyer);
    api.book_as(&event, "before", &event.places(1)).await.created();
    let (stopped, began) = (Stopped::all_of(server.postmaster().unwrap()), Instant::now());
    let (cut_off, wanted) = (api.clone(), event.clone());
    let cut_off = tokio::spawn(async move { cut_off.book_as(&wanted, "cut-off", &wanted.places(1)).await.status });
    // Its own keys are refused as well, or wait until the server has noticed.
    let notice = api.clone();
    until("the server has noticed", async || {
        let body = event.places(1);
        let asked = notice.book_as(&event, "k0", &body);
        tokio::time::timeout(Duration::from_millis(500), asked).await.is_ok_and(|answer| answer.status == 503)
    })
    .await;
    assert!(began.elapsed() < COMMIT_MAX, "noticed after {:?}", began.elapsed());
    all_are_refused_at_once(&api, &event).await;
    drop(stopped);
    // It was decided before, so it may be booked or refused.
    assert!([201, 503].contains(&cut_off.await.unwrap()));
    let made = all_are_served(&api, &event, &keys()).await;
    keys_and_rows_agree(&client, made).await;
}

/// Watches `set_apart`, `lock_timeout` of `ledger_commit` and the pools: a lock on a row of one event holds up that event only,
/// though both have the same writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_holds_up_its_own_event() {
    let settings = settings()
        .set("BOXOFFICE__DATABASE__LEDGER_WRITERS", 1)
        .set("BOXOFFICE__DATABASE__MAX_CONNECTIONS", 20)
        .set("BOXOFFICE__INVENTORY__STALLED_AFTER", "30s");
    let server = TestServer::on(crate::support::TestDatabase::migrated().await, &settings).await;
    let (locked, other) = (server.event(EventBuilder::ga(100)).await, server.event(EventBuilder::ga(100)).await);
    let api = server.signed_in().await;
    for event in [&locked, &other] {
        api.book(event, &event.places(1)).await.created();
    }
    let blocker = server.db.connect().await;
    blocker.batch_execute("BEGIN").await.unwrap();
    blocker.execute("SELECT FROM quotas WHERE event_id = $1 FOR UPDATE", &[&locked.id]).await.unwrap();
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let (api, event) = (api.clone(), locked.clone());
            tokio::spawn(async move { api.book(&event, &event.places(1)).await.status })
        })
        .collect();
    let began = Instant::now();
    for _ in 0..10 {
        api.book(&other, &other.places(1)).await.created();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?} for ten bookings of another event", began.elapsed());
    assert!(waiting.iter().all(|asked| !asked.is_finished()), "their row is locked");
    blocker.batch_execute("ROLLBACK").await.unwrap();
    for asked in waiting {
        assert_eq!(asked.await.unwrap(), 201);
    }
    audit(&server.client).await;
}
