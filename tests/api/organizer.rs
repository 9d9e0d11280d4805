//! What organizers and admins do with the catalogue.

mod against_buyers;
mod age_restriction;
mod blocks;
mod cancellations;
mod catalogue;
pub(crate) mod conditions;
mod copied_prices;
mod deletions;
mod drafts;
mod drawn;
mod events;
mod guests;
mod judged_first;
mod lifecycle;
mod moves;
mod moving_storms;
mod ownership;
mod pricing;
mod promo_codes;
mod reconciliation;
mod repeated;
mod required;
mod revisions;
mod rules;
mod running;
mod sales;
pub(crate) mod seat_maps;
pub(crate) mod seated;
mod series;
mod tags;
mod texts;
mod unchanged;
mod under_bookings;

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, Api, Buyer, TestServer, accounts,
    client::uuid,
    events::{add_venue, in_seconds},
};

pub(crate) const OWN: &str = "/api/v1/organizer/events";

/// A new organizer, signed in.
async fn organizer(server: &TestServer) -> Api {
    server.api.of(&account(server, Role::Organizer).await)
}

/// A new admin, signed in.
pub(crate) async fn admin(server: &TestServer) -> Api {
    server.api.of(&account(server, Role::Admin).await)
}

async fn account(server: &TestServer, role: Role) -> Buyer {
    accounts::add_accounts(&server.client, 1, role).await.remove(0)
}

/// An event that may be made: in a month, for two hours.
pub(crate) async fn draft(server: &TestServer) -> Value {
    let venue = add_venue(&server.client, "The Hall").await;
    json!({
        "title": "An Evening", "category": "concert", "venueId": venue, "timeZone": "Europe/Berlin", "currency": "EUR",
        "startsAt": in_seconds(30 * 86_400), "endsAt": in_seconds(30 * 86_400 + 7200),
        "saleStartsAt": in_seconds(-3600),
    })
}

/// A draft of the organizer's with a quota and a free ticket type; ids of event, quota, ticket type.
pub(crate) async fn drafted(server: &TestServer, api: &Api, capacity: u32) -> (Uuid, Uuid, Uuid) {
    let event = uuid(&api.post(OWN, &draft(server).await).await.created()["id"]);
    let path = format!("{OWN}/{event}");
    let quota = api.post(&format!("{path}/quotas"), &json!({ "name": "Floor", "capacity": capacity })).await.created();
    let kind = json!({ "name": "Adult", "quotaId": quota["id"], "price": { "amount": "0", "currency": "EUR" } });
    let kind = api.post(&format!("{path}/ticket-types"), &kind).await.created();
    (event, uuid(&quota["id"]), uuid(&kind["id"]))
}

/// The same, published.
pub(crate) async fn published(server: &TestServer, api: &Api, capacity: u32) -> (Uuid, Uuid, Uuid) {
    let made = drafted(server, api, capacity).await;
    act(api, made.0, "publish").await.ok();
    made
}

/// A step in the life of an event.
pub(crate) async fn act(api: &Api, event: Uuid, step: &str) -> Answer {
    api.send(Method::POST, &format!("{OWN}/{event}/{step}"), None, None).await
}

/// So many places of the ticket type, as somebody books them.
async fn book(api: &Api, event: Uuid, kind: Uuid, places: u32) -> Answer {
    let body = crate::support::client::quantity(kind, places);
    let key = crate::support::client::new_key();
    api.send(Method::POST, &format!("/api/v1/events/{event}/bookings"), Some(&key), Some(&body)).await
}

/// (held, sold, available) of the event's first ticket type.
async fn places(api: &Api, event: Uuid) -> (u64, u64, u64) {
    let shown = api.get(&format!("/api/v1/events/{event}/availability")).await.ok();
    let of = |name: &str| shown["ticketTypes"][0][name].as_u64().unwrap();
    (of("held"), of("sold"), of("available"))
}
