//! Many want what few can have.

use domain::{
    inventory::Command,
    refusal::{Refusal, TakenSeat},
};

use crate::support::{
    builders::{event, seated_event},
    harness::{all, granted, refused, start},
};

/// Guards: `apply` right after `decide`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_five_hundred_gets_the_seat() {
    let arena = seated_event(3);
    let running = start(&[&arena]).await;
    let asks = (0..500).map(|_| Command::Book(arena.book(arena.seats(&[1])))).collect();
    let answers = all(running.asking_all(&arena, asks)).await;
    assert_eq!(granted(&answers), 1);
    for loser in answers.iter().filter(|answer| answer.is_err()) {
        assert_eq!(refused(loser), Refusal::SeatsTaken(vec![TakenSeat { id: arena.seat(1), line: 0, at: 0 }]));
    }
    running.assert_exact(&arena).await;
}

/// Guards: `apply` right after `decide`, `pending` in `available`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_places_are_sold_a_thousand_times() {
    let hall = event(1_000);
    let running = start(&[&hall]).await;
    let answers = all(running.asking_all(&hall, hall.singles(5_000))).await;
    assert_eq!(granted(&answers), 1_000);
    assert!(answers.iter().filter(|answer| answer.is_err()).all(|it| matches!(refused(it), Refusal::SoldOut { .. })));
    assert_eq!(running.ledger.places(&hall), (0, 1_000));
    running.assert_exact(&hall).await;
}
