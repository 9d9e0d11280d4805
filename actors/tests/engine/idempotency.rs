//! A request with a key happens once, however often it is sent.

use domain::{
    bookings::{Fingerprint, Source},
    inventory::{Command, NewBooking, NewHold},
    refusal::Refusal,
};

use crate::support::{
    builders::{again, event},
    harness::{all, booked, eventually, held, refused, start},
};

/// Guards: `queue.find` in `ask`; `replayed` in `Pending::answer`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_identical_requests_are_one_booking() {
    let hall = event(1_000);
    let running = start(&[&hall]).await;
    running.ledger.hold_commits();
    let booking = hall.book(hall.places(2));
    let asking = running.asking_all(&hall, (0..100).map(|_| again(&booking)).collect());
    running.under_way(&hall, 100).await;
    running.ledger.release_commits();
    let answers = all(asking).await;
    assert!(answers.iter().all(|answer| booked(answer) == booked(&answers[0])));
    assert_eq!(answers.iter().filter(|answer| !answer.as_ref().unwrap().replayed).count(), 1);
    assert_eq!(running.ledger.groups(), [vec![(hall.id, 1)]]);
    assert_eq!(running.ledger.arrived(), 1, "the ledger was not asked to tell them apart");
    running.assert_exact(&hall).await;
}

/// Guards: the comparison of fingerprints with a pending request, with a remembered one, and with the ledger's.
#[tokio::test]
async fn a_key_names_one_request() {
    let hall = event(10);
    let running = start(&[&hall]).await;
    let first = hall.book(hall.places(1));
    let source = Source::Selection(hall.places(2));
    let other = NewBooking { fingerprint: Fingerprint::of(hall.id, &source), source, ..first.clone() };
    running.ledger.hold_commits();
    let asking = running.asking(&hall, again(&first));
    eventually("the commit", || running.ledger.arrived() == 1).await;
    assert_eq!(refused(&running.ask(&hall, again(&other)).await), Refusal::KeyReused, "pending");
    running.ledger.release_commits();
    booked(&asking.await.unwrap());
    assert_eq!(refused(&running.ask(&hall, again(&other)).await), Refusal::KeyReused, "remembered");
    running.engine.inventories.kill(hall.id);
    assert_eq!(refused(&running.ask(&hall, again(&other)).await), Refusal::KeyReused, "in the ledger");
    running.engine.inventories.kill(hall.id);
    let source = Source::Selection(hall.places(20));
    let too_many = NewBooking { fingerprint: Fingerprint::of(hall.id, &source), source, ..first.clone() };
    assert_eq!(refused(&running.ask(&hall, again(&too_many)).await), Refusal::KeyReused, "in the ledger, and refused");
    assert_eq!(running.ledger.places(&hall), (0, 1));
}

/// Guards: `final_word` asks the ledger before a refusal stands; `EntryOutcome::Prior` of a granted repetition.
#[tokio::test]
async fn a_retry_after_a_crash_gets_the_first_answer_even_when_all_is_sold() {
    let hall = event(3);
    let running = start(&[&hall]).await;
    let first = hall.book(hall.places(2));
    let answer = booked(&running.ask(&hall, again(&first)).await);
    running.engine.inventories.kill(hall.id);
    let retry = running.ask(&hall, again(&first)).await;
    assert_eq!(booked(&retry), answer, "too few are left to decide it anew");
    assert!(retry.unwrap().replayed);

    let single = hall.book(hall.places(1));
    let answer = booked(&running.ask(&hall, again(&single)).await);
    running.engine.inventories.kill(hall.id);
    let retry = running.ask(&hall, again(&single)).await;
    assert_eq!((booked(&retry), retry.unwrap().replayed), (answer, true));
    assert_eq!(running.ledger.places(&hall), (0, 3));
    running.assert_exact(&hall).await;
}

/// Guards: `KeyKind` in `Identity`.
#[tokio::test]
async fn a_hold_and_its_booking_may_have_the_same_key() {
    let hall = event(5);
    let running = start(&[&hall]).await;
    let new = hall.hold(hall.places(2));
    let hold = held(&running.ask(&hall, Command::Hold(new.clone())).await);
    let from_hold = hall.book_from(Source::Hold(hold.id));
    let booking = NewBooking { account_id: new.account_id, key: new.key.clone(), ..from_hold };
    let answer = running.ask(&hall, again(&booking)).await;
    assert_eq!(booked(&answer).items, hold.items);
    assert!(!answer.unwrap().replayed);
    let retried = Command::Hold(NewHold { id: domain::ids::HoldId::generate(), ..new });
    assert_eq!(held(&running.ask(&hall, retried).await).id, hold.id);
    running.assert_exact(&hall).await;
}
