//! Query filters that several lists of the catalogue have in common.

use domain::{
    search::{EARLIEST, Sort},
    text,
    validation::FieldError,
};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;

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
/// Longest name to filter by, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Digits of a price before and after the point: what the database keeps.
const PRICE_DIGITS_MAX: usize = 11;
const PRICE_DECIMALS_MAX: usize = 3;

/// What clients are told of [`words`].
pub fn words_described() -> Parameter {
    let description = "Words to look for, as in any search: `\"a phrase\"`, `-without`, `this or that`.";
    let schema = serde_json::json!({ "type": "string", "maxLength": SEARCH_CHARS_MAX, "pattern": texts::WORDS });
    Parameter::query("q", description).schema(schema).example("jazz berlin")
}

/// What clients are told of [`name`].
pub fn name_described(field: &'static str, description: &'static str) -> Parameter {
    Parameter::query(field, description).text(0..=NAME_CHARS_MAX)
}

/// What clients are told of [`price`].
pub fn price_described(field: &'static str, description: &'static str) -> Parameter {
    let schema = serde_json::json!({ "type": "string", "pattern": "^([0-9]{1,11}(\\.[0-9]{1,3})?)?$" });
    Parameter::query(field, description).schema(schema).example("12.50")
}

/// What clients are told of [`sort`].
pub fn sort_described<By>(names: &[(&'static str, By)]) -> Parameter {
    let both = names.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]);
    let values: Vec<String> = both.chain(["relevance".to_owned()]).collect();
    let description = "With `-`, the greatest first. By `relevance` when there is `q`, which it needs.";
    Parameter::query("sort", description).schema(serde_json::json!({ "type": "string", "enum": values }))
}

/// Words to search for, with single spaces, and with one kind of dash: the database takes each for the one that means `without`. At
/// least one word must be wanted: only `-without` would find nearly everything.
pub fn words(query: &mut Query<'_>) -> Option<String> {
    let text = query.text("q")?;
    let text = text::normalised(&text).split_whitespace().collect::<Vec<_>>().join(" ").replace(DASHES, "-");
    if text.is_empty() {
        return None;
    }
    let is_wanted = |word: &str| !word.starts_with('-') && word.chars().any(char::is_alphanumeric);
    if !text.split(' ').any(is_wanted) {
        query.fault(FieldError::new("q", "INVALID", "must hold a word to look for"));
        return None;
    }
    within(query, "q", &text, SEARCH_CHARS_MAX)
}

/// A name to filter by.
pub fn name(query: &mut Query<'_>, field: &'static str) -> Option<String> {
    let text = query.text(field)?;
    within(query, field, &text, NAME_CHARS_MAX)
}

/// Names to filter by, all of which must hold; sorted, none twice.
pub fn names(query: &mut Query<'_>, field: &'static str, count_max: usize) -> Vec<String> {
    let texts = query.texts(field);
    if texts.len() > count_max {
        query.fault(FieldError::new(field, "TOO_MANY", format!("at most {count_max}")));
        return Vec::new();
    }
    let mut names: Vec<String> = texts.iter().filter_map(|text| within(query, field, text, NAME_CHARS_MAX)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What is looked for, in the form in which it is stored; nothing when it is empty.
pub fn within(query: &mut Query<'_>, field: &'static str, text: &str, chars_max: usize) -> Option<String> {
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
pub fn price(query: &mut Query<'_>, field: &'static str) -> Option<Decimal> {
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

/// Notes a fault unless the bounds, when both are given, are in order.
pub fn in_order<T: PartialOrd>(
    query: &mut Query<'_>,
    (lower, from): (&'static str, Option<T>),
    (upper, to): (&'static str, Option<T>),
    may_be_equal: bool,
) {
    if let (Some(from), Some(to)) = (from, to)
        && (from > to || (from == to && !may_be_equal))
    {
        let relation = if may_be_equal { "less than" } else { "before or at" };
        let message = format!("must not be {relation} {lower}");
        query.fault(FieldError::new(upper, "OUT_OF_ORDER", message));
    }
}

/// How a list is sorted. Each order has a name, `-` before it for the way down; `relevance` needs words, is the order of a list with
/// words unless the client says otherwise, and has no way down.
pub fn sort<By: Copy + PartialEq>(
    query: &mut Query<'_>,
    names: &[(&'static str, By)],
    relevance: By,
    has_words: bool,
) -> Sort<By> {
    let usual = Sort::ascending(if has_words { relevance } else { names.first().map_or(relevance, |(_, by)| *by) });
    let Some(text) = query.text("sort") else { return usual };
    if text == "relevance" {
        if !has_words {
            query.fault(FieldError::new("sort", "CONFLICT", "relevance needs q"));
        }
        return Sort::ascending(relevance);
    }
    let (name, descending) = text.strip_prefix('-').map_or((&*text, false), |name| (name, true));
    match names.iter().find(|(known, _)| *known == name) {
        Some((_, by)) => Sort { by: *by, descending },
        None => {
            let known: Vec<String> = names.iter().map(|(name, _)| format!("{name}, -{name}")).collect();
            let message = format!("must be one of {}, relevance", known.join(", "));
            query.fault(FieldError::new("sort", "INVALID", message));
            usual
        }
    }
}

/// The sort as a parameter names it.
pub fn sort_name<By: Copy + PartialEq>(sort: Sort<By>, names: &[(&'static str, By)]) -> String {
    let name = names.iter().find(|(_, by)| *by == sort.by).map_or("relevance", |(name, _)| *name);
    format!("{}{name}", if sort.descending { "-" } else { "" })
}
