//! Many at once: the last use of a code, and impatient payers.

use std::sync::Arc;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};
use uuid::Uuid;

use super::{
    law,
    till::{Sale, Terms, by},
};
use crate::support::{
    Answer, Api, EventBuilder, PATIENCE, Settings, TestServer,
    client::{new_key, uuid},
    wire::{Racer, Told},
};

/// How often the last use is raced for, when more is asked for than always runs.
const RACES: &str = "BOXOFFICE_MONEY_RACES";
const BUYERS: usize = 50;

/// Guards that the actor counts uses of codes as it counts places. Counted anywhere else, two find the last use free; without the count of
/// holds, a hold has it and a booking too; and a use that is not given back leaves nobody to win the next race.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_50_buyers_who_want_the_last_use_of_a_code_one_gets_it() {
    let races = std::env::var(RACES).ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let server = TestServer::start().await;
    let sale = Sale::of(&server.client, EventBuilder::ga(100_000).price("20.00"), Terms::PLAIN).await;
    sale.code(&server.client, "LAST", "FIXED", Some("5"), Some(1)).await;
    let buyers = server.buyers(BUYERS).await;
    let mut racers = Vec::new();
    for buyer in &buyers {
        racers.push(Racer::connect(server.running.address, buyer).await.unwrap());
    }
    for race in 0..races {
        let told = all_at_once(&sale, racers).await;
        racers = Vec::new();
        let mut winners = Vec::new();
        for (number, (racer, told)) in told.into_iter().enumerate() {
            racers.push(racer);
            match told.status {
                201 => winners.push((number, told.json())),
                _ => assert_eq!((told.status, &*told.code()), (422, "PROMO_001"), "race {race}: {told:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "race {race}");
        let used = "SELECT used::bigint FROM promo_codes";
        assert_eq!(server.db.number(used, &[]).await, 1, "race {race}");
        let (winner, won) = &winners[0];
        give_back(&server.api.of(&buyers[*winner]), won).await;
        assert_eq!(server.db.number(used, &[]).await, 0, "race {race}: it is given back");
    }
    server.audit().await;
}

/// Every second one wants a hold, the others a booking.
async fn all_at_once(sale: &Sale, racers: Vec<Racer>) -> Vec<(Racer, Told)> {
    let barrier = Arc::new(Barrier::new(racers.len()));
    let mut all = JoinSet::new();
    for (number, mut racer) in racers.into_iter().enumerate() {
        let (barrier, path) = (barrier.clone(), sale.event.path(if number % 2 == 0 { "bookings" } else { "holds" }));
        let mut body = sale.event.places(1);
        body["promoCode"] = json!("last");
        all.spawn(async move {
            barrier.wait().await;
            let told = racer.post(&path, &new_key(), &body.to_string()).await.unwrap();
            (number, racer, told)
        });
    }
    let mut done = all.join_all().await;
    done.sort_by_key(|(number, ..)| *number);
    done.into_iter().map(|(_, racer, told)| (racer, told)).collect()
}

async fn give_back(api: &Api, won: &Value) {
    let is_booking = won.get("reference").is_some();
    let path = format!("/api/v1/{}/{}", if is_booking { "bookings" } else { "holds" }, uuid(&won["id"]));
    let answer = api.delete(&path).await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
}

/// Two clicks on a button: one after the other with the page's key, or from two pages.
async fn clicks(api: Api, booking: Uuid, method: &'static str, same_key: bool) -> [Answer; 2] {
    let path = format!("/api/v1/bookings/{booking}/payments");
    let (first, second) = (new_key(), new_key());
    let second = if same_key { first.clone() } else { second };
    let body = by(method);
    let click = |key: String| {
        let (api, path, body) = (api.clone(), path.clone(), body.clone());
        async move { api.send(Method::POST, &path, Some(&key), Some(&body)).await }
    };
    let answers = tokio::join!(click(first), click(second));
    [answers.0, answers.1]
}

/// Guards the unique index of open attempts, the key of an attempt, and that money which has come pays once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_double_clicks_on_pay_each_charges_once() {
    const PAIRS: usize = 200;
    const AT_ONCE: usize = 20;
    let settings =
        Settings::default().set("BOXOFFICE__PAYMENTS__CHECK_AFTER", "1s").set("BOXOFFICE__JOBS__POLL", "200ms");
    let server = settings.start().await;
    let sale = Sale::of(&server.client, EventBuilder::ga(10_000).price("12.50"), Terms::PLAIN).await;
    let buyers = server.buyers(PAIRS).await;
    let mut bookings = Vec::new();
    for part in buyers.chunks(AT_ONCE) {
        let booked = join_all(part.iter().map(async |buyer| {
            let api = server.api.of(buyer);
            uuid(&sale.booked(&api, 1).await["id"])
        }));
        let booked = booked.await;
        let pairs = booked.iter().zip(part).enumerate().map(|(number, (booking, buyer))| {
            let method = ["sandbox_success", "sandbox_slow"][number % 2];
            clicks(server.api.of(buyer), *booking, method, number % 4 < 2)
        });
        for [one, other] in join_all(pairs).await {
            assert!([&one, &other].iter().any(|answer| answer.status == 201), "{one:?} {other:?}");
            for answer in [one, other] {
                let code = if answer.status == 201 {
                    String::new()
                } else {
                    answer.json()["code"].as_str().unwrap().to_owned()
                };
                let may_be = [(201, ""), (409, "PAYMENT_001"), (409, "PAYMENT_005"), (409, "IDEMPOTENCY_003")];
                assert!(may_be.contains(&(answer.status, &*code)), "{answer:?}");
            }
        }
        bookings.extend(booked);
    }
    let wrong = law::settled(&server.client, true, PATIENCE).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    let charges = "SELECT count(*) FROM sandbox_documents WHERE kind = 'intent' AND body ->> 'status' = 'succeeded'
        GROUP BY body -> 'metadata' ->> 'booking_id'";
    let charges: Vec<i64> = server.client.query(charges, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(charges, vec![1; PAIRS], "how often each booking was charged");
    let confirmed = "SELECT count(*) FROM bookings WHERE id = ANY($1) AND status = 'CONFIRMED'";
    assert_eq!(server.db.number(confirmed, &[&bookings]).await, PAIRS as i64);
}
