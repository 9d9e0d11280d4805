//! Reads do not ask the actor, and the sampler compares what they show with the ledger.

use std::time::Duration;

use actors::{engine::EngineSettings, inventories::AskError, inventory::Denial};
use domain::{ids::EventId, inventory::SeatState};
use tokio::time::Instant;

use crate::support::{
    builders::{event, seated_event, settings},
    harness::{Running, booked, eventually, start, start_on},
    memory_ledger::MemoryLedger,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Guards: the snapshot in `Inventories::availability`, and that a slot outlives its actor.
#[tokio::test]
async fn a_loaded_inventory_is_read_without_asking_it_even_while_it_is_down() {
    let arena = seated_event(3);
    let running = start(&[&arena]).await;
    let fresh = running.engine.inventories.availability(arena.id, soon()).await.unwrap();
    assert_eq!((fresh.ticket_types[0].available, fresh.seats().len()), (3, 3));
    booked(&running.ask(&arena, domain::inventory::Command::Book(arena.book(arena.seats(&[1])))).await);
    // Down, and its successor can't be loaded: nobody could answer.
    running.ledger.faults().reads_down = true;
    running.engine.inventories.kill(arena.id);
    let shown = running.engine.inventories.availability(arena.id, Instant::now()).await.unwrap();
    assert_eq!((shown.ticket_types[0].sold, shown.ticket_types[0].available), (1, 2));
    let states: Vec<_> = shown.seats().map(|(_, state)| state).collect();
    assert_eq!(states, [SeatState::Free, SeatState::Sold, SeatState::Free]);
    assert!(shown.version > fresh.version);
}

async fn ask_for_nothing(running: &Running, deadline: Instant) -> [AskError; 2] {
    let nowhere = event(1);
    let command = nowhere.singles(1).remove(0);
    let ask = running.engine.inventories.ask(nowhere.id, command, deadline).await.unwrap_err();
    [ask, running.engine.inventories.availability(EventId::generate(), deadline).await.unwrap_err()]
}

/// Guards: `directory.remove` in `stopped`; the look-up without making in `late`.
#[tokio::test]
async fn unknown_events_leave_no_trace() {
    let hall = event(1);
    let running = start(&[&hall]).await;
    for _ in 0..20 {
        for error in ask_for_nothing(&running, soon()).await {
            assert!(matches!(error, AskError::Denied(Denial::NoSuchEvent)), "{error:?}");
        }
        // Already late: nobody is told anything, and nothing is kept either.
        ask_for_nothing(&running, Instant::now()).await;
    }
    let directory = running.engine.inventories.directory();
    eventually("the directory is empty", || directory.all().is_empty()).await;
}

/// Guards: `Distrust` in the sampler, and what the inventory does about it.
#[tokio::test(start_paused = true)]
async fn drift_at_the_same_version_is_found_and_the_inventory_reloaded() {
    let hall = event(10);
    let every = Duration::from_secs(5);
    let running = start_on(MemoryLedger::new(&[&hall]), EngineSettings { sample_every: every, ..settings() }).await;
    booked(&running.book(&hall, 2).await);
    tokio::time::advance(every * 2).await;
    running.caught_up(&hall).await;
    assert_eq!(running.ledger.loads(hall.id), [false], "there is no drift yet");
    running.ledger.rows().events.get_mut(&hall.id).unwrap().counts[0].sold = 5;
    eventually("it is reloaded", || running.ledger.loads(hall.id) == [false, true]).await;
    eventually("memory follows", || {
        let slot = running.engine.inventories.directory().find(hall.id).unwrap();
        slot.snapshot().unwrap().ticket_types[0].sold == 5
    })
    .await;
}
