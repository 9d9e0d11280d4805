//! A second server is started by mistake.

use crate::support::{ChildServer, EventBuilder, Settings, TestDatabase, accounts::add_accounts, audit::audit, child};

/// Guards: what may fail at the start is tried before the session is opened, which ends that of a server with the same name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_taken_port_leaves_the_first_one_alone() {
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let settings = Settings::default().set("DATABASE_URL", database.url()).node("the-same");
    let first = ChildServer::start(settings).await;
    let event = EventBuilder::ga(10).create(&client).await;
    let api = first.api.of(&add_accounts(&client, 1, domain::accounts::Role::User).await.remove(0));
    api.book(&event, &event.places(1)).await.created();
    // The same settings, so the same port and the same name.
    let second = child::run(first.settings(), &["serve"]);
    assert!(!second.status.success(), "{second:?}");
    api.book(&event, &event.places(1)).await.created();
    assert!(first.is_ready().await, "{}", first.log());
    let sessions = "SELECT count(*) FROM node_sessions WHERE ended_at IS NULL";
    assert_eq!(database.number(sessions, &[]).await, 1);
    assert_eq!(database.number("SELECT count(*) FROM node_sessions", &[]).await, 1, "no session was opened");
    audit(&client).await;
}
