//! Organizers who ask for what they may not, or what is out of date.

use std::sync::Arc;

use domain::{accounts::Role, ids::EventId, inventory::Availability};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, EventBuilder, TestEvent, TestServer, accounts, log};

/// The picture of an inventory; one that was paused, or read its plan again, has another one.
fn picture(server: &TestServer, event: &TestEvent) -> Arc<Availability> {
    server.running.inventories.directory().find(EventId(event.id)).and_then(|slot| slot.snapshot()).unwrap()
}

async fn ids(server: &TestServer, event: &TestEvent) -> (String, String) {
    let query = "SELECT quota_id::text, id::text FROM ticket_types WHERE event_id = $1";
    let row = server.client.query_one(query, &[&event.id]).await.unwrap();
    (row.get(0), row.get(1))
}

/// What an organizer can ask of an event that is for sale: everything that would pause it.
async fn requests(server: &TestServer, event: &TestEvent) -> Vec<(Method, String, Option<Value>)> {
    let (quota, kind) = ids(server, event).await;
    let path = |rest: &str| format!("/api/v1/organizer/events/{}{rest}", event.id);
    let limit = json!({ "maxPerAccount": 3 });
    let price = json!({ "amount": "0", "currency": "EUR" });
    vec![
        (Method::DELETE, path(""), None),
        (Method::PATCH, path(""), Some(limit)),
        (Method::POST, path("/publish"), None),
        (Method::POST, path("/unpublish"), None),
        (Method::POST, path("/cancel"), None),
        (Method::POST, path("/archive"), None),
        (Method::POST, path("/quotas"), Some(json!({ "name": "Mine", "capacity": 5 }))),
        (Method::PATCH, path(&format!("/quotas/{quota}")), Some(json!({ "capacity": 5 }))),
        (Method::DELETE, path(&format!("/quotas/{quota}")), None),
        (Method::POST, path("/ticket-types"), Some(json!({ "name": "Mine", "quotaId": quota, "price": price }))),
        (Method::PATCH, path(&format!("/ticket-types/{kind}")), Some(json!({ "maxPerBooking": 1 }))),
        (Method::DELETE, path(&format!("/ticket-types/{kind}")), None),
        (Method::PUT, path("/ticket-types"), Some(json!({ "order": [kind] }))),
        (Method::PUT, path("/seat-map"), Some(json!({ "version": 1 }))),
        (Method::POST, path("/blocks"), Some(event.places(1))),
    ]
}

async fn ask(api: &Api, (method, path, body): &(Method, String, Option<Value>), tag: &str) -> u16 {
    api.send_with(method.clone(), path, &[("if-match", tag)], body.as_ref()).await.status
}

/// Guards: whose an event is, is judged before its inventory is paused. Otherwise any organizer stops a stranger's sale.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stranger_asks_for_touches_no_inventory() {
    log::listen();
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100)).await;
    let buyer = server.signed_in().await;
    buyer.book(&event, &event.places(1)).await.created();
    let stranger = server.signed_in_as(Role::Organizer).await;
    let before = picture(&server, &event);
    for request in requests(&server, &event).await {
        assert_eq!(ask(&stranger, &request, "*").await, 404, "{request:?}");
        assert!(
            Arc::ptr_eq(&before, &picture(&server, &event)),
            "{request:?} paused the inventory of a stranger's event"
        );
    }
    assert_eq!(log::deaths(event.id), Vec::<String>::new());
}

/// Guards: revisions, and the steps that a state does not allow, are judged before the pause as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_anyway_touches_no_inventory() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(100)).await;
    let organizer = accounts::add_accounts(&server.client, 1, Role::Organizer).await.remove(0);
    let statement = "UPDATE events SET organizer_id = $2 WHERE id = $1";
    server.client.execute(statement, &[&event.id, &organizer.id]).await.unwrap();
    let api = server.api.of(&organizer);
    let buyer = server.signed_in().await;
    buyer.book(&event, &event.places(1)).await.created();
    let before = picture(&server, &event);
    let (quota, kind) = ids(&server, &event).await;
    let path = |rest: &str| format!("/api/v1/organizer/events/{}{rest}", event.id);
    for (method, path, body, tag, status) in [
        (Method::PATCH, path(""), Some(json!({ "maxPerAccount": 3 })), "\"77\"", 412),
        (Method::PATCH, path(&format!("/quotas/{quota}")), Some(json!({ "capacity": 50 })), "\"77\"", 412),
        (Method::PATCH, path(&format!("/ticket-types/{kind}")), Some(json!({ "maxPerBooking": 1 })), "\"77\"", 412),
        (Method::POST, path("/cancel"), None, "\"77\"", 412),
        (Method::POST, path("/publish"), None, "*", 409),
        (Method::POST, path("/unpublish"), None, "*", 409),
        (Method::POST, path("/archive"), None, "*", 409),
        (Method::PATCH, path(""), Some(json!({ "maxPerAccount": 0 })), "*", 422),
    ] {
        let request = (method, path, body);
        assert_eq!(ask(&api, &request, tag).await, status, "{request:?}");
        assert!(Arc::ptr_eq(&before, &picture(&server, &event)), "{request:?} is refused, and paused the inventory");
    }
}
