//! Dates that count from the day on which the seed is run.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

/// The day of a run, in UTC: the same for every run of that day.
pub(super) struct Calendar {
    today: Date,
}

impl Calendar {
    pub(super) fn of(now: Timestamp) -> Self {
        Self { today: TimeZone::UTC.to_datetime(now).date() }
    }

    /// The instant when clocks in a time zone show this hour and minute, so many days from today. An hour that clocks
    /// skip or repeat is read as most calendars do: skipped ones move on, of repeated ones the first counts.
    pub(super) fn at(&self, days: i64, hour: i8, minute: i8, time_zone: &str) -> Result<Timestamp, jiff::Error> {
        let date = self.today.checked_add(Span::new().try_days(days)?)?;
        let time = jiff::civil::Time::new(hour, minute, 0, 0)?;
        Ok(date.to_datetime(time).to_zoned(TimeZone::get(time_zone)?)?.timestamp())
    }
}
