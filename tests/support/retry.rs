//! Buyers as they are: they repeat a request, with its key, until they have an answer that stands.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::Value;
use uuid::Uuid;

use super::{
    Buyer, PATIENCE,
    wire::{Racer, Told},
};

/// A buyer with a connection that is opened again whenever it breaks.
pub(crate) struct Stubborn {
    address: SocketAddr,
    buyer: Buyer,
    connection: Option<Racer>,
}

impl Stubborn {
    pub(crate) fn new(address: SocketAddr, buyer: &Buyer) -> Self {
        Self { address, buyer: buyer.clone(), connection: None }
    }

    /// One try; nothing when the connection broke.
    pub(crate) async fn try_book(&mut self, event: Uuid, key: &str, body: &Value) -> Option<Told> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Racer::connect(self.address, &self.buyer).await.ok()?,
        };
        let body = body.to_string();
        let told = connection.post(&format!("/api/v1/events/{event}/bookings"), key, &body).await.ok()?;
        self.connection = Some(connection);
        Some(told)
    }

    /// Tries until there is an answer other than 503, which leaves the outcome open.
    pub(crate) async fn book(&mut self, event: Uuid, key: &str, body: &Value) -> Told {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.try_book(event, key, body).await {
                Some(told) if told.status != 503 => return told,
                last => assert!(Instant::now() < deadline, "no answer that stands: {last:?}"),
            }
            // A client's back-off, shorter than a real one's.
            tokio::time::sleep(Duration::from_millis(rand::random_range(5..50))).await;
        }
    }
}
