//! Memory and ledger may differ: who is told what before an inventory starts again, and how it is noticed.

use std::time::Duration;

use actors::{engine::EngineSettings, inventories::AskError, inventory::Denial};
use domain::{
    inventory::Command,
    ledger::{CommitError, KeyKind, KeyOf, Rejection},
};

use crate::support::{
    builders::{again, event, settings},
    harness::{all, booked, eventually, granted, start, start_on},
    memory_ledger::{Fault, MemoryLedger},
};

/// Guards: `Partly`. The first half of a group is in the ledger, then the connection is lost: anyone who is in the first half is told, and
/// does not have to ask a successor.
#[tokio::test]
async fn what_is_committed_is_answered_before_the_inventory_fails() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    let first = running.asking(&hall, hall.singles(1).remove(0));
    eventually("a commit", || running.ledger.arrived() == 2).await;
    let asking = running.asking_all(&hall, hall.singles(2));
    running.under_way(&hall, 3).await;
    running.caught_up(&hall).await;
    running.ledger.faults().commits.extend([
        Fault::None,
        Fault::Fail(CommitError::Rejected(Rejection::AccountGone)),
        Fault::None,
        Fault::Fail(CommitError::Unknown("planted".to_owned())),
    ]);
    running.ledger.release_commits();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(granted(&all(asking).await), 2);
    assert_eq!(running.ledger.arrived(), 6, "only the second half was asked for again");
    assert_eq!(running.ledger.loads(hall.id), [false, true]);
    running.assert_exact(&hall).await;
}

/// Guards: the answers before the failure when an entry alone breaks a guard, and that it is not asked again by itself.
#[tokio::test]
async fn a_broken_guard_costs_one_death_and_its_neighbours_nothing() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    let first = running.asking(&hall, hall.singles(1).remove(0));
    eventually("a commit", || running.ledger.arrived() == 2).await;
    let asking = running.asking_all(&hall, hall.singles(2));
    running.under_way(&hall, 3).await;
    running.caught_up(&hall).await;
    let guard = || Fault::Fail(CommitError::Rejected(Rejection::Guard("planted".to_owned())));
    running.ledger.faults().commits.extend([Fault::None, guard(), guard(), Fault::None]);
    running.ledger.release_commits();
    assert!(first.await.unwrap().is_ok());
    let answers = all(asking).await;
    assert_eq!(granted(&answers), 1);
    let told = answers.iter().any(|answer| matches!(answer, Err(AskError::Denied(Denial::Unavailable(_)))));
    assert!(told, "{answers:?}");
    assert_eq!(running.ledger.arrived(), 5, "nobody was asked for again");
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.loads(hall.id), [false, true]);
    running.assert_exact(&hall).await;
}

/// Guards: `is_of`. It is the request's own booking that was found.
#[tokio::test]
async fn ones_own_lost_answer_is_no_replay() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    for lost in [1, 9] {
        running.ledger.faults().commits.push_back(Fault::LoseAnswer);
        // The second time nothing is left, so that it is refused and its key is looked up.
        let answer = running.book(&hall, lost).await;
        booked(&answer);
        assert!(!answer.unwrap().replayed, "{lost}");
    }
    assert_eq!(running.ledger.places(&hall), (0, 10));
    running.assert_exact(&hall).await;
}

/// Guards: a key whose row can't be read fails its own request, in a group as well as in a look-up.
#[tokio::test]
async fn a_key_that_can_not_be_read_fails_alone() {
    let hall = event(3);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let poisoned = hall.book(hall.places(1));
    let key = KeyOf { account_id: poisoned.account_id, key: poisoned.key.clone(), kind: KeyKind::Booking };
    let prior = booked(&running.ask(&hall, Command::Book(poisoned.clone())).await);
    running.engine.inventories.kill(hall.id);
    running.ledger.faults().unreadable.insert(key);
    running.ledger.hold_commits();
    let first = running.asking(&hall, again(&poisoned));
    eventually("a commit", || running.ledger.arrived() == 3).await;
    running.ledger.release_commits();
    let answer = first.await.unwrap();
    assert!(matches!(answer, Err(AskError::Denied(Denial::Unavailable(_)))), "{answer:?}");
    assert_eq!(running.ledger.loads(hall.id).len(), 2, "its inventory went on");
    booked(&running.book(&hall, 1).await);
    // Sold out: both are refused, and their keys are looked up in one group.
    let (bad, good) = (running.asking(&hall, again(&poisoned)), running.asking(&hall, hall.singles(1).remove(0)));
    let (bad, good) = (bad.await.unwrap(), good.await.unwrap());
    assert!(matches!(bad, Err(AskError::Unavailable { .. })), "{bad:?}");
    assert!(matches!(good, Err(AskError::Denied(Denial::Refused(_)))), "{good:?}");
    assert_eq!(prior.items.len(), 1);
}

/// Guards: `is_ahead`. A restored ledger has lost bookings that memory knows, and would be sold out for ever.
#[tokio::test(start_paused = true)]
async fn memory_ahead_of_the_ledger_is_noticed() {
    let hall = event(5);
    let settings = EngineSettings { sample_every: Duration::from_secs(10), ..settings() };
    let running = start_on(MemoryLedger::new(&[&hall]), settings).await;
    let backup = running.ledger.rows().clone();
    booked(&running.book(&hall, 5).await);
    *running.ledger.rows() = backup;
    tokio::time::advance(Duration::from_secs(11)).await;
    eventually("it is read anew", || running.ledger.loads(hall.id).len() == 2).await;
    booked(&running.book(&hall, 5).await);
    running.assert_exact(&hall).await;
}

/// Guards: that a quota which the ledger does not have is no reason for doubt in `is_ahead`. It was deleted, as organizers do.
#[tokio::test(start_paused = true)]
async fn a_deleted_quota_is_read_anew_without_a_doubt() {
    let hall = event(5);
    let settings = EngineSettings { sample_every: Duration::from_secs(10), ..settings() };
    let running = start_on(MemoryLedger::new(&[&hall]), settings).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.rows().events.get_mut(&hall.id).unwrap().counts.clear();
    tokio::time::advance(Duration::from_secs(11)).await;
    eventually("it is read anew", || running.ledger.loads(hall.id).len() >= 2).await;
    // A successor of one that died would wait for what that one has in flight.
    assert_eq!(running.ledger.loads(hall.id)[..2], [false, false]);
}

/// Guards: that memory which is ahead only because something was committed meanwhile is trusted.
#[tokio::test(start_paused = true)]
async fn a_comparison_during_a_sale_doubts_nothing() {
    let hall = event(1_000);
    let settings = EngineSettings { sample_every: Duration::from_millis(5), ..settings() };
    let running = start_on(MemoryLedger::new(&[&hall]), settings).await;
    running.ledger.faults().counts_take = Duration::from_millis(4);
    for _ in 0..100 {
        booked(&running.book(&hall, 1).await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(running.ledger.loads(hall.id), [false]);
}

/// Guards: the timeline in `Leases`. A booking that the ledger has lost is not acknowledged again: remembered keys end with the memory
/// that they are part of.
#[tokio::test(start_paused = true)]
async fn another_timeline_makes_all_start_anew() {
    let halls = [event(5), event(5)];
    let running = start(&halls.iter().collect::<Vec<_>>()).await;
    let backup = running.ledger.rows().clone();
    let lost = halls[0].book(halls[0].places(5));
    booked(&running.ask(&halls[0], Command::Book(lost.clone())).await);
    booked(&running.book(&halls[1], 5).await);
    // The renewals before have seen the first one.
    tokio::time::advance(Duration::from_secs(5)).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    *running.ledger.rows() = backup;
    running.ledger.faults().timeline = 2;
    let reloaded = || halls.iter().all(|hall| running.ledger.loads(hall.id).len() == 2);
    eventually("both are read anew", reloaded).await;
    let answer = running.ask(&halls[0], again(&lost)).await;
    assert!(!answer.as_ref().unwrap().replayed, "{answer:?}");
    booked(&running.book(&halls[1], 5).await);
    for hall in &halls {
        running.assert_exact(hall).await;
    }
}
