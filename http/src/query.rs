//! Query string parsing: parameters are read one by one, with every error reported at once.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use domain::validation::FieldError;

use super::problem::Problem;

/// More parameters than this are refused: nothing needs them and each is searched linearly.
const PARAMETERS_MAX: usize = 64;

/// The parameters of one request. Take the known ones, then [`Query::finish`]: what is left over is refused by name, so
/// that a misspelt filter is an error and not a wrong list.
#[derive(Debug)]
pub struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    errors: Vec<FieldError>,
}

impl<'a> Query<'a> {
    /// Splits and decodes the part of a URL after `?` (`application/x-www-form-urlencoded`).
    pub fn parse(text: &'a str) -> Self {
        let mut query = Self { pairs: Vec::new(), errors: Vec::new() };
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decode(name, true), decode(value, true)) {
                // No text that is kept has one: it would reach the database, which can't take it.
                (Some(name), Some(value)) if name.contains('\0') || value.contains('\0') => {
                    let name: String = name.chars().take(100).collect();
                    query.errors.push(FieldError::new(name, "INVALID", "must not have NUL characters"));
                }
                (Some(name), Some(value)) => query.pairs.push((name, value)),
                (name, _) => {
                    let name = name.map_or_else(|| name_of(pair), Cow::into_owned);
                    query.errors.push(FieldError::new(name, "INVALID", "must be percent-encoded UTF-8"));
                }
            }
            if query.pairs.len() > PARAMETERS_MAX {
                query.errors.push(FieldError::new("", "TOO_MANY", "at most 64 parameters"));
                break;
            }
        }
        query
    }

    /// The text of a parameter that may appear once, or `None`. An empty value counts as absent.
    pub fn text(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        let found = self.take(name)?;
        if self.pairs.iter().any(|(other, _)| other == name) {
            self.pairs.retain(|(other, _)| other != name);
            self.errors.push(FieldError::new(name, "REPEATED", "may be given once"));
            return None;
        }
        (!found.is_empty()).then_some(found)
    }

    /// All values of a parameter that may be repeated.
    pub fn texts(&mut self, name: &'static str) -> Vec<Cow<'a, str>> {
        std::iter::from_fn(|| self.take(name)).filter(|value| !value.is_empty()).collect()
    }

    /// A parameter of a type, or `None`. `right` says what would be right, as in `"a whole number from 1 to 100"`.
    pub fn value<T: FromStr>(&mut self, name: &'static str, right: impl Display) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.errors.push(FieldError::new(name, "INVALID", format!("must be {right}")));
        }
        parsed
    }

    /// A number within bounds, or `default`.
    pub fn number(&mut self, name: &'static str, default: u32, bounds: std::ops::RangeInclusive<u32>) -> u32 {
        self.number_if_any(name, bounds).unwrap_or(default)
    }

    /// A number within bounds, or `None`.
    pub fn number_if_any(&mut self, name: &'static str, bounds: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let right = format_args!("a whole number from {} to {}", bounds.start(), bounds.end());
        let Whole(number) = self.value(name, right)?;
        if bounds.contains(&number) {
            return Some(number);
        }
        self.errors.push(FieldError::new(name, "OUT_OF_RANGE", format!("must be {right}")));
        None
    }

    /// An id in its usual form of 36 characters, or `None`.
    pub fn id<T: FromStr>(&mut self, name: &'static str, right: impl Display) -> Option<T> {
        let Named(id) = self.value(name, right)?;
        Some(id)
    }

    /// `true`, `false` or `default`.
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        self.value(name, "true or false").unwrap_or(default)
    }

    /// Notes a fault that the caller found.
    pub fn fault(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    /// 422 with every fault, unknown parameters among them.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in self.pairs {
            let name: String = name.chars().take(100).collect();
            self.errors.push(FieldError::new(name, "UNKNOWN_PARAMETER", "is not a parameter of this request"));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors.into()) }
    }

    fn take(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let place = self.pairs.iter().position(|(other, _)| other == name)?;
        Some(self.pairs.remove(place).1)
    }
}

/// A number as it is written, in digits without a sign and without zeros before it: one number has one spelling.
pub struct Whole<T>(pub T);

impl<T: FromStr + Display> FromStr for Whole<T> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number: T = text.parse().map_err(drop)?;
        if number.to_string() == text { Ok(Self(number)) } else { Err(()) }
    }
}

/// An id in its usual form. The parser also knows braces, URNs and no hyphens; one thing has one name.
pub struct Named<T>(pub T);

impl<T: FromStr> FromStr for Named<T> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(());
        }
        text.parse().map(Self).map_err(drop)
    }
}

fn name_of(pair: &str) -> String {
    pair.split('=').next().unwrap_or_default().chars().take(100).collect()
}

/// Undoes percent-encoding; in a form, `+` is a space. `None` for a broken escape or bytes that are not UTF-8.
pub(super) fn decode(text: &str, form: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || (form && byte == b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if form => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_typed() {
        let mut query = Query::parse("q=rock+%26%20roll&limit=20&tag=a&tag=b&available=true&from=");
        assert_eq!(query.text("q").as_deref(), Some("rock & roll"));
        assert_eq!(query.number("limit", 50, 1..=100), 20);
        assert_eq!(query.number("offset", 0, 0..=10_000), 0);
        assert_eq!(query.texts("tag"), ["a", "b"]);
        assert!(query.flag("available", false));
        assert_eq!(query.text("from"), None);
        assert!(query.finish().is_ok());
    }

    #[test]
    fn every_fault_is_reported_by_name() {
        let mut query = Query::parse("limit=0&offset=x&q=a&q=b&colour=red&bad=%ff&worse=%4");
        query.number("limit", 50, 1..=100);
        query.number("offset", 0, 0..=10);
        query.text("q");
        let reply = query.finish().unwrap_err().into_reply("/", "r").into_bytes();
        let json: serde_json::Value = serde_json::from_slice(&reply).unwrap();
        let found: Vec<_> =
            json["errors"].as_array().unwrap().iter().map(|e| (e["field"].as_str(), e["code"].as_str())).collect();
        let expected = [
            ("bad", "INVALID"),
            ("worse", "INVALID"),
            ("limit", "OUT_OF_RANGE"),
            ("offset", "INVALID"),
            ("q", "REPEATED"),
            ("colour", "UNKNOWN_PARAMETER"),
        ];
        assert_eq!(found, expected.map(|(field, code)| (Some(field), Some(code))));
    }

    /// Guards: `Whole` and `Named`.
    #[test]
    fn a_number_and_an_id_have_one_spelling() {
        let read = |text: &str| Query::parse(&format!("n={text}")).number_if_any("n", 0..=200);
        assert_eq!(["0", "7", "200"].map(read), [Some(0), Some(7), Some(200)]);
        for wrong in ["%2B1", "+1", "01", "00", "-0", "-1", "1.0", "1e2", "%201", "1%20", "0x1", "1_0", "%D9%A1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let id = "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21";
        let read = |text: &str| Query::parse(&format!("id={text}")).id::<uuid::Uuid>("id", "an id");
        assert_eq!(read(id), id.parse().ok());
        for wrong in [id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}")] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_flood_of_parameters_is_refused() {
        assert!(Query::parse(&"a=1&".repeat(10_000)).finish().is_err());
    }

    #[test]
    fn a_nul_character_reaches_nobody() {
        for text in ["action=%00", "action=a%00b", "act%00ion=a"] {
            let mut query = Query::parse(text);
            assert_eq!(query.text("action"), None, "{text}");
            assert!(query.finish().is_err(), "{text}");
        }
    }

    #[test]
    fn plus_is_a_space_in_forms_only() {
        assert_eq!(decode("a+b%2Fc", false).as_deref(), Some("a+b/c"));
        assert_eq!(decode("a+b", true).as_deref(), Some("a b"));
        assert_eq!(decode("%zz", false), None);
    }
}
