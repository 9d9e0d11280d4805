//! Messages that are sent after a wait.

use std::{pin::Pin, time::Duration};

use ractor::{ActorRef, Message};
use tokio::time::sleep;

/// An actor that is gone by then needs no message.
pub(crate) fn send_later<M: Message>(to: &ActorRef<M>, wait: Duration, message: M) {
    let to = to.clone();
    // Boxed, so that the runtime's task is compiled once and not for each place that sends one.
    let later: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
        sleep(wait).await;
        let _ = to.cast(message);
    });
    tokio::spawn(later);
}
