//! Cancelling what was paid, giving money back, payments by hand, and the books.

mod buyers;
mod by_hand;
mod cancelled_event;
mod organizers;
mod statements;

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    organizer::OWN,
    support::{
        Answer, Api, TestServer, accounts,
        client::{new_key, quantity, uuid},
        events::{add_venue, in_seconds},
        until,
    },
};

/// A priced event that is on sale, its organizer, and a buyer.
struct Stage {
    server: TestServer,
    organizer: Api,
    buyer: Api,
    event: Uuid,
    kind: Uuid,
}

impl Stage {
    /// With tickets at this price.
    async fn at(price: &str) -> Self {
        Self::on(TestServer::start().await, price).await
    }

    async fn on(server: TestServer, price: &str) -> Self {
        let account = accounts::add_accounts(&server.client, 1, Role::Organizer).await.remove(0);
        let (organizer, buyer) = (server.api.of(&account), server.signed_in().await);
        let venue = add_venue(&server.client, "The Hall").await;
        let body = json!({
            "title": "An Evening", "category": "concert", "venueId": venue, "timeZone": "Europe/Berlin", "currency": "EUR",
            "startsAt": in_seconds(30 * 86_400), "endsAt": in_seconds(30 * 86_400 + 7200), "saleStartsAt": in_seconds(-3600),
        });
        let event = uuid(&organizer.post(OWN, &body).await.created()["id"]);
        let path = format!("{OWN}/{event}");
        let quota =
            organizer.post(&format!("{path}/quotas"), &json!({ "name": "Floor", "capacity": 1000 })).await.created();
        let kind = json!({ "name": "Adult", "quotaId": quota["id"], "price": { "amount": price, "currency": "EUR" } });
        let kind = uuid(&organizer.post(&format!("{path}/ticket-types"), &kind).await.created()["id"]);
        organizer.send(Method::POST, &format!("{path}/publish"), None, None).await.ok();
        Self { server, organizer, buyer, event, kind }
    }

    /// Sells on these terms from now on.
    async fn terms(&self, terms: Value) {
        let path = format!("{OWN}/{}/pricing", self.event);
        let tag = self.organizer.get(&path).await.etag();
        self.organizer.send_with(Method::PUT, &path, &[("if-match", &tag)], Some(&terms)).await.ok();
    }

    /// An unpaid booking of the buyer's.
    async fn booked(&self, places: u32) -> Value {
        booked(&self.buyer, self.event, self.kind, places).await
    }

    /// A paid one.
    async fn paid(&self, places: u32) -> Value {
        self.paid_by("sandbox_success", places).await
    }

    async fn paid_by(&self, method: &str, places: u32) -> Value {
        let booking = self.booked(places).await;
        assert_eq!(pay(&self.buyer, &booking, method).await.created()["status"], "SUCCEEDED");
        let booking = self.buyer.get(&own(&booking)).await.ok();
        assert_eq!(booking["status"], "CONFIRMED");
        booking
    }

    /// A path of the booking for those who run the event.
    fn managed(booking: &Value, rest: &str) -> String {
        format!("/api/v1/organizer/bookings/{}{rest}", booking["id"].as_str().unwrap())
    }

    /// Asks with a new key.
    async fn organize(&self, booking: &Value, rest: &str, body: &Value) -> Answer {
        self.organizer.send(Method::POST, &Self::managed(booking, rest), Some(&new_key()), Some(body)).await
    }

    /// The refunds of a booking, once none of them is under way.
    async fn settled(&self, booking: &Value) -> Vec<Value> {
        let path = format!("{}/refunds", own(booking));
        let refunds = async || self.buyer.get(&path).await.ok()["data"].as_array().unwrap().clone();
        until("no refund is under way", async || refunds().await.iter().all(|refund| refund["status"] != "PENDING"))
            .await;
        refunds().await
    }

    async fn statement(&self) -> Value {
        self.organizer.get(&format!("{OWN}/{}/statement", self.event)).await.ok()
    }
}

async fn booked(buyer: &Api, event: Uuid, kind: Uuid, places: u32) -> Value {
    let path = format!("/api/v1/events/{event}/bookings");
    buyer.send(Method::POST, &path, Some(&new_key()), Some(&quantity(kind, places))).await.created()
}

async fn pay(buyer: &Api, booking: &Value, method: &str) -> Answer {
    let path = format!("{}/payments", own(booking));
    buyer.send(Method::POST, &path, Some(&new_key()), Some(&json!({ "method": method }))).await
}

/// The path of a booking for its buyer.
fn own(booking: &Value) -> String {
    format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap())
}

fn items(booking: &Value, positions: &[usize]) -> Vec<Value> {
    positions.iter().map(|at| booking["items"][*at]["id"].clone()).collect()
}

fn euros(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}
