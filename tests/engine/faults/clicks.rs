//! Somebody clicks twice.

use reqwest::Method;

use crate::support::{EventBuilder, TestServer, client::quantity, log};

const ROUNDS: usize = 30;
const CLICKS: usize = 6;

/// Guards: memory knows that a confirmed booking is being cancelled, so the second waits for what becomes of the first. Otherwise the ledger
/// refuses the second one, the inventory does not trust its memory any more, and buyers of another quota are sent away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_cancellations_at_once_cancel_once_and_disturb_nobody() {
    log::listen();
    let server = TestServer::start().await;
    for round in 0..ROUNDS {
        let event = server.event(EventBuilder::ga(1).and_ga("Gallery", 100)).await;
        let (api, other) = (server.signed_in().await, server.signed_in().await);
        let booking = api.book(&event, &event.places(1)).await.created();
        let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
        let clicks = (0..CLICKS).map(|_| api.send(Method::DELETE, &path, None, None));
        let body = quantity(event.types[1], 1);
        let holds = (0..CLICKS).map(|_| other.hold(&event, &body));
        let (clicks, holds) =
            tokio::join!(futures_util::future::join_all(clicks), futures_util::future::join_all(holds));
        for click in clicks {
            let shown = click.ok();
            assert_eq!(shown["status"], "CANCELLED", "round {round}: {shown}");
        }
        holds.iter().for_each(|hold| drop(hold.created()));
        assert_eq!(log::deaths(event.id), Vec::<String>::new(), "round {round}");
        api.book(&event, &event.places(1)).await.created();
    }
    server.audit().await;
}
