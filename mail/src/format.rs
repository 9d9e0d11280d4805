//! Times, amounts and lengths of time as each language writes them.

use domain::{mail::Locale, money::Money};
use jiff::{Timestamp, Zoned, tz::TimeZone};

const EN_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DE_DAYS: [&str; 7] = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"];
const FR_DAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];

const EN_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DE_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const FR_MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// The moment on the clocks of `time_zone`, which is named, because not every reader is there. A zone that this machine does
/// not know is shown in UTC.
pub(super) fn moment(locale: Locale, at: Timestamp, time_zone: &str) -> String {
    let (zone, name) = match TimeZone::get(time_zone) {
        Ok(zone) => (zone, time_zone),
        Err(_) => (TimeZone::UTC, "UTC"),
    };
    let at = at.to_zoned(zone);
    let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
    match locale {
        Locale::En => {
            let (weekday, month) = names(&at, &EN_DAYS, &EN_MONTHS);
            format!("{weekday}, {day} {month} {year}, {hour:02}:{minute:02} ({name})")
        }
        Locale::De => {
            let (weekday, month) = names(&at, &DE_DAYS, &DE_MONTHS);
            format!("{weekday}, {day}. {month} {year}, {hour:02}:{minute:02} Uhr ({name})")
        }
        Locale::Fr => {
            let (weekday, month) = names(&at, &FR_DAYS, &FR_MONTHS);
            let first = if day == 1 { "er" } else { "" };
            format!("{weekday} {day}{first} {month} {year} à {hour:02}:{minute:02} ({name})")
        }
    }
}

fn names(at: &Zoned, days: &[&'static str; 7], months: &[&'static str; 12]) -> (&'static str, &'static str) {
    let place = |number: i8| usize::try_from(number).unwrap_or_default();
    let day = days.get(place(at.weekday().to_monday_zero_offset())).copied();
    let month = months.get(place(at.month() - 1)).copied();
    (day.unwrap_or_default(), month.unwrap_or_default())
}

/// An amount with its currency.
pub(super) fn money(locale: Locale, money: &Money) -> String {
    let text = money.to_string();
    match locale {
        Locale::En => text,
        Locale::De | Locale::Fr => text.replace('.', ","),
    }
}

/// How long something is good for: whole hours as hours.
pub(super) fn validity(locale: Locale, minutes: u32) -> String {
    let (number, hours) =
        if minutes > 0 && minutes.is_multiple_of(60) { (minutes / 60, true) } else { (minutes, false) };
    let unit = match (locale, hours, number == 1) {
        (Locale::En, true, true) => "hour",
        (Locale::En, true, false) => "hours",
        (Locale::En, false, true) => "minute",
        (Locale::En, false, false) => "minutes",
        (Locale::De, true, true) => "Stunde",
        (Locale::De, true, false) => "Stunden",
        (Locale::De, false, true) => "Minute",
        (Locale::De, false, false) => "Minuten",
        (Locale::Fr, true, true) => "heure",
        (Locale::Fr, true, false) => "heures",
        (Locale::Fr, false, true) => "minute",
        (Locale::Fr, false, false) => "minutes",
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_each_language_does() {
        let at: Timestamp = "2026-07-01T18:05:00Z".parse().unwrap();
        let written = |locale| moment(locale, at, "Europe/Berlin");
        assert_eq!(written(Locale::En), "Wednesday, 1 July 2026, 20:05 (Europe/Berlin)");
        assert_eq!(written(Locale::De), "Mittwoch, 1. Juli 2026, 20:05 Uhr (Europe/Berlin)");
        assert_eq!(written(Locale::Fr), "mercredi 1er juillet 2026 à 20:05 (Europe/Berlin)");
        assert_eq!(moment(Locale::En, at, "Moon/Crater"), "Wednesday, 1 July 2026, 18:05 (UTC)");
    }

    #[test]
    fn amounts_and_lengths_of_time_too() {
        let price = Money::new("12.5".parse().unwrap(), "EUR".parse().unwrap());
        assert_eq!(money(Locale::En, &price), "12.50 EUR");
        assert_eq!(money(Locale::De, &price), "12,50 EUR");
        assert_eq!(validity(Locale::En, 60), "1 hour");
        assert_eq!(validity(Locale::De, 1440), "24 Stunden");
        assert_eq!(validity(Locale::Fr, 90), "90 minutes");
        assert_eq!(validity(Locale::En, 0), "0 minutes");
    }
}
