//! Keys of requests, when the database was in the way of what they ask for.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::TestServer;

/// The guards: a change is run again after a lock time-out, for ten seconds in all; its roll-back is known to be one, so that its key is
/// forgotten. Otherwise the repetition was told for a minute that the first request is still running.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_rolled_back_may_be_repeated_with_its_key_at_once() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let venue = json!({ "name": "Hall", "address": "1 High Street", "city": "Berlin", "country": "DE",
        "timeZone": "Europe/Berlin", "capacity": 500 });
    let make = async || admin.send(Method::POST, "/api/v1/admin/venues", Some("a-key"), Some(&venue)).await;
    server.client.batch_execute("BEGIN; LOCK TABLE venues IN ACCESS EXCLUSIVE MODE").await.unwrap();
    make().await.problem(503, "SERVICE_001");
    server.client.batch_execute("ROLLBACK").await.unwrap();
    let made = make().await;
    assert!(!made.is_replay(), "nothing was written the first time");
    assert_eq!(make().await.created(), made.created());
}
