//! The file that `boxoffice seed --scenario loadtest --out` writes: who may book, with which token, and what.

use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

/// The parts of the fixture that a run needs.
#[derive(Debug, Deserialize)]
pub struct Fixture {
    pub users: Vec<User>,
    pub events: Vec<Event>,
    /// More events with the seats of the hot seated one, which a run goes on with when a house is sold out. The
    /// benchmark adds them.
    #[serde(default)]
    pub houses: Vec<House>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: String,
    pub access_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub id: String,
    /// What it is for: `hot-ga`, `hot-seated`, `priced-ga`, `lukewarm`.
    pub kind: String,
    pub ticket_types: Vec<TicketType>,
    /// Every seat; empty with general admission.
    pub seat_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct TicketType {
    pub id: String,
}

/// An event and what is booked of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct House {
    pub id: String,
    pub ticket_type_id: String,
}

impl Fixture {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
        let fixture: Self =
            serde_json::from_slice(&text).with_context(|| format!("{} is not a fixture", path.display()))?;
        if fixture.users.is_empty() {
            bail!("{} has no buyers", path.display());
        }
        Ok(fixture)
    }

    /// The events of a kind; there is one at least. Of the seated kind with all further houses.
    pub fn of_kind(&self, kind: &str) -> anyhow::Result<Vec<House>> {
        let of = self.events.iter().filter(|event| event.kind == kind);
        let mut houses: Vec<House> = of
            .filter_map(|event| {
                let ticket_type_id = event.ticket_types.first()?.id.clone();
                Some(House { id: event.id.clone(), ticket_type_id })
            })
            .collect();
        if kind == "hot-seated" {
            houses.extend(self.houses.iter().cloned());
        }
        if houses.is_empty() {
            bail!("the fixture has no event of kind {kind}");
        }
        Ok(houses)
    }

    /// The first event of a kind.
    pub(crate) fn first(&self, kind: &str) -> anyhow::Result<House> {
        Ok(self.of_kind(kind)?.remove(0))
    }

    /// The seats of every house.
    pub fn seats(&self) -> &[String] {
        let seated = self.events.iter().find(|event| event.kind == "hot-seated");
        seated.map_or(&[], |event| &event.seat_ids)
    }
}
