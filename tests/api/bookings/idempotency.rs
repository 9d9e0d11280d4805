//! The `Idempotency-Key` of bookings: what a retry is told, whatever happened in between.

use reqwest::Method;
use serde_json::json;

use crate::support::{EventBuilder, Settings, TestServer, client::uuid};

#[tokio::test]
async fn a_booking_needs_a_key_that_is_one() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    let long = "k".repeat(256);
    for key in [None, Some(""), Some("two words"), Some(long.as_str())] {
        let answer = api.send(Method::POST, &event.path("bookings"), key, Some(&event.places(1))).await;
        answer.problem(400, "IDEMPOTENCY_001");
    }
    let buyer = server.buyer().await;
    let twice = reqwest::Client::new()
        .post(format!("http://{}{}", server.running.address, event.path("bookings")))
        .bearer_auth(&buyer.token)
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .json(&event.places(1));
    assert_eq!(twice.send().await.unwrap().status(), 400);
    api.book_as(&event, &"k".repeat(255), &event.places(1)).await.created();
    assert_eq!(api.places(&event).await, (0, 1, 9));
}

#[tokio::test]
async fn a_retried_booking_returns_the_first_answer() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 5).price("7.77")).await;
    let api = server.signed_in().await;
    let first = api.book_as(&event, "k", &event.seats([3, 1])).await;
    assert!(!first.is_replay());
    let booking = first.created();
    for _ in 0..2 {
        let again = api.book_as(&event, "k", &event.seats([3, 1])).await;
        assert!(again.is_replay());
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.header("location"), first.header("location"));
    }
    // The same words in another order of members, and a description of the same request that differs.
    let [seat_3, seat_1] = [event.seats[0][3], event.seats[0][1]];
    let same = json!({ "items": [{ "seatIds": [seat_3, seat_1], "ticketTypeId": event.types[0] }] });
    assert_eq!(api.book_as(&event, "k", &same).await.body, first.body);
    for other in [event.seats([1]), event.seats([3, 1, 0]), json!({ "holdId": booking["id"] })] {
        api.book_as(&event, "k", &other).await.problem(422, "IDEMPOTENCY_002");
    }
    let cancelled = api.delete(&format!("/api/v1/bookings/{}", uuid(&booking["id"]))).await.ok();
    assert_eq!(cancelled["status"], "CANCELLED");
    let late = api.book_as(&event, "k", &event.seats([3, 1])).await;
    assert!(late.is_replay());
    assert_eq!(late.body, first.body, "the first answer, whatever happened since");
    assert_eq!(api.places(&event).await, (0, 0, 5));
    server.audit().await;
}

/// Guards: `keep_former_names`. What the first answer said stays known, before and after whatever renames.
#[tokio::test]
async fn what_a_booking_was_called_is_known_after_everything_was_renamed() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5).title("The first night")).await;
    let rename = |to: &str| {
        format!(
            "UPDATE events SET title = '{to}'; UPDATE ticket_types SET name = '{to}'; UPDATE venues SET name = '{to}'; \
             UPDATE events SET starts_at = starts_at + interval '1 hour', ends_at = ends_at + interval '1 hour'"
        )
    };
    server.db.execute(&rename("Before")).await;
    let booking = server.signed_in().await.book(&event, &event.places(1)).await.created();
    server.db.execute(&rename("After")).await;
    server.db.execute(&rename("At last")).await;
    let former = "SELECT f.names ->> $2 FROM former_names f, bookings b
        WHERE f.thing_id = $1 AND f.until > b.created_at ORDER BY f.until LIMIT 1";
    let venue = server.client.query_one("SELECT venue_id FROM events", &[]).await.unwrap().get(0);
    for (thing, column, told) in [
        (event.id, "title", &booking["event"]["title"]),
        (event.types[0], "name", &booking["items"][0]["ticketTypeName"]),
        (venue, "name", &booking["event"]["venueName"]),
    ] {
        let known: String = server.client.query_one(former, &[&thing, &column]).await.unwrap().get(0);
        assert_eq!((known.as_str(), told), ("Before", &json!("Before")), "{column} of {thing}");
    }
}

/// Watches the last word on a refusal (the look-up of the key in the ledger): the memory of keys is gone after a restart,
/// and the places are taken, by the very booking that is asked for again.
#[tokio::test]
async fn a_retry_after_a_restart_returns_the_same_bytes() {
    let settings = Settings::default();
    let server = settings.clone().start().await;
    let seated = server.event(EventBuilder::seated(1, 2).price("19.90")).await;
    let full = server.event(EventBuilder::ga(2)).await;
    let spacious = server.event(EventBuilder::ga(100).price("3").and_shared("Child").price("1.5")).await;
    let api = server.api.of(&server.buyer().await);
    let lines = json!({ "items": spacious.types.iter().map(|of| json!({ "ticketTypeId": of, "quantity": 2 })).collect::<Vec<_>>() });
    let requests = [(&seated, seated.seats([1, 0])), (&full, full.places(2)), (&spacious, lines)];
    let mut first = Vec::new();
    for (index, (event, body)) in requests.iter().enumerate() {
        first.push(api.book_as(event, &format!("k{index}"), body).await);
    }
    let hold = api.hold_as(&spacious, "hold", &spacious.places(3)).await;
    let from_hold = json!({ "holdId": hold.created()["id"] });
    let booked = api.book_as(&spacious, "from-hold", &from_hold).await;
    booked.created();
    let cancelled = first[0].created();
    api.delete(&format!("/api/v1/bookings/{}", uuid(&cancelled["id"]))).await.ok();
    let token = api;

    let server = server.restart(&settings).await;
    let api = server.api.with_token(token.token().unwrap());
    for (index, (event, body)) in requests.iter().enumerate() {
        let again = api.book_as(event, &format!("k{index}"), body).await;
        assert_eq!((again.status, again.is_replay()), (201, true), "{:?}", again.json());
        assert_eq!(again.body, first[index].body);
        api.book_as(event, &format!("k{index}"), &event.places(1)).await.problem(422, "IDEMPOTENCY_002");
    }
    assert_eq!(api.book_as(&spacious, "from-hold", &from_hold).await.body, booked.body);
    assert_eq!(api.hold_as(&spacious, "hold", &spacious.places(3)).await.body, hold.body);
    assert_eq!(server.db.number("SELECT count(*) FROM bookings", &[]).await, 4);
    server.audit().await;
}

#[tokio::test]
async fn refusals_are_not_kept_and_keys_are_an_accounts_own() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(2)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let taken = api.book(&event, &event.places(2)).await.created();
    other.book_as(&event, "k", &event.places(1)).await.problem(409, "BOOKING_001");
    api.delete(&format!("/api/v1/bookings/{}", uuid(&taken["id"]))).await.ok();
    let booked = other.book_as(&event, "k", &event.places(1)).await;
    assert!(!booked.is_replay());
    let mine = api.book_as(&event, "k", &event.places(1)).await;
    assert!(!mine.is_replay(), "another account's key of the same name");
    assert_ne!(booked.created()["id"], mine.created()["id"]);
    // A key names one request of the account, for whatever event.
    let elsewhere = server.event(EventBuilder::ga(2)).await;
    api.book_as(&elsewhere, "k", &elsewhere.places(1)).await.problem(422, "IDEMPOTENCY_002");
    assert_eq!(api.places(&elsewhere).await, (0, 0, 2));
    server.audit().await;
}

/// Guards: `of_request`. What an organizer makes is asked for again by what is meant, as a booking is, and not byte by byte.
#[tokio::test]
async fn a_creation_is_the_same_that_says_the_same_in_other_words() {
    let server = TestServer::start().await;
    let api = server.signed_in_as(domain::accounts::Role::Organizer).await;
    let mut body = crate::organizer::draft(&server).await;
    body["startsAt"] = json!("2031-03-21T19:00:00Z");
    body["endsAt"] = json!("2031-03-21T21:00:00Z");
    let send = async |body: &serde_json::Value| {
        api.send(Method::POST, "/api/v1/organizer/events", Some("k"), Some(body)).await
    };
    let first = send(&body).await.created();
    body["startsAt"] = json!("2031-03-21T21:00:00+02:00");
    body["summary"] = json!(null);
    let again = send(&body).await;
    assert!(again.is_replay());
    assert_eq!(again.created(), first);
    body["title"] = json!(format!("  {}\n", body["title"].as_str().unwrap()));
    body["timeZone"] = json!(body["timeZone"].as_str().unwrap().to_lowercase());
    (body["summary"], body["tags"]) = (json!(" "), json!([]));
    assert!(send(&body).await.is_replay(), "it would be stored as before");
    body["summary"] = json!("Another one");
    send(&body).await.problem(422, "IDEMPOTENCY_002");
}

/// Guards: `changed_at`. A repetition is the first answer, and never a part of today's.
#[tokio::test]
async fn a_repetition_says_what_things_were_called_then() {
    let server = TestServer::start().await;
    let boss = server.signed_in_as(domain::accounts::Role::Admin).await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    let first = api.book_as(&event, "k", &event.places(2)).await;
    let booking = first.created();
    assert_eq!(api.book_as(&event, "k", &event.places(2)).await.body, first.body);
    let venue = format!("/api/v1/admin/venues/{}", event.venue);
    let own = format!("/api/v1/admin/events/{}", event.id);
    let kind = format!("{own}/ticket-types/{}", event.types[0]);
    let path = format!("/api/v1/bookings/{}", uuid(&booking["id"]));
    for (changed, body) in [
        (&own, json!({ "title": "Another Evening" })),
        (&kind, json!({ "name": "Full price" })),
        (&venue, json!({ "name": "Another Hall" })),
    ] {
        boss.change(changed, &body).await.ok();
        let again = api.book_as(&event, "k", &event.places(2)).await;
        assert!(again.is_replay());
        assert_eq!((again.status, again.json()), (201, booking.clone()), "{changed}");
        // Somebody who books now is told today's names, at once and again.
        let key = crate::support::client::new_key();
        let now = api.book_as(&event, &key, &event.places(1)).await;
        assert_eq!(api.book_as(&event, &key, &event.places(1)).await.body, now.body, "{changed}");
    }
    api.delete(&path).await.ok();
    assert_eq!(api.book_as(&event, "k", &event.places(2)).await.json(), booking, "confirmed, as it was");
    let today = api.get(&path).await.ok();
    assert_eq!((&today["status"], &today["event"]["title"]), (&json!("CANCELLED"), &json!("Another Evening")));
    assert_eq!(
        (&today["event"]["venueName"], &today["items"][0]["ticketTypeName"]),
        (&json!("Another Hall"), &json!("Full price"))
    );
}
