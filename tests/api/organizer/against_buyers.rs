//! Races of an organizer against the first buyers of an event, over HTTP: no matter who comes first, what is counted is what is sold, and
//! whatever was promised can be given back.

use std::time::Duration;

use domain::accounts::Role;
use rand::{Rng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::OWN;
use crate::support::{
    Answer, Api, EventBuilder, TestEvent, TestServer, accounts,
    client::{new_key, quantity},
    seeded,
};

/// Each with a new event, half of them with an inventory that is loaded.
const ROUNDS: usize = 40;
const BUYERS: usize = 5;

/// One round: an event with two quotas of ten places, its organizer, and buyers.
struct Round {
    event: TestEvent,
    organizer: Api,
    buyers: Vec<Api>,
    other_quota: Uuid,
}

impl Round {
    async fn new(server: &TestServer, buyers: &[Api], is_loaded: bool) -> Self {
        let event = server.event(EventBuilder::ga(10).and_ga("Other", 10)).await;
        let row =
            "SELECT e.organizer_id, t.quota_id FROM events e JOIN ticket_types t ON t.event_id = e.id WHERE t.id = $1";
        let row = server.client.query_one(row, &[&event.types[1]]).await.unwrap();
        let organizer = server.api.with_token(&accounts::token(row.get(0), Role::Organizer, Duration::ZERO));
        if is_loaded {
            server.api.get(&event.path("availability")).await.ok();
        }
        Self { event, organizer, buyers: buyers.to_vec(), other_quota: row.get(1) }
    }

    fn path(&self) -> String {
        format!("{OWN}/{}", self.event.id)
    }

    /// Everybody at once: the organizer within a few milliseconds, and each buyer with one place.
    async fn race(
        &self,
        random: &mut StdRng,
        what: &str,
        change: impl Future<Output = Answer>,
    ) -> (Answer, Vec<Answer>) {
        let path = self.event.path(what);
        let body = quantity(self.event.types[0], 1);
        let bought = self.buyers.iter().map(|api| {
            let (wait, path, body) = (random.random_range(0..4000), &path, &body);
            async move {
                tokio::time::sleep(Duration::from_micros(wait)).await;
                api.send(Method::POST, path, Some(&new_key()), Some(body)).await
            }
        });
        let bought = futures_util::future::join_all(bought.collect::<Vec<_>>());
        let wait = random.random_range(0..4000);
        let change = async {
            tokio::time::sleep(Duration::from_micros(wait)).await;
            change.await
        };
        tokio::join!(change, bought)
    }

    async fn changed(&self, method: Method, rest: &str, body: Value) -> Answer {
        let body = Some(&body).filter(|body| !body.is_null());
        self.organizer.send_with(method, &format!("{}{rest}", self.path()), &[("if-match", "*")], body).await
    }

    /// Gives everything back, which no counter stands against.
    async fn give_back(&self, bought: &[Answer], what: &str) {
        for (api, bought) in self.buyers.iter().zip(bought).filter(|(_, bought)| bought.status == 201) {
            let path = format!("/api/v1/{what}/{}", bought.json()["id"].as_str().unwrap());
            let back = api.delete(&path).await;
            assert!([200, 204].contains(&back.status), "{back:?}");
        }
    }
}

async fn buyers(server: &TestServer) -> Vec<Api> {
    server.buyers(BUYERS).await.iter().map(|buyer| server.api.of(buyer)).collect()
}

fn outcome(change: &Answer, bought: &[Answer]) -> (bool, usize) {
    let sold = bought.iter().filter(|of| of.status == 201).count();
    assert!(bought.iter().all(|of| [201, 404, 409, 422].contains(&of.status)), "{bought:?}");
    assert!([200, 204, 409].contains(&change.status), "{change:?}");
    (change.status != 409, sold)
}

/// Guards: the order of `open_plan` in the change of a ticket type. What is booked is counted where its type draws on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_moves_to_another_quota_under_its_first_bookings() {
    let (mut random, server) = (seeded(), TestServer::start().await);
    let buyers = buyers(&server).await;
    for round in 0..ROUNDS {
        let of = Round::new(&server, &buyers, round % 2 == 0).await;
        let body = json!({ "quotaId": of.other_quota });
        let path = format!("/ticket-types/{}", of.event.types[0]);
        let change = of.changed(Method::PATCH, &path, body);
        let (changed, bought) = of.race(&mut random, "bookings", change).await;
        outcome(&changed, &bought);
        server.audit().await;
        of.give_back(&bought, "bookings").await;
    }
    server.audit().await;
}

/// Guards: the same in the deletion of a type. A buyer who was promised a place has it, and can book what is held.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_is_deleted_under_its_first_holds() {
    let (mut random, server) = (seeded(), TestServer::start().await);
    let buyers = buyers(&server).await;
    for round in 0..ROUNDS {
        let of = Round::new(&server, &buyers, round % 2 == 0).await;
        let path = format!("/ticket-types/{}", of.event.types[0]);
        let change = of.changed(Method::DELETE, &path, Value::Null);
        let (changed, bought) = of.race(&mut random, "holds", change).await;
        let (is_deleted, held) = outcome(&changed, &bought);
        assert!(!is_deleted || held == 0, "round {round}: deleted, and {held} hold a place");
        for (api, hold) in of.buyers.iter().zip(&bought).filter(|(_, hold)| hold.status == 201) {
            let body = json!({ "holdId": hold.json()["id"] });
            api.send(Method::POST, &of.event.path("bookings"), Some(&new_key()), Some(&body)).await.created();
        }
    }
    server.audit().await;
}

/// Guards: the same in the steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_unpublished_under_its_first_bookings() {
    let (mut random, server) = (seeded(), TestServer::start().await);
    let buyers = buyers(&server).await;
    for round in 0..ROUNDS {
        let of = Round::new(&server, &buyers, round % 2 == 0).await;
        let (changed, bought) =
            of.race(&mut random, "bookings", of.changed(Method::POST, "/unpublish", Value::Null)).await;
        let (is_draft, sold) = outcome(&changed, &bought);
        assert!(!is_draft || sold == 0, "round {round}: a draft of which {sold} are booked");
    }
    let strays = "SELECT count(*) FROM bookings b JOIN events e ON e.id = b.event_id WHERE e.status = 'DRAFT'";
    assert_eq!(server.db.number(strays, &[]).await, 0);
    server.audit().await;
}

/// Guards: the same in a cancellation, which finds every booking that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_cancelled_under_its_first_bookings() {
    let (mut random, server) = (seeded(), TestServer::start().await);
    let buyers = buyers(&server).await;
    let mut sold = 0;
    for round in 0..ROUNDS {
        let of = Round::new(&server, &buyers, round % 2 == 0).await;
        let (changed, bought) =
            of.race(&mut random, "bookings", of.changed(Method::POST, "/cancel", Value::Null)).await;
        changed.ok();
        sold += outcome(&changed, &bought).1;
    }
    let left = "SELECT count(*) FROM event_cancellations WHERE finished_at IS NULL";
    crate::support::until("all are cancelled", async || server.db.number(left, &[]).await == 0).await;
    let done = "SELECT sum(done)::bigint FROM event_cancellations WHERE done = total";
    assert_eq!(server.db.number(done, &[]).await, i64::try_from(sold).unwrap());
    assert_eq!(server.db.number("SELECT count(*) FROM bookings WHERE status <> 'CANCELLED'", &[]).await, 0);
    server.audit().await;
}
