//! Who comes with a booking.

use serde_json::{Value, json};

use super::path;
use crate::support::{EventBuilder, Settings, TestServer, client::uuid};

fn with(mut body: Value, attendees: Value) -> Value {
    body["attendees"] = attendees;
    body
}

fn attendees(booking: &Value) -> Vec<Value> {
    booking["items"].as_array().unwrap().iter().map(|item| item["attendee"].clone()).collect()
}

/// Guards: their order, that they stay with their items, and that they are part of the first answer and of what a key asks for.
#[tokio::test]
async fn attendees_are_named_in_the_order_of_the_items() {
    let settings = Settings::default();
    let server = settings.clone().start().await;
    let event = server.event(EventBuilder::seated(1, 6)).await;
    let api = server.signed_in().await;
    let named = json!([{ "name": " Ada  Lovelace ", "email": "Ada@Example.org" }, { "name": "Charles Babbage" }]);
    let body = with(event.seats([4, 2, 3]), named);
    let first = api.book_as(&event, "k", &body).await;
    let booking = first.created();
    let expected = [
        json!({ "name": booking["items"][0]["attendee"]["name"], "email": "ada@example.org" }),
        json!({ "name": "Charles Babbage" }),
        Value::Null,
    ];
    assert_eq!(attendees(&booking), expected);
    assert!(booking["items"][2].get("attendee").is_none());
    assert_eq!(booking["items"][0]["seatId"], json!(event.seats[0][4]));
    assert_eq!(api.get(&path(&booking)).await.ok(), booking);
    let cancelled = api.delete(&path(&booking)).await.ok();
    assert_eq!(attendees(&cancelled), expected, "who came is known afterwards");

    let fewer = with(event.seats([4, 2, 3]), json!([{ "name": "Ada Lovelace", "email": "ada@example.org" }]));
    for other in [fewer, event.seats([4, 2, 3])] {
        api.book_as(&event, "k", &other).await.problem(422, "IDEMPOTENCY_002");
    }
    let token = api.token().unwrap().to_owned();
    let server = server.restart(&settings).await;
    let again = server.api.with_token(&token).book_as(&event, "k", &body).await;
    assert_eq!((again.status, again.is_replay(), &again.body), (201, true, &first.body));
    server.audit().await;
}

/// Guards: that the places of a hold are named when they are booked, and the bound, which only the inventory knows.
#[tokio::test]
async fn the_places_of_a_hold_are_named_when_they_are_booked() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(9)).await;
    let api = server.signed_in().await;
    let hold = api.hold(&event, &event.places(2)).await.created();
    let name = json!({ "name": "Ada Lovelace" });
    let body = |names: usize| with(json!({ "holdId": hold["id"] }), json!(vec![name.clone(); names]));
    assert_eq!(api.book(&event, &body(3)).await.faults(), [("attendees".to_owned(), "OUT_OF_RANGE".to_owned())]);
    let booking = api.book(&event, &body(2)).await.created();
    assert_eq!(attendees(&booking), [name.clone(), name.clone()]);
    let many = with(event.places(1), json!([name, name]));
    assert_eq!(api.book(&event, &many).await.faults(), [("attendees".to_owned(), "OUT_OF_RANGE".to_owned())]);
    server.audit().await;
    let left = server.db.number("SELECT count(*) FROM attendees WHERE booking_id = $1", &[&uuid(&booking["id"])]).await;
    assert_eq!(left, 2);
}

#[tokio::test]
async fn what_is_wrong_with_an_attendee_is_told_by_its_field() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(9)).await;
    let api = server.signed_in().await;
    for (wrong, field, code) in [
        (json!([{}]), "attendees[0].name", "REQUIRED"),
        (json!([{ "name": "Ada Lovelace" }, { "name": " A " }]), "attendees[1].name", "INVALID_NAME"),
        (json!([{ "name": "Ada Lovelace", "email": "ada" }]), "attendees[0].email", "INVALID_EMAIL"),
        (json!(vec![json!({ "name": "Ada Lovelace" }); 101]), "attendees", "OUT_OF_RANGE"),
    ] {
        let faults = api.book(&event, &with(event.places(2), wrong)).await.faults();
        assert_eq!(faults, [(field.to_owned(), code.to_owned())]);
    }
    let unknown = with(event.places(1), json!([{ "name": "Ada Lovelace", "phone": "1" }]));
    api.book(&event, &unknown).await.problem(422, "VALIDATION_001");
    assert_eq!(api.places(&event).await, (0, 0, 9));
}
