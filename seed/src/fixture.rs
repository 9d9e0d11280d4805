//! What load scripts are given: who may book, with which token, and what.

use domain::ids::{AccountId, EventId, SeatId, TicketTypeId};
use serde::Serialize;

/// The file that `seed --scenario loadtest --out` writes.
#[derive(Clone, Debug, Serialize)]
pub struct Fixture {
    /// The buyers.
    pub users: Vec<FixtureUser>,
    /// The events: the hot ones, the priced one, then the lukewarm ones.
    pub events: Vec<FixtureEvent>,
}

/// A buyer who is signed in.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FixtureUser {
    /// The account.
    pub id: AccountId,
    /// Its address.
    pub email: String,
    /// A bearer token of it. A secret: not part of the debug output.
    pub access_token: String,
}

impl std::fmt::Debug for FixtureUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixtureUser").field("id", &self.id).field("email", &self.email).finish_non_exhaustive()
    }
}

/// What an event of the load test is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Free general admission that never sells out: the on-sale that everyone comes to.
    HotGa,
    /// Free seats of one arena, each sold once.
    HotSeated,
    /// General admission with a price, for the way through payment.
    PricedGa,
    /// Free general admission, one of many: the load that is spread.
    Lukewarm,
}

/// An event to book.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FixtureEvent {
    /// Its id.
    pub id: EventId,
    /// Its name in addresses.
    pub slug: String,
    /// What it is for.
    pub kind: Kind,
    /// What to book of it.
    pub ticket_types: Vec<FixtureTicketType>,
    /// Every seat in map order; empty with general admission.
    pub seat_ids: Vec<SeatId>,
}

/// A kind of ticket.
#[derive(Clone, Debug, Serialize)]
pub struct FixtureTicketType {
    /// Its id.
    pub id: TicketTypeId,
    /// What buyers read.
    pub name: String,
    /// Whether a booking names seats.
    pub seated: bool,
    /// Of one ticket.
    pub price: FixturePrice,
}

/// Money as the API writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FixturePrice {
    /// A decimal string with the currency's decimals.
    pub amount: String,
    /// ISO 4217.
    pub currency: &'static str,
}
