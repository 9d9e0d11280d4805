//! A request that is repeated with its key is answered as the first time, whatever time and others have changed since.

use reqwest::Method;
use serde_json::{Value, json};

use super::{OWN, act, admin, draft, drafted, organizer, published};
use crate::support::{Answer, Api, TestServer, client::new_key, events::in_seconds, until};

async fn sent(api: &Api, path: &str, key: &str, body: &Value) -> Answer {
    api.send(Method::POST, path, Some(key), Some(body)).await
}

/// Guards: that what must be in the future is judged behind the key.
#[tokio::test]
async fn what_has_begun_since_is_made_once_and_shown_again() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let soon = in_seconds(2);
    let mut new = draft(&server).await;
    new["startsAt"] = json!(soon);
    let requests = [
        (OWN.to_owned(), new),
        (format!("{path}/duplicate"), json!({ "startsAt": soon })),
        (format!("{path}/occurrences"), json!({ "starts": [soon] })),
    ];
    let mut first = Vec::new();
    for (path, body) in &requests {
        let key = new_key();
        first.push((sent(&api, path, &key, body).await.created(), key));
    }
    until("they have begun", async || jiff::Timestamp::now() > soon).await;
    for ((path, body), (made, key)) in requests.iter().zip(first) {
        let again = sent(&api, path, &key, body).await;
        assert!(again.is_replay(), "{path}: {again:?}");
        assert_eq!(again.created(), made);
        sent(&api, path, &new_key(), body).await.faults();
    }
    assert_eq!(server.db.number("SELECT count(*) FROM events", &[]).await, 4);
}

/// Guards: that the state of the event and its owner are judged behind the key.
#[tokio::test]
async fn what_was_added_to_an_event_before_it_was_cancelled_is_shown_again() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, quota, kind) = published(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let requests = [
        (format!("{path}/quotas"), json!({ "name": "Balcony", "capacity": 3 })),
        (
            format!("{path}/ticket-types"),
            json!({ "name": "Child", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } }),
        ),
        (format!("{path}/blocks"), json!({ "items": [{ "ticketTypeId": kind, "quantity": 2 }] })),
    ];
    let mut keys = Vec::new();
    for (path, body) in &requests {
        let key = new_key();
        sent(&api, path, &key, body).await.created();
        keys.push(key);
    }
    act(&api, event, "cancel").await.ok();
    for ((path, body), key) in requests.iter().zip(&keys) {
        let again = sent(&api, path, key, body).await;
        assert!(again.is_replay(), "{path}: {again:?}");
        sent(&api, path, &new_key(), body).await.problem(409, "EVENT_001");
    }
    let heir = super::account(&server, domain::accounts::Role::Organizer).await;
    server.db.execute(&format!("UPDATE events SET organizer_id = '{}'", heir.id)).await;
    let (path, body) = &requests[2];
    assert!(sent(&api, path, &keys[2], body).await.is_replay());
    sent(&api, path, &new_key(), body).await.problem(404, "RESOURCE_001");
    drop(boss);
}

/// Guards: `is_made`. A word whose first answer was lost after its commit is found again by its request, and not taken for another's.
#[tokio::test]
async fn a_word_whose_answer_was_lost_is_found_again() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    for path in ["/api/v1/admin/tags", "/api/v1/admin/categories"] {
        let (key, body) = (new_key(), json!({ "slug": "new-wave", "name": "New Wave" }));
        let made = sent(&boss, path, &key, &body).await.created();
        // As if it had broken off before the end was noted.
        server.db.execute("UPDATE request_keys SET done = false, began_at = now() - interval '2 minutes'").await;
        assert_eq!(sent(&boss, path, &key, &body).await.created(), made);
        sent(&boss, path, &new_key(), &body).await.problem(409, "RESOURCE_006");
    }
}
