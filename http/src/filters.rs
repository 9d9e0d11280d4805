//! Filters and sort of lists: what clients are told of them, and how they are read.

use std::borrow::Borrow;

use domain::{
    lists::{EARLIEST, Filter, FilterKind, FilterValue, List, Sort},
    text,
    validation::FieldError,
};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    openapi::{parameter::Parameter, texts},
    query::Query,
};

/// Longest text to search for, in characters.
const SEARCH_CHARS_MAX: usize = 200;
/// What `unaccent` makes a hyphen of.
const DASHES: [char; 13] = [
    '\u{ad}', '\u{2d7}', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}',
    '\u{fe31}', '\u{fe58}', '\u{fe63}', '\u{ff0d}',
];
/// Digits of a price before and after the point: what the database keeps.
const PRICE_DIGITS_MAX: usize = 11;
const PRICE_DECIMALS_MAX: usize = 3;

/// What clients are told of a filter.
pub(super) fn parameter(filter: &Filter) -> Parameter {
    let parameter = Parameter::query(filter.name, filter.description);
    match filter.kind {
        FilterKind::Words => {
            let schema = json!({ "type": "string", "maxLength": SEARCH_CHARS_MAX, "pattern": texts::WORDS });
            parameter.schema(schema).example("jazz berlin")
        }
        FilterKind::Text(chars) => parameter.text(0..=chars),
        FilterKind::Texts { chars, most } => parameter.text(0..=chars).up_to(most),
        FilterKind::Verbatim => parameter,
        FilterKind::Country => parameter.schema(json!({ "type": "string", "pattern": "^[A-Za-z]{2}$" })).example("DE"),
        FilterKind::Id(_) => parameter.id(),
        FilterKind::Instant => {
            let schema = json!({ "type": "string", "anyOf": [{ "format": "date-time" }, { "format": "date" }] });
            parameter.schema(schema).example("2026-03-14T18:00:00Z")
        }
        FilterKind::Price => {
            let schema = json!({ "type": "string", "pattern": "^([0-9]{1,11}(\\.[0-9]{1,3})?)?$" });
            parameter.schema(schema).example("12.50")
        }
        FilterKind::Flag { default } => with_default(parameter.flag(), default),
        FilterKind::OneOf { names, default } => with_default(parameter.one_of(names), default),
        FilterKind::AnyOf(names) => parameter.one_of(names).many(),
    }
}

fn with_default(parameter: Parameter, default: Option<impl Into<serde_json::Value>>) -> Parameter {
    match default {
        Some(default) => parameter.default(default),
        None => parameter,
    }
}

/// What clients are told of the parameter `sort`, if the list has one.
pub(super) fn sort_parameter(list: &List) -> Option<Parameter> {
    let first = list.orders.first().filter(|order| !order.name.is_empty())?;
    let mut values = sorts(list);
    values.extend(list.relevance.as_ref().map(|relevance| relevance.name.to_owned()));
    let schema = json!({ "type": "string", "enum": values });
    Some(match list.relevance {
        Some(_) => {
            let description = "With `-`, the greatest first. By `relevance` when there is `q`, which it needs.";
            Parameter::query("sort", description).schema(schema)
        }
        None => Parameter::query("sort", "Their order.").schema(schema).default(first.name),
    })
}

/// The names of all orders that have a name of their own, both ways.
fn sorts(list: &List) -> Vec<String> {
    list.orders.iter().flat_map(|order| [order.name.to_owned(), format!("-{}", order.name)]).collect()
}

/// Reads all filters of a list; those of everybody's entries only for who sees them.
pub(super) fn read(query: &mut Query<'_>, list: &'static List, everybody: bool) -> Vec<(&'static Filter, FilterValue)> {
    let mut found: Vec<(&'static Filter, FilterValue)> = Vec::new();
    for filter in list.filters.iter().filter(|filter| everybody || !filter.of_everybody) {
        found.extend(value(query, filter).map(|value| (filter, value)));
    }
    let lower = |name| found.iter().find(|(filter, _)| filter.name == name).map(|(_, value)| value);
    for (filter, upper) in &found {
        if let Some(name) = filter.after
            && lower(name).is_some_and(|lower| !upper.is_after(lower))
        {
            let relation = if matches!(upper, FilterValue::Amount(_)) { "less than" } else { "before or at" };
            let message = format!("must not be {relation} {name}");
            query.fault(FieldError::new(filter.name, "OUT_OF_ORDER", message));
        }
    }
    found
}

/// What a filter is given; nothing as well for its default.
fn value(query: &mut Query<'_>, filter: &Filter) -> Option<FilterValue> {
    let name = filter.name;
    match filter.kind {
        FilterKind::Words => words(query, name).map(FilterValue::Text),
        FilterKind::Text(chars) => {
            let text = query.text(name)?;
            within(query, name, &text, chars).map(FilterValue::Text)
        }
        FilterKind::Texts { chars, most } => {
            Some(within_all(query, name, chars, most)).filter(|all| !all.is_empty()).map(FilterValue::Texts)
        }
        FilterKind::Verbatim => query.text(name).map(|text| FilterValue::Text(text.into_owned())),
        FilterKind::Country => country(query, name).map(FilterValue::Text),
        FilterKind::Id(right) => query.id(name, right).map(FilterValue::Id),
        FilterKind::Instant => instant(query, name).map(FilterValue::Instant),
        FilterKind::Price => price(query, name).map(FilterValue::Amount),
        FilterKind::Flag { default } => {
            query.value(name, "true or false").filter(|flag| Some(*flag) != default).map(FilterValue::Flag)
        }
        FilterKind::OneOf { names, default } => {
            let text = query.text(name)?;
            let found = one_of(query, name, names, (&text, "INVALID"))?;
            (Some(found) != default).then(|| FilterValue::OneOf(vec![found]))
        }
        FilterKind::AnyOf(names) => {
            let texts = query.texts(name);
            let found: Vec<_> =
                texts.iter().filter_map(|text| one_of(query, name, names, (text, "UNKNOWN_VALUE"))).collect();
            (!found.is_empty()).then_some(FilterValue::OneOf(found))
        }
    }
}

/// The name that is meant, or a fault with this code.
fn one_of(
    query: &mut Query<'_>,
    field: &'static str,
    names: &[&'static str],
    (text, code): (&str, &'static str),
) -> Option<&'static str> {
    let found = names.iter().find(|name| **name == text).copied();
    if found.is_none() {
        query.fault(FieldError::new(field, code, format!("must be {}", alternatives(names))));
    }
    found
}

/// `A, B or C`.
fn alternatives<T: Borrow<str>>(names: &[T]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} or {}", others.join(", "), last.borrow()),
        _ => names.concat(),
    }
}

/// Words to search for, with single spaces, and with one kind of dash: the database takes each for the one that means `without`. At
/// least one word must be wanted: only `-without` would find nearly everything.
fn words(query: &mut Query<'_>, field: &'static str) -> Option<String> {
    let text = query.text(field)?;
    let text = text::normalised(&text).split_whitespace().collect::<Vec<_>>().join(" ").replace(DASHES, "-");
    if text.is_empty() {
        return None;
    }
    let is_wanted = |word: &str| !word.starts_with('-') && word.chars().any(char::is_alphanumeric);
    if !text.split(' ').any(is_wanted) {
        query.fault(FieldError::new(field, "INVALID", "must hold a word to look for"));
        return None;
    }
    within(query, field, &text, SEARCH_CHARS_MAX)
}

/// Several texts, all of which must hold; sorted, none twice.
fn within_all(query: &mut Query<'_>, field: &'static str, chars_max: usize, count_max: usize) -> Vec<String> {
    let texts = query.texts(field);
    if texts.len() > count_max {
        query.fault(FieldError::new(field, "TOO_MANY", format!("at most {count_max}")));
        return Vec::new();
    }
    let mut found: Vec<String> = texts.iter().filter_map(|text| within(query, field, text, chars_max)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A country by its two letters.
fn country(query: &mut Query<'_>, field: &'static str) -> Option<String> {
    let text = query.text(field)?;
    if text.len() != 2 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        query.fault(FieldError::new(field, "INVALID", "must be two letters (ISO 3166-1), such as DE"));
        return None;
    }
    Some(text.to_ascii_uppercase())
}

/// What is looked for, in the form in which it is stored; nothing when it is empty.
fn within(query: &mut Query<'_>, field: &'static str, text: &str, chars_max: usize) -> Option<String> {
    match text::sought(field, text, chars_max) {
        Ok(text) => Some(text).filter(|text| !text.is_empty()),
        Err(fault) => {
            query.fault(fault);
            None
        }
    }
}

/// An instant, or a day, which begins at midnight in UTC.
pub fn instant(query: &mut Query<'_>, field: &'static str) -> Option<Timestamp> {
    let text = query.text(field)?;
    let day = || Some(text::day(&text)?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let found = text::instant(&text);
    let Some(at) = found.ok().or_else(day) else {
        let message = match found {
            Err(text::NoInstant::LeapSecond) => "must not be a leap second: seconds are 00 to 59",
            _ => "must be an instant (RFC 3339, its + percent-encoded) or a day such as 2026-03-14",
        };
        query.fault(FieldError::new(field, "INVALID", message));
        return None;
    };
    if at < EARLIEST {
        query.fault(FieldError::new(field, "OUT_OF_RANGE", "must not be before the year 1"));
        return None;
    }
    // The database counts in microseconds.
    Timestamp::from_microsecond(at.as_microsecond()).ok()
}

/// A price, without its currency.
fn price(query: &mut Query<'_>, field: &'static str) -> Option<Decimal> {
    let text = query.text(field)?;
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) {
        query.fault(FieldError::new(field, "INVALID", "must be a decimal number of 0 or more, such as 12.50"));
    } else if whole.len() > PRICE_DIGITS_MAX || decimals.len() > PRICE_DECIMALS_MAX {
        let message =
            format!("must have at most {PRICE_DIGITS_MAX} digits before the point and {PRICE_DECIMALS_MAX} after it");
        query.fault(FieldError::new(field, "OUT_OF_RANGE", message));
    } else {
        return text.parse::<Decimal>().ok().map(|price| price.normalize());
    }
    None
}

/// How a list is sorted. Each order has a name, `-` before it for the greatest first; `relevance` needs words, is the order of a list
/// with words unless the client says otherwise, and has no way down.
pub(super) fn sort(query: &mut Query<'_>, list: &'static List, has_words: bool) -> Sort {
    let order = list.relevance.as_ref().filter(|_| has_words).unwrap_or(&list.orders[0]);
    let usual = Sort { order, descending: order.descending };
    if list.orders[0].name.is_empty() {
        return usual;
    }
    let Some(text) = query.text("sort") else { return usual };
    if let Some(relevance) = list.relevance.as_ref().filter(|relevance| relevance.name == text) {
        if !has_words {
            query.fault(FieldError::new("sort", "CONFLICT", "relevance needs q"));
        }
        return Sort { order: relevance, descending: false };
    }
    let (name, descending) = text.strip_prefix('-').map_or((&*text, false), |name| (name, true));
    if let Some(order) = list.orders.iter().find(|order| order.name == name) {
        return Sort { order, descending };
    }
    let known = sorts(list);
    let (code, message) = match &list.relevance {
        None => ("UNKNOWN_VALUE", format!("must be {}", alternatives(&known))),
        Some(_) => ("INVALID", format!("must be one of {}, relevance", known.join(", "))),
    };
    query.fault(FieldError::new("sort", code, message));
    usual
}
