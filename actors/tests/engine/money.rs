//! Promo codes that many want, and payments that the ledger knows more of than the inventory.

use std::time::Duration;

use actors::{inventories::AskError, inventory::Denial};
use domain::{
    bookings::{BookingStatus, HoldStatus},
    ids::PaymentId,
    inventory::{Command, NewBooking, NewHold},
    promo_codes::PromoCodeError,
    refusal::Refusal,
};

use crate::support::{
    builders::{EventSpec, event},
    harness::{all, booked, eventually, granted, refused, start},
};

fn book_with_code(hall: &EventSpec) -> Command {
    Command::Book(NewBooking { promo_code: hall.code_name(), ..hall.book(hall.places(1)) })
}

fn hold_with_code(hall: &EventSpec) -> Command {
    Command::Hold(NewHold { promo_code: hall.code_name(), ..hall.hold(hall.places(1)) })
}

/// Guards: `Codes::apply` right after `decide`. Fifty buyers race for the last use of a code.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_fifty_gets_the_last_use_of_a_code() {
    let hall = event(100).priced().with_code(3);
    let running = start(&[&hall]).await;
    let first = [running.ask(&hall, book_with_code(&hall)).await, running.ask(&hall, hold_with_code(&hall)).await];
    assert_eq!(granted(&first), 2);
    let asks = (0..50).map(|n| if n % 2 == 0 { book_with_code(&hall) } else { hold_with_code(&hall) }).collect();
    let answers = all(running.asking_all(&hall, asks)).await;
    assert_eq!(granted(&answers), 1);
    for loser in answers.iter().filter(|answer| answer.is_err()) {
        assert_eq!(refused(loser), Refusal::PromoCode(PromoCodeError::UsedUp));
    }
    assert_eq!(running.ledger.loads(hall.id).len(), 1, "no guard was broken");
    running.assert_exact(&hall).await;
}

/// Guards: `Codes::settle` and `load`: uses that ran out are given back, and a successor counts those that live.
#[tokio::test(start_paused = true)]
async fn what_runs_out_gives_its_use_back() {
    let hall = event(100).priced().with_code(2);
    let running = start(&[&hall]).await;
    let asks = [hold_with_code(&hall), book_with_code(&hall)];
    assert_eq!(granted(&all(running.asking_all(&hall, asks.into())).await), 2);
    assert!(running.ask(&hall, book_with_code(&hall)).await.is_err());
    let over = || {
        let rows = running.ledger.rows();
        let event = &rows.events[&hall.id];
        event.holds.values().all(|hold| hold.status == HoldStatus::Expired)
            && event.bookings.values().all(|booking| booking.status == BookingStatus::Expired)
    };
    tokio::time::sleep(Duration::from_secs(901)).await;
    assert!(over(), "both ran out");
    assert_eq!(granted(&all(running.asking_all(&hall, vec![book_with_code(&hall), hold_with_code(&hall)])).await), 2);
    running.engine.inventories.reload(hall.id);
    let used_up = Refusal::PromoCode(PromoCodeError::UsedUp);
    assert_eq!(refused(&running.ask(&hall, book_with_code(&hall)).await), used_up);
}

/// Guards: that another payment does not share the answer of the one that pays. Its money has to go back.
#[tokio::test]
async fn two_payments_of_a_booking_are_two() {
    let hall = event(10).priced();
    let running = start(&[&hall]).await;
    let booking = booked(&running.book(&hall, 1).await);
    let paid = |payment_id| Command::Confirm { booking: booking.clone(), payment_id: Some(payment_id) };
    let (first, second) = (PaymentId::generate(), PaymentId::generate());
    running.ledger.hold_commits();
    let asking = running.asking_all(&hall, vec![paid(first)]);
    eventually("the first is on its way", || running.ledger.arrived() == 2).await;
    let others = running.asking_all(&hall, vec![paid(first), paid(second)]);
    running.under_way(&hall, 3).await;
    running.caught_up(&hall).await;
    running.ledger.release_commits();
    assert_eq!(granted(&all(asking).await), 1);
    let others = all(others).await;
    assert!(others[0].is_ok(), "the same payment told twice: {:?}", others[0]);
    assert!(matches!(refused(&others[1]), Refusal::NotConfirmable(_)), "{:?}", others[1]);
    running.assert_exact(&hall).await;
}

/// Guards: `MoneyChanged` in `leaves_memory_sound`. What the ledger knows of payments, memory never claimed to know.
#[tokio::test]
async fn money_that_came_already_costs_no_inventory_its_memory() {
    let hall = event(10).priced();
    let running = start(&[&hall]).await;
    let booking = booked(&running.book(&hall, 1).await);
    let payment_id = PaymentId::generate();
    running.ledger.rows().paid.insert(payment_id);
    let paid = |payment_id| Command::Confirm { booking: booking.clone(), payment_id: Some(payment_id) };
    let refused = running.ask(&hall, paid(payment_id)).await;
    assert!(matches!(refused, Err(AskError::Denied(Denial::NotOpen))), "{refused:?}");
    assert_eq!(running.ledger.places(&hall), (1, 0));
    assert!(running.ask(&hall, paid(PaymentId::generate())).await.is_ok());
    assert_eq!((running.ledger.places(&hall), running.ledger.loads(hall.id).len()), ((0, 1), 1));
    running.assert_exact(&hall).await;
}
