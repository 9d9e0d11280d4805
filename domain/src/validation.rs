//! Validation is construction: a value that exists is valid. Faults name the field, so that a client can show them.

use std::borrow::Cow;

use jiff::Timestamp;

/// What is wrong with one field of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field as the client wrote it, for example `items[0].quantity`.
    pub field: Cow<'static, str>,
    /// Stable and upper-case, for programs: `REQUIRED`, `TOO_LONG`, `INVALID` …
    pub code: &'static str,
    /// One sentence for people, that says what would be right.
    pub message: Cow<'static, str>,
}

impl FieldError {
    /// A fault of `field`.
    pub fn new(field: impl Into<Cow<'static, str>>, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// A name, from the database or a token, that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(String);

impl UnknownName {
    pub fn of(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// Gathers the faults of several fields, so that a client learns of all of them at once.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Keeps the value, or notes the fault.
    pub fn keep<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        result.map_err(|error| self.0.push(error)).ok()
    }

    /// Keeps the value, or notes all of its faults.
    pub fn keep_all<T>(&mut self, result: Result<T, Vec<FieldError>>) -> Option<T> {
        result.map_err(|errors| self.0.extend(errors)).ok()
    }

    /// Keeps a field of a thing as it was `before`, whatever today's rules say of it: anyone who changes something else has not said it. What
    /// is another is checked.
    pub fn change<T: PartialEq>(
        &mut self,
        said: Option<T>,
        before: Option<&T>,
        check: impl FnOnce(Option<T>) -> Result<T, FieldError>,
    ) -> Option<T> {
        if said.is_some() && said.as_ref() == before { said } else { self.keep(check(said)) }
    }

    /// `value` when nothing was wrong. A `None` without a noted fault is a bug of the caller and reads as an empty list.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

/// An instant that the database and everybody's calendar can write down, in whole microseconds.
pub fn instant(field: &'static str, value: Option<Timestamp>) -> Result<Timestamp, FieldError> {
    const FROM: Timestamp = Timestamp::constant(946_684_800, 0);
    const TO: Timestamp = Timestamp::constant(32_503_680_000, 0);
    let value = value.ok_or_else(|| FieldError::new(field, "REQUIRED", "is required"))?;
    let micros = Timestamp::from_microsecond(value.as_microsecond()).unwrap_or(value);
    if (FROM..TO).contains(&micros) {
        return Ok(micros);
    }
    Err(FieldError::new(field, "OUT_OF_RANGE", "must be between the years 2000 and 2999"))
}
