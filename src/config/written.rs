//! Values as people write them.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use domain::rate_limit::Rate;
use jiff::{
    SignedDuration,
    fmt::friendly::{Spacing, SpanPrinter},
};

/// A value beside the text for it.
pub(super) struct Written<T> {
    pub(super) text: String,
    pub(super) value: T,
}

impl<T> From<(&str, T)> for Written<T> {
    fn from((text, value): (&str, T)) -> Self {
        Self { text: text.to_owned(), value }
    }
}

impl<T> Display for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Every load of a configuration makes all defaults, so one that is no rate fails every test.
pub(super) fn default_rate(count: u32, window: Duration) -> Rate {
    match Rate::new(count, window) {
        Some(rate) => rate,
        None => panic!("not a rate"),
    }
}

/// Reads a length of time as people write it.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

/// A length of time as people write it.
pub(super) struct Shown(pub(super) Duration);

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(duration) => {
                // Without blanks: `.env` files do not take them without quotes.
                let printer = SpanPrinter::new().spacing(Spacing::None);
                f.write_str(&printer.duration_to_string(&duration))
            }
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}
