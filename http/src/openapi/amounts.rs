//! OpenAPI schemas of rates, amounts and durations that are written as texts.

use utoipa::openapi::{
    Schema,
    schema::{ObjectBuilder, SchemaType, Type},
};

const RATE: &str = r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$";
const DECIMAL: &str = r"^[0-9]+(\.[0-9]+)?$";
/// In its usual forms. More are read.
const DURATION: &str = r"^P([0-9]+W|[0-9]+D|([0-9]+D)?T([0-9]+H([0-9]+M)?([0-9]+S)?|[0-9]+M([0-9]+S)?|[0-9]+S))$";

fn text(pattern: &str, example: &str, null: bool) -> Schema {
    let types = if null { SchemaType::from_iter([Type::String, Type::Null]) } else { SchemaType::new(Type::String) };
    ObjectBuilder::new().schema_type(types).pattern(Some(pattern)).examples([example]).into()
}

/// A fraction from 0 to 1: `0.10` is 10 %.
pub fn rate() -> Schema {
    text(RATE, "0.10", false)
}

/// The same, or `null`.
pub fn rate_or_null() -> Schema {
    text(RATE, "0.10", true)
}

/// An amount in a currency that is said elsewhere, or a rate.
pub fn decimal() -> Schema {
    text(DECIMAL, "2.50", false)
}

/// The same, or `null`.
pub fn decimal_or_null() -> Schema {
    text(DECIMAL, "2.50", true)
}

/// A duration of ISO 8601.
pub fn duration() -> Schema {
    text(DURATION, "PT15M", false)
}

/// The same, or `null`.
pub fn duration_or_null() -> Schema {
    text(DURATION, "PT15M", true)
}
