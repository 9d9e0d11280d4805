//! The server is killed at each message of a payment, of a refund and of what the gateway tells: between it and the database, and between it
//! and the gateway, which goes on by itself. It is started again, and the buyer repeats what had no answer. Then every booking was charged
//! once, and is confirmed, or has its money back, once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::accounts::Role;
use rand::{Rng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{
    law,
    outside::Gateway,
    till::{Sale, Terms},
    walk::expire_leases,
};
use crate::support::{
    Answer, Api, ChildServer, EventBuilder, PATIENCE, Settings, TestDatabase,
    accounts::add_accounts,
    client::{new_key, uuid},
    proxy::Proxy,
    seeded,
    tripwire::Tripwire,
    until,
};

/// How often each point is passed through; without it, some points once.
const ROUNDS: &str = "BOXOFFICE_MONEY_KILLS";
/// Points of each story in the form that always runs.
const SAMPLE: usize = 15;
/// What statements have to name to be counted.
const NAMES: [&str; 6] = ["ledger_commit", "payments", "refunds", "gateway_messages", "INTO jobs", "FROM jobs"];
/// Most points of a story that may go by without a kill: how many messages there are depends on who comes first.
const MISSED_MAX_PERCENT: usize = 25;

/// What happens to a booking that waits for its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// The gateway answers that it was paid.
    PaidAtOnce,
    /// The payer pays on the gateway's page.
    PaidLater,
    /// It is paid, and then cancelled.
    CancelledAfterwards,
    /// It is cancelled while its payer pays.
    CancelledMeanwhile,
}

impl Story {
    fn is_cancelled(self) -> bool {
        matches!(self, Self::CancelledAfterwards | Self::CancelledMeanwhile)
    }

    fn pays_at_once(self) -> bool {
        matches!(self, Self::PaidAtOnce | Self::CancelledAfterwards)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_survives_a_kill_at_any_message() {
    at_each_message(Story::PaidAtOnce).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_tells_survives_a_kill_at_any_message() {
    at_each_message(Story::PaidLater).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_survives_a_kill_at_any_message() {
    at_each_message(Story::CancelledAfterwards).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_for_a_cancelled_booking_goes_back_over_a_kill_at_any_message() {
    at_each_message(Story::CancelledMeanwhile).await;
}

async fn at_each_message(story: Story) {
    let mut random = seeded();
    let mut stage = Stage::set().await;
    // The first time is none like the others: much is loaded.
    stage.tell(story, None).await;
    stage.wire.count();
    stage.tell(story, None).await;
    let messages = stage.wire.off();
    assert!(messages.len() >= 6, "{messages:#?}");
    eprintln!("{story:?}: {messages:#?}");
    let rounds = std::env::var(ROUNDS).ok().and_then(|text| text.parse::<usize>().ok());
    let all: Vec<usize> = (1..=messages.len()).collect();
    let points: Vec<usize> = match rounds {
        Some(rounds) => all.repeat(rounds),
        None => all.choose_multiple(&mut random, SAMPLE).copied().collect(),
    };
    let mut missed = 0;
    for point in &points {
        stage.gateway.pays_at_once(story.pays_at_once());
        // Also a moment later: what goes on beside it has other messages.
        let later = Duration::from_micros(random.random_range(0..20_000));
        missed += usize::from(!stage.tell(story, Some((*point, later))).await);
    }
    eprintln!("{story:?}: {} kills, {missed} points were not reached", points.len() - missed);
    assert!(
        missed * 100 <= points.len() * MISSED_MAX_PERCENT.max(100 / SAMPLE),
        "{missed} of {} points were not reached",
        points.len()
    );
    let wrong = law::settled(&stage.client, false, PATIENCE).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(stage.gateway.begun_twice(), Vec::<String>::new(), "one payment an attempt");
    // What was acknowledged is durable, even though an attempt that is asked about would show what the message has told.
    let kept = "SELECT count(*) FROM gateway_messages WHERE id = ANY($1)";
    let taken = stage.gateway.taken();
    let kept: i64 = stage.client.query_one(kept, &[&taken]).await.unwrap().get(0);
    assert_eq!(kept as usize, taken.len(), "a message was acknowledged and lost");
}

struct Stage {
    server: ChildServer,
    gateway: Gateway,
    wire: Arc<Tripwire>,
    client: Client,
    sale: Sale,
    _proxy: Proxy,
    _database: TestDatabase,
}

impl Stage {
    async fn set() -> Self {
        let wire = Arc::new(Tripwire::default());
        let gateway = Gateway::open(&wire).await;
        let database = TestDatabase::migrated().await;
        let client = database.connect().await;
        let event = EventBuilder::ga(100_000).price("25.00");
        let sale = Sale::of(&client, event, Terms::PLAIN).await;
        let proxy = Proxy::before(&database).await;
        proxy.count(&wire, &NAMES);
        let settings = gateway.of(Settings::default()).through(&proxy);
        let settings = settings
            .set("BOXOFFICE__PAYMENTS__TIMEOUT", "1s")
            .set("BOXOFFICE__PAYMENTS__CHECK_AFTER", "500ms")
            .set("BOXOFFICE__JOBS__POLL", "100ms");
        let server = ChildServer::start(settings).await;
        gateway.tells(server.address);
        Self { server, gateway, wire, client, sale, _proxy: proxy, _database: database }
    }

    /// One booking's story, with a kill at this message. Whether it came to that.
    async fn tell(&mut self, story: Story, kill_at: Option<(usize, Duration)>) -> bool {
        self.gateway.pays_at_once(story.pays_at_once());
        let buyer = add_accounts(&self.client, 1, Role::User).await.remove(0);
        let api = self.server.api.of(&buyer);
        let booking = uuid(&self.sale.booked(&api, 2).await["id"]);
        if let Some((point, _)) = kill_at {
            self.wire.stop_at(point);
        }
        let telling = told(story, &api, &self.gateway, booking);
        let mut is_killed = false;
        {
            tokio::pin!(telling);
            let ends = async {
                telling.await;
                // What goes on afterwards is killed as well.
                until_over(&self.client, booking, story).await;
            };
            tokio::pin!(ends);
            tokio::select! {
                () = &mut ends => {}
                () = self.wire.tripped() => {
                    is_killed = true;
                    tokio::time::sleep(kill_at.map_or(Duration::ZERO, |(_, later)| later)).await;
                    self.server.kill();
                    expire_leases(&self.client).await;
                    self.wire.off();
                    self.server.launch();
                    self.server.ready().await;
                    ends.await;
                }
            }
        }
        if kill_at.is_some() {
            self.wire.off();
        }
        self.judge(story, booking).await;
        is_killed
    }

    /// What became of the booking and of its money, at the gateway as well.
    async fn judge(&self, story: Story, booking: Uuid) {
        let row =
            self.client.query_one("SELECT status::text, total FROM bookings WHERE id = $1", &[&booking]).await.unwrap();
        let (status, total): (String, rust_decimal::Decimal) = (row.get(0), row.get(1));
        let cents = i64::try_from(total * rust_decimal::Decimal::from(100)).unwrap();
        let account = self.gateway.account_of(booking);
        let expected =
            if story.is_cancelled() { ("CANCELLED", (1, cents, 1, cents)) } else { ("CONFIRMED", (1, cents, 0, 0)) };
        // An attempt that never reached the gateway before its booking was cancelled charges nothing.
        let is_uncharged = story == Story::CancelledMeanwhile && account == (0, 0, 0, 0);
        let is_right = (status.as_str(), account) == expected || (is_uncharged && status == "CANCELLED");
        assert!(
            is_right,
            "{story:?}: booking {booking} is {status}, and charges and refunds are {account:?}\n{}",
            self.server.log()
        );
    }
}

/// Everybody's part.
async fn told(story: Story, api: &Api, gateway: &Gateway, booking: Uuid) {
    let (path, key) = (format!("/api/v1/bookings/{booking}/payments"), new_key());
    let answer = insist(api, Method::POST, &path, Some(&key)).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let payment = uuid(&answer.json()["id"]);
    let of_booking = format!("/api/v1/bookings/{booking}");
    if story == Story::CancelledMeanwhile {
        // What the gateway tells of it and the cancellation meet.
        gateway.payer_pays(payment).await;
        assert_eq!(insist(api, Method::DELETE, &of_booking, None).await.status, 200);
        return;
    }
    if story == Story::PaidLater {
        // The page opens once the gateway has heard of it, which may be after the crash.
        until("the payer has paid", async || gateway.payer_pays(payment).await || gateway.account_of(booking).0 > 0)
            .await;
    }
    until("the booking is paid", async || status_of(api, &of_booking).await == "CONFIRMED").await;
    if story == Story::CancelledAfterwards {
        assert_eq!(insist(api, Method::DELETE, &of_booking, None).await.status, 200);
    }
}

/// Repeats a request until it has an answer that stands.
async fn insist(api: &Api, method: Method, path: &str, key: Option<&str>) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = api.try_send(method.clone(), path, key, None).await;
        let stands = |answer: &Answer| {
            !(matches!(answer.status, 500..600) || answer.status == 409 && answer.header("retry-after").is_some())
        };
        match answer {
            Some(answer) if stands(&answer) => return answer,
            last => assert!(Instant::now() < deadline, "{method} {path} has no answer that stands: {last:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn status_of(api: &Api, path: &str) -> String {
    let answer = api.try_send(Method::GET, path, None, None).await;
    let status = answer.filter(|answer| answer.status == 200).map(|answer| answer.json()["status"].clone());
    status.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Waits until nobody is at the booking's money any more.
async fn until_over(client: &Client, booking: Uuid, story: Story) {
    let open = "SELECT (SELECT count(*) FROM payments WHERE booking_id = $1 AND state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING'))
        + (SELECT count(*) FROM refunds WHERE booking_id = $1 AND state = 'PENDING')
        + (SELECT count(*) FROM gateway_messages WHERE applied_at IS NULL)
        + (SELECT count(*) FROM jobs j WHERE kind IN ('refund', 'close_payment')
            AND (j.key IN (SELECT 'payment:' || id FROM payments WHERE booking_id = $1)
              OR j.key IN (SELECT 'refund:' || id FROM refunds WHERE booking_id = $1)))";
    until(&format!("the money of {story:?} is where it belongs"), async || {
        client.query_one(open, &[&booking]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}
