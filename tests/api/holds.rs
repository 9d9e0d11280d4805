//! `/events/{id}/holds` and `/holds/{id}`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Api, EventBuilder, Settings, TestServer,
    client::{instant, uuid},
    until,
};

fn path(hold: &Value) -> String {
    format!("/api/v1/holds/{}", uuid(&hold["id"]))
}

#[tokio::test]
async fn a_hold_keeps_its_places_until_it_is_given_back() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10).price("12.50")).await;
    let api = server.signed_in().await;
    let answer = api.hold(&event, &event.places(3)).await;
    let hold = answer.created();
    assert_eq!(answer.header("location"), Some(path(&hold).as_str()));
    assert_eq!((&hold["status"], &hold["eventId"]), (&json!("ACTIVE"), &json!(event.id)));
    assert_eq!(hold["total"], json!({ "amount": "37.50", "currency": "EUR" }));
    let (price, nothing) =
        (json!({ "amount": "12.50", "currency": "EUR" }), json!({ "amount": "0.00", "currency": "EUR" }));
    let item = json!({
        "ticketTypeId": event.types[0], "price": price, "discount": nothing, "fee": nothing, "tax": nothing,
    });
    assert_eq!(hold["items"], json!([item, item, item]));
    let lasts = instant(&hold["expiresAt"]).duration_since(instant(&hold["createdAt"]));
    assert_eq!(lasts.as_secs(), 600);
    assert_eq!(api.get(&path(&hold)).await.ok(), hold);
    assert_eq!(api.places(&event).await, (3, 0, 7));

    let gone = api.delete(&path(&hold)).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(api.places(&event).await, (0, 0, 10));
    assert_eq!(api.get(&path(&hold)).await.ok()["status"], "RELEASED");
    assert_eq!(api.delete(&path(&hold)).await.status, 204, "once more is no fault");
    assert_eq!(api.places(&event).await, (0, 0, 10), "and gives nothing back twice");
    api.book(&event, &json!({ "holdId": hold["id"] })).await.problem(409, "BOOKING_005");
    server.audit().await;
}

#[tokio::test]
async fn held_seats_are_nobody_elses_and_come_back() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 5)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let hold = api.hold(&event, &event.seats([1, 2])).await.created();
    assert_eq!(hold["items"][0]["seatId"], json!(event.seats[0][1]));
    assert_eq!(hold["items"][0]["seat"], json!({ "section": "Section 0", "row": "Row 1", "label": "2" }));
    let held = [1, 2].map(|index| (event.seats[0][index], "HELD".to_owned()));
    assert_eq!(api.taken_seats(&event).await, held);

    let taken = other.hold(&event, &event.seats([2, 3])).await.problem(409, "BOOKING_002");
    assert_eq!(taken["errors"].as_array().unwrap().len(), 1);
    assert_eq!(taken["errors"][0]["message"], json!(event.seats[0][2]));
    other.book(&event, &event.seats([1])).await.problem(409, "BOOKING_002");
    api.delete(&path(&hold)).await;
    other.book(&event, &event.seats([1, 2, 3])).await.created();
    server.audit().await;
}

#[tokio::test]
async fn another_accounts_hold_does_not_exist() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let (api, other) = (server.signed_in().await, server.signed_in().await);
    let hold = api.hold(&event, &event.places(2)).await.created();
    other.get(&path(&hold)).await.problem(404, "RESOURCE_001");
    other.delete(&path(&hold)).await.problem(404, "RESOURCE_001");
    other.book(&event, &json!({ "holdId": hold["id"] })).await.problem(409, "BOOKING_005");
    assert_eq!(api.get(&path(&hold)).await.ok()["status"], "ACTIVE");
    for nothing in [Uuid::now_v7().to_string(), "7".to_owned()] {
        api.get(&format!("/api/v1/holds/{nothing}")).await.problem(404, "RESOURCE_001");
        api.delete(&format!("/api/v1/holds/{nothing}")).await.problem(404, "RESOURCE_001");
    }
    let nowhere = format!("/api/v1/events/{}/holds", Uuid::now_v7());
    let answer = api.send(reqwest::Method::POST, &nowhere, Some("k"), Some(&event.places(1))).await;
    answer.problem(404, "RESOURCE_001");
}

/// Watches the expiry timer of the inventory: nobody asks it for anything meanwhile.
#[tokio::test]
async fn an_expired_hold_gives_its_places_back_by_itself() {
    let server = Settings::default().hold(Duration::from_secs(1)).start().await;
    let event = server.event(EventBuilder::seated(1, 3)).await;
    let api = server.signed_in().await;
    let hold = api.hold(&event, &event.seats([0, 1])).await.created();
    let status = "SELECT count(*) FROM holds WHERE status = 'EXPIRED' AND updated_at >= expires_at";
    until("the hold expires", async || server.db.number(status, &[]).await == 1).await;
    until("it is shown", async || api.taken_seats(&event).await.is_empty()).await;
    assert_eq!(api.get(&path(&hold)).await.ok()["status"], "EXPIRED");
    assert_eq!(api.places(&event).await, (0, 0, 3));
    api.book(&event, &json!({ "holdId": hold["id"] })).await.problem(409, "BOOKING_005");
    assert_eq!(api.delete(&path(&hold)).await.status, 204, "it keeps nothing any more: as good as given back");
    api.book(&event, &event.seats([0, 1])).await.created();
    server.audit().await;
}

#[tokio::test]
async fn a_hold_is_asked_for_again_with_its_key() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    let first = api.hold_as(&event, "key-1", &event.places(2)).await;
    let again = api.hold_as(&event, "key-1", &event.places(2)).await;
    assert!(!first.is_replay() && again.is_replay());
    assert_eq!((first.created(), &first.body), (again.created(), &again.body));
    api.hold_as(&event, "key-1", &event.places(3)).await.problem(422, "IDEMPOTENCY_002");
    api.delete(&path(&first.json())).await;
    let late = api.hold_as(&event, "key-1", &event.places(2)).await;
    assert_eq!(late.body, first.body, "the first answer, whatever happened since");
    // Holds and bookings have keys of their own.
    api.book_as(&event, "key-1", &event.places(1)).await.created();
    api.send(reqwest::Method::POST, &event.path("holds"), None, Some(&event.places(1)))
        .await
        .problem(400, "IDEMPOTENCY_001");
    assert_eq!(api.places(&event).await, (0, 1, 9));
    server.audit().await;
}

/// Guards: the release waits for the booking that is on its way, and `released` for what is open in the ledger still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_is_released_or_booked_and_never_both() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(1_000)).await;
    let api = server.signed_in().await;
    let mut won = [0, 0];
    for round in 0..40 {
        let hold = api.hold(&event, &event.places(1)).await.created();
        let (path, wanted) = (path(&hold), json!({ "holdId": hold["id"] }));
        let (released, booked) = tokio::join!(
            async {
                tokio::time::sleep(Duration::from_micros(round * 50)).await;
                api.delete(&path).await
            },
            api.book(&event, &wanted)
        );
        match (released.status, booked.status) {
            (204, 409) => won[0] += 1,
            (409, 201) => {
                released.problem(409, "BOOKING_005");
                won[1] += 1;
            }
            both => panic!("{both:?} in round {round}"),
        }
    }
    assert_eq!(api.places(&event).await.1, won[1], "released {}", won[0]);
    server.audit().await;
}

/// Guards: `rows::hold` of a seat that is not there any more.
#[tokio::test]
async fn a_hold_is_shown_and_repeated_though_its_seats_are_gone() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 3)).await;
    let api = server.signed_in().await;
    let hold = api.hold_as(&event, "key", &event.seats([0])).await.created();
    api.delete(&path(&hold)).await;
    // As after the deletion of its map.
    server.db.execute("UPDATE holds SET items = jsonb_set(items, '{0,seat_id}', to_jsonb(gen_random_uuid()))").await;
    server.running.inventories.kill(domain::ids::EventId(event.id));
    let shown = api.get(&path(&hold)).await.ok();
    assert_eq!((&shown["status"], shown["items"].as_array().unwrap().len()), (&json!("RELEASED"), 1));
    assert_eq!(shown["items"][0].get("seatId"), None);
    let again = api.hold_as(&event, "key", &event.seats([0])).await;
    assert!(again.is_replay());
    assert_eq!(again.created()["id"], hold["id"]);
    assert_eq!(server.api.get("/health/ready").await.status, 200);
}

/// Guards: `extend` in the inventory and in the application, and that the first answer stays what it was.
#[tokio::test]
async fn a_hold_is_extended_up_to_the_cap_and_by_its_owner() {
    let server = Settings::default().set("BOXOFFICE__INVENTORY__HOLD", "20m").start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    let hold = api.hold_as(&event, "key", &event.places(2)).await.created();
    let extension = format!("{}/extensions", path(&hold));
    let extend = async |api: &Api| api.send(Method::POST, &extension, None, None).await;
    let extended = extend(&api).await.ok();
    assert!(instant(&extended["expiresAt"]) > instant(&hold["expiresAt"]), "{extended}");
    assert_eq!(api.get(&path(&hold)).await.ok(), extended);
    let again = api.hold_as(&event, "key", &event.places(2)).await;
    assert!(again.is_replay());
    assert_eq!(again.created()["expiresAt"], hold["expiresAt"]);
    // As if it had been made eleven minutes ago: half an hour after that is sooner than twenty minutes from now.
    server.db.execute("UPDATE holds SET created_at = created_at - interval '11 minutes'").await;
    server.running.inventories.kill(domain::ids::EventId(event.id));
    until("the cap counts from its making", async || extend(&api).await.status == 409).await;
    extend(&api).await.problem(409, "BOOKING_007");
    extend(&server.signed_in().await).await.problem(404, "RESOURCE_001");
    api.delete(&path(&hold)).await;
    extend(&api).await.problem(409, "BOOKING_005");
    server.audit().await;
}
