//! Counters that are not what the rows say are found, no matter who wrote them.

use domain::{
    ids::{EventId, QuotaId},
    reconciliation::{Mismatch, Reconciliation},
};
use serde_json::json;

use super::{OWN, book, judged_first::metric, organizer, published, seat_maps::layout, seated::Seated};
use crate::support::{Api, TestServer, until};

const PLACES: &str = "boxoffice_ledger_mismatch_places";

/// Guards: the reconciler, from the rows to the metric.
#[tokio::test]
async fn a_place_that_is_counted_wrongly_is_found_and_named() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 10).await;
    book(&server.signed_in().await, event, kind, 3).await.created();
    let block = json!({ "items": [{ "ticketTypeId": kind, "quantity": 2 }] });
    api.post(&format!("{OWN}/{event}/blocks"), &block).await.created();
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2)])).await;
    let seat = of.seats(&api).await["Stalls/A/1"].0;
    of.ask(&server.signed_in().await, "holds", 0, seat).await.created();
    let store = server.store(1);
    for event in [event, of.event] {
        assert_eq!(store.mismatches(EventId(event)).await.unwrap(), []);
    }
    assert!(metric(&server, PLACES).await < 1.0);
    // No number of things is negative: a sum of no floats would be -0.
    let told = Api::of_operators(server.running.operations_address).get("/metrics").await.body;
    let told = String::from_utf8(told.to_vec()).unwrap();
    let negative: Vec<&str> = told.lines().filter(|line| line.ends_with(" -0")).collect();
    assert_eq!(negative, Vec::<&str>::new());

    server.client.execute("UPDATE quotas SET sold = sold + 2 WHERE id = $1", &[&quota]).await.unwrap();
    let found = store.mismatches(EventId(event)).await.unwrap();
    assert_eq!(found, [Mismatch::Quota { id: QuotaId(quota), counted: (2, 5), found: (2, 3) }]);
    assert_eq!(found[0].to_string(), format!("quota {quota}: held 2 and not 2, sold 5 and not 3"));
    server.client.execute("DELETE FROM seat_claims WHERE event_id = $1", &[&of.event]).await.unwrap();
    assert_eq!(store.mismatches(EventId(of.event)).await.unwrap(), [Mismatch::Seats(1)]);
    until("the metric shows it", async || metric(&server, PLACES).await == 3.0).await;
    assert!(metric(&server, "boxoffice_ledger_mismatches_total").await >= 2.0);

    server.client.execute("UPDATE quotas SET sold = sold - 2 WHERE id = $1", &[&quota]).await.unwrap();
    until("the rest is left", async || metric(&server, PLACES).await == 1.0).await;
}

/// Guards: `events_after`, by which also events come up that nobody books.
#[tokio::test]
async fn every_event_has_its_turn() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (quiet, quota, _) = published(&server, &api, 10).await;
    let store = server.store(1);
    assert_eq!(store.active_events(10).await.unwrap(), []);
    assert_eq!(store.events_after(None, 10).await.unwrap(), [EventId(quiet)]);
    assert_eq!(store.events_after(Some(EventId(quiet)), 10).await.unwrap(), []);
    server.client.execute("UPDATE quotas SET held = 1 WHERE id = $1", &[&quota]).await.unwrap();
    until("the metric shows it", async || metric(&server, PLACES).await == 1.0).await;
}
