//! A request that is repeated with its key is answered as the first time, whatever time and others have changed since.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    OWN, act, admin, draft, drafted, organizer, published,
    seat_maps::{MAPS, drawn, layout},
};
use crate::support::{
    Answer, Api, TestServer,
    client::new_key,
    events::{add_venue, in_seconds},
    until,
};

async fn sent(api: &Api, path: &str, key: &str, body: &Value) -> Answer {
    api.send(Method::POST, path, Some(key), Some(body)).await
}

/// As if the server that worked on the requests had broken off before the end was noted.
async fn break_off(server: &TestServer) {
    server.db.execute("UPDATE request_keys SET done = false, began_at = now() - interval '2 minutes'").await;
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
        break_off(&server).await;
        let again = sent(&boss, path, &key, &body).await;
        assert!(again.is_replay(), "{path}: {again:?}");
        assert_eq!(again.created(), made);
        sent(&boss, path, &new_key(), &body).await.problem(409, "RESOURCE_006");
    }
}

/// Guards: `find_request`. What was made by a try whose answer was lost is shown by its repetition, whatever would be refused by now.
#[tokio::test]
async fn what_a_lost_answer_had_made_is_shown_though_it_would_be_refused_by_now() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, _) = published(&server, &api, 5).await;
    let map = drawn(&api, MAPS, add_venue(&server.client, "The Hall").await, &layout(&[("Stalls", "A", 2)])).await;
    let soon = in_seconds(2);
    let mut new = draft(&server).await;
    new["startsAt"] = json!(soon);
    let path = format!("{OWN}/{event}");
    let requests = [
        (format!("{path}/quotas"), json!({ "name": "Balcony", "capacity": 3 })),
        (
            format!("{path}/ticket-types"),
            json!({ "name": "Child", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } }),
        ),
        (OWN.to_owned(), new),
        (format!("{path}/duplicate"), json!({ "startsAt": soon })),
        (format!("{path}/occurrences"), json!({ "starts": [soon] })),
        (
            MAPS.to_owned(),
            json!({ "venueId": add_venue(&server.client, "The Yard").await, "name": "Round", "layout": layout(&[("Ring", "A", 1)]) }),
        ),
        (format!("{MAPS}/{map}/versions"), layout(&[("Stalls", "AB", 2)])),
    ];
    let mut first = Vec::new();
    for (path, body) in &requests {
        let key = new_key();
        first.push((sent(&api, path, &key, body).await.created()["id"].clone(), key));
    }
    act(&api, event, "cancel").await.ok();
    until("they have begun", async || jiff::Timestamp::now() > soon).await;
    for _ in 0..2 {
        break_off(&server).await;
        for ((path, body), (made, key)) in requests.iter().zip(&first) {
            let again = sent(&api, path, key, body).await;
            assert!(again.is_replay(), "{path}: {again:?}");
            assert_eq!(&again.created()["id"], made, "{path}");
        }
    }
}

/// Guards: `id == new` in `once`. A refusal says what became of its own try, and not of the one before.
#[tokio::test]
async fn a_refusal_forgets_no_key_of_an_earlier_try() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = published(&server, &api, 5).await;
    let (key, path, body) = (new_key(), format!("{OWN}/{event}/quotas"), json!({ "name": "Balcony", "capacity": 3 }));
    let made = sent(&api, &path, &key, &body).await.created()["id"].clone();
    // As if its commit were still on its way.
    server.db.execute("DELETE FROM quotas WHERE name = 'Balcony'").await;
    act(&api, event, "cancel").await.ok();
    break_off(&server).await;
    sent(&api, &path, &key, &body).await.problem(409, "EVENT_001");
    let kept = format!("SELECT count(*) FROM request_keys WHERE made_id = {made}").replace('"', "'");
    assert_eq!(server.db.number(&kept, &[]).await, 1);
    // It arrives.
    let late = format!("INSERT INTO quotas (id, event_id, name, capacity) VALUES ({made}, '{event}', 'Balcony', 3)");
    server.db.execute(&late.replace('"', "'")).await;
    break_off(&server).await;
    let again = sent(&api, &path, &key, &body).await;
    assert!(again.is_replay());
    assert_eq!(again.created()["id"], made);
}

/// Guards: `owned` in `once`. Whose it is, is judged before anything is noted.
#[tokio::test]
async fn nothing_is_noted_of_a_request_for_what_is_somebody_elses() {
    let server = TestServer::start().await;
    let (api, stranger) = (organizer(&server).await, organizer(&server).await);
    let (event, quota, _) = published(&server, &api, 5).await;
    let map = drawn(&api, MAPS, add_venue(&server.client, "The Hall").await, &layout(&[("Stalls", "A", 2)])).await;
    server
        .db
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''it is written''; END';
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON request_keys EXECUTE FUNCTION refuse()",
        )
        .await;
    let path = format!("{OWN}/{event}");
    let requests = [
        (format!("{path}/quotas"), json!({ "name": "Balcony", "capacity": 3 })),
        (
            format!("{path}/ticket-types"),
            json!({ "name": "Child", "quotaId": quota, "price": { "amount": "0", "currency": "EUR" } }),
        ),
        (format!("{path}/duplicate"), json!({ "startsAt": in_seconds(86_400) })),
        (format!("{path}/occurrences"), json!({ "starts": [in_seconds(86_400)] })),
        (format!("{MAPS}/{map}/versions"), layout(&[("Stalls", "AB", 2)])),
    ];
    for (path, body) in &requests {
        sent(&stranger, path, &new_key(), body).await.problem(404, "RESOURCE_001");
    }
}

/// Guards: `Creation::Venue`, as above.
#[tokio::test]
async fn a_venue_whose_answer_was_lost_is_found_again() {
    let server = TestServer::start().await;
    let (boss, path, key) = (admin(&server).await, "/api/v1/admin/venues", new_key());
    let body = json!({ "name": "The Hall", "address": "1 High Street", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
        "capacity": 500 });
    let made = sent(&boss, path, &key, &body).await.created();
    break_off(&server).await;
    let again = sent(&boss, path, &key, &body).await;
    assert!(again.is_replay(), "{again:?}");
    assert_eq!(again.created(), made);
}

/// Guards: the first answer in `request_keys`. It is given again whatever has become of the thing: changed, deleted, or made again by somebody
/// else under its name.
#[tokio::test]
async fn the_first_answer_is_given_again_whatever_is_there_now() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    let (event, quota, _) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let venue = add_venue(&server.client, "The Yard").await;
    let of_map = json!({ "venueId": venue, "name": "Round", "layout": layout(&[("Ring", "A", 1)]) });
    let price = json!({ "amount": "0", "currency": "EUR" });
    let word = json!({ "slug": "new-wave", "name": "New Wave" });
    let hall = json!({ "name": "The Hall", "address": "1 High Street", "city": "Berlin", "country": "DE",
        "timeZone": "Europe/Berlin", "capacity": 500 });
    let requests = [
        (&api, OWN.to_owned(), draft(&server).await, json!({ "title": "A Night" })),
        (&api, format!("{path}/quotas"), json!({ "name": "Balcony", "capacity": 3 }), json!({ "capacity": 4 })),
        (
            &api,
            format!("{path}/ticket-types"),
            json!({ "name": "Child", "quotaId": quota, "price": price }),
            json!({ "name": "Pupil" }),
        ),
        (&api, MAPS.to_owned(), of_map, json!({ "name": "Square" })),
        (&boss, "/api/v1/admin/venues".to_owned(), hall, json!({ "capacity": 5 })),
        (&boss, "/api/v1/admin/tags".to_owned(), word.clone(), json!({ "name": "Newer Wave" })),
        (&boss, "/api/v1/admin/categories".to_owned(), word.clone(), json!({ "name": "Newer Wave" })),
    ];
    for (api, path, body, change) in &requests {
        let key = new_key();
        let first = sent(api, path, &key, body).await;
        let made = first.header("location").unwrap().to_owned();
        let again = async |what: &str| {
            let again = sent(api, path, &key, body).await;
            assert!(again.is_replay(), "{path}, {what}: {again:?}");
            assert_eq!((again.created(), again.etag()), (first.created(), first.etag()), "{path}, {what}");
            assert_eq!(
                (again.header("location"), &again.body),
                (first.header("location"), &first.body),
                "{path}, {what}"
            );
        };
        api.change(&made, change).await.ok();
        again("changed").await;
        assert_eq!(api.delete(&made).await.status, 204, "{made}");
        again("deleted").await;
        if body == &word {
            let theirs = json!({ "slug": "new-wave", "name": "Somebody's" });
            boss.post(path, &theirs).await.created();
            again("made anew").await;
            boss.delete(&made).await;
        }
    }
    let body = json!({ "starts": [in_seconds(40 * 86_400), in_seconds(41 * 86_400)] });
    let (key, path) = (new_key(), format!("{path}/occurrences"));
    let first = sent(&api, &path, &key, &body).await;
    for occurrence in first.created()["occurrences"].as_array().unwrap() {
        let path = format!("{OWN}/{}", occurrence["id"].as_str().unwrap());
        if path != format!("{OWN}/{event}") {
            assert_eq!(api.delete(&path).await.status, 204);
        }
    }
    let again = sent(&api, &path, &key, &body).await;
    assert_eq!((again.is_replay(), again.created()), (true, first.created()));
}

/// Guards: `Creation::Term` and `term.id` in `add`. A word whose first answer was lost is not taken for another's of its name.
#[tokio::test]
async fn a_word_of_somebody_else_is_no_answer() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    for path in ["/api/v1/admin/tags", "/api/v1/admin/categories"] {
        let (key, body) = (new_key(), json!({ "slug": "new-wave", "name": "New Wave" }));
        let made = sent(&boss, path, &key, &body).await.created();
        assert_eq!(boss.get(&format!("{path}/new-wave")).await.ok()["id"], made["id"]);
        // As a server of the version before has noted it.
        server.db.execute("UPDATE request_keys SET location = NULL, revision = NULL, answer = NULL").await;
        assert_eq!(boss.delete(&format!("{path}/new-wave")).await.status, 204);
        boss.post(path, &json!({ "slug": "new-wave", "name": "Somebody's" })).await.created();
        sent(&boss, path, &key, &body).await.problem(422, "IDEMPOTENCY_002");
    }
}

/// The same of a block, which the inventory and the ledger know by its key.
#[tokio::test]
async fn a_block_that_was_released_is_answered_as_the_first_time() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 5).await;
    let (path, key) = (format!("{OWN}/{event}/blocks"), new_key());
    let body = json!({ "items": [{ "ticketTypeId": kind, "quantity": 2 }] });
    let first = sent(&api, &path, &key, &body).await;
    assert_eq!(api.delete(first.header("location").unwrap()).await.status, 204);
    let again = sent(&api, &path, &key, &body).await;
    assert_eq!((again.is_replay(), again.created()), (true, first.created()));
}
