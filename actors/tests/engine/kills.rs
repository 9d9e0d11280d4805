//! An inventory is killed in the middle of everything.

use actors::inventories::AskError;
use domain::{bookings::Source, inventory::Command, refusal::Refusal};

use crate::support::{
    builders::event,
    harness::{all, booked, eventually, held, refused, start},
};

/// Guards: `settle` of the successor's load; the versions; keys that make the callers' repetition exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_in_a_storm_everything_is_exact() {
    let hall = event(500);
    let running = start(&[&hall]).await;
    let asking = running.asking_all(&hall, hall.singles(1_000));
    let inventories = running.engine.inventories.clone();
    for round in 1..=5 {
        // Each time something more was written.
        eventually("a commit", || running.ledger.groups().len() >= round || asking.iter().all(|ask| ask.is_finished()))
            .await;
        inventories.kill(hall.id);
    }
    let answers = all(asking).await;
    let mut bookings = std::collections::HashSet::new();
    for answer in &answers {
        match answer {
            Ok(_) => assert!(bookings.insert(booked(answer).id), "one booking answered two requests"),
            // Its outcome is open: the inventory died under it more often than it was asked.
            Err(AskError::Unavailable { .. }) => {}
            Err(_) => assert!(matches!(refused(answer), Refusal::SoldOut { .. })),
        }
    }
    running.assert_exact(&hall).await;
    let rows = running.ledger.rows().events[&hall.id].bookings.clone();
    assert!(bookings.iter().all(|id| rows.contains_key(id)), "an answered booking is in the ledger");
}

/// Guards: `load` takes holds and their expiry from the ledger.
#[tokio::test]
async fn a_killed_inventory_returns_with_its_holds() {
    let hall = event(10).priced();
    let running = start(&[&hall]).await;
    let new = hall.hold(hall.places(4));
    let hold = held(&running.ask(&hall, Command::Hold(new.clone())).await);
    running.engine.inventories.kill(hall.id);
    assert!(matches!(refused(&running.book(&hall, 7).await), Refusal::SoldOut { left: 6, .. }));
    let mut request = hall.book_from(Source::Hold(hold.id));
    request.account_id = new.account_id;
    let booking = booked(&running.ask(&hall, Command::Book(request)).await);
    assert_eq!((&booking.items, booking.total), (&hold.items, hold.total));
    running.assert_exact(&hall).await;
}
