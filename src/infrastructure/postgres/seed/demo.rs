//! The demo scenario: a season in twelve venues around the world, to look at and to book from.

mod america;
mod british_isles;
mod continent;
mod north_and_south;
mod pacific;
mod people;
mod tables;

use domain::{
    accounts::Role,
    ids::{EventId, TicketTypeId},
};
use jiff::Timestamp;
use tokio_postgres::Client;

use self::tables::VenueSpec;
use super::{
    Counts, SeedError,
    calendar::Calendar,
    model::{Account, Event, Scenario},
    writer,
};

/// What all demo accounts sign in with. Public: whoever seeds a server that others can reach hands out an
/// administrator's account.
pub const DEMO_PASSWORD: &str = "demo-password-1";

const DOMAIN: &str = "demo.boxoffice.example";

/// A free event with plenty of places and general admission, for a first booking.
pub const FIRST_EVENT: &str = "city-picnic-concert";

const REGIONS: [&[VenueSpec]; 5] =
    [british_isles::VENUES, continent::VENUES, north_and_south::VENUES, america::VENUES, pacific::VENUES];

/// What a server's first words to its owner are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoSummary {
    /// What the scenario consists of.
    pub scenario: Counts,
    /// What of it this run had to make; all zero when the scenario was there.
    pub created: Counts,
    /// One account of each role; they sign in with [`DEMO_PASSWORD`].
    pub accounts: Vec<DemoAccount>,
    /// What to book first.
    pub first_booking: FirstBooking,
}

/// An account to try the server with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// What it signs in with.
    pub email: String,
    /// What it may do.
    pub role: Role,
}

/// A free ticket that is on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstBooking {
    /// Of this event.
    pub event_id: EventId,
    /// Its name in addresses.
    pub slug: String,
    /// Its name on posters.
    pub title: String,
    /// Of this kind; general admission.
    pub ticket_type_id: TicketTypeId,
}

/// Writes what is missing of the demo scenario. Its dates count from the day of `now`.
///
/// `password_hash` is that of [`DEMO_PASSWORD`]; whether a server may have accounts that everybody knows is for the
/// caller to decide.
///
/// # Errors
/// What went wrong with the database, which then is as it was before; a time zone that the system doesn't know.
pub async fn demo(client: &mut Client, now: Timestamp, password_hash: &str) -> Result<DemoSummary, SeedError> {
    let scenario = scenario(now, password_hash)?;
    let first_booking = first_booking(&scenario.events)?;
    let created = writer::write(client, &scenario).await?;
    let accounts = people::FIRST.iter().map(|person| DemoAccount { email: person.email(), role: person.role });
    Ok(DemoSummary { scenario: scenario.counts(), created, accounts: accounts.collect(), first_booking })
}

fn scenario(now: Timestamp, password_hash: &str) -> Result<Scenario, SeedError> {
    let calendar = Calendar::of(now);
    let accounts = people::FIRST
        .iter()
        .chain(people::OTHERS)
        .map(|person| Account::new(person.email(), password_hash, person.name, person.role))
        .collect();
    let mut scenario = Scenario { accounts, ..Scenario::default() };
    for spec in REGIONS.into_iter().flatten() {
        let venue = spec.venue();
        for event in spec.events {
            scenario.events.extend(event.events(spec, &venue, &calendar)?);
        }
        scenario.venues.push(venue);
    }
    Ok(scenario)
}

fn first_booking(events: &[Event]) -> Result<FirstBooking, SeedError> {
    let undefined = || SeedError::Undefined { kind: "event", name: FIRST_EVENT.to_owned() };
    let event = events.iter().find(|event| event.slug == FIRST_EVENT).ok_or_else(undefined)?;
    let (_, ticket) = event.tickets().find(|(_, ticket)| ticket.price.is_zero()).ok_or_else(undefined)?;
    Ok(FirstBooking {
        event_id: EventId(event.id),
        slug: event.slug.clone(),
        title: event.title.clone(),
        ticket_type_id: TicketTypeId(ticket.id),
    })
}
