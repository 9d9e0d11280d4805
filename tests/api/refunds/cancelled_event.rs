//! The bookings of a cancelled event that were paid: everything goes back, without a fee.

use reqwest::Method;
use serde_json::json;

use super::{OWN, Stage, booked, euros, items, own, pay};
use crate::support::until;

/// Guards: the money in the canceller's commands, and the counts of refunds.
#[tokio::test]
async fn a_cancelled_event_gives_everything_back() {
    let stage = Stage::at("20.00").await;
    stage.terms(json!({ "cancellation": { "feePercent": "1" } })).await;
    let whole = stage.paid(2).await;
    let failing = stage.paid_by("sandbox_refund_fails", 1).await;
    let partly = stage.paid(2).await;
    // The buyer's own cancellation keeps its fee.
    stage.organize(&partly, "/refunds", &json!({ "itemIds": items(&partly, &[0]), "reason": "x" })).await.created();
    let pending = stage.booked(1).await;
    let by_hand = booked(&stage.server.signed_in().await, stage.event, stage.kind, 1).await;
    stage.organize(&by_hand, "/payments", &json!({ "method": "cash" })).await.created();
    let path = format!("{OWN}/{}", stage.event);
    stage.organizer.send(Method::POST, &format!("{path}/cancel"), None, None).await.ok();
    let shown = async || stage.organizer.get(&path).await.ok()["cancellation"].clone();
    until("all is done", async || {
        let shown = shown().await;
        shown["finishedAt"].is_string() && shown["refunds"]["pending"] == 0 && shown["refunds"]["failed"] == 1
    })
    .await;
    let shown = shown().await;
    assert_eq!((&shown["total"], &shown["done"]), (&json!(5), &json!(5)));
    assert_eq!(shown["refunds"], json!({ "pending": 0, "succeeded": 3, "failed": 1 }));
    for (booking, refunded) in [(&whole, "40.00"), (&failing, "0.00"), (&partly, "40.00"), (&pending, "0.00")] {
        let booking = stage.buyer.get(&own(booking)).await.ok();
        assert_eq!((&booking["status"], &booking["refunded"]), (&json!("CANCELLED"), &euros(refunded)));
    }
    let statement = stage.statement().await;
    assert_eq!(
        (&statement["kept"], &statement["owed"], &statement["net"]),
        (&euros("0.00"), &euros("20.00"), &euros("20.00"))
    );
    stage.server.audit().await;
}

/// Guards: that a portion whose server died goes on, and each booking gives its money back once.
#[tokio::test]
async fn the_refunds_of_a_cancelled_event_survive_the_death_of_its_keepers() {
    let stage = Stage::at("20.00").await;
    let buyers = stage.server.buyers(200).await;
    let sold = buyers.iter().map(|buyer| {
        let api = stage.server.api.of(buyer);
        let (event, kind) = (stage.event, stage.kind);
        async move {
            let booking = booked(&api, event, kind, 1).await;
            pay(&api, &booking, "sandbox_success").await.created();
        }
    });
    for some in futures_util::future::join_all(sold).await.chunks(1) {
        assert_eq!(some.len(), 1);
    }
    let path = format!("{OWN}/{}", stage.event);
    stage.organizer.send(Method::POST, &format!("{path}/cancel"), None, None).await.ok();
    stage.server.running.upkeep.kill_keepers();
    stage.server.running.inventories.kill(domain::ids::EventId(stage.event));
    stage.server.db.execute("UPDATE event_cancellations SET lease_until = now()").await;
    until("all refunds have succeeded", async || {
        let shown = stage.organizer.get(&path).await.ok()["cancellation"].clone();
        shown["finishedAt"].is_string() && shown["refunds"]["succeeded"] == 200
    })
    .await;
    let statement = stage.statement().await;
    assert_eq!((&statement["charged"], &statement["refunds"]), (&euros("4000.00"), &euros("4000.00")));
    let asked = "SELECT count(*) FROM sandbox_documents WHERE kind = 'refund'";
    assert_eq!(stage.server.db.number(asked, &[]).await, 200, "the gateway has given each back once");
    stage.server.audit().await;
}
