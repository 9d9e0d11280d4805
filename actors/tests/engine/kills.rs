//! An inventory is killed in the middle of everything.

use std::{hash::RandomState, sync::Arc, time::Duration};

use actors::{
    inventories::{AskError, Inventories, directory::Directory, supervisor::InventoriesSupervisor},
    inventory::shared::SharedParts,
    supervisor::Address,
};
use domain::{bookings::Source, inventory::Command, refusal::Refusal};
use ractor::Actor;
use tokio::time::Instant;

use crate::support::{
    builders::{event, settings},
    harness::{all, booked, eventually, held, refused, start},
    memory_ledger::MemoryLedger,
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

/// Guards: `slot.close` of a dead actor in `Inventories::call`, without which the tries are spent on the dead one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asks_that_meet_a_dying_inventory_wait_for_its_successor() {
    for _ in 0..10 {
        let hall = event(10_000);
        let running = start(&[&hall]).await;
        booked(&running.book(&hall, 1).await);
        let buyers: Vec<_> = (0..8)
            .map(|_| {
                let (inventories, hall) = (running.engine.inventories.clone(), hall.clone());
                tokio::spawn(async move {
                    for command in hall.singles(100) {
                        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
                        booked(&inventories.ask(hall.id, command, deadline).await);
                    }
                })
            })
            .collect();
        // An ask may meet both deaths, and each successor may die of what its predecessor had on its way.
        for sold in [50, 400] {
            eventually("it sells", || running.ledger.places(&hall).1 > sold).await;
            running.engine.inventories.kill(hall.id);
        }
        for buyer in buyers {
            buyer.await.unwrap();
        }
        assert_eq!(running.ledger.places(&hall), (0, 801));
        running.assert_exact(&hall).await;
        running.engine.stop().await;
    }
}

/// Guards: the repetition in `Inventories::call`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_waited_for_a_killed_inventory_are_served_by_its_successor() {
    for _ in 0..20 {
        let hall = event(200);
        let running = start(&[&hall]).await;
        booked(&running.book(&hall, 1).await);
        running.ledger.hold_commits();
        let asking = running.asking_all(&hall, hall.singles(100));
        running.under_way(&hall, 100).await;
        running.engine.inventories.kill(hall.id);
        running.ledger.release_commits();
        for answer in all(asking).await {
            booked(&answer);
        }
        assert_eq!(running.ledger.places(&hall), (0, 101));
        running.assert_exact(&hall).await;
        running.engine.stop().await;
    }
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

/// Guards: `unsettled`. What the inventories of a dead supervisor had in flight is waited for once an event, and not with each later
/// start: that takes a lock which all commits of the node share.
#[tokio::test(start_paused = true)]
async fn a_new_supervisor_waits_once_an_event_for_what_was_in_flight() {
    let hall = event(10);
    let (ledger, directory) = (MemoryLedger::new(&[&hall]), Arc::new(Directory::new(settings().admission)));
    let supervisor = Address::default();
    let inventories = Inventories::new(directory.clone(), supervisor.clone(), Address::default());
    let unsettled = Arc::default();
    let start = async || {
        let actor = InventoriesSupervisor {
            directory: directory.clone(),
            ledger: ledger.clone(),
            writers: [Address::default()].into(),
            hasher: RandomState::new(),
            settings: settings().inventory,
            policy: settings().restart,
            shared: SharedParts::default(),
            unsettled: Arc::clone(&unsettled),
        };
        let (actor, ended) = Actor::spawn(None, actor, ()).await.unwrap();
        supervisor.set(actor.clone());
        (actor, ended)
    };
    let look = async || inventories.availability(hall.id, Instant::now() + Duration::from_secs(20)).await.unwrap();
    let (first, ended) = start().await;
    look().await;
    first.kill();
    ended.await.unwrap();
    let _second = start().await;
    look().await;
    assert_eq!(ledger.loads(hall.id), [false, true]);
    tokio::time::advance(settings().inventory.idle_after).await;
    eventually("it is unloaded", || directory.find(hall.id).is_none()).await;
    look().await;
    assert_eq!(ledger.loads(hall.id), [false, true, false]);
}
