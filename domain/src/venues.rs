//! Venues: the places where events happen.

use jiff::Timestamp;

use crate::{
    events::{fields::time_zone, sales::CAPACITY_MAX},
    ids::VenueId,
    text,
    validation::{FieldError, FieldErrors},
};

/// A place where events happen.
#[derive(Clone, Debug)]
pub struct Venue {
    pub id: VenueId,
    /// Unique, readable, for URLs.
    pub slug: String,
    pub name: String,
    /// What to know of it.
    pub description: String,
    /// Street and number.
    pub address: String,
    pub city: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// IANA name.
    pub time_zone: String,
    /// The most people it may hold.
    pub capacity: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Venue {
    /// What was said of it.
    pub fn fields(&self) -> VenueFields {
        let Self { slug, name, description, address, city, country, time_zone, capacity, .. } = self.clone();
        VenueFields { slug: Some(slug), name, description, address, city, country, time_zone, capacity }
    }
}

/// A venue as somebody wrote it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `VenueFields`")]
pub struct RawVenue {
    pub slug: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub country: Option<String>,
    pub time_zone: Option<String>,
    pub capacity: Option<u32>,
}

/// What can be said of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueFields {
    /// Chosen; otherwise it is made from the name.
    pub slug: Option<String>,
    /// 2 to 100 characters.
    pub name: String,
    /// At most 10,000 characters.
    pub description: String,
    /// 2 to 200 characters.
    pub address: String,
    /// 2 to 100 characters.
    pub city: String,
    /// An assigned code of ISO 3166-1 alpha-2.
    pub country: String,
    /// IANA name.
    pub time_zone: String,
    /// At least 1.
    pub capacity: u32,
}

impl VenueFields {
    /// Checks every field and reports every fault. What is the same as `before` stays, whatever today's rules and lists of codes say of it.
    pub fn parse(raw: RawVenue, before: Option<&Venue>) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let was = before.map(Venue::fields);
        let was = was.as_ref();
        let slug = errors.slug(raw.slug, was.map(|was| &was.slug));
        let name = errors.line("name", raw.name, was.map(|was| &was.name), 2..=100);
        let description = errors.text("description", raw.description, was.map(|was| &was.description));
        let address = errors.line("address", raw.address, was.map(|was| &was.address), 2..=200);
        let city = errors.line("city", raw.city, was.map(|was| &was.city), 2..=100);
        let country =
            errors.change(raw.country, was.map(|was| &was.country), |said| country(&said.unwrap_or_default()));
        let time_zone = errors.change(raw.time_zone, was.map(|was| &was.time_zone), |said| {
            time_zone("timeZone", &said.unwrap_or_default())
        });
        let capacity = errors.change(raw.capacity, was.map(|was| &was.capacity), |said| match said {
            None => Err(FieldError::new("capacity", "REQUIRED", "is required")),
            Some(capacity @ 1..=CAPACITY_MAX) => Ok(capacity),
            Some(_) => Err(FieldError::new("capacity", "OUT_OF_RANGE", "must be from 1 to 100,000,000")),
        });
        let valid = || {
            Some(Self {
                slug: slug?,
                name: name?,
                description: description?,
                address: address?,
                city: city?,
                country: country?,
                time_zone: time_zone?,
                capacity: capacity?,
            })
        };
        errors.finish(valid())
    }
}

impl From<VenueFields> for RawVenue {
    fn from(fields: VenueFields) -> Self {
        let VenueFields { slug, name, description, address, city, country, time_zone, capacity } = fields;
        Self {
            slug,
            name: Some(name),
            description: Some(description),
            address: Some(address),
            city: Some(city),
            country: Some(country),
            time_zone: Some(time_zone),
            capacity: Some(capacity),
        }
    }
}

/// The assigned codes of ISO 3166-1 alpha-2. They change once in a decade.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA \
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA \
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS \
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS \
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW \
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// A code of a country in the list.
fn country(code: &str) -> Result<String, FieldError> {
    match &*text::normalised(code) {
        "" => Err(FieldError::new("country", "REQUIRED", "is required")),
        code if COUNTRIES.split(' ').any(|listed| listed == code) => Ok(code.to_owned()),
        _ => Err(FieldError::new("country", "INVALID", "must be a code of ISO 3166-1 such as DE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: the list, whose codes are capitals.
    #[test]
    fn a_country_is_in_the_list() {
        assert_eq!(COUNTRIES.split(' ').count(), 249);
        for right in ["AD", "DE", "GB", "TW", " AQ ", "ZW"] {
            assert_eq!(country(right).unwrap(), right.trim());
        }
        for wrong in ["XX", "ZZ", "de", "UK", "EU", "DEU", "D", "DE GB", "\u{ff24}E"] {
            assert_eq!(country(wrong).unwrap_err().code, "INVALID", "{wrong}");
        }
    }

    /// Guards: `FieldErrors::change`.
    #[test]
    fn what_a_venue_was_before_stays_whatever_the_rules_say_today() {
        let old = Venue {
            id: VenueId::generate(),
            slug: "No Slug".to_owned(),
            name: "Ada\u{202e}nimdA".to_owned(),
            description: "\u{2066}".to_owned(),
            address: "1".to_owned(),
            city: "X".to_owned(),
            country: "YU".to_owned(),
            time_zone: "CET".to_owned(),
            capacity: 0,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let said = || RawVenue::from(old.fields());
        assert_eq!(VenueFields::parse(said(), Some(&old)).unwrap(), old.fields());
        let turned = RawVenue { name: Some("Ada\u{202e}".to_owned()), ..said() };
        assert_eq!(VenueFields::parse(turned, Some(&old)).unwrap_err()[0].field, "name");
        assert_eq!(VenueFields::parse(said(), None).unwrap_err().len(), 8);
    }

    #[test]
    fn every_fault_of_a_venue_is_reported() {
        let named = |raw| {
            VenueFields::parse(raw, None).unwrap_err().iter().map(|error| error.field.to_string()).collect::<Vec<_>>()
        };
        let all = ["name", "address", "city", "country", "timeZone", "capacity"];
        assert_eq!(named(RawVenue::default()), all);
        let wrong = RawVenue {
            slug: Some("a b".to_owned()),
            country: Some("de".to_owned()),
            capacity: Some(0),
            ..RawVenue::default()
        };
        assert_eq!(named(wrong), ["slug", "name", "address", "city", "country", "timeZone", "capacity"]);
    }
}
