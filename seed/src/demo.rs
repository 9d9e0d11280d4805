//! The demo scenario: a season in twelve venues around the world, to look at and to book from.

mod people;
mod prices;
mod tables;

use boxoffice_store::postgres::{connection::Statements, errors::StoreError};
use domain::{
    accounts::Role,
    ids::{EventId, TicketTypeId},
};
use jiff::Timestamp;
use tokio_postgres::{Client, types::Type};

use self::{people::People, tables::VenueSpec};
use super::{
    Counts, SeedError,
    calendar::Calendar,
    data::DataFile,
    model::{Account, Event, Scenario},
    writer,
};

const DOMAIN: &str = "demo.boxoffice.example";

/// A free event with plenty of places and general admission, for a first booking.
pub const FIRST_EVENT: &str = "city-picnic-concert";

static REGIONS: [DataFile<Vec<VenueSpec>>; 5] = [
    DataFile::new("demo/british_isles.json", include_str!("../data/demo/british_isles.json")),
    DataFile::new("demo/continent.json", include_str!("../data/demo/continent.json")),
    DataFile::new("demo/north_and_south.json", include_str!("../data/demo/north_and_south.json")),
    DataFile::new("demo/america.json", include_str!("../data/demo/america.json")),
    DataFile::new("demo/pacific.json", include_str!("../data/demo/pacific.json")),
];

/// What a server's first words to its owner are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoSummary {
    /// What the scenario consists of.
    pub scenario: Counts,
    /// What of it this run had to make; all zero when the scenario was there.
    pub created: Counts,
    /// One account of each role.
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
/// `password_hash` is that of what all its accounts sign in with. Their addresses are published, so it has to be one that nobody
/// can know or guess.
///
/// # Errors
/// What went wrong with the database, which then is as it was before; a time zone that the system doesn't know.
pub async fn demo(client: &mut Client, now: Timestamp, password_hash: &str) -> Result<DemoSummary, SeedError> {
    let scenario = scenario(now, password_hash)?;
    let first_booking = first_booking(&scenario.events)?;
    let created = writer::write(client, &scenario).await?;
    Ok(DemoSummary { scenario: scenario.counts(), created, accounts: demo_accounts()?, first_booking })
}

/// One account of each role.
///
/// # Errors
/// A mistake in the seed's data.
pub fn demo_accounts() -> Result<Vec<DemoAccount>, SeedError> {
    let first = &People::read()?.first;
    Ok(first.iter().map(|person| DemoAccount { email: person.email(), role: person.role }).collect())
}

/// Whether the demo was loaded here before, so that its accounts have a password already.
///
/// # Errors
/// What went wrong with the database.
pub async fn has_demo_accounts(client: &Client) -> Result<bool, SeedError> {
    let statement = "SELECT 1 FROM accounts WHERE email LIKE '%@' || $1 LIMIT 1";
    Ok(!client.query_typed(statement, &[(&DOMAIN, Type::TEXT)]).await?.is_empty())
}

/// The hashes of what these accounts sign in with, of those that are there.
///
/// # Errors
/// What went wrong with the database.
pub async fn demo_password_hashes(
    client: &impl Statements,
    accounts: &[DemoAccount],
) -> Result<Vec<String>, StoreError> {
    let emails: Vec<&str> = accounts.iter().map(|account| account.email.as_str()).collect();
    let statement = "SELECT password_hash FROM accounts WHERE email = ANY ($1)";
    let rows = client.query_typed(statement, &[(&emails, Type::TEXT_ARRAY)]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Gives all accounts of the demo another password, and ends what was proved with the old one: sessions, access tokens and links.
/// How many they are.
///
/// # Errors
/// What went wrong with the database, which then is as it was before.
pub async fn reset_demo_passwords(client: &mut Client, password_hash: &str) -> Result<u64, SeedError> {
    const RESET: &str =
        "UPDATE accounts SET password_hash = $2, tokens_not_before = refuse_tokens(tokens_not_before, now())
        WHERE email LIKE '%@' || $1";
    const OF_DEMO: &str = "account_id IN (SELECT id FROM accounts WHERE email LIKE '%@' || $1)";
    let transaction = client.transaction().await?;
    let reset = transaction.execute_typed(RESET, &[(&DOMAIN, Type::TEXT), (&password_hash, Type::TEXT)]).await?;
    for end in
        ["UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL AND", "DELETE FROM one_time_tokens WHERE"]
    {
        transaction.execute_typed(&format!("{end} {OF_DEMO}"), &[(&DOMAIN, Type::TEXT)]).await?;
    }
    transaction.commit().await?;
    Ok(reset)
}

fn scenario(now: Timestamp, password_hash: &str) -> Result<Scenario, SeedError> {
    let calendar = Calendar::of(now);
    let accounts = People::read()?
        .all()
        .map(|person| Account::new(person.email(), password_hash, &person.name, person.role))
        .collect();
    let mut scenario = Scenario { accounts, ..Scenario::default() };
    for region in &REGIONS {
        for spec in region.get()? {
            let venue = spec.venue()?;
            for event in &spec.events {
                scenario.events.extend(event.events(spec, &venue, &calendar)?);
            }
            scenario.venues.push(venue);
        }
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use domain::accounts::Role;

    use super::*;

    fn assert_unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        let twice: Vec<_> = names.filter(|name| !seen.insert(*name)).collect();
        assert!(twice.is_empty() && !seen.is_empty(), "{what}: {twice:?}");
    }

    /// Guards: that a mistake in a data file never gets as far as a server.
    #[test]
    fn the_season_is_whole() {
        let scenario = scenario("2026-03-14T15:00:00Z".parse().unwrap(), "").unwrap();
        assert_unique("accounts", scenario.accounts.iter().map(|account| account.email.as_str()));
        assert_unique("venues", scenario.venues.iter().map(|venue| venue.slug));
        assert_unique("events", scenario.events.iter().map(|event| event.slug.as_str()));
        for event in &scenario.events {
            let organizer = scenario.accounts.iter().find(|account| account.id == event.organizer_id).unwrap();
            assert_eq!(organizer.role, Role::Organizer, "{}", event.slug);
            assert_unique(&event.slug, event.quotas.iter().map(|quota| quota.name));
            assert_unique(&event.slug, event.tickets().map(|(_, ticket)| ticket.name.as_str()));
            assert!(event.quotas.iter().all(|quota| quota.capacity > 0 && !quota.tickets.is_empty()), "{}", event.slug);
        }
        assert_eq!(first_booking(&scenario.events).unwrap().slug, FIRST_EVENT);
        assert_eq!(demo_accounts().unwrap().len(), 3);
    }
}
