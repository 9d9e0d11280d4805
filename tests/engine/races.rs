//! Races over HTTP: hundreds of clients want the same thing at the same moment, and exactly as many get it as there is of it.
//! After each race the ledger is audited.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{
    EventBuilder, Settings, TestServer,
    client::{instant, new_key},
    retry::Stubborn,
    seeded,
    storm::{Storm, event_of_a_storm},
    until,
    wire::{Racer, Told},
};
use domain::ids::EventId;
use jiff::Timestamp;
use rand::Rng;
use serde_json::Value;
use tokio::{sync::Barrier, task::JoinSet};

/// So many clients, each a buyer with a connection of its own. On a machine that is busy otherwise a commit may take so long that the
/// server sends some away; they come again.
async fn racers(server: &TestServer, count: usize) -> Vec<Stubborn> {
    let racer = |buyer| Stubborn::new(server.running.address, buyer);
    server.buyers(count).await.iter().map(racer).collect()
}

/// How many got which status with which code.
fn tally(told: impl IntoIterator<Item = Told>) -> HashMap<(u16, String), usize> {
    let mut tally = HashMap::new();
    for told in told {
        *tally.entry((told.status, told.code())).or_default() += 1;
    }
    tally
}

fn exactly(counts: &[(u16, &str, usize)]) -> HashMap<(u16, String), usize> {
    counts.iter().map(|(status, code, count)| ((*status, (*code).to_owned()), *count)).collect()
}

/// 200 seats, one after the other, each wanted by 500 clients at once.
///
/// Watches the seat's state in memory and `seat_claims_pkey`: without the check in `decide`, the primary key
/// refuses the second claim, the inventory does not trust its memory any more and answers nobody with a clear refusal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_clients_who_want_one_seat_one_gets_it() {
    const SEATS: usize = 200;
    const CLIENTS: usize = 500;
    let server = TestServer::start().await;
    let event = Arc::new(server.event(EventBuilder::seated(10, 20)).await);
    let bodies: Arc<[Value]> = (0..SEATS).map(|seat| event.seats([seat])).collect();
    let barrier = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for mut racer in racers(&server, CLIENTS).await {
        let (event, bodies, barrier) = (event.clone(), bodies.clone(), barrier.clone());
        clients.spawn(async move {
            let mut told = Vec::with_capacity(SEATS);
            for body in &*bodies {
                barrier.wait().await;
                told.push(racer.book(event.id, &new_key(), body).await);
            }
            told
        });
    }
    let mut by_seat: Vec<Vec<Told>> = (0..SEATS).map(|_| Vec::new()).collect();
    while let Some(told) = clients.join_next().await {
        for (seat, told) in told.unwrap().into_iter().enumerate() {
            by_seat[seat].push(told);
        }
    }
    for (seat, told) in by_seat.into_iter().enumerate() {
        assert_eq!(tally(told), exactly(&[(201, "", 1), (409, "BOOKING_002", CLIENTS - 1)]), "seat {seat}");
    }
    assert_eq!(server.api.places(&event).await, (0, SEATS as u64, 0));
    server.audit().await;
}

/// Watches the quota's count in memory; `quotas_within_capacity_check` behind it has a test of its own, with the ledger's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_5000_requests_for_1000_places_1000_get_one() {
    let server = TestServer::start().await;
    let event = Arc::new(server.event(EventBuilder::ga(1000)).await);
    let mut clients = JoinSet::new();
    for mut racer in racers(&server, 250).await {
        let event = event.clone();
        clients.spawn(async move {
            let body = event.places(1);
            let mut told = Vec::with_capacity(20);
            for _ in 0..20 {
                told.push(racer.book(event.id, &new_key(), &body).await);
            }
            told
        });
    }
    let told: Vec<Told> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(tally(told), exactly(&[(201, "", 1000), (409, "BOOKING_001", 4000)]));
    assert_eq!(server.api.places(&event).await, (0, 1000, 0));
    server.audit().await;
}

/// Watches the queue's recognition of a request that is on its way. Behind it is `bookings_account_key`, which would keep
/// the booking single, but not the answers alike. The memory of recent keys is a short cut: without it the ledger is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_identical_requests_with_one_key_one_books() {
    let server = TestServer::start().await;
    let event = Arc::new(server.event(EventBuilder::seated(1, 20).price("9.99")).await);
    for (round, key) in (0..5).map(|round| (round, format!("key-{round}"))) {
        let buyer = server.buyer().await;
        let mut clients = JoinSet::new();
        let barrier = Arc::new(Barrier::new(100));
        for _ in 0..100 {
            let mut racer = Racer::connect(server.running.address, &buyer).await.unwrap();
            let (event, barrier, key) = (event.clone(), barrier.clone(), key.clone());
            clients.spawn(async move {
                let body = event.seats([2 * round, 2 * round + 1]).to_string();
                barrier.wait().await;
                racer.post(&event.path("bookings"), &key, &body).await.unwrap()
            });
        }
        let told = clients.join_all().await;
        assert!(told.iter().all(|told| told.status == 201), "{:?}", tally(told));
        assert_eq!(told.iter().filter(|told| !told.replayed).count(), 1, "one is the first");
        assert!(told.iter().all(|other| other.body == told[0].body), "all say the same");
        let other = server.api.of(&buyer).book_as(&event, &key, &event.seats([2 * round])).await;
        other.problem(422, "IDEMPOTENCY_002");
    }
    assert_eq!(server.db.number("SELECT count(*) FROM bookings", &[]).await, 5);
    server.audit().await;
}

/// Watches `bookings_account_key`: the same key for two different requests at once, one of them gets it and the other one
/// is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_requests_that_share_a_key_do_not_both_book() {
    let server = TestServer::start().await;
    let (here, there) = (server.event(EventBuilder::ga(1000)).await, server.event(EventBuilder::ga(1000)).await);
    for round in 0..20 {
        let api = server.signed_in().await;
        // In one inventory, and in two: there the ledger alone can tell.
        let other = if round % 2 == 0 { &here } else { &there };
        let (one, two) = (here.places(1), other.places(2));
        let answers = tokio::join!(api.book_as(&here, "k", &one), api.book_as(other, "k", &two));
        let mut statuses = [answers.0.status, answers.1.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "{answers:?}");
    }
    assert_eq!(server.db.number("SELECT count(*) FROM bookings", &[]).await, 20);
    server.audit().await;
}

/// Watches the expiry timer: places come back within a second of the hold's `expiresAt`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_places_of_holds_come_back_within_a_second_of_their_time() {
    let server = Settings::default().hold(Duration::from_secs(1)).start().await;
    let event = server.event(EventBuilder::seated(2, 10)).await;
    let mut expiries = Vec::new();
    for seat in 0..20 {
        let hold = server.signed_in().await.hold(&event, &event.seats([seat])).await.created();
        expiries.push(instant(&hold["expiresAt"]));
    }
    let mut latest = Duration::ZERO;
    until("all places are back", async || {
        let left = server.api.taken_seats(&event).await.len();
        let now = Timestamp::now();
        // Seats were held, and so expire, one after the other.
        if let Some(overdue) = expiries.get(expiries.len() - left).filter(|at| **at < now) {
            latest = latest.max(Duration::try_from(now.duration_since(*overdue)).unwrap());
        }
        left == 0
    })
    .await;
    assert!(latest < Duration::from_secs(1), "a place came back {latest:?} after its time");
    server.audit().await;
}

/// Watches "memory is a cache of the ledger": the successor of a killed inventory waits for the commits in flight, loads
/// the ledger, and recognises retries of what its predecessor had decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inventory_killed_over_and_over_returns_with_the_exact_state() {
    let mut random = seeded();
    let server = TestServer::start().await;
    let event = event_of_a_storm(&server.client).await;
    let storm = Storm::begin(server.running.address, &server.client, &event, 50).await;
    // More than ten in ten seconds would be left down for a while, which is another matter.
    for _ in 0..9 {
        storm.rage(&mut random, 50..250).await;
        server.running.inventories.kill(EventId(event.id));
    }
    storm.end(&server.client).await;
    let shown = server.api.get(&event.path("availability")).await.ok();
    let sold = |index: usize| shown["ticketTypes"][index]["sold"].as_i64().unwrap();
    let in_ledger: i64 = server.db.number("SELECT sum(sold)::bigint FROM quotas", &[]).await;
    assert_eq!(sold(0) + sold(1), in_ledger, "the picture is the ledger's");
}

/// Watches the supervisor: an inventory that is killed between two messages hands its state over like one that stops by itself, and is
/// started again all the same. Nobody asks for it meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_expire_though_their_inventory_was_killed_and_nobody_asks() {
    let server = Settings::default().hold(Duration::from_secs(1)).start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    server.signed_in().await.hold(&event, &event.places(1)).await.created();
    server.running.inventories.kill(EventId(event.id));
    let open = "SELECT count(*) FROM holds WHERE status = 'ACTIVE'";
    until("the hold has expired", async || server.db.number(open, &[]).await == 0).await;
    server.audit().await;
}

/// Anyone who holds, books, gives back and lets go in any order: the counters stay exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holds_bookings_and_cancellations_at_random_leave_exact_counters() {
    let mut random = seeded();
    let server = Settings::default().hold(Duration::from_secs(1)).payment(Duration::from_secs(1)).start().await;
    let builder = EventBuilder::seated(4, 10).price("5").and_ga("Free", 60).and_shared("Child").max_per_account(12);
    let event = Arc::new(server.event(builder).await);
    let end = Instant::now() + Duration::from_secs(4);
    let mut clients = JoinSet::new();
    for buyer in server.buyers(12).await {
        let (api, event) = (server.api.of(&buyer), event.clone());
        let mut random: rand::rngs::StdRng = rand::SeedableRng::seed_from_u64(random.random());
        clients.spawn(async move {
            let (mut holds, mut bookings): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
            while Instant::now() < end {
                let wish = match random.random_range(0..3) {
                    0 => event.seats([random.random_range(0..40)]),
                    of => crate::support::client::quantity(event.types[of], random.random_range(1..4)),
                };
                let answer = match random.random_range(0..5) {
                    0 | 1 => api.hold(&event, &wish).await,
                    2 => api.book(&event, &wish).await,
                    3 if !holds.is_empty() => {
                        let hold = holds.swap_remove(random.random_range(0..holds.len()));
                        api.book(&event, &serde_json::json!({ "holdId": hold })).await
                    }
                    _ if !bookings.is_empty() => {
                        let booking = bookings.swap_remove(random.random_range(0..bookings.len()));
                        api.delete(&format!("/api/v1/bookings/{}", booking.as_str().unwrap())).await
                    }
                    _ => continue,
                };
                assert!([200, 201, 409, 422].contains(&answer.status), "{answer:?}");
                if answer.status == 201 {
                    let made = answer.json();
                    if made.get("reference").is_some() { &mut bookings } else { &mut holds }.push(made["id"].clone());
                }
            }
        });
    }
    clients.join_all().await;
    server.audit().await;
    let open = "SELECT count(*) FROM holds WHERE status = 'ACTIVE'";
    until("all holds have expired", async || server.db.number(open, &[]).await == 0).await;
    server.audit().await;
}
