//! A plan changes between two batches: the inventory pauses, and reads it again.

use std::time::Duration;

use domain::{
    ids::AccountId,
    inventory::{Command, NewHold},
    rate_limit::Rate,
    refusal::Refusal,
    unpaid::{Buyer, NetworkId, UnpaidLimits},
};
use tokio::time::Instant;

use crate::support::{
    builders::{EventSpec, event, settings},
    harness::{Running, all, booked, eventually, granted, held, refused, start, start_on},
    memory_ledger::MemoryLedger,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// What the transaction of a change does.
fn resize(running: &Running, hall: &EventSpec, capacity: u32) {
    let mut rows = running.ledger.rows();
    let rows = rows.events.get_mut(&hall.id).unwrap();
    rows.spec.capacity = capacity;
    rows.counts.iter_mut().for_each(|count| count.version += 1);
}

fn capacity(running: &Running, hall: &EventSpec) -> u32 {
    let slot = running.engine.inventories.directory().find(hall.id);
    slot.and_then(|slot| slot.snapshot()).map_or(0, |picture| picture.ticket_types[0].capacity)
}

/// Guards: the wait for the queue in `reload_if_due`; that asks are held back in a pause, and served after it.
#[tokio::test]
async fn a_pause_waits_for_what_is_decided_and_loses_nothing_that_is_asked() {
    let hall = event(2);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    let on_its_way = running.asking(&hall, Command::Book(hall.book(hall.places(1))));
    eventually("it is on its way", || running.ledger.arrived() == 2).await;
    let inventories = running.engine.inventories.clone();
    let pausing = tokio::spawn(async move { inventories.pause(hall.id, soon()).await });
    running.caught_up(&hall).await;
    assert!(!pausing.is_finished(), "something is on its way");
    let mut waiting = running.asking_all(&hall, hall.singles(3));
    running.under_way(&hall, 4).await;
    running.ledger.release_commits();
    let pause = pausing.await.unwrap().unwrap();
    booked(&on_its_way.await.unwrap());
    waiting.extend(running.asking_all(&hall, hall.singles(1)));
    running.under_way(&hall, 4).await;
    running.caught_up(&hall).await;
    assert_eq!(running.ledger.arrived(), 2, "nothing is decided in a pause");
    resize(&running, &hall, 5);
    pause.end().await;
    assert_eq!(capacity(&running, &hall), 5, "whoever ends a pause sees the new plan");
    assert_eq!(granted(&all(waiting).await), 3);
    assert_eq!(running.ledger.loads(hall.id), [false, false], "read anew once, and never failed");
    running.assert_exact(&EventSpec { capacity: 5, ..hall }).await;
}

/// Guards: the turn of `wanted_by`. Two changes come one after the other.
#[tokio::test]
async fn pauses_come_one_after_the_other() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let first = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    let inventories = running.engine.inventories.clone();
    let second = tokio::spawn(async move { inventories.pause(hall.id, soon()).await });
    running.caught_up(&hall).await;
    assert!(!second.is_finished());
    drop(first);
    drop(second.await.unwrap().unwrap());
    booked(&running.book(&hall, 1).await);
    running.assert_exact(&hall).await;
}

/// Guards: `PAUSE_MAX`. Anyone who pauses an inventory and is never heard of again does not stop its sale.
#[tokio::test(start_paused = true)]
async fn a_pause_that_nobody_ends_ends_by_itself() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    std::mem::forget(running.engine.inventories.pause(hall.id, soon()).await.unwrap());
    booked(&running.book(&hall, 1).await);
    running.assert_exact(&hall).await;
}

/// Guards: `tick` in a pause. What expires waits until the plan is read again.
#[tokio::test(start_paused = true)]
async fn nothing_expires_into_a_change() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    held(&running.ask(&hall, Command::Hold(hall.hold(hall.places(2)))).await);
    tokio::time::advance(Duration::from_secs(595)).await;
    let pause = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    tokio::time::advance(Duration::from_secs(6)).await;
    running.caught_up(&hall).await;
    assert_eq!((running.ledger.arrived(), running.ledger.places(&hall)), (1, (2, 0)));
    pause.end().await;
    eventually("the hold expires", || running.ledger.places(&hall) == (0, 0)).await;
    running.assert_exact(&hall).await;
}

/// Guards: `catch_up`. A change by another node is seen though nobody books.
#[tokio::test(start_paused = true)]
async fn the_sampler_notices_a_plan_that_others_have_changed() {
    let hall = event(5);
    let settings = actors::engine::EngineSettings { sample_every: Duration::from_secs(10), ..settings() };
    let running = start_on(MemoryLedger::new(&[&hall]), settings).await;
    booked(&running.book(&hall, 1).await);
    resize(&running, &hall, 9);
    tokio::time::advance(Duration::from_secs(11)).await;
    eventually("the new plan is read", || capacity(&running, &hall) == 9).await;
    assert_eq!(running.ledger.loads(hall.id), [false, false]);
    running.assert_exact(&EventSpec { capacity: 9, ..hall }).await;
}

/// Guards: a killed inventory loses a pause, and anyone who waits for one gets the successor's.
#[tokio::test]
async fn a_pause_survives_the_death_of_the_inventory() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let pause = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    running.engine.inventories.kill(hall.id);
    booked(&running.book(&hall, 1).await);
    resize(&running, &hall, 3);
    pause.end().await;
    assert_eq!(capacity(&running, &hall), 3);
    assert_eq!(granted(&all(running.asking_all(&hall, hall.singles(2))).await), 1);
    running.assert_exact(&EventSpec { capacity: 3, ..hall }).await;
}

/// Guards: `Ready::drop` and `take_unpaid`. Neither a change of the plan nor a failure lifts the caps of what no row tells.
#[tokio::test(start_paused = true)]
async fn caps_of_unpaid_places_outlive_changes_and_failures() {
    let limits =
        UnpaidLimits { per_account: 9, per_network: 3, expiries: Rate::new(1, Duration::from_secs(50_000)).unwrap() };
    let hall = EventSpec { unpaid: Some(limits), ..event(20) };
    let mut settings = settings();
    settings.inventory.idle_after = Duration::from_secs(100_000);
    let running = start_on(MemoryLedger::new(&[&hall]), settings).await;
    let idler = AccountId::generate();
    let idle = || Command::Hold(NewHold { account_id: idler, ..hall.hold(hall.places(1)) });
    held(&running.ask(&hall, idle()).await);
    tokio::time::advance(Duration::from_secs(601)).await;
    eventually("the hold expires", || running.ledger.places(&hall) == (0, 0)).await;
    let here = Buyer { network: Some(NetworkId::of("192.0.2.1".parse().unwrap())), may_take: true };
    let from_here = async |places| {
        let command = Command::Hold(hall.hold(hall.places(places)));
        running.engine.inventories.ask_for(here, hall.id, command, soon()).await
    };
    held(&from_here(2).await);
    let is_capped = async |when: &str| {
        let refusal = refused(&running.ask(&hall, idle()).await);
        assert!(matches!(refusal, Refusal::TooOften { .. }), "{when}: {refusal:?}");
        let refusal = refused(&from_here(2).await);
        assert!(matches!(refusal, Refusal::Limit(_)), "{when}: {refusal:?}");
    };
    is_capped("before").await;
    for capacity in [30, 40] {
        let pause = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
        resize(&running, &hall, capacity);
        pause.end().await;
        is_capped("after a change").await;
    }
    running.engine.inventories.kill(hall.id);
    is_capped("after a failure").await;
    held(&from_here(1).await);
    running.assert_exact(&EventSpec { capacity: 40, ..hall }).await;
}

/// Guards: `wanted_by` is granted as a whole. Many changes at the same time cost one reading.
#[tokio::test]
async fn those_who_want_a_pause_at_the_same_time_get_it_together() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.ledger.hold_commits();
    let on_its_way = running.asking(&hall, Command::Book(hall.book(hall.places(1))));
    eventually("it is on its way", || running.ledger.arrived() == 2).await;
    let pausing: Vec<_> = (0..5)
        .map(|_| {
            let inventories = running.engine.inventories.clone();
            tokio::spawn(async move { inventories.pause(hall.id, soon()).await.unwrap() })
        })
        .collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    booked(&on_its_way.await.unwrap());
    let mut pauses = Vec::new();
    for pause in pausing {
        pauses.push(pause.await.unwrap());
    }
    resize(&running, &hall, 4);
    let last = pauses.pop().unwrap();
    pauses.into_iter().for_each(drop);
    running.caught_up(&hall).await;
    assert_eq!(running.ledger.loads(hall.id).len(), 1, "one pause is not over");
    last.end().await;
    assert_eq!((running.ledger.loads(hall.id).len(), capacity(&running, &hall)), (2, 4), "one reading for all");
}

/// Guards: who is held back is served before the next pause.
#[tokio::test]
async fn buyers_are_served_between_two_pauses() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let first = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    let buyer = running.asking(&hall, hall.singles(1).remove(0));
    running.under_way(&hall, 1).await;
    let inventories = running.engine.inventories.clone();
    let second = tokio::spawn(async move { inventories.pause(hall.id, soon()).await.unwrap() });
    running.caught_up(&hall).await;
    drop(first);
    let second = second.await.unwrap();
    booked(&buyer.await.unwrap());
    assert_eq!(running.ledger.places(&hall), (0, 2), "before the second pause was granted");
    drop(second);
    booked(&running.book(&hall, 1).await);
    running.assert_exact(&hall).await;
}

/// Guards: the timer ends with its pause. Otherwise each change reads the event once more ten seconds later, and ends the pause of
/// another one then.
#[tokio::test(start_paused = true)]
async fn the_timer_of_a_pause_ends_with_it() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let pause = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    pause.end().await;
    assert_eq!(running.ledger.loads(hall.id).len(), 2);
    tokio::time::sleep(Duration::from_secs(9)).await;
    let second = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let waiting = running.asking(&hall, hall.singles(1).remove(0));
    running.under_way(&hall, 1).await;
    running.caught_up(&hall).await;
    assert!(!waiting.is_finished(), "the second pause goes on");
    assert_eq!(running.ledger.loads(hall.id).len(), 2, "read once a change");
    second.end().await;
    booked(&waiting.await.unwrap());
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(running.ledger.loads(hall.id).len(), 3);
}

/// Guards: the grant ends its pause when it is dropped, wherever that is.
#[tokio::test(start_paused = true)]
async fn who_gives_up_while_a_pause_is_granted_keeps_nobody_waiting() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let actor = running.engine.inventories.directory().find(hall.id).and_then(|slot| slot.actor()).unwrap();
    let (port, granted) = ractor::concurrency::oneshot();
    actor.cast(actors::inventory::InventoryMessage::Pause(port.into())).unwrap();
    // Granted, and never taken out: the caller's time was over in this moment.
    running.caught_up(&hall).await;
    drop(granted);
    let began = tokio::time::Instant::now();
    booked(&running.book(&hall, 1).await);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// Guards: the number of a pause. One that had run out before does not end the one that is granted now.
#[tokio::test(start_paused = true)]
async fn the_late_end_of_a_pause_is_not_that_of_another() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    let late = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let present = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
    drop(late);
    let waiting = running.asking(&hall, hall.singles(1).remove(0));
    running.under_way(&hall, 1).await;
    running.caught_up(&hall).await;
    assert_eq!(running.ledger.arrived(), 1, "nothing is decided in a pause");
    assert!(!waiting.is_finished());
    present.end().await;
    booked(&waiting.await.unwrap());
    running.assert_exact(&hall).await;
}

/// Guards: `settle` in the state of an inventory that loads. What its predecessor had in flight is waited for once, and not with each
/// change of the plan: that takes a lock which all commits of the node share.
#[tokio::test]
async fn an_inventory_that_has_failed_once_is_read_anew_like_any_other() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    booked(&running.book(&hall, 1).await);
    running.engine.inventories.kill(hall.id);
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.loads(hall.id), [false, true]);
    for capacity in [11, 12] {
        let pause = running.engine.inventories.pause(hall.id, soon()).await.unwrap();
        resize(&running, &hall, capacity);
        pause.end().await;
    }
    booked(&running.book(&hall, 1).await);
    assert_eq!(running.ledger.loads(hall.id), [false, true, false, false]);
    running.assert_exact(&EventSpec { capacity: 12, ..hall }).await;
}
