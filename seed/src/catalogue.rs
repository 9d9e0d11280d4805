//! The catalogue scenario: as many events as one likes, in three languages, to search and to browse.
//!
//! Written with `COPY`, because it is a hundred times the demo. What a number stands for never changes, so a larger run adds to a
//! smaller one; dates count from the day of `now`, as everywhere in the seed.

mod copy;
mod dice;
mod places;
mod words;

use domain::accounts::Role;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio_postgres::Client;
use uuid::Uuid;

use self::{
    dice::Dice,
    places::{City, Places},
    words::Words,
};
use super::{
    Counts, SeedError,
    calendar::Calendar,
    ids,
    model::{Account, Status},
};

const DOMAIN: &str = "catalogue.boxoffice.example";
/// Events that one venue and one organizer have, on average.
const EVENTS_A_VENUE: u32 = 50;
const EVENTS_AN_ORGANIZER: u32 = 1_000;
/// Of so many events one after the other, the first few are a series, a week apart.
const EVENTS_A_SERIES: u32 = 192;
const OCCURRENCES: u32 = 12;
/// How many days the season goes on, and how many it has gone on.
const DAYS_AHEAD: u32 = 540;
const DAYS_PAST: u32 = 30;

/// Writes what is missing of the catalogue scenario: so many events, with their venues and organizers, who sign in with the password
/// behind `password_hash`, if anybody knows it. No places are sold; some are sold out from the start, because there are none.
///
/// # Errors
/// What went wrong with the database, which then is as it was before; a time zone that the system doesn't know.
pub async fn catalogue(
    client: &mut Client,
    now: Timestamp,
    events: u32,
    password_hash: &str,
) -> Result<Counts, SeedError> {
    let organizers: Vec<Account> = (1..=events.div_ceil(EVENTS_AN_ORGANIZER))
        .map(|number| {
            let name = format!("Organizer {number:03}");
            Account::new(format!("organizer-{number:03}@{DOMAIN}"), password_hash, &name, Role::Organizer)
        })
        .collect();
    let season = Season::of(now)?;
    let venues: Vec<Venue> =
        (1..=events.div_ceil(EVENTS_A_VENUE)).map(|number| Venue::new(number, season.places)).collect();
    copy::write(client, &organizers, &venues, events, |number| season.event(number)).await
}

struct Venue {
    id: Uuid,
    slug: String,
    name: String,
    address: String,
    capacity: i32,
    city: &'static City,
}

impl Venue {
    fn new(number: u32, places: &'static Places) -> Self {
        let mut dice = Dice::of("catalogue venue", number);
        let city = dice.common(&places.cities);
        let name = format!("{} {}", dice.any(places.halls.of(city.language)), dice.any(&places.quarters));
        let capacity = *dice.common(&[120, 80, 300, 450, 800, 1_200, 2_500, 5_000, 12_000]);
        Self {
            id: ids::stable("venue", &format!("catalogue/{number}")),
            slug: format!("{}-{number}", slug(&name)),
            address: format!("{} {}", 1 + dice.below(200), dice.any(&places.quarters)),
            name,
            capacity,
            city,
        }
    }
}

struct Event {
    id: Uuid,
    slug: String,
    organizer_id: Uuid,
    venue_id: Uuid,
    series_id: Option<Uuid>,
    title: String,
    summary: &'static str,
    description: String,
    category: &'static str,
    status: Status,
    starts_at: Timestamp,
    ends_at: Timestamp,
    city: &'static City,
    sale_starts_at: Timestamp,
    created_at: Timestamp,
    tags: Vec<&'static str>,
    tickets: Vec<Ticket>,
}

struct Ticket {
    id: Uuid,
    quota_id: Uuid,
    name: &'static str,
    capacity: i32,
    price: Decimal,
}

struct Season {
    calendar: Calendar,
    now: Timestamp,
    words: &'static Words,
    places: &'static Places,
}

impl Season {
    fn of(now: Timestamp) -> Result<Self, SeedError> {
        Ok(Self { calendar: Calendar::of(now), now, words: Words::read()?, places: Places::read()? })
    }

    fn event(&self, number: u32) -> Result<Event, SeedError> {
        // What the occurrences of a series have in common is drawn for the first of them.
        let week = Some((number - 1) % EVENTS_A_SERIES).filter(|week| *week < OCCURRENCES);
        let first = number - week.unwrap_or(0);
        let mut dice = Dice::of("catalogue event", first);
        // Of those that there are when there are no more events: a larger run must not move the smaller one's.
        let venue = Venue::new(1 + dice.below(first.div_ceil(EVENTS_A_VENUE)), self.places);
        let organizer = 1 + dice.below(first.div_ceil(EVENTS_AN_ORGANIZER));
        let category = dice.common(&self.words.categories);
        let language = venue.city.language;
        let title = self.words.title(category, language, &mut dice);
        let day = i64::from(dice.below(DAYS_PAST + DAYS_AHEAD) + 7 * week.unwrap_or(0)) - i64::from(DAYS_PAST);
        let (hour, minute) = *dice.common(&[(20, 0), (19, 30), (19, 0), (18, 0), (15, 0), (11, 0), (22, 30)]);
        let starts_at = self.calendar.at(day, hour, minute, &venue.city.time_zone)?;
        let status = match dice.below(100) {
            _ if starts_at < self.now => Status::Archived,
            0..2 => Status::Draft,
            2 => Status::Scheduled,
            3..5 => Status::Cancelled,
            _ => Status::Published,
        };
        let opens = -i64::from(dice.below(60)) + if dice.percent(10) { 70 } else { 0 };
        let sale_starts_at = self.calendar.at(opens.min(day - 2), 10, 0, &venue.city.time_zone)?;
        let entered = SignedDuration::from_secs(i64::from(dice.below(300 * 24 * 3600)));
        Ok(Event {
            id: ids::stable("event", &format!("catalogue/{number}")),
            slug: format!("{}-{number}", slug(&title)),
            organizer_id: ids::stable("account", &format!("organizer-{organizer:03}@{DOMAIN}")),
            venue_id: venue.id,
            series_id: week.map(|_| ids::stable("series", &format!("catalogue/{first}"))),
            title,
            summary: self.words.summary(language, &mut dice),
            description: self.words.description(language, &mut dice),
            category: &category.slug,
            status,
            starts_at,
            ends_at: starts_at + SignedDuration::from_mins(60 + 15 * i64::from(dice.below(9))),
            sale_starts_at,
            created_at: sale_starts_at - entered,
            tags: tags(&category.tags, &self.words.tags, &mut dice),
            tickets: tickets(number, category.prices, &venue, &mut dice),
            city: venue.city,
        })
    }
}

fn tags<'a>(of_category: &'a [String], of_any: &'a [String], dice: &mut Dice) -> Vec<&'a str> {
    let mut tags = vec![dice.any(of_category).as_str(), dice.any(of_category).as_str()];
    if dice.percent(40) {
        tags.push(dice.common(of_any).as_str());
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// One to three kinds of ticket, each with a quota of its own.
fn tickets(number: u32, (cheapest, dearest): (u32, u32), venue: &Venue, dice: &mut Dice) -> Vec<Ticket> {
    let names = ["Standard", "Reduced", "Premium"];
    let kinds = *dice.common(&[1, 2, 3_usize]);
    // A sold-out event without bookings that nobody made.
    let sold_out = dice.percent(6);
    let standard = cheapest + dice.below(dearest.saturating_sub(cheapest) / 2 + 1);
    let ticket = |(name, price): (&'static str, u32)| {
        let key = format!("catalogue/{number}/{name}");
        let places = venue.capacity / i32::try_from(kinds).unwrap_or(1);
        Ticket {
            id: ids::stable("ticket type", &key),
            quota_id: ids::stable("quota", &key),
            name,
            capacity: if sold_out { 0 } else { places },
            price: venue.city.currency.amount(price * 100),
        }
    };
    names.into_iter().zip([standard, standard * 6 / 10, dearest]).take(kinds).map(ticket).collect()
}

/// Small letters, digits and single hyphens; what has accents loses them, or goes.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => slug.push(letter),
            'ä' => slug.push_str("ae"),
            'ö' | 'œ' | 'ø' => slug.push_str("oe"),
            'ü' => slug.push_str("ue"),
            'ß' => slug.push_str("ss"),
            'é' | 'è' | 'ê' | 'ë' => slug.push('e'),
            'á' | 'à' | 'â' | 'ă' | 'ą' => slug.push('a'),
            'ç' => slug.push('c'),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_fit_for_an_address() {
        assert_eq!(
            slug("Führung durch das Frühwerk von Þóra O'Sullivan"),
            "fuehrung-durch-das-fruehwerk-von-ra-o-sullivan"
        );
        assert_eq!(slug("Quatuors à cordes : Zoé"), "quatuors-a-cordes-zoe");
    }

    #[test]
    fn an_event_depends_on_its_number_alone() {
        let season = |now: &str| Season::of(now.parse().unwrap()).unwrap();
        let (one, other) = (season("2026-03-14T15:00:00Z"), season("2026-08-01T00:00:00Z"));
        for number in [1, 2, 777, 99_999] {
            let (one, other) = (one.event(number).unwrap(), other.event(number).unwrap());
            assert_eq!(
                (one.id, &one.slug, one.venue_id, &one.tags),
                (other.id, &other.slug, other.venue_id, &other.tags)
            );
        }
    }
}
