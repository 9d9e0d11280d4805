//! Instants in the bodies of requests: RFC 3339, and no more than that. A field that has one names its reader,
//! `#[serde(default, deserialize_with = "instants::optional")]`: the calendar's own takes what is in no contract.

use domain::text;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error};

use super::bodies::Member;

/// One that has to be there.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    text::instant(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// One that may be left out, or `null`.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text::instant(&text).map_err(D::Error::custom)).transpose()
}

/// One of a body that is put over what there is.
pub(super) fn member<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Member<Timestamp>, D::Error> {
    optional(deserializer).map(Member::Present)
}
