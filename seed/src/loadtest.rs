//! The load-test scenario: accounts by the thousand, and events that never run out of places before the test does.

use domain::{
    accounts::Role,
    ids::{AccountId, EventId, SeatId, TicketTypeId},
};
use jiff::Timestamp;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{
    Fixture, FixtureEvent, FixturePrice, FixtureTicketType, FixtureUser, Kind, SeedError,
    calendar::Calendar,
    ids,
    model::{Account, Currency, Event, Quota, Scenario, SeatMap, Status, Ticket, Venue},
    seating::Layout,
    writer,
};

const DOMAIN: &str = "loadtest.boxoffice.example";

/// Every price of the scenario is in this one.
const CURRENCY: Currency = Currency::Eur;

/// As many as the schema allows: the size of a booking is the script's to choose.
const TICKETS_PER_BOOKING_MAX: i32 = 100;

/// Terms of the event that costs something: a fee and a tax, so that every line of a price has something in it. What else there is to say
/// is as it is without terms. Somebody may have changed them since.
const TERMS: &str = r#"INSERT INTO sale_terms (event_id, tax_rate, tax_included, fees, cancellation_fee_percent, hold_cap_seconds,
        payment_window_seconds, bank_transfer_window_seconds, methods)
    SELECT id, 0.19, true, '[{"name": "Service fee", "kind": "PERCENT", "value": "0.05"}]', 0, 1800, 900, 604800, '{card}'
    FROM events WHERE id = ANY($1) ON CONFLICT (event_id) DO NOTHING"#;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadtestOptions {
    /// Buyers.
    pub users: u32,
    /// Lukewarm events, besides the three that are always there.
    pub events: u32,
    /// Where the hot event with seats takes place.
    pub house: House,
    /// Whether this is a production server, where the scenario is refused.
    pub production: bool,
}

impl Default for LoadtestOptions {
    fn default() -> Self {
        Self { users: 1_000, events: 1_000, house: House::Arena, production: false }
    }
}

/// A house by its size. Each is a venue of its own with an event of its own, so that one database may have both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    /// 20,000 seats.
    Arena,
    /// 100,000 seats.
    Stadium,
}

impl House {
    /// Name in addresses of the hot event with seats, and its title.
    fn event(self) -> (&'static str, &'static str) {
        match self {
            Self::Arena => ("load-hot-seated", "Load Test: the Arena"),
            Self::Stadium => ("load-hot-stadium", "Load Test: the Stadium"),
        }
    }

    fn venue(self) -> Result<Venue, SeedError> {
        let (slug, name, layout) = match self {
            Self::Arena => ("load-arena", "Load Test Arena", "arena"),
            Self::Stadium => ("load-stadium", "Load Test Stadium", "stadium"),
        };
        let seat_map = Layout::named(layout)?.draw(slug);
        Ok(Venue {
            id: ids::stable("venue", slug),
            slug,
            name,
            description: "A house of which every seat is free until it is gone.",
            capacity: seat_map.capacity(),
            seat_map: Some(seat_map),
            ..grounds()
        })
    }
}

/// Writes what is missing of the load-test scenario, and says how to book from it. Everything is on sale from the day
/// before `now` for a year.
///
/// `password_hash` is what every account signs in with; `issue_token` makes the access token of an account, and is
/// asked once a buyer, after everything is durable.
///
/// # Errors
/// [`SeedError::Production`] before anything is done, when the options say so; otherwise what went wrong with the
/// database, which then is as it was before.
pub async fn loadtest(
    client: &mut Client,
    now: Timestamp,
    options: &LoadtestOptions,
    password_hash: &str,
    issue_token: impl Fn(AccountId, Role) -> Result<String, String>,
) -> Result<Fixture, SeedError> {
    if options.production {
        return Err(SeedError::Production);
    }
    let calendar = Calendar::of(now);
    let organizer = Account::new(format!("organizer@{DOMAIN}"), password_hash, "Load Test Organizer", Role::Organizer);
    let stage = Stage {
        organizer_id: organizer.id,
        grounds: grounds(),
        house: options.house.venue()?,
        sale_starts_at: calendar.at(-1, 0, 0, "UTC")?,
        sale_ends_at: calendar.at(364, 0, 0, "UTC")?,
        ends_at: calendar.at(364, 3, 0, "UTC")?,
    };
    let plans: Vec<Plan> = plans(options).collect();
    let buyers = (1..=options.users).map(|number| {
        Account::new(format!("load-{number:04}@{DOMAIN}"), password_hash, &format!("Buyer {number:04}"), Role::User)
    });
    let mut scenario = Scenario {
        accounts: buyers.collect(),
        events: plans.iter().map(|plan| stage.event(plan)).collect(),
        venues: Vec::new(),
    };
    let fixture_events = plans.iter().zip(&scenario.events).map(|(plan, event)| stage.describe(plan, event)).collect();
    scenario.accounts.push(organizer);
    scenario.venues.extend([stage.grounds, stage.house]);
    writer::write(client, &scenario).await?;
    // A few accounts stand for a crowd.
    let events: Vec<Uuid> = scenario.events.iter().map(|event| event.id).collect();
    client
        .execute("UPDATE events SET unpaid_limited = false WHERE id = ANY($1) AND unpaid_limited", &[&events])
        .await?;
    // Nobody reads mails about them, and bookings are measured, not mails.
    let off = "INSERT INTO booking_mails (event_id, is_off, seen_id, swept_id) SELECT id, true, id, id FROM unnest($1::uuid[]) AS id \
        ON CONFLICT (event_id) DO UPDATE SET is_off = true";
    client.execute(off, &[&events]).await?;
    let priced = plans.iter().zip(&events).filter(|(plan, _)| plan.kind == Kind::PricedGa);
    client.execute(TERMS, &[&priced.map(|(_, id)| *id).collect::<Vec<_>>()]).await?;

    let buyers = scenario.accounts.into_iter().filter(|account| account.role == Role::User);
    let user = |account: Account| {
        let id = AccountId(account.id);
        let access_token = issue_token(id, account.role).map_err(SeedError::Token)?;
        Ok(FixtureUser { id, access_token, email: account.email })
    };
    let users = buyers.map(user).collect::<Result<_, SeedError>>()?;
    Ok(Fixture { users, events: fixture_events })
}

/// One event, before it has ids and dates.
struct Plan {
    kind: Kind,
    slug: String,
    title: String,
    /// With general admission; a seated event has as many as there are seats.
    places: i32,
    /// In cents.
    price: u32,
}

/// Every event of the scenario, in the order of the fixture.
fn plans(options: &LoadtestOptions) -> impl Iterator<Item = Plan> {
    let (seated, seated_title) = options.house.event();
    let plan = |kind, slug: &str, title: &str, places, price| Plan {
        kind,
        slug: slug.to_owned(),
        title: title.to_owned(),
        places,
        price,
    };
    [
        plan(Kind::HotGa, "load-hot-ga", "Load Test: the Stampede", 100_000_000, 0),
        plan(Kind::HotSeated, seated, seated_title, 0, 0),
        plan(Kind::PricedGa, "load-priced-ga", "Load Test: the Till", 1_000_000, 2500),
    ]
    .into_iter()
    .chain((1..=options.events).map(|number| Plan {
        kind: Kind::Lukewarm,
        slug: format!("load-lukewarm-{number:04}"),
        title: format!("Load Test: Side Room {number:04}"),
        places: 10_000,
        price: 0,
    }))
}

/// What all events of the scenario have in common.
struct Stage {
    organizer_id: Uuid,
    grounds: Venue,
    house: Venue,
    sale_starts_at: Timestamp,
    /// Also when the events start.
    sale_ends_at: Timestamp,
    ends_at: Timestamp,
}

impl Stage {
    fn event(&self, plan: &Plan) -> Event {
        let seat_map = self.seat_map(plan);
        let venue = if seat_map.is_some() { &self.house } else { &self.grounds };
        Event {
            id: ids::stable("event", &plan.slug),
            slug: plan.slug.clone(),
            organizer_id: self.organizer_id,
            series_id: None,
            venue_id: venue.id,
            seat_map_version_id: seat_map.map(|map| map.id),
            title: plan.title.clone(),
            summary: "For measuring only: nobody will be there.",
            description: "",
            category: "loadtest",
            tags: vec!["loadtest"],
            status: Status::Published,
            starts_at: self.sale_ends_at,
            ends_at: self.ends_at,
            time_zone: venue.time_zone,
            currency: CURRENCY,
            sale_starts_at: self.sale_starts_at,
            sale_ends_at: self.sale_ends_at,
            max_per_account: None,
            quotas: vec![quota(plan, seat_map)],
            terms: None,
            codes: Vec::new(),
        }
    }

    fn seat_map(&self, plan: &Plan) -> Option<&SeatMap> {
        self.house.seat_map.as_ref().filter(|_| plan.kind == Kind::HotSeated)
    }

    fn describe(&self, plan: &Plan, event: &Event) -> FixtureEvent {
        let ticket_types = event.tickets().map(|(_, ticket)| FixtureTicketType {
            id: TicketTypeId(ticket.id),
            name: ticket.name.clone(),
            seated: ticket.seated(),
            price: FixturePrice { amount: ticket.price.to_string(), currency: event.currency.code() },
        });
        FixtureEvent {
            id: EventId(event.id),
            slug: event.slug.clone(),
            kind: plan.kind,
            ticket_types: ticket_types.collect(),
            seat_ids: self.seat_map(plan).into_iter().flat_map(SeatMap::seats).map(|seat| SeatId(seat.id)).collect(),
        }
    }
}

fn quota(plan: &Plan, seat_map: Option<&SeatMap>) -> Quota {
    let ticket = Ticket {
        id: ids::stable("ticket type", &format!("{}/Admission", plan.slug)),
        name: "Admission".to_owned(),
        description: "",
        price: CURRENCY.amount(plan.price),
        max_per_booking: TICKETS_PER_BOOKING_MAX,
        sale_ends_at: None,
        section_ids: seat_map.into_iter().flat_map(|map| &map.sections).map(|section| section.id).collect(),
        hidden: false,
        tax_rate: None,
    };
    Quota {
        id: ids::stable("quota", &format!("{}/Admission", plan.slug)),
        name: "Admission",
        capacity: seat_map.map_or(plan.places, SeatMap::capacity),
        tickets: vec![ticket],
    }
}

/// Where there is room for everybody.
fn grounds() -> Venue {
    Venue {
        id: ids::stable("venue", "load-grounds"),
        slug: "load-grounds",
        name: "Load Test Grounds",
        description: "A field without an edge.",
        address: "1 Benchmark Way",
        city: "Nowhere",
        country: "DE",
        time_zone: "Europe/Berlin",
        capacity: 100_000_000,
        seat_map: None,
    }
}
