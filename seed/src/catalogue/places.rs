//! Cities, and what halls are called there.

use serde::Deserialize;

use super::words::{ByLanguage, Language};
use crate::{
    SeedError,
    data::{Choices, DataFile},
    model::Currency,
};

static PLACES: DataFile<Places> = DataFile::new("places.json", include_str!("../../data/places.json"));

/// Where events are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    /// The ones with the most halls first.
    pub(super) cities: Choices<City>,
    /// Halls, theatres and fields.
    pub(super) halls: ByLanguage<Choices<String>>,
    /// What tells one hall of a city from another.
    pub(super) quarters: Choices<String>,
}

impl Places {
    pub(super) fn read() -> Result<&'static Self, SeedError> {
        PLACES.get()
    }
}

/// A city with its halls' customs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct City {
    pub(super) name: String,
    /// ISO 3166-1, two letters.
    pub(super) country: String,
    /// IANA name.
    pub(super) time_zone: String,
    pub(super) currency: Currency,
    pub(super) language: Language,
}
