//! Events that cost something, with their terms and promo codes.

use std::time::Duration;

use domain::accounts::Role;
use serde_json::{Value, json};
use tokio_postgres::{Client, types::ToSql};
use uuid::Uuid;

use crate::support::{Api, Buyer, EventBuilder, TestEvent, accounts};

/// On which terms an event is sold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) tax_rate: &'static str,
    pub(crate) tax_included: bool,
    /// As JSON.
    pub(crate) fees: &'static str,
    /// Of what cancelled places would give back.
    pub(crate) keeps: &'static str,
    /// How long a booking waits for its payment, by card and by transfer, and a hold at most.
    pub(crate) seconds: (i32, i32, i32),
}

impl Terms {
    /// Nothing is added and nothing kept; there is time to pay.
    pub(crate) const PLAIN: Self =
        Self { tax_rate: "0", tax_included: true, fees: "[]", keeps: "0", seconds: (600, 600, 1200) };
}

/// An event on sale, and who runs it.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub(crate) event: TestEvent,
    pub(crate) organizer: Buyer,
}

impl Sale {
    /// Made before any inventory reads it.
    pub(crate) async fn of(client: &Client, event: EventBuilder, terms: Terms) -> Self {
        let event = event.create(client).await;
        let Terms { tax_rate, tax_included, fees, keeps, seconds: (payment, transfer, hold) } = terms;
        let fees: Value = serde_json::from_str(fees).unwrap();
        let statement = "INSERT INTO sale_terms (event_id, tax_rate, tax_included, fees, cancellation_fee_percent, hold_cap_seconds,
                payment_window_seconds, bank_transfer_window_seconds, methods)
            VALUES ($1, $2::text::numeric, $3, $4, $5::text::numeric, $6, $7, $8, '{card,bank_transfer}')";
        let with: [&(dyn ToSql + Sync); 8] =
            [&event.id, &tax_rate, &tax_included, &fees, &keeps, &hold, &payment, &transfer];
        client.execute(statement, &with).await.unwrap();
        let organizer = "SELECT organizer_id FROM events WHERE id = $1";
        let id: Uuid = client.query_one(organizer, &[&event.id]).await.unwrap().get(0);
        let organizer = Buyer { id, token: accounts::token(id, Role::Organizer, Duration::ZERO) };
        Self { event, organizer }
    }

    /// Its promo code. No inventory has read others yet.
    pub(crate) async fn code(&self, client: &Client, name: &str, kind: &str, value: Option<&str>, uses: Option<i32>) {
        let statement = "INSERT INTO promo_codes (id, event_id, code, kind, value, uses) VALUES ($1, $2, $3, $4, $5::text::numeric, $6)";
        client.execute(statement, &[&Uuid::now_v7(), &self.event.id, &name, &kind, &value, &uses]).await.unwrap();
    }

    /// A booking of so many places of its first ticket type, that waits for its payment.
    pub(crate) async fn booked(&self, api: &Api, places: u32) -> Value {
        let booking = api.book(&self.event, &self.event.places(places)).await.created();
        assert_eq!(booking["status"], "PENDING_PAYMENT", "{booking}");
        booking
    }
}

/// The body of a request to pay.
pub(crate) fn by(method: &str) -> Value {
    json!({ "method": method })
}
