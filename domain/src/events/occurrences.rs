//! Series: events that repeat. Each occurrence is an event of its own, with its own inventory, slug and life; what they have in
//! common is the id of their series.
//!
//! When they begin is listed, or follows from a rule: the part of RFC 5545's recurrence rules that people use. A rule repeats the
//! time that clocks show in the event's time zone, so what begins at 20:00 does so all year. Clocks that change:
//!
//! - a rule leaves out what there is not, the 31st of a month of thirty days or 2:30 when clocks jump from 2 to 3, and does not
//!   count it (RFC 5545, 3.3.10); in a list such a time is refused;
//! - of a time that there is twice, the first is meant (RFC 5545, 3.3.5). A list can name the second by its offset.

use std::ops::RangeInclusive;

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

use super::{Event, copies::Shift};
use crate::{
    text::{self, NoInstant},
    validation::{FieldError, FieldErrors, instant},
};

/// Most occurrences that are added at once: a year of days.
pub const ADDED_MAX: usize = 366;
/// Most occurrences of a series. All of it is shown at once, and published or cancelled within one request.
pub const SERIES_MAX: usize = 400;

const INTERVALS: RangeInclusive<u32> = 1..=99;
/// With the event that it begins with.
const COUNTS: RangeInclusive<u32> = 2..=366;
/// No event begins later.
const YEAR_MAX: i16 = 2999;
const OUT_OF_YEARS: &str = "would begin, end or be sold outside of the years 2000 to 2999";

/// What a rule counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    /// Weeks, which begin on Monday.
    Weekly,
    Monthly,
}

/// Which day of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthlyBy {
    /// The same number: the 13th.
    Day,
    /// The same weekday as often: the second Friday.
    Weekday,
}

/// A rule as its organizer wrote it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields of `Rule`")]
pub struct RawRule {
    pub frequency: Frequency,
    pub interval: Option<u32>,
    pub weekdays: Option<Vec<Weekday>>,
    pub monthly_by: Option<MonthlyBy>,
    pub until: Option<Date>,
    pub count: Option<u32>,
}

/// When occurrences are wanted, in one of two ways.
#[derive(Clone, Debug, Default)]
pub struct RawOccurrences {
    /// Each of them: on the clocks of the event's time zone, or with an offset from UTC.
    pub starts: Option<Vec<String>>,
    /// By a rule that begins with the event.
    pub rule: Option<RawRule>,
}

/// When new occurrences begin: at least one and at most [`ADDED_MAX`], in the future, in order, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starts(Vec<Timestamp>);

impl Starts {
    /// Checks what is wanted beside `event` and reports every fault. A rule does not give the event itself again.
    pub fn parse(raw: RawOccurrences, event: &Event, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let zone = TimeZone::get(&event.time_zone)
            .map_err(|_| vec![FieldError::new("timeZone", "UNKNOWN", "the event's time zone is not known any more")])?;
        let fits = |starts_at: &Timestamp| {
            Shift::new(event.starts_at, *starts_at, &zone).times(event.ends_at, event.sale, None).is_ok()
        };
        match (raw.starts, raw.rule) {
            (Some(texts), None) => listed(&texts, &zone, now, fits),
            (None, Some(rule)) => by_rule(rule, event.starts_at, &zone, now, fits),
            (None, None) => Err(vec![FieldError::new("starts", "REQUIRED", "give either starts or rule")]),
            (Some(_), Some(_)) => Err(vec![FieldError::new("rule", "CONFLICT", "give either starts or rule")]),
        }
    }

    pub fn as_slice(&self) -> &[Timestamp] {
        &self.0
    }
}

/// `fits` says whether all times of an occurrence that begins then are within the years of events.
fn listed(
    texts: &[String],
    zone: &TimeZone,
    now: Timestamp,
    fits: impl Fn(&Timestamp) -> bool,
) -> Result<Starts, Vec<FieldError>> {
    if texts.is_empty() {
        return Err(vec![FieldError::new("starts", "REQUIRED", "name at least one")]);
    }
    if texts.len() > ADDED_MAX {
        return Err(vec![FieldError::new("starts", "TOO_MANY", format!("at most {ADDED_MAX}"))]);
    }
    let mut errors = FieldErrors::default();
    let mut found: Vec<Timestamp> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let fault = |code, message| FieldError::new(format!("starts[{index}]"), code, message);
        match start(text, zone, now) {
            Err((code, message)) => errors.push(fault(code, message)),
            Ok(at) if found.contains(&at) => errors.push(fault("REPEATED", "may be given once")),
            Ok(at) if !fits(&at) => errors.push(fault("OUT_OF_RANGE", OUT_OF_YEARS)),
            Ok(at) => found.push(at),
        }
    }
    found.sort_unstable();
    errors.finish(Some(Starts(found)))
}

fn start(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, (&'static str, &'static str)> {
    const LEAP: (&str, &str) = ("INVALID", "must not be a leap second: seconds are 00 to 59");
    let at = match text::instant(text) {
        Ok(at) => at,
        Err(NoInstant::LeapSecond) => return Err(LEAP),
        Err(NoInstant::Form) => on_clocks(text, zone)?,
    };
    let at = instant("starts", Some(at)).map_err(|_| ("OUT_OF_RANGE", "must be between the years 2000 and 2999"))?;
    if at > now { Ok(at) } else { Err(("NOT_IN_FUTURE", "must be in the future")) }
}

fn on_clocks(text: &str, zone: &TimeZone) -> Result<Timestamp, (&'static str, &'static str)> {
    const INVALID: (&str, &str) = (
        "INVALID",
        "must be a time such as 2031-03-01T20:00 on the clocks of the event's time zone, or one with an offset from UTC",
    );
    // The parser would pass over an offset.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.T".contains(&byte)) && text.contains('T');
    // And it takes a leap second for the one before.
    let is_leap = text.get(16..19) == Some(":60");
    let local: DateTime = text.parse().ok().filter(|_| is_plain && !is_leap).ok_or(INVALID)?;
    let at = zone.to_ambiguous_timestamp(local);
    if matches!(at.offset(), AmbiguousOffset::Gap { .. }) {
        return Err(("NO_SUCH_TIME", "clocks jump over this time on that day: give another, or an offset from UTC"));
    }
    at.compatible().map_err(|_| INVALID)
}

fn by_rule(
    rule: RawRule,
    first: Timestamp,
    zone: &TimeZone,
    now: Timestamp,
    fits: impl Fn(&Timestamp) -> bool,
) -> Result<Starts, Vec<FieldError>> {
    let local = zone.to_datetime(first);
    let rule = Rule::parse(rule, local.date())?;
    let starts = rule.starts(local, zone);
    let fault = |code, message: String| Err(vec![FieldError::new("rule", code, message)]);
    if let End::Count(count) = rule.end
        && starts.len() + 1 < count as usize
    {
        let message = format!("there are only {} before the year 3000, the event itself counted", starts.len() + 1);
        return Err(vec![FieldError::new("rule.count", "OUT_OF_RANGE", message)]);
    }
    match &starts[..] {
        more if !more.iter().all(fits) => fault("OUT_OF_RANGE", OUT_OF_YEARS.to_owned()),
        [] => fault("OUT_OF_RANGE", "gives nothing beyond the event itself".to_owned()),
        more if more.len() > ADDED_MAX => fault("TOO_MANY", format!("gives more than {ADDED_MAX} occurrences")),
        [next, ..] if *next <= now => fault("NOT_IN_FUTURE", format!("would begin in the past, at {next}")),
        _ => Ok(Starts(starts)),
    }
}

/// A rule that can be followed from its first day on.
#[derive(Debug)]
struct Rule {
    step: Step,
    /// Every so many days, weeks or months.
    interval: u32,
    end: End,
}

#[derive(Debug)]
enum Step {
    Days,
    /// On these, counted from Monday, in order.
    Weeks(Vec<i8>),
    Months(MonthlyBy),
}

#[derive(Debug)]
enum End {
    /// The last day on which something may begin.
    Until(Date),
    /// So many, the event that the rule begins with among them.
    Count(u32),
}

impl Rule {
    fn parse(raw: RawRule, first: Date) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let interval = raw.interval.unwrap_or(1);
        if !INTERVALS.contains(&interval) {
            errors.push(FieldError::new("rule.interval", "OUT_OF_RANGE", "must be from 1 to 99"));
        }
        if raw.weekdays.is_some() && raw.frequency != Frequency::Weekly {
            errors.push(FieldError::new("rule.weekdays", "CONFLICT", "goes with WEEKLY only"));
        }
        if raw.monthly_by.is_some() && raw.frequency != Frequency::Monthly {
            errors.push(FieldError::new("rule.monthlyBy", "CONFLICT", "goes with MONTHLY only"));
        }
        let step = match raw.frequency {
            Frequency::Daily => Step::Days,
            Frequency::Weekly => Step::Weeks(weekdays(raw.weekdays, first.weekday(), &mut errors)),
            Frequency::Monthly => Step::Months(raw.monthly_by.unwrap_or(MonthlyBy::Day)),
        };
        let end = match (raw.until, raw.count) {
            (Some(until), None) => Some(End::Until(until)),
            (None, Some(count)) if COUNTS.contains(&count) => Some(End::Count(count)),
            (None, Some(_)) => {
                let message = "must be from 2 to 366, the event itself counted";
                errors.push(FieldError::new("rule.count", "OUT_OF_RANGE", message));
                None
            }
            (None, None) => {
                errors.push(FieldError::new("rule.until", "REQUIRED", "give either until or count"));
                None
            }
            (Some(_), Some(_)) => {
                errors.push(FieldError::new("rule.count", "CONFLICT", "give either until or count"));
                None
            }
        };
        errors.finish(end.map(|end| Self { step, interval, end }))
    }

    /// When the occurrences after `first` begin, which itself is on the clocks of `zone`; one more than may be added at most.
    fn starts(&self, first: DateTime, zone: &TimeZone) -> Vec<Timestamp> {
        let mut starts = Vec::new();
        for date in self.dates(first.date()).filter(|date| *date > first.date()) {
            let is_over = match self.end {
                End::Until(until) => date > until,
                End::Count(count) => starts.len() + 1 >= count as usize,
            };
            if is_over || starts.len() > ADDED_MAX {
                break;
            }
            let at = zone.to_ambiguous_timestamp(date.to_datetime(first.time()));
            if let (false, Ok(at)) = (matches!(at.offset(), AmbiguousOffset::Gap { .. }), at.compatible()) {
                starts.push(at);
            }
        }
        starts
    }

    /// The days of the rule in order, up to the last year of all events: from the first of its week or month on.
    fn dates(&self, first: Date) -> Box<dyn Iterator<Item = Date> + '_> {
        let steps = (0_i64..).map(|step| step * i64::from(self.interval));
        let days_after = |day: Date, days: i64| day.checked_add(Span::new().try_days(days).ok()?).ok();
        let dates: Box<dyn Iterator<Item = Date>> = match &self.step {
            Step::Days => Box::new(steps.map_while(move |days| days_after(first, days))),
            Step::Weeks(weekdays) => {
                let from_monday = i64::from(first.weekday().to_monday_zero_offset());
                let days = steps.flat_map(|week| weekdays.iter().map(move |day| 7 * week + i64::from(*day)));
                Box::new(days.map_while(move |days| days_after(first, days - from_monday)))
            }
            Step::Months(by) => {
                let months = steps.map_while(move |months| {
                    let beginning = first.first_of_month();
                    beginning.checked_add(Span::new().try_months(months).ok()?).ok()
                });
                Box::new(months.filter_map(move |month| of_month(month, first, *by)))
            }
        };
        Box::new(dates.take_while(|date| date.year() <= YEAR_MAX))
    }
}

/// The day of a month that `first` is of its own; nothing when the month lacks it.
fn of_month(month: Date, first: Date, by: MonthlyBy) -> Option<Date> {
    match by {
        MonthlyBy::Day => Date::new(month.year(), month.month(), first.day()).ok(),
        MonthlyBy::Weekday => month.nth_weekday_of_month((first.day() - 1) / 7 + 1, first.weekday()).ok(),
    }
}

/// Those of a weekly rule; the event's own must be among them.
fn weekdays(given: Option<Vec<Weekday>>, own: Weekday, errors: &mut FieldErrors) -> Vec<i8> {
    let given = given.unwrap_or_else(|| vec![own]);
    if !given.contains(&own) {
        let message = "must have the weekday of the event, which is the first occurrence";
        errors.push(FieldError::new("rule.weekdays", "INVALID", message));
    }
    let mut days: Vec<i8> = given.into_iter().map(Weekday::to_monday_zero_offset).collect();
    days.sort_unstable();
    days.dedup();
    days
}

#[cfg(test)]
#[path = "occurrences/tests.rs"]
mod tests;
