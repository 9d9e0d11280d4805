//! The file that `boxoffice seed --scenario loadtest --out` writes: who may book, with which token, and what.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

/// The parts of the fixture that a run needs.
#[derive(Debug, Deserialize)]
pub struct Fixture {
    /// Signed-in buyers.
    pub users: Vec<User>,
    /// What is on sale.
    pub events: Vec<Event>,
    /// More events with the seats of the hot seated one, which a run goes on with when a house is sold out. The
    /// benchmark adds them.
    #[serde(default)]
    pub houses: Vec<House>,
}

/// A buyer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// A bearer token.
    pub access_token: String,
}

/// An event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id.
    pub id: String,
    /// What it is for: `hot-ga`, `hot-seated`, `priced-ga`, `lukewarm`.
    pub kind: String,
    /// What to book of it.
    pub ticket_types: Vec<TicketType>,
    /// Every seat; empty with general admission.
    pub seat_ids: Vec<String>,
}

/// A kind of ticket.
#[derive(Debug, Deserialize)]
pub struct TicketType {
    /// Its id.
    pub id: String,
}

/// An event with the same seats as the hot seated one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct House {
    /// The event.
    pub id: String,
    /// Its ticket type.
    pub ticket_type_id: String,
}

impl Fixture {
    /// Reads it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
        let fixture: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is not a fixture", path.display()))?;
        if fixture.users.is_empty() {
            bail!("{} has no buyers", path.display());
        }
        Ok(fixture)
    }

    /// The events of a kind, as event and ticket type.
    pub fn of_kind(&self, kind: &str) -> anyhow::Result<Vec<House>> {
        let of = self.events.iter().filter(|event| event.kind == kind);
        let houses: Vec<House> = of
            .filter_map(|event| {
                let ticket_type_id = event.ticket_types.first()?.id.clone();
                Some(House { id: event.id.clone(), ticket_type_id })
            })
            .collect();
        if houses.is_empty() {
            bail!("the fixture has no event of kind {kind}");
        }
        Ok(houses)
    }
}
