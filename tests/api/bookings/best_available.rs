//! `bestAvailable` in the lines of holds and bookings.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, EventBuilder, TestEvent, TestServer,
    client::{best, uuid},
};

/// The places of the seats in [`TestEvent::seats`] of a ticket type, in the order of the answer.
fn given(answer: &Answer, event: &TestEvent, ticket_type: usize) -> Vec<usize> {
    let body = answer.created();
    let items = body["items"].as_array().unwrap().iter();
    let of = |item: &Value| event.seats[ticket_type].iter().position(|seat| *seat == uuid(&item["seatId"])).unwrap();
    items.filter(|item| uuid(&item["ticketTypeId"]) == event.types[ticket_type]).map(of).collect()
}

fn best_in(ticket_type: Uuid, quantity: u32, section: &str) -> Value {
    let mut body = best(ticket_type, quantity);
    body["items"][0]["section"] = json!(section);
    body
}

#[tokio::test]
async fn the_best_seats_side_by_side_are_held_and_booked() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 10)).await;
    let api = server.signed_in().await;
    let held = api.hold(&event, &best(event.types[0], 4)).await;
    assert_eq!(given(&held, &event, 0), [3, 4, 5, 6], "the middle of the first row");
    let booked = api.book(&event, &best(event.types[0], 3)).await;
    assert_eq!(given(&booked, &event, 0), [0, 1, 2]);
    let seat = json!({ "section": "Section 0", "row": "Row 1", "label": "1" });
    assert_eq!(booked.created()["items"][0]["seat"], seat);
    let booking = api.book(&event, &json!({ "holdId": held.created()["id"] })).await;
    assert_eq!(given(&booking, &event, 0), [3, 4, 5, 6]);
    let beside = json!({ "items": [{ "ticketTypeId": event.types[0], "seatIds": [event.seats[0][8]], "bestAvailable": false }] });
    api.book(&event, &beside).await.created();
    server.audit().await;
}

#[tokio::test]
async fn no_single_seat_is_left_where_it_can_be_avoided() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 5)).await;
    let api = server.signed_in().await;
    // The middle would leave one seat at both sides: an end leaves two.
    assert_eq!(given(&api.book(&event, &best(event.types[0], 3)).await, &event, 0), [0, 1, 2]);
    // One of the two would leave the other alone: the second row has a place that does not.
    assert_eq!(given(&api.book(&event, &best(event.types[0], 1)).await, &event, 0), [7]);
    assert_eq!(given(&api.book(&event, &best(event.types[0], 2)).await, &event, 0), [3, 4]);
    // Only places that leave a single seat are left, and they are sold.
    assert_eq!(given(&api.book(&event, &best(event.types[0], 1)).await, &event, 0), [6]);
    assert_eq!(given(&api.book(&event, &best(event.types[0], 2)).await, &event, 0), [8, 9]);
    api.book(&event, &best(event.types[0], 2)).await.problem(409, "BOOKING_001");
    assert_eq!(given(&api.book(&event, &best(event.types[0], 1)).await, &event, 0), [5]);
    assert_eq!(api.places(&event).await, (0, 10, 0));
    server.audit().await;
}

/// What the map says: accessible seats, and aisles, which are gaps between positions.
#[tokio::test]
async fn accessible_seats_and_aisles_are_read_from_the_map() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 6)).await;
    let seats = &event.seats[0];
    let aisle = "UPDATE seats SET position = position + 10 WHERE id = ANY ($1)";
    server.client.execute(aisle, &[&seats[3..6].to_vec()]).await.unwrap();
    server.client.execute("UPDATE seats SET accessible = true WHERE id = $1", &[&seats[6]]).await.unwrap();
    let api = server.signed_in().await;
    let best_of = async |quantity| given(&api.book(&event, &best(event.types[0], quantity)).await, &event, 0);
    assert_eq!(best_of(4).await, [8, 9, 10, 11], "no four of the first row are neighbours");
    assert_eq!(best_of(3).await, [0, 1, 2], "the aisle ends the row's first half");
    assert_eq!(best_of(3).await, [3, 4, 5]);
    assert_eq!(best_of(1).await, [7], "beside the accessible seat, which is kept last");
    assert_eq!(best_of(1).await, [6]);
    server.audit().await;
}

/// Guards: the order of positions, however the rows of the table lie, and that an empty row is no row.
#[tokio::test]
async fn a_row_is_in_the_order_of_its_positions() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(2, 6)).await;
    // The first row from right to left; the rows of the table stay where they are.
    let backwards = "UPDATE seats SET position = 100 - position WHERE id = ANY ($1)";
    server.client.execute(backwards, &[&&event.seats[0][..6]]).await.unwrap();
    let empty = "INSERT INTO seat_rows (id, section_id, label, position)
        SELECT gen_random_uuid(), r.section_id, 'nobody', 0 FROM seat_rows r JOIN seats s ON s.row_id = r.id WHERE s.id = $1";
    server.client.execute(empty, &[&event.seats[0][0]]).await.unwrap();
    let picture = server.api.get(&event.path("availability?seats=true")).await.ok();
    let shown: Vec<Uuid> = picture["seats"].as_array().unwrap().iter().map(|seat| uuid(&seat["id"])).collect();
    let (first, second) = event.seats[0].split_at(6);
    let expected: Vec<Uuid> = first.iter().rev().chain(second).copied().collect();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_section_can_be_asked_for_by_name_and_by_id() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 4).and_seated("Balcony", 1, 4).and_ga("Standing", 5)).await;
    let section = "SELECT section_id FROM ticket_type_sections WHERE ticket_type_id = $1";
    let balcony: Uuid = server.client.query_one(section, &[&event.types[1]]).await.unwrap().get(0);
    // The first ticket type sells both sections.
    let both = "INSERT INTO ticket_type_sections VALUES ($1, $2)";
    server.client.execute(both, &[&event.types[0], &balcony]).await.unwrap();
    let api = server.signed_in().await;
    for name in ["Section 1", &balcony.to_string()] {
        let booking = api.book(&event, &best_in(event.types[0], 2, name)).await.created();
        assert_eq!(booking["items"][0]["seat"]["section"], "Section 1");
    }
    api.book(&event, &best_in(event.types[0], 1, "Section 1")).await.problem(409, "BOOKING_001");
    let mut named = best(event.types[0], 1);
    named["items"][0]["seatIds"] = json!([event.seats[0][0]]);
    let of = |change: Value| {
        let mut line = json!({ "ticketTypeId": event.types[0] });
        line.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "items": [line] })
    };
    for (body, field, code) in [
        (best_in(event.types[0], 1, "Section 7"), "items[0].section", "UNKNOWN"),
        (best_in(event.types[1], 1, "Section 0"), "items[0].section", "UNKNOWN"),
        (best_in(event.types[0], 1, ""), "items[0].section", "OUT_OF_RANGE"),
        (named, "items[0].seatIds", "INVALID"),
        (of(json!({ "quantity": 1, "section": "Section 1" })), "items[0].section", "INVALID"),
        (of(json!({ "bestAvailable": true })), "items[0].quantity", "REQUIRED"),
        (of(json!({ "bestAvailable": true, "quantity": 0 })), "items[0].quantity", "OUT_OF_RANGE"),
        (of(json!({ "bestAvailable": "yes", "quantity": 1 })), "items[0].bestAvailable", "INVALID_TYPE"),
        (of(json!({ "bestAvailable": false, "quantity": 1 })), "items[0].quantity", "SEATS_REQUIRED"),
        (best(event.types[2], 1), "items[0].bestAvailable", "NOT_SEATED"),
    ] {
        let expected = [(field.to_owned(), code.to_owned())];
        assert_eq!(api.book(&event, &body).await.faults(), expected, "{body}");
        assert_eq!(api.hold(&event, &body).await.faults(), expected, "{body}");
    }
    let refused = api.book(&event, &of(json!({ "quantity": 1 }))).await.problem(422, "VALIDATION_001");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("bestAvailable"));
    server.audit().await;
}

#[tokio::test]
async fn buyers_at_once_get_different_seats() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(4, 10)).await;
    let api = server.signed_in().await;
    let body = best(event.types[0], 2);
    let asked = futures_util::future::join_all((0..24).map(|_| api.book(&event, &body))).await;
    let (made, refused): (Vec<_>, Vec<_>) = asked.iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (20, 4));
    let mut seats: Vec<usize> = made.iter().flat_map(|answer| given(answer, &event, 0)).collect();
    seats.sort_unstable();
    assert_eq!(seats, (0..40).collect::<Vec<_>>());
    for answer in refused {
        answer.problem(409, "BOOKING_001");
    }
    server.audit().await;
}

/// Guards: the flag, the quantity and the section in the fingerprint, and that a retry chooses nothing again.
#[tokio::test]
async fn a_retry_gets_the_seats_of_the_first_answer() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 8)).await;
    let api = server.signed_in().await;
    let body = best(event.types[0], 2);
    let first = api.book_as(&event, "k", &body).await;
    assert_eq!(given(&first, &event, 0), [3, 4]);
    api.book(&event, &body).await.created();
    let again = api.book_as(&event, "k", &body).await;
    assert!(again.is_replay());
    assert_eq!((again.status, &again.body), (201, &first.body));
    let section = best_in(event.types[0], 2, "Section 0");
    for other in [best(event.types[0], 3), section, event.seats([3, 4]), event.places(2)] {
        api.book_as(&event, "k", &other).await.problem(422, "IDEMPOTENCY_002");
    }
    assert_eq!(api.places(&event).await, (0, 4, 4));
    server.audit().await;
}

#[tokio::test]
async fn lines_of_one_request_get_different_seats() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 6).price("10").and_seated("Balcony", 1, 6)).await;
    let link = "INSERT INTO ticket_type_sections
        SELECT $1, section_id FROM ticket_type_sections WHERE ticket_type_id = $2";
    server.client.execute(link, &[&event.types[1], &event.types[0]]).await.unwrap();
    let api = server.signed_in().await;
    let lines = json!({ "items": [
        { "ticketTypeId": event.types[1], "quantity": 4, "bestAvailable": true },
        { "ticketTypeId": event.types[0], "seatIds": [event.seats[0][4]] },
    ] });
    let booking = api.book(&event, &lines).await.created();
    let items = booking["items"].as_array().unwrap().iter();
    let of = |item: &Value| event.seats[0].iter().position(|seat| *seat == uuid(&item["seatId"])).unwrap();
    assert_eq!(items.map(of).collect::<Vec<_>>(), [0, 1, 2, 3, 4], "in the order of the lines, around the named seat");
    server.audit().await;
}
