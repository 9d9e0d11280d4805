//! Each kind of entry as `ledger_commit` writes it.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, HolderId, IdempotencyKey, Source},
    ids::{HoldId, TicketTypeId},
    inventory::{Command, NewHold},
    ledger::{CommitError, Entry, EventBatch, Ledger, Rejection},
    repositories::BookingRepository,
    selection::{RawLine, Selection},
};

use super::{Bench, ledger_with};
use crate::support::EventBuilder;

fn new_hold(bench: &Bench, key: &str, seat: usize) -> NewHold {
    let source = bench.seat(seat);
    let fingerprint = Fingerprint::of(bench.event_id(), &source);
    let Source::Selection(selection) = source else { unreachable!() };
    let key = IdempotencyKey::parse(key).unwrap();
    let (id, account_id) = (HoldId::generate(), bench.account);
    NewHold { id, account_id, key, fingerprint, selection, promo_code: None }
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
        entry(&bench, Command::Cancel { booking: Arc::clone(&booked), money: None }).await;
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
        let confirmation =
            bench.batch(&bench.load().await, &Command::Confirm { booking: booking.clone(), payment_id: None });
        bench.commit(confirmation.clone()).await.unwrap();
        bench.audit().await;
        assert_eq!(counts().await, (0, 1));
        let stale = EventBatch { versions: bench.load().await.versions(), ..confirmation };
        let again = bench.commit(stale).await;
        assert!(matches!(again, Err(CommitError::Rejected(Rejection::NotOpen))), "{again:?}");
        let confirmed = Arc::new(Booking { status: BookingStatus::Confirmed, ..Booking::clone(&booking) });
        entry(&bench, Command::Cancel { booking: confirmed, money: None }).await;

        let booking = unpaid(&format!("{node}-late")).await;
        let inventory = bench.load().await;
        let closed = Entry::CloseBooking {
            booking: booking.clone(),
            items: booking.items.clone(),
            to: BookingStatus::Expired,
            money: None,
            at: booking.created_at,
        };
        let batch = EventBatch { event_id: bench.event_id(), versions: inventory.versions(), entries: vec![closed] };
        bench.commit(batch).await.unwrap();
        let expired = Arc::new(Booking { status: BookingStatus::Expired, ..Booking::clone(&booking) });
        let late = bench.batch(&bench.load().await, &Command::Confirm { booking: expired, payment_id: None });
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
        entry(&bench, Command::Cancel { booking: confirmed, money: None }).await;
        bench.ledger.end_session().await.unwrap();
    }
}

/// Guards: what a booking keeps is counted, and nothing of it is cancelled twice; and that holds and bookings are given more time.
#[tokio::test]
async fn items_are_cancelled_one_by_one_and_times_are_extended() {
    let bench = Bench::new(EventBuilder::seated(1, 4).max_per_account(3)).await;
    for (node, prepared) in [("prepared", true), ("unprepared", false)] {
        bench.ledger.end_session().await.unwrap();
        let ledger = ledger_with(&bench.db, node, prepared).await;
        let bench = Bench { db: bench.db.clone(), ledger, event: bench.event.clone(), account: bench.account };
        let seat_ids = (0..3).map(|at| domain::ids::SeatId(bench.event.seats[0][at])).collect();
        let line = RawLine::of_seats(TicketTypeId(bench.event.types[0]), seat_ids);
        let source = Source::Selection(Selection::parse(vec![line]).unwrap());
        let batch = bench.booking(&bench.load().await, &format!("{node}-parts"), source);
        let Entry::Book { booking, .. } = batch.entries[0].clone() else { unreachable!() };
        bench.commit(batch).await.unwrap();
        let part = Command::CancelItems { booking: booking.clone(), positions: [1].into_iter().collect(), money: None };
        let again = bench.batch(&bench.load().await, &part);
        entry(&bench, part).await;
        let again = bench.commit(EventBatch { versions: bench.load().await.versions(), ..again }).await;
        assert!(matches!(again, Err(CommitError::Rejected(Rejection::NotOpen))), "{again:?}");
        let store = bench.db.store(1);
        let read = store.booking(booking.id).await.unwrap().unwrap();
        assert_eq!((read.items.len(), read.cancelled), (3, [1].into_iter().collect()));
        assert_eq!(read.items, booking.items, "as they were booked");
        let first = read.clone().as_first_answered();
        assert_eq!(
            (first.status, first.cancelled, first.updated_at),
            (booking.status, booking.cancelled, first.created_at)
        );
        // Two are left of the three that the account may have.
        entry(&bench, Command::Hold(new_hold(&bench, &format!("{node}-more"), 3))).await;
        let rest =
            Command::CancelItems { booking: Arc::new(read), positions: [0, 2].into_iter().collect(), money: None };
        entry(&bench, rest).await;
        let read = store.booking(booking.id).await.unwrap().unwrap();
        assert_eq!((read.status, read.items.len()), (BookingStatus::Cancelled, 3));

        let hold = bench.load().await.expired(jiff::Timestamp::MAX, 1)[0];
        let HolderId::Hold(hold_id) = hold else { panic!("{hold}") };
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        let extended = entry(&bench, Command::Extend { hold_id, account_id: bench.account }).await;
        let Entry::ExtendHold { hold, .. } = extended else { panic!("{extended:?}") };
        let read = store.hold(hold_id).await.unwrap().unwrap();
        let micros = |at: Option<jiff::Timestamp>| at.map(jiff::Timestamp::as_microsecond);
        assert_eq!((micros(read.ends_at()), read.expires_at), (micros(hold.ends_at()), hold.expires_at));
        assert!(read.ends_at() > read.expires_at);
        assert_eq!(bench.load().await.next_expiry(), read.ends_at());
        entry(&bench, Command::Release { hold_id, account_id: bench.account }).await;
        bench.ledger.end_session().await.unwrap();
    }
}

/// Guards: `places` of a change. Who cancels what was read before an item was cancelled would give that item's place back twice.
#[tokio::test]
async fn a_booking_that_has_lost_an_item_since_is_not_changed_as_it_was_read() {
    let bench = Bench::new(EventBuilder::ga(10)).await;
    let batch = bench.booking(&bench.load().await, "parts", bench.places(3));
    let Entry::Book { booking, .. } = batch.entries[0].clone() else { unreachable!() };
    bench.commit(batch).await.unwrap();
    let part = |position| Command::CancelItems {
        booking: booking.clone(),
        positions: [position].into_iter().collect(),
        money: None,
    };
    entry(&bench, part(0)).await;
    for stale in [Command::Cancel { booking: booking.clone(), money: None }, part(1)] {
        let refused = bench.commit(bench.batch(&bench.load().await, &stale)).await;
        assert!(matches!(refused, Err(CommitError::Rejected(Rejection::NotOpen))), "{refused:?}");
        bench.audit().await;
    }
    let read = bench.db.store(1).booking(booking.id).await.unwrap().unwrap();
    entry(&bench, Command::Cancel { booking: Arc::new(read), money: None }).await;
    assert_eq!(bench.ledger.counts(bench.event_id()).await.unwrap()[0].sold, 0);
}
