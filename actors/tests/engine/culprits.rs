//! One entry that the ledger refuses never fails its neighbours.

use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, Source},
    inventory::{Command, NewBooking, NewHold},
    ledger::{KeyKind, KeyOf, Prior},
    refusal::Refusal,
};

use crate::support::{
    builders::{EventSpec, again, event},
    harness::{Running, all, booked, eventually, granted, held, refused, start},
};

/// The booking that another server wrote for the request.
fn written_elsewhere(running: &Running, hall: &EventSpec, request: &NewBooking) -> Booking {
    let total = domain::money::Money::new(hall.price, "EUR".parse().unwrap());
    let booking = Booking {
        id: request.id,
        event_id: hall.id,
        account_id: request.account_id,
        status: BookingStatus::Confirmed,
        items: [].into(),
        discount: total,
        fees: total,
        tax: total,
        tax_included: true,
        total,
        refunded: total,
        promo_code: None,
        attendees: Default::default(),
        hold_id: None,
        key: request.key.clone(),
        fingerprint: request.fingerprint,
        expires_at: None,
        extended_until: None,
        cancelled: Default::default(),
        created_at: running.ledger.now(),
        updated_at: running.ledger.now(),
    };
    let key = KeyOf { account_id: request.account_id, key: request.key.clone(), kind: KeyKind::Booking };
    running.ledger.rows().keys.insert(key, Prior::Booking(booking.clone().into()));
    booking
}

/// Guards: `look_up_keys`; the halving in `commit_group`; `revert` of a prior and of a refused account.
#[tokio::test]
async fn taken_keys_and_missing_accounts_are_refused_alone() {
    let hall = event(100);
    let running = start(&[&hall]).await;
    let (retried, reused, stranger) = (hall.book(hall.places(3)), hall.book(hall.places(3)), hall.book(hall.places(3)));
    let prior = written_elsewhere(&running, &hall, &retried);
    let other = Fingerprint::of(hall.id, &Source::Selection(hall.places(9)));
    written_elsewhere(&running, &hall, &NewBooking { fingerprint: other, ..reused.clone() });
    running.ledger.rows().accounts_gone.insert(stranger.account_id);

    running.ledger.hold_commits();
    let first = running.asking(&hall, hall.singles(1).remove(0));
    eventually("the first commit", || running.ledger.arrived() == 1).await;
    let mut commands = hall.singles(50);
    commands.insert(10, again(&retried));
    commands.insert(25, Command::Book(stranger));
    commands.insert(40, again(&reused));
    let asking = running.asking_all(&hall, commands);
    running.under_way(&hall, 54).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    let answers = all(asking).await;

    assert!(first.await.unwrap().is_ok());
    assert_eq!(granted(&answers), 51);
    assert_eq!((booked(&answers[10]).id, answers[10].as_ref().unwrap().replayed), (prior.id, true));
    assert_eq!(refused(&answers[25]), Refusal::AccountGone);
    assert_eq!(refused(&answers[40]), Refusal::KeyReused);
    assert_eq!(running.ledger.loads(hall.id), [false], "the inventory went on");
    assert_eq!(running.ledger.places(&hall), (0, 51));
    running.assert_exact(&hall).await;
    // The culprits' places are free again: all that is left can be had.
    assert!(matches!(refused(&running.book(&hall, 50).await), Refusal::SoldOut { left: 49, .. }));
    booked(&running.book(&hall, 49).await);
}

/// Guards: that entries with one key are written one after the other (`postponed` in `look_up_keys`).
#[tokio::test]
async fn one_key_for_two_events_at_once_hurts_neither_event() {
    let (busy, left, right) = (event(10), event(10), event(10));
    let running = start(&[&busy, &left, &right]).await;
    for event in [&busy, &left, &right] {
        booked(&running.book(event, 1).await);
    }
    running.ledger.hold_commits();
    let first = running.asking(&busy, busy.singles(1).remove(0));
    eventually("the first commit", || running.ledger.arrived() == 4).await;
    let one = left.book(left.places(1));
    let source = Source::Selection(right.places(1));
    let two = NewBooking { fingerprint: Fingerprint::of(right.id, &source), source, ..one.clone() };
    let mut asking = Vec::new();
    for (event, command) in [(&left, again(&one)), (&right, again(&two))] {
        asking.push(running.asking(event, command));
        asking.push(running.asking(event, event.singles(1).remove(0)));
        running.under_way(event, 2).await;
        running.caught_up(event).await;
    }
    running.ledger.release_commits();
    assert!(first.await.unwrap().is_ok());
    let answers = all(asking).await;
    assert_eq!(granted(&answers), 3, "{answers:?}");
    assert_eq!(refused(&answers[2]), Refusal::KeyReused);
    for event in [&left, &right] {
        assert_eq!(running.ledger.loads(event.id), [false], "its inventory went on");
        running.assert_exact(event).await;
    }
}

/// Guards: the account and the kind of closing in `Pending::closes_for` (the key of a closing is the thing it closes).
#[tokio::test]
async fn somebody_elses_release_is_not_answered_by_the_owners() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    let new: NewHold = hall.hold(hall.places(1));
    let hold = held(&running.ask(&hall, Command::Hold(new.clone())).await);
    running.ledger.hold_commits();
    let release = Command::Release { hold_id: hold.id, account_id: new.account_id };
    let owners = running.asking(&hall, release.clone());
    eventually("the commit", || running.ledger.arrived() == 2).await;
    let stranger = Command::Release { hold_id: hold.id, account_id: domain::ids::AccountId::generate() };
    assert_eq!(refused(&running.ask(&hall, stranger).await), Refusal::HoldGone);
    let repeated = running.asking(&hall, release);
    running.under_way(&hall, 2).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    assert!(owners.await.unwrap().is_ok());
    assert!(repeated.await.unwrap().is_ok(), "the same request again");
}
