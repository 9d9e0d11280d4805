//! `/events/{id}/quotes`: what a booking would cost.

mod prices;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    EventBuilder, TestEvent, TestServer,
    client::{self, quantity},
    events::in_seconds,
};

fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

/// A ticket of an event without fees and taxes.
fn ticket(ticket_type: Uuid, price: &str) -> Value {
    let (price, nothing) = (eur(price), eur("0.00"));
    json!({ "ticketTypeId": ticket_type, "price": price, "discount": nothing, "fee": nothing, "tax": nothing, "total": price })
}

/// The whole answer for these tickets.
fn quote(tickets: &[Value], total: &str) -> Value {
    let nothing = eur("0.00");
    json!({ "items": tickets, "discount": nothing, "fees": nothing, "tax": nothing, "taxIncluded": true, "total": eur(total) })
}

async fn quoted(server: &TestServer, event: &TestEvent, body: &Value) -> Value {
    server.api.post(&event.path("quotes"), body).await.ok()
}

/// Guards: the sums, and that nothing is asked for or taken: no token, no key, no places.
#[tokio::test]
async fn a_quote_is_for_everybody_and_takes_no_places() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10).price("12.50")).await;
    let answer = server.api.post(&event.path("quotes"), &event.places(3)).await;
    let tickets = [(); 3].map(|()| ticket(event.types[0], "12.50"));
    assert_eq!(answer.ok(), quote(&tickets, "37.50"));
    assert!(answer.header("cache-control").unwrap().contains("no-store"));
    assert_eq!(answer.header("etag"), None);
    let booking = server.signed_in().await.book(&event, &event.places(3)).await.created();
    assert_eq!(booking["total"], answer.ok()["total"]);
    assert_eq!(server.api.places(&event).await, (3, 0, 7), "those of the booking");
    server.audit().await;
}

/// Guards: the order of tickets, that all kinds of lines are counted, and that what is free costs nothing.
#[tokio::test]
async fn every_ticket_has_its_own_price_in_the_order_of_the_lines() {
    let server = TestServer::start().await;
    let event = EventBuilder::seated(1, 6).price("40").and_seated("Circle", 1, 6).price("25.5").and_ga("Child", 5);
    let event = server.event(event).await;
    let [stalls, circle, child] = event.types[..] else { panic!("{event:?}") };
    let body = json!({ "items": [
        { "ticketTypeId": child, "quantity": 1 },
        { "ticketTypeId": circle, "quantity": 2, "bestAvailable": true },
        { "ticketTypeId": stalls, "seatIds": [event.seats[0][4], event.seats[0][1]] },
    ] });
    let tickets = [(child, "0.00"), (circle, "25.50"), (circle, "25.50"), (stalls, "40.00"), (stalls, "40.00")];
    let tickets = tickets.map(|(of, price)| ticket(of, price));
    assert_eq!(quoted(&server, &event, &body).await, quote(&tickets, "131.00"));
    let free = quoted(&server, &event, &quantity(child, 2)).await;
    assert_eq!(free, quote(&[ticket(child, "0.00"), ticket(child, "0.00")], "0.00"));
    assert_eq!(server.api.taken_seats(&event).await, []);
}

/// Guards: the public read and not the inventory is asked, which refuses all of these.
#[tokio::test]
async fn what_can_not_be_booked_has_a_quote() {
    let server = TestServer::start().await;
    let (over, to_come) = ((in_seconds(-7200), in_seconds(-3600)), (in_seconds(3600), in_seconds(7200)));
    for (event, status, code) in [
        (EventBuilder::ga(5).sale(over.0, over.1).price("5"), 409, "BOOKING_003"),
        (EventBuilder::ga(5).price("5").type_sale(to_come.0, to_come.1), 409, "BOOKING_003"),
        (EventBuilder::ga(5).price("5").status("CANCELLED"), 409, "BOOKING_003"),
        (EventBuilder::ga(5).price("5").status("ARCHIVED"), 409, "BOOKING_003"),
        (EventBuilder::ga(1).price("5"), 409, "BOOKING_001"),
        (EventBuilder::ga(5).price("5").per_booking(1, 1), 422, "BOOKING_004"),
        (EventBuilder::ga(5).price("5").max_per_account(1), 422, "BOOKING_004"),
    ] {
        let event = server.event(event).await;
        assert_eq!(quoted(&server, &event, &event.places(2)).await["total"], eur("10.00"));
        server.signed_in().await.book(&event, &event.places(2)).await.problem(status, code);
    }
}

#[tokio::test]
async fn only_public_events_have_quotes() {
    let server = TestServer::start().await;
    let places = quantity(Uuid::now_v7(), 1);
    for nothing in [Uuid::now_v7().to_string(), "7".to_owned()] {
        server.api.post(&format!("/api/v1/events/{nothing}/quotes"), &places).await.problem(404, "RESOURCE_001");
    }
    let draft = server.event(EventBuilder::ga(5).status("DRAFT")).await;
    server.api.post(&draft.path("quotes"), &draft.places(1)).await.problem(404, "RESOURCE_001");
}

/// Guards: a ticket type of another event is none, and every line with one is named.
#[tokio::test]
async fn unknown_ticket_types_are_named_by_their_lines() {
    let server = TestServer::start().await;
    let (event, other) = (server.event(EventBuilder::ga(5)).await, server.event(EventBuilder::ga(5)).await);
    let line = |ticket_type: Uuid| json!({ "ticketTypeId": ticket_type, "quantity": 2 });
    let body = json!({ "items": [line(Uuid::now_v7()), line(event.types[0]), line(other.types[0])] });
    let unknown =
        ["items[0].ticketTypeId", "items[2].ticketTypeId"].map(|field| (field.to_owned(), "UNKNOWN".to_owned()));
    assert_eq!(server.api.post(&event.path("quotes"), &body).await.faults(), unknown);
}

/// Guards: one parser for the lines of holds, bookings and quotes.
#[tokio::test]
async fn malformed_lines_are_refused_as_those_of_a_hold() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::seated(1, 4).and_ga("Standing", 10)).await;
    let ([stalls, standing], seat) = ([event.types[0], event.types[1]], event.seats[0][0]);
    let buyer = server.signed_in().await;
    let lines = |lines: Value| json!({ "items": lines });
    for (body, fault) in [
        (lines(json!([])), Some(("items", "OUT_OF_RANGE"))),
        (quantity(standing, 0), Some(("items[0].quantity", "OUT_OF_RANGE"))),
        (quantity(standing, 101), Some(("items[0].quantity", "OUT_OF_RANGE"))),
        (lines(json!([{ "ticketTypeId": standing }])), Some(("items[0]", "INVALID"))),
        (client::seats(stalls, &[]), Some(("items[0].seatIds", "OUT_OF_RANGE"))),
        (client::seats(stalls, &[seat, seat]), Some(("items[0].seatIds[1]", "DUPLICATE"))),
        (
            lines(json!([
                { "ticketTypeId": standing, "quantity": 1 },
                { "ticketTypeId": standing, "quantity": 1 },
            ])),
            Some(("items[1].ticketTypeId", "DUPLICATE")),
        ),
        (lines(json!([{ "ticketTypeId": stalls, "bestAvailable": true }])), Some(("items[0].quantity", "REQUIRED"))),
        (
            lines(json!([{ "ticketTypeId": standing, "quantity": 1, "section": "A" }])),
            Some(("items[0].section", "INVALID")),
        ),
        // By serde, whose names of faults are its own matter.
        (json!({}), None),
        (lines(json!([{ "quantity": 1 }])), None),
        (lines(json!([{ "ticketTypeId": "seven", "quantity": 1 }])), None),
        (json!({ "items": [{ "ticketTypeId": standing, "quantity": 1 }], "colour": "red" }), None),
    ] {
        let faults = server.api.post(&event.path("quotes"), &body).await.faults();
        assert_eq!(faults, buyer.hold(&event, &body).await.faults(), "{body}");
        if let Some((field, code)) = fault {
            assert_eq!(faults, [(field.to_owned(), code.to_owned())], "{body}");
        }
    }
    let hold = json!({ "holdId": Uuid::now_v7() });
    assert!(!server.api.post(&event.path("quotes"), &hold).await.faults().is_empty(), "a hold is no line");
}
