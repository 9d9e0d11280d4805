//! When a copy of an event begins, ends and is sold.
//!
//! Ends are as far from the new beginning as they were from the old one. What people read on a clock stays on the clock: a sale that
//! opened at 10:00 opens at 10:00, however the clocks have changed in between.

use jiff::{Span, Timestamp, tz::TimeZone};

use super::SaleWindow;
use crate::validation::instant;

/// A time of the copy would be outside of the years 2000 to 2999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the copy would end, or be sold, outside of the years 2000 to 2999")]
pub struct OutOfYears;

/// The way from an event to its copy.
#[derive(Clone, Debug)]
pub struct Shift<'a> {
    from: Timestamp,
    to: Timestamp,
    zone: &'a TimeZone,
}

impl<'a> Shift<'a> {
    /// From an event that begins at `from` to a copy that begins at `to`, on the clocks of `zone`.
    pub fn new(from: Timestamp, to: Timestamp, zone: &'a TimeZone) -> Self {
        Self { from, to, zone }
    }

    /// When the copy begins.
    pub fn starts_at(&self) -> Timestamp {
        self.to
    }

    /// The end and the sale of the copy, of those of the event. A sale that begins at once does so again, which is `now`.
    pub fn times(
        &self,
        ends_at: Timestamp,
        sale: SaleWindow,
        now: Option<Timestamp>,
    ) -> Result<(Timestamp, SaleWindow), OutOfYears> {
        let copy_ends_at = self.elapsed(ends_at)?;
        let (starts_at, ends_at) = self.window(Some(sale.starts_at), Some(sale.ends_at), copy_ends_at)?;
        // A copy that would be sold until yesterday has a window all the same.
        let starts_at = now.filter(|now| ends_at.is_some_and(|ends_at| *now < ends_at)).or(starts_at);
        let sale = starts_at.zip(ends_at).map(|(starts_at, ends_at)| SaleWindow { starts_at, ends_at });
        Ok((copy_ends_at, sale.ok_or(OutOfYears)?))
    }

    /// A window of the sale of which perhaps one side is said; it closes no later than the copy ends.
    pub fn window(
        &self,
        opens: Option<Timestamp>,
        closes: Option<Timestamp>,
        copy_ends_at: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), OutOfYears> {
        let closing = closes.map(|at| self.closing(at)).transpose()?.map(|at| at.min(copy_ends_at));
        let opening = match opens {
            None => None,
            Some(at) => {
                let opening = self.days_later(at)?;
                // The copy begins earlier in the day than the event, and the sale would open after its end.
                let is_late = closing.is_some_and(|closing| closing <= opening);
                Some(if is_late { self.elapsed(at)? } else { opening })
            }
        };
        Ok((opening, closing))
    }

    /// As far from the beginning as before.
    fn elapsed(&self, at: Timestamp) -> Result<Timestamp, OutOfYears> {
        at.checked_add(self.to.duration_since(self.from)).map_err(|_| OutOfYears).and_then(within)
    }

    /// At the same time of day, as many days later as the beginning.
    fn days_later(&self, at: Timestamp) -> Result<Timestamp, OutOfYears> {
        let day = |at: Timestamp| self.zone.to_datetime(at).date();
        let days = day(self.from).until(day(self.to)).map_err(|_| OutOfYears)?.get_days();
        let days = Span::new().try_days(days).map_err(|_| OutOfYears)?;
        let local = self.zone.to_datetime(at).checked_add(days).map_err(|_| OutOfYears)?;
        self.zone.to_timestamp(local).map_err(|_| OutOfYears).and_then(within)
    }

    /// As far from the beginning as before on the clocks. What ends with the beginning does so.
    fn closing(&self, at: Timestamp) -> Result<Timestamp, OutOfYears> {
        if at == self.from {
            return Ok(self.to);
        }
        let local = |at: Timestamp| self.zone.to_datetime(at);
        let later = local(self.to).duration_since(local(self.from));
        let shifted = local(at).checked_add(later).map_err(|_| OutOfYears)?;
        self.zone.to_timestamp(shifted).map_err(|_| OutOfYears).and_then(within)
    }
}

fn within(at: Timestamp) -> Result<Timestamp, OutOfYears> {
    instant("startsAt", Some(at)).map_err(|_| OutOfYears)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(opens: &str, closes: &str) -> SaleWindow {
        SaleWindow { starts_at: at(opens), ends_at: at(closes) }
    }

    /// An evening in Berlin at 20:00 in winter, which is sold from 10:00 four weeks before.
    const FROM: &str = "2027-03-01T19:00:00Z";
    const OPENS: &str = "2027-02-01T09:00:00Z";

    fn shifted(to: &str, closes: &str) -> (Timestamp, SaleWindow) {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Shift::new(at(FROM), at(to), &zone).times(at("2027-03-01T22:00:00Z"), window(OPENS, closes), None).unwrap()
    }

    /// Guards: days on clocks instead of hours.
    #[test]
    fn a_sale_opens_at_the_same_time_of_day() {
        // 20:00 in summer time; its sale opens at 10:00 in winter time.
        let (ends_at, sale) = shifted("2027-04-05T18:00:00Z", "2027-02-28T17:00:00Z");
        assert_eq!(ends_at, at("2027-04-05T21:00:00Z"));
        assert_eq!(sale, window("2027-03-08T09:00:00Z", "2027-04-04T16:00:00Z"));
        // And at 10:00 in summer time.
        let (_, sale) = shifted("2027-06-07T18:00:00Z", FROM);
        assert_eq!(sale, window("2027-05-10T08:00:00Z", "2027-06-07T18:00:00Z"));
    }

    /// Guards: "at once" is no date, and so becomes none.
    #[test]
    fn what_is_sold_at_once_is_so_in_the_copy() {
        let zone = TimeZone::UTC;
        let times = |now: &str, closes: &str| {
            let shift = Shift::new(at(FROM), at("2027-03-08T19:00:00Z"), &zone);
            shift.times(at("2027-03-01T22:00:00Z"), window(OPENS, closes), Some(at(now))).unwrap().1
        };
        let now = "2027-02-03T10:00:00Z";
        assert_eq!(times(now, FROM), window(now, "2027-03-08T19:00:00Z"));
        assert_eq!(
            times("2027-02-20T10:00:00Z", "2027-02-02T09:00:00Z"),
            window("2027-02-08T09:00:00Z", "2027-02-09T09:00:00Z")
        );
    }

    #[test]
    fn a_window_stays_one_when_the_copy_begins_earlier_in_the_day() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let shift = Shift::new(at(FROM), at("2027-03-03T14:00:00Z"), &zone);
        // Sold from 18:00 to 20:00 on the day itself; the matinee begins at 15:00.
        let (_, sale) = shift.times(at("2027-03-01T22:00:00Z"), window("2027-03-01T17:00:00Z", FROM), None).unwrap();
        assert_eq!(sale, window("2027-03-03T12:00:00Z", "2027-03-03T14:00:00Z"));
    }

    /// Guards: what follows from a beginning is bounded as what is typed, on both sides.
    #[test]
    fn no_time_of_a_copy_leaves_the_years() {
        let zone = TimeZone::UTC;
        let times = |to: &str, opens: &str| {
            Shift::new(at(FROM), at(to), &zone).times(at("2027-03-01T22:00:00Z"), window(opens, FROM), None)
        };
        assert!(times("2999-12-31T20:59:59Z", OPENS).is_ok());
        assert_eq!(times("2999-12-31T21:00:00Z", OPENS), Err(OutOfYears), "it ends in the year 3000");
        assert_eq!(times("9999-12-30T21:59:00Z", OPENS), Err(OutOfYears));
        assert_eq!(times("2027-01-01T00:00:00Z", "2000-01-20T00:00:00Z"), Err(OutOfYears), "its sale opens in 1999");
    }
}
