//! A gateway that fails: it is left alone, nobody else notices, and what it did meanwhile is found out once it is well.

use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{
    law,
    outside::{Gateway, Mood},
    till::{Sale, Terms},
};
use crate::support::{
    Answer, Api, EventBuilder, Settings, TestEvent, TestServer,
    client::{instant, new_key, uuid},
    tripwire::Tripwire,
    until,
};

/// Failures that open the breaker: its default.
const FAILURES: usize = 5;

struct Ailing {
    server: TestServer,
    gateway: Gateway,
    sale: Sale,
    free: TestEvent,
}

impl Ailing {
    async fn begin(settings: Settings) -> Self {
        let gateway = Gateway::open(&Arc::new(Tripwire::default())).await;
        let settings = gateway
            .of(settings)
            .set("BOXOFFICE__PAYMENTS__TIMEOUT", "300ms")
            .set("BOXOFFICE__PAYMENTS__CHECK_AFTER", "500ms")
            .set("BOXOFFICE__JOBS__POLL", "100ms")
            .set("BOXOFFICE__BREAKERS__OPEN_FOR", "2s");
        let server = settings.start().await;
        gateway.tells(server.running.address);
        let sale = Sale::of(
            &server.client,
            EventBuilder::ga(1000).price("10.00"),
            Terms { seconds: (60, 60, 1200), ..Terms::PLAIN },
        )
        .await;
        let free = server.event(EventBuilder::ga(1000)).await;
        Self { server, gateway, sale, free }
    }

    async fn buyer(&self) -> (Api, Uuid) {
        let api = self.server.signed_in().await;
        let booking = uuid(&self.sale.booked(&api, 1).await["id"]);
        (api, booking)
    }

    async fn pay(&self, (api, booking): &(Api, Uuid), key: &str) -> Answer {
        api.send(Method::POST, &format!("/api/v1/bookings/{booking}/payments"), Some(key), None).await
    }

    async fn status(&self, (api, booking): &(Api, Uuid)) -> Value {
        api.get(&format!("/api/v1/bookings/{booking}")).await.ok()["status"].clone()
    }

    /// Somebody else books something that is free; the gateway has no part in it.
    async fn others_book(&self, count: usize) {
        let api = self.server.signed_in().await;
        for _ in 0..count {
            let booking = api.book(&self.free, &self.free.places(1)).await.created();
            assert_eq!(booking["status"], "CONFIRMED");
        }
    }

    /// Everything that was begun ends, and every booking that was to be paid is paid once.
    async fn ends_well(&self, bookings: &[(Api, Uuid)]) {
        for booking in bookings {
            until("the booking is paid", async || self.status(booking).await == "CONFIRMED").await;
            assert_eq!(self.gateway.account_of(booking.1), (1, 1000, 0, 0));
        }
        until("nothing is open", async || {
            let open = "SELECT count(*) FROM payments WHERE state IN ('STARTED', 'PROCESSING')";
            self.server.db.number(open, &[]).await == 0
        })
        .await;
        let wrong = law::broken(&self.server.client, false).await;
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(self.gateway.begun_twice(), Vec::<String>::new());
    }
}

/// Guards the breaker around the gateway, that an attempt is stored before it is asked, and that one without an answer is looked for before
/// it is begun again.
async fn a_gateway_that(mood: Mood) {
    let ailing = Ailing::begin(Settings::default()).await;
    ailing.gateway.is(mood);
    let mut bookings = Vec::new();
    for number in 0..FAILURES {
        let buyer = ailing.buyer().await;
        let answer = ailing.pay(&buyer, &new_key()).await;
        // Jobs that look after the first ones fail too, so it may open sooner.
        if answer.status == 503 && number > 0 {
            break;
        }
        assert_eq!(answer.created()["status"], "PROCESSING", "nobody knows whether it was charged");
        bookings.push(buyer);
    }
    // Whose requests the breaker lets through no more.
    let late = ailing.buyer().await;
    let before = late.0.get(&format!("/api/v1/bookings/{}", late.1)).await.ok();
    let key = new_key();
    let mut refused = None;
    until("the gateway is left alone", async || {
        let answer = ailing.pay(&late, &key).await;
        let is_refused = answer.status == 503;
        refused = is_refused.then_some(answer);
        is_refused
    })
    .await;
    refused.unwrap().problem(503, "PAYMENT_004");
    let after = late.0.get(&format!("/api/v1/bookings/{}", late.1)).await.ok();
    assert!(instant(&after["expiresAt"]) > instant(&before["expiresAt"]), "who can't pay is given more time");
    ailing.others_book(20).await;

    ailing.gateway.is(Mood::Fine);
    // It comes back by itself, and the same key goes on.
    until("payments are taken again", async || ailing.pay(&late, &key).await.status == 201).await;
    bookings.push(late);
    ailing.ends_well(&bookings).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_hangs_is_left_alone_and_heard_again() {
    a_gateway_that(Mood::Hangs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_fails_is_left_alone_and_heard_again() {
    a_gateway_that(Mood::Errors).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_breaks_off_is_left_alone_and_heard_again() {
    a_gateway_that(Mood::Resets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_answers_too_late_is_left_alone_and_heard_again() {
    a_gateway_that(Mood::Late).await;
}

/// Guards the key at the gateway: the attempt is looked for, is not there yet, and is begun again while the first request is still on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_acts_too_late_charges_once() {
    let ailing = Ailing::begin(Settings::default().set("BOXOFFICE__BREAKERS__FAILURES", 1000)).await;
    ailing.gateway.is(Mood::Slow);
    let mut bookings = Vec::new();
    for _ in 0..4 {
        let buyer = ailing.buyer().await;
        assert_eq!(ailing.pay(&buyer, &new_key()).await.created()["status"], "PROCESSING");
        bookings.push(buyer);
    }
    ailing.ends_well(&bookings).await;
    // What was on its way all the time has arrived by now.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    ailing.ends_well(&bookings).await;
}

/// Guards that an open breaker is not asked: while it is open, the gateway hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_left_alone_hears_nothing() {
    let ailing = Ailing::begin(Settings::default()).await;
    ailing.gateway.is(Mood::Errors);
    let buyer = ailing.buyer().await;
    until("the gateway is left alone", async || ailing.pay(&ailing.buyer().await, &new_key()).await.status == 503)
        .await;
    // Until it is tried again, which takes two seconds.
    let heard = ailing.gateway.asked();
    for _ in 0..20 {
        let answer = ailing.pay(&buyer, &new_key()).await;
        if answer.status != 503 {
            break;
        }
    }
    let tried = ailing.gateway.asked() - heard;
    assert!(tried <= 3, "the gateway was asked {tried} times while it was left alone");
}
