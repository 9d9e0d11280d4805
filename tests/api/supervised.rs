//! What goes on for as long as the server does, comes back when it breaks down; what can't, ends the server.

use boxoffice::serve::{Ending, Stopped};
use domain::accounts::Role;
use jiff::Timestamp;
use serde_json::json;

use crate::support::{Api, TestServer, accounts, until};

async fn metric(operations: &Api, series: &str) -> Option<f64> {
    let text = String::from_utf8(operations.get("/metrics").await.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

/// Guards: that each is a supervised child, with a sign of life.
#[tokio::test]
async fn every_task_that_breaks_down_begins_anew() {
    let server = TestServer::start().await;
    let operations = Api::of_operators(server.running.operations_address);
    let tasks: Vec<&str> = server.running.tasks.names().collect();
    assert_eq!(tasks, ["metrics", "pool", "usage", "revocations"], "those of Redis are there with Redis only");
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

/// Guards: that the one which begins anew knows what has happened meanwhile.
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

/// Guards: `part_died`. A server that nobody can reach ends, so that whoever watches it starts it again.
#[tokio::test]
async fn a_server_without_its_listener_ends() {
    let TestServer { mut running, .. } = TestServer::start().await;
    running.break_listener();
    assert_eq!(running.wait(std::future::pending()).await, Ending::PartDied);
    assert_eq!(running.stop().await, Stopped { is_cut: true });
}
