//! What goes on for as long as the server does, comes back when it breaks down; what can't, ends the server.

use boxoffice::serve::{Ending, Stopped};
use domain::accounts::Role;
use jiff::Timestamp;
use serde_json::json;

use crate::support::{Api, Settings, TestDatabase, TestServer, accounts, until};

async fn metric(operations: &Api, series: &str) -> Option<f64> {
    let text = String::from_utf8(operations.get("/metrics").await.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

/// Guards: that each is a supervised child, with a sign of life.
#[tokio::test]
async fn every_task_that_breaks_down_begins_anew() {
    let server = Settings::default().set("BOXOFFICE__MAIL__BOOKINGS", true).start().await;
    let operations = Api::of_operators(server.running.operations_address);
    let expected = ["metrics", "pool", "usage", "revocations", "payments", "jobs", "confirmations", "reminders"];
    let tasks: Vec<&str> = server.running.tasks.names().collect();
    assert_eq!(tasks, expected, "those of Redis are there with Redis only");
    for task in tasks {
        let restarts = format!("boxoffice_actor_restarts_total{{actor=\"{task}\"}}");
        assert_eq!(metric(&operations, &restarts).await, Some(0.0), "{task}");
        assert!(server.running.tasks.break_down(task), "{task}");
        until("it is counted", async || metric(&operations, &restarts).await == Some(1.0)).await;
        let broken = Timestamp::now().as_millisecond() as f64 / 1000.0;
        let life = format!("boxoffice_task_last_success_timestamp_seconds{{task=\"{task}\"}}");
        until("it has done its work again", async || metric(&operations, &life).await.unwrap() > broken).await;
    }
}

/// Guards: that each purpose's connections have figures of their own. Of both together, requests that have no connection left would look
/// as if a third were free.
#[tokio::test]
async fn the_connections_of_requests_and_of_the_ledger_are_counted_apart() {
    let settings =
        Settings::default().set("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "23").set("BOXOFFICE__DATABASE__MIN_IDLE", "5");
    let server = TestServer::on(TestDatabase::migrated().await, &settings).await;
    let operations = Api::of_operators(server.running.operations_address);
    let of =
        async |name: &str, pool: &str| metric(&operations, &format!("boxoffice_pool_{name}{{pool=\"{pool}\"}}")).await;
    until("those that are kept idle are there", async || of("connections", "requests").await >= Some(5.0)).await;
    for name in ["connections", "idle_connections", "waiting", "connections_limit"] {
        for pool in ["requests", "ledger"] {
            assert!(of(name, pool).await.is_some(), "{name} {pool}");
        }
        assert_eq!(metric(&operations, &format!("boxoffice_pool_{name}")).await, None, "{name} of both together");
    }
    let (requests, ledger) = (of("connections_limit", "requests").await, of("connections_limit", "ledger").await);
    assert_eq!((requests, ledger), (Some(13.0), Some(10.0)), "together as many as are configured");
}

/// Guards: that the one which begins again knows what has happened meanwhile.
#[tokio::test]
async fn tokens_are_taken_back_after_whoever_follows_that_broke_down() {
    let server = TestServer::start().await;
    let (_neighbour, elsewhere) = server.neighbour().await;
    let user = accounts::add_accounts(&server.client, 1, Role::User).await.remove(0);
    let api = server.api.of(&user);
    api.get("/api/v1/profile").await.ok();
    assert!(server.running.tasks.break_down("revocations"));
    let admin = elsewhere.of(&accounts::add_accounts(&server.client, 1, Role::Admin).await[0]);
    let suspended = json!({ "status": "SUSPENDED" });
    admin.with_header("if-match", "*").patch(&format!("/api/v1/admin/users/{}", user.id), &suspended).await.ok();
    until("this node refuses it", async || api.get("/api/v1/profile").await.status == 401).await;
}

/// Guards: `part_died`. A server that nobody can reach ends, so that its service manager starts it again.
#[tokio::test]
async fn a_server_without_its_listener_ends() {
    let TestServer { mut running, .. } = TestServer::start().await;
    running.break_listener();
    assert_eq!(running.wait(std::future::pending()).await, Ending::PartDied);
    assert_eq!(running.stop().await, Stopped { is_cut: true });
}
