//! Calls of the ledger that have no answer: each costs one deadline, and nothing else.

use std::time::Duration;

use actors::{engine::EngineSettings, inventories::AskError, inventory::Denial};
use domain::{inventory::Command, refusal::Refusal};

use crate::support::{
    builders::{event, settings},
    harness::{booked, eventually, refused, start, start_on},
    memory_ledger::{MemoryLedger, Read},
};

/// Guards: `LOAD_MAX`. Otherwise the event is gone until a restart.
#[tokio::test(start_paused = true)]
async fn a_load_without_an_answer_is_repeated() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    running.ledger.faults().hang.push(Read::Load);
    let answer = running.book(&hall, 1).await;
    assert!(matches!(answer, Err(AskError::Denied(Denial::Unavailable(_)))), "{answer:?}");
    eventually("it is loaded again", || running.ledger.loads(hall.id).len() == 2).await;
    booked(&running.book(&hall, 1).await);
    running.assert_exact(&hall).await;
}

/// Guards: `LOOK_UP_MAX` in the probe. Otherwise every refusal of every event waits in vain from then on.
#[tokio::test(start_paused = true)]
async fn a_look_up_without_an_answer_fails_those_in_it_and_no_others() {
    let (hall, other) = (event(1), event(1));
    let running = start(&[&hall, &other]).await;
    for hall in [&hall, &other] {
        booked(&running.book(hall, 1).await);
    }
    running.ledger.faults().hang.push(Read::Keys);
    let silent = running.asking(&hall, hall.singles(1).remove(0));
    eventually("it is looked up", || running.ledger.faults().hang.is_empty()).await;
    let waits = running.asking(&other, other.singles(1).remove(0));
    let silent = silent.await.unwrap();
    assert!(matches!(silent, Err(AskError::Unavailable { .. })), "{silent:?}");
    assert!(matches!(refused(&waits.await.unwrap()), Refusal::SoldOut { .. }));
    assert!(matches!(refused(&running.book(&hall, 1).await), Refusal::SoldOut { .. }));
}

/// Guards: `RENEWAL_MAX`, and what the pulse tells.
#[tokio::test(start_paused = true)]
async fn a_renewal_without_an_answer_is_repeated_and_shows() {
    let hall = event(1);
    let mut running = start(&[&hall]).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    running.ledger.faults().hang.push(Read::Renewal);
    eventually("it hangs", || running.ledger.faults().hang.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(running.engine.pulse.unanswered_for() >= Duration::from_secs(2));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(running.engine.pulse.unanswered_for(), Duration::ZERO, "the next one was answered");
    running.ledger.faults().fenced = true;
    tokio::time::timeout(Duration::from_secs(10), running.engine.fenced.wait_for(|fenced| *fenced))
        .await
        .unwrap()
        .unwrap();
}

/// Guards: `COUNTS_MAX` in the sampler: one look that hangs ends no comparison of the others.
#[tokio::test(start_paused = true)]
async fn a_look_at_counters_without_an_answer_does_not_end_the_comparison() {
    let hall = event(5);
    let settings = EngineSettings { sample_every: Duration::from_secs(1), ..settings() };
    let running = start_on(MemoryLedger::new(&[&hall]), settings).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.faults().hang.push(Read::Counts);
    eventually("it hangs", || running.ledger.faults().hang.is_empty()).await;
    running.ledger.rows().events.get_mut(&hall.id).unwrap().counts[0].held = 1;
    eventually("the difference is noticed", || running.ledger.loads(hall.id).len() == 2).await;
}

/// Guards: `EXPIRING_MAX`: what expires does so though the first look at where that will be had no answer.
#[tokio::test(start_paused = true)]
async fn the_look_at_what_expires_is_repeated() {
    let hall = event(5);
    let ledger = MemoryLedger::new(&[&hall]);
    {
        let mut rows = ledger.rows();
        let rows = rows.events.get_mut(&hall.id).unwrap();
        let hold = rows.hold_until(crate::support::builders::epoch());
        rows.plant(hold);
    }
    ledger.faults().hang.push(Read::Expiring);
    let running = start_on(ledger, settings()).await;
    eventually("the hold expires", || running.ledger.places(&hall) == (0, 0)).await;
    booked(&running.ask(&hall, Command::Book(hall.book(hall.places(5)))).await);
}
