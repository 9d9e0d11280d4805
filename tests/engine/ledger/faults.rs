//! What goes wrong around the ledger, and what it says then.

use std::time::{Duration, Instant};

use actors::ledger::commit::{BatchOutcome, EntryOutcome, commit_group};
use domain::{
    bookings::{HoldStatus, IdempotencyKey},
    inventory::{Command, Inventory},
    ledger::{CommitError, Entry, KeyKind, KeyOf, Ledger, Prior, Rejection},
};

use super::{Bench, waits_for_the_session};
use crate::support::{EventBuilder, until};

impl Bench {
    fn key(&self, key: &str, kind: KeyKind) -> KeyOf {
        KeyOf { account_id: self.account, key: IdempotencyKey::parse(key).unwrap(), kind }
    }
}

/// Watches `bookings_pkey` and `holds_pkey` in `classify`: a commit whose answer was lost is repeated with the same id, and is no
/// reason to distrust memory.
#[tokio::test]
async fn what_was_written_already_under_its_own_id_is_found() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let inventory = bench.load().await;
    let mut lost = bench.booking(&inventory, "a", bench.places(2));
    lost.entries.extend(bench.hold(&inventory, "b").entries);
    bench.commit(lost.clone()).await.unwrap();
    // By the successor, on the versions that it has read.
    lost.versions = bench.load().await.versions();
    for entry in &lost.entries {
        let mut alone = lost.clone();
        alone.entries = vec![entry.clone()];
        let again = bench.commit(alone).await;
        assert!(matches!(again, Err(CommitError::KeyTaken)), "{again:?}");
    }
    let outcomes = commit_group(&*bench.ledger, vec![lost.clone()]).await;
    let [BatchOutcome::Done { entries, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    for (outcome, entry) in entries.iter().zip(&lost.entries) {
        assert!(matches!(outcome, EntryOutcome::Prior(prior) if prior.is_of(entry)), "{outcome:?}");
    }
    bench.audit().await;
}

/// Watches the order of the steps in `ledger_commit`: the only booking of a quota is cancelled twice.
#[tokio::test]
async fn a_confirmed_booking_that_is_closed_already_is_not_open() {
    let bench = Bench::new(EventBuilder::ga(1)).await;
    let first = bench.booking(&bench.load().await, "a", bench.places(1));
    let Entry::Book { booking, .. } = &first.entries[0] else { panic!() };
    let cancel = Command::Cancel { booking: booking.clone(), money: None };
    bench.commit(first).await.unwrap();
    bench.commit(bench.batch(&bench.load().await, &cancel)).await.unwrap();
    let again = bench.commit(bench.batch(&bench.load().await, &cancel)).await;
    assert!(matches!(again, Err(CommitError::Rejected(Rejection::NotOpen))), "{again:?}");
    bench.audit().await;
}

/// Watches `lock_timeout` of `ledger_commit`, its code in `classify`, and `LOCKED`.
#[tokio::test]
async fn a_locked_row_is_told_with_its_event() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let other = EventBuilder::ga(10).create(&bench.db.connect().await).await;
    let (locked, free) = (bench.event_id(), domain::ids::EventId(other.id));
    let batch = bench.booking(&bench.load().await, "a", bench.places(1));
    let blocker = bench.db.connect().await;
    blocker.batch_execute("BEGIN").await.unwrap();
    blocker.execute("SELECT FROM quotas WHERE event_id = $1 FOR UPDATE", &[&locked.0]).await.unwrap();
    let refused = tokio::time::timeout(Duration::from_secs(4), bench.commit(batch.clone())).await;
    assert!(matches!(refused, Ok(Err(CommitError::Locked(_)))), "{refused:?}");
    assert_eq!(bench.ledger.locked_events(&[free, locked]).await.unwrap(), [locked]);
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert!(bench.ledger.locked_events(&[free, locked]).await.unwrap().is_empty());
    bench.commit(batch).await.unwrap();
    bench.audit().await;
}

/// Watches `readable_bookings` and `read` in the look-up: what can't be read is one key's matter. And `rows::hold`: a hold whose seats
/// are gone is shown without them.
#[tokio::test]
async fn a_row_that_can_not_be_read_fails_its_own_key() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    for key in ["bad", "gone", "good"] {
        let hold = bench.hold(&bench.load().await, key);
        let Entry::Hold(held) = &hold.entries[0] else { panic!() };
        let release = Command::Release { hold_id: held.id, account_id: bench.account };
        bench.commit(hold.clone()).await.unwrap();
        bench.commit(bench.batch(&bench.load().await, &release)).await.unwrap();
        bench.commit(bench.booking(&bench.load().await, key, bench.places(1))).await.unwrap();
    }
    let spoil = "UPDATE holds SET items = '[{\"no\": \"item\"}]' WHERE idempotency_key = 'bad';
        UPDATE holds SET items = jsonb_set(items, '{0,seat_id}', to_jsonb(gen_random_uuid())) WHERE idempotency_key = 'gone';
        ALTER TABLE bookings DROP CONSTRAINT IF EXISTS bookings_idempotency_key_check;
        ALTER TABLE booking_items DROP CONSTRAINT IF EXISTS booking_items_price_check;
        UPDATE booking_items SET price = 'NaN' WHERE booking_id = (SELECT id FROM bookings WHERE idempotency_key = 'bad')";
    bench.db.execute(spoil).await;
    let keys: Vec<_> = ["bad", "gone", "good"]
        .iter()
        .flat_map(|key| [bench.key(key, KeyKind::Hold), bench.key(key, KeyKind::Booking)])
        .collect();
    let found = bench.ledger.find_by_keys(&keys).await.unwrap();
    assert!(found[0].is_err() && found[1].is_err(), "{found:?}");
    let Ok(Some(Prior::Hold(gone))) = &found[2] else { panic!("{found:?}") };
    assert_eq!((gone.items.len(), gone.items[0].seat.is_none()), (1, true));
    for found in &found[3..] {
        assert!(matches!(found, Ok(Some(_))), "{found:?}");
    }
}

/// Watches the refusal in `load::holds`: an active hold without its seats would let them be sold.
#[tokio::test]
async fn an_active_hold_whose_seat_is_unknown_is_not_loaded() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    bench.commit(bench.hold(&bench.load().await, "a")).await.unwrap();
    bench.db.execute("UPDATE holds SET items = jsonb_set(items, '{0,seat_id}', to_jsonb(gen_random_uuid()))").await;
    let refused = bench.ledger.load(bench.event_id(), false).await.map(drop);
    assert!(refused.is_err(), "{refused:?}");
}

/// Watches `Lease`: connections whose answers nobody waits for any more do not go back to the pool, which has four, and their
/// statements do not go on.
#[tokio::test]
async fn calls_that_are_given_up_make_nobody_wait() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let blocker = bench.db.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE quotas, holds IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let event = bench.event_id();
    let keys = [bench.key("a", KeyKind::Hold)];
    let given_up = async |number: usize| {
        let patience = Duration::from_millis(500);
        match number % 3 {
            0 => drop(tokio::time::timeout(patience, bench.ledger.counts(event)).await.unwrap_err()),
            1 => drop(tokio::time::timeout(patience, bench.ledger.find_by_keys(&keys)).await.unwrap_err()),
            _ => drop(tokio::time::timeout(patience, bench.ledger.load(event, false)).await.unwrap_err()),
        }
    };
    for number in 0..4 {
        given_up(number).await;
    }
    tokio::time::timeout(Duration::from_secs(2), bench.ledger.renew()).await.unwrap().unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("their statements are cancelled", async || bench.db.number(waiting, &[]).await == 0).await;
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(bench.load().await.counts()[0].sold, 0);
}

/// Watches the timeline and the clock in `renew`.
#[tokio::test]
async fn a_renewal_tells_the_timeline_and_the_clock() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let (first, second) = (bench.ledger.renew().await.unwrap(), bench.ledger.renew().await.unwrap());
    assert_eq!((first.timeline.len(), &first.timeline), (8, &second.timeline));
    assert!(first.now < second.now);
    let off = jiff::Timestamp::now().duration_since(second.now);
    assert!(off.abs() < jiff::SignedDuration::from_secs(60), "{off}");
}

/// Watches the trigger `keep_version_of_deleted_quota`: anyone who follows an event never sees its version fall.
#[tokio::test]
async fn the_version_of_an_event_never_falls() {
    let bench = Bench::new(EventBuilder::ga(10).and_ga("Box", 3)).await;
    let version = |inventory: &Inventory| inventory.availability(jiff::Timestamp::now()).version;
    bench.db.execute("UPDATE quotas SET version = 40").await;
    let before = bench.load().await;
    bench.db.execute("DELETE FROM ticket_types; DELETE FROM quotas WHERE id = (SELECT id FROM quotas LIMIT 1)").await;
    let after = bench.load().await;
    assert!(version(&after) > version(&before), "{} after {}", version(&after), version(&before));
    bench.db.execute("DELETE FROM quotas").await;
    assert!(version(&bench.load().await) > version(&after));
    bench.db.execute("DELETE FROM events").await;
}

/// Watches that a hold which was released is closed once, no matter who comes second.
#[tokio::test]
async fn a_released_hold_is_not_booked_by_a_later_commit() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let hold = bench.hold(&bench.load().await, "a");
    let Entry::Hold(held) = &hold.entries[0] else { panic!() };
    bench.commit(hold.clone()).await.unwrap();
    let inventory = bench.load().await;
    let release = bench.batch(&inventory, &Command::Release { hold_id: held.id, account_id: bench.account });
    let mut book = bench.booking(&inventory, "b", domain::bookings::Source::Hold(held.id));
    bench.commit(release).await.unwrap();
    book.versions = bench.load().await.versions();
    let refused = bench.commit(book).await;
    assert!(matches!(refused, Err(CommitError::Rejected(Rejection::NotOpen))), "{refused:?}");
    let found = bench.ledger.find_by_keys(&[bench.key("a", KeyKind::Hold)]).await.unwrap();
    assert!(
        matches!(&found[..], [Ok(Some(Prior::Hold(found)))] if found.status == HoldStatus::Active),
        "as first answered"
    );
    bench.audit().await;
}

/// Watches `is_fence`. Who waits for what is in flight, or ends a session, has the lock that all commits share: that is nobody's row, so
/// no event is set apart for it and nothing is halved.
#[tokio::test]
async fn a_commit_waits_longer_for_the_fence_than_for_a_row() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let batch = bench.booking(&bench.load().await, "a", bench.places(1));
    let blocker = bench.db.connect().await;
    blocker.batch_execute("BEGIN").await.unwrap();
    blocker.execute("SELECT pg_advisory_xact_lock(1, $1)", &[&bench.ledger.session()]).await.unwrap();
    let writer = bench.ledger.clone();
    let commit = tokio::spawn(async move { writer.commit(&[batch]).await });
    waits_for_the_session(&bench).await;
    let began = Instant::now();
    until("a row would not have been waited for that long", async || began.elapsed() > Duration::from_secs(1)).await;
    assert!(!commit.is_finished(), "{:?}", commit.await);
    blocker.batch_execute("ROLLBACK").await.unwrap();
    commit.await.unwrap().unwrap();
    bench.audit().await;
}

/// Watches `Lease` in `commit`: one that is given up does not keep its back end, and the locks that it has, until the database ends it.
#[tokio::test]
async fn a_commit_that_is_given_up_is_cancelled() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    bench.db.execute("ALTER FUNCTION ledger_commit SET lock_timeout = '60s'").await;
    let batch = bench.booking(&bench.load().await, "a", bench.places(1));
    let blocker = bench.db.connect().await;
    blocker.batch_execute("BEGIN; SELECT FROM quotas FOR UPDATE").await.unwrap();
    let writer = bench.ledger.clone();
    let commit = tokio::spawn(async move { writer.commit(&[batch]).await });
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("it waits", async || bench.db.number(waiting, &[]).await == 1).await;
    commit.abort();
    until("it is cancelled", async || bench.db.number(waiting, &[]).await == 0).await;
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(bench.load().await.counts()[0].sold, 0);
}
