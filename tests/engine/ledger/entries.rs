//! Each kind of entry as `ledger_commit` writes it.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, IdempotencyKey, Source},
    ids::HoldId,
    inventory::{Command, NewHold},
    ledger::{CommitError, Entry, EventBatch, Ledger, Rejection},
};

use super::{Bench, ledger_with};
use crate::support::EventBuilder;

fn new_hold(bench: &Bench, key: &str, seat: usize) -> NewHold {
    let source = bench.seat(seat);
    let fingerprint = Fingerprint::of(bench.event_id(), &source);
    let Source::Selection(selection) = source else { unreachable!() };
    let key = IdempotencyKey::parse(key).unwrap();
    NewHold { id: HoldId::generate(), account_id: bench.account, key, fingerprint, selection }
}

/// Decides and commits on the newest memory.
async fn entry(bench: &Bench, command: Command) -> Entry {
    let batch = bench.batch(&bench.load().await, &command);
    let entry = batch.entries[0].clone();
    bench.commit(batch).await.unwrap();
    bench.audit().await;
    entry
}

/// Guards: the composite types, of which a statement that was not prepared has to say the numbers.
#[tokio::test]
async fn every_kind_of_entry_is_written_by_prepared_statements_and_by_others() {
    let bench = Bench::new(EventBuilder::seated(1, 4)).await;
    for (node, prepared) in [("prepared", true), ("unprepared", false)] {
        bench.ledger.end_session().await.unwrap();
        let ledger = ledger_with(&bench.db, node, prepared).await;
        let bench = Bench { db: bench.db.clone(), ledger, event: bench.event.clone(), account: bench.account };
        let (held, blocked) =
            (new_hold(&bench, &format!("{node}-hold"), 0), new_hold(&bench, &format!("{node}-block"), 1));
        let (hold, block) = (held.id, blocked.id);
        entry(&bench, Command::Hold(held)).await;
        entry(&bench, Command::Block(blocked)).await;
        let kinds = "SELECT string_agg(concat_ws(' ', kind, status, expires_at IS NULL), ', ' ORDER BY kind) FROM holds
            WHERE idempotency_key LIKE $1 || '-%'";
        let client = bench.db.connect().await;
        let kinds: String = client.query_one(kinds, &[&node]).await.unwrap().get(0);
        assert_eq!(kinds, "HOLD ACTIVE f, BLOCK ACTIVE t");
        let inventory = bench.load().await;
        let booking = bench.booking(&inventory, &format!("{node}-booking"), Source::Hold(hold));
        let Entry::Book { booking: booked, .. } = booking.entries[0].clone() else { unreachable!() };
        bench.commit(booking).await.unwrap();
        bench.audit().await;
        entry(&bench, Command::Cancel { booking: Arc::clone(&booked) }).await;
        entry(&bench, Command::Release { hold_id: block, account_id: bench.account }).await;
        let counts = &bench.ledger.counts(bench.event_id()).await.unwrap()[0];
        assert_eq!((counts.held, counts.sold), (0, 0), "{node}");
        bench.ledger.end_session().await.unwrap();
    }
}

/// Guards: the rows that a confirmation writes. In time it takes over the claims of its seats; late it claims them again.
#[tokio::test]
async fn a_booking_is_confirmed_in_time_or_late() {
    let bench = Bench::new(EventBuilder::seated(1, 4).price("10")).await;
    for (node, prepared) in [("prepared", true), ("unprepared", false)] {
        bench.ledger.end_session().await.unwrap();
        let ledger = ledger_with(&bench.db, node, prepared).await;
        let bench = Bench { db: bench.db.clone(), ledger, event: bench.event.clone(), account: bench.account };
        let counts = async || {
            let counts = bench.ledger.counts(bench.event_id()).await.unwrap()[0];
            (counts.held, counts.sold)
        };
        let unpaid = async |key: &str| {
            let batch = bench.booking(&bench.load().await, key, bench.seat(0));
            let Entry::Book { booking, .. } = batch.entries[0].clone() else { unreachable!() };
            bench.commit(batch).await.unwrap();
            booking
        };
        let booking = unpaid(&format!("{node}-in-time")).await;
        assert_eq!(counts().await, (1, 0));
        let confirmation = bench.batch(&bench.load().await, &Command::Confirm { booking: booking.clone() });
        bench.commit(confirmation.clone()).await.unwrap();
        bench.audit().await;
        assert_eq!(counts().await, (0, 1));
        let stale = EventBatch { versions: bench.load().await.versions(), ..confirmation };
        let again = bench.commit(stale).await;
        assert!(matches!(again, Err(CommitError::Rejected(Rejection::NotOpen))), "{again:?}");
        let confirmed = Arc::new(Booking { status: BookingStatus::Confirmed, ..Booking::clone(&booking) });
        entry(&bench, Command::Cancel { booking: confirmed }).await;

        let booking = unpaid(&format!("{node}-late")).await;
        let inventory = bench.load().await;
        let closed =
            Entry::CloseBooking { booking: booking.clone(), to: BookingStatus::Expired, at: booking.created_at };
        let batch = EventBatch { event_id: bench.event_id(), versions: inventory.versions(), entries: vec![closed] };
        bench.commit(batch).await.unwrap();
        let expired = Arc::new(Booking { status: BookingStatus::Expired, ..Booking::clone(&booking) });
        let late = bench.batch(&bench.load().await, &Command::Confirm { booking: expired });
        let stranger = entry(&bench, Command::Hold(new_hold(&bench, &format!("{node}-stranger"), 0))).await;
        let taken = EventBatch { versions: bench.load().await.versions(), ..late.clone() };
        let taken = bench.commit(taken).await;
        assert!(matches!(taken, Err(CommitError::Rejected(Rejection::Guard(_)))), "{taken:?}");
        let Entry::Hold(hold) = stranger else { unreachable!() };
        entry(&bench, Command::Release { hold_id: hold.id, account_id: bench.account }).await;
        bench.commit(EventBatch { versions: bench.load().await.versions(), ..late }).await.unwrap();
        bench.audit().await;
        assert_eq!(counts().await, (0, 1), "{node}");
        let confirmed = Arc::new(Booking { status: BookingStatus::Confirmed, ..Booking::clone(&booking) });
        entry(&bench, Command::Cancel { booking: confirmed }).await;
        bench.ledger.end_session().await.unwrap();
    }
}
