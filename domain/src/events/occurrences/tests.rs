use super::*;
use crate::{
    events::{EventStatus, SaleWindow},
    ids::{AccountId, EventId, VenueId},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event that begins then, in Berlin.
fn event(starts_at: &str) -> Event {
    let starts_at = at(starts_at);
    let ends_at = starts_at + Span::new().hours(2);
    Event {
        id: EventId::generate(),
        slug: "an-evening".to_owned(),
        organizer_id: AccountId::generate(),
        series_id: None,
        venue_id: VenueId::generate(),
        seat_map_version_id: None,
        title: "An Evening".to_owned(),
        summary: String::new(),
        description: String::new(),
        category: "concert".to_owned(),
        status: EventStatus::Draft,
        starts_at,
        ends_at,
        time_zone: "Europe/Berlin".to_owned(),
        currency: "EUR".parse().unwrap(),
        sale: SaleWindow { starts_at, ends_at },
        max_per_account: None,
        age_restriction: None,
        created_at: starts_at,
        updated_at: starts_at,
    }
}

const NOW: &str = "2026-01-01T00:00:00Z";

fn rule(frequency: Frequency) -> RawRule {
    RawRule { frequency, interval: None, weekdays: None, monthly_by: None, until: None, count: None }
}

fn parse(first: &str, raw: RawOccurrences) -> Result<Vec<String>, Vec<(String, &'static str)>> {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    match Starts::parse(raw, &event(first), at(NOW)) {
        Ok(starts) => Ok(starts.0.iter().map(|at| zone.to_datetime(*at).strftime("%m-%d %H:%M").to_string()).collect()),
        Err(faults) => Err(faults.into_iter().map(|fault| (fault.field.into_owned(), fault.code)).collect()),
    }
}

fn of_rule(first: &str, rule: RawRule) -> Result<Vec<String>, Vec<(String, &'static str)>> {
    parse(first, RawOccurrences { starts: None, rule: Some(rule) })
}

fn of_list(starts: &[&str]) -> Result<Vec<String>, Vec<(String, &'static str)>> {
    let starts = starts.iter().map(|text| (*text).to_owned()).collect();
    parse("2026-03-01T19:00:00Z", RawOccurrences { starts: Some(starts), rule: None })
}

fn fault(field: &str, code: &'static str) -> Result<Vec<String>, Vec<(String, &'static str)>> {
    Err(vec![(field.to_owned(), code)])
}

/// Guards: dates and times on the clocks of the zone, instead of 168 hours.
#[test]
fn what_begins_at_eight_does_so_all_year() {
    let weekly = RawRule { until: Date::new(2026, 4, 10).ok(), ..rule(Frequency::Weekly) };
    // 20:00 in winter time; clocks change on 29 March.
    let starts = of_rule("2026-03-20T19:00:00Z", weekly).unwrap();
    assert_eq!(starts, ["03-27 20:00", "04-03 20:00", "04-10 20:00"]);
}

/// Guards: `until` is a day of the zone and included; `count` has the event itself.
#[test]
fn a_rule_ends_on_its_last_day_or_after_so_many() {
    let daily = |end: RawRule| of_rule("2026-03-01T22:30:00Z", end);
    let until = RawRule { until: Date::new(2026, 3, 3).ok(), ..rule(Frequency::Daily) };
    assert_eq!(daily(until).unwrap(), ["03-02 23:30", "03-03 23:30"]);
    let count = RawRule { count: Some(3), interval: Some(10), ..rule(Frequency::Daily) };
    assert_eq!(daily(count).unwrap(), ["03-11 23:30", "03-21 23:30"]);
    let none = RawRule { until: Date::new(2026, 3, 1).ok(), ..rule(Frequency::Daily) };
    assert_eq!(daily(none), fault("rule", "OUT_OF_RANGE"));
    let year = RawRule { until: Date::new(2027, 3, 2).ok(), ..rule(Frequency::Daily) };
    assert_eq!(daily(year.clone()).unwrap().len(), ADDED_MAX);
    assert_eq!(daily(RawRule { until: Date::new(2027, 3, 3).ok(), ..year }), fault("rule", "TOO_MANY"));
    let endless = RawRule { until: Some(Date::MAX), interval: Some(99), ..rule(Frequency::Monthly) };
    assert!(daily(endless).unwrap().len() < 366, "the calendar of events ends");
}

/// Guards: weeks begin on Monday, so a rule for every second week takes the rest of its first one.
#[test]
fn a_week_has_several_days() {
    use Weekday::{Friday, Monday, Saturday};
    // A Friday.
    let weekly = RawRule {
        weekdays: Some(vec![Saturday, Friday, Monday, Friday]),
        interval: Some(2),
        count: Some(6),
        ..rule(Frequency::Weekly)
    };
    let starts = of_rule("2026-05-01T18:00:00Z", weekly.clone()).unwrap();
    assert_eq!(starts, ["05-02 20:00", "05-11 20:00", "05-15 20:00", "05-16 20:00", "05-25 20:00"]);
    let other = RawRule { weekdays: Some(vec![Monday]), ..weekly.clone() };
    assert_eq!(of_rule("2026-05-01T18:00:00Z", other), fault("rule.weekdays", "INVALID"));
    let nothing = RawRule { weekdays: Some(vec![]), ..weekly };
    assert_eq!(of_rule("2026-05-01T18:00:00Z", nothing), fault("rule.weekdays", "INVALID"));
}

#[test]
fn a_month_that_lacks_the_day_is_left_out_and_not_counted() {
    let monthly = |by, count| RawRule { monthly_by: by, count: Some(count), ..rule(Frequency::Monthly) };
    let starts = of_rule("2026-01-31T19:00:00Z", monthly(None, 4)).unwrap();
    assert_eq!(starts, ["03-31 20:00", "05-31 20:00", "07-31 20:00"]);
    // The second Friday.
    let starts = of_rule("2026-02-13T19:00:00Z", monthly(Some(MonthlyBy::Weekday), 3)).unwrap();
    assert_eq!(starts, ["03-13 20:00", "04-10 20:00"]);
    // The fifth Saturday.
    let starts = of_rule("2026-01-31T19:00:00Z", monthly(Some(MonthlyBy::Weekday), 3)).unwrap();
    assert_eq!(starts, ["05-30 20:00", "08-29 20:00"]);
}

/// Guards: both sides of a change of clocks, on 29 March and on 25 October.
#[test]
fn a_rule_leaves_out_times_that_clocks_jump_over_and_takes_the_first_of_two() {
    let daily = RawRule { count: Some(3), ..rule(Frequency::Daily) };
    assert_eq!(of_rule("2026-03-28T01:30:00Z", daily.clone()).unwrap(), ["03-30 02:30", "03-31 02:30"]);
    let starts =
        Starts::parse(RawOccurrences { starts: None, rule: Some(daily) }, &event("2026-10-24T00:30:00Z"), at(NOW));
    assert_eq!(starts.unwrap().as_slice(), [at("2026-10-25T00:30:00Z"), at("2026-10-26T01:30:00Z")]);
}

/// Guards: a rule that can't give as many as it is asked for says so, and times that follow from a beginning are bounded as well.
#[test]
fn a_rule_gives_as_many_as_it_is_asked_for_or_none() {
    let monthly =
        |interval, count| RawRule { interval: Some(interval), count: Some(count), ..rule(Frequency::Monthly) };
    assert_eq!(of_rule("2032-02-29T19:00:00Z", monthly(12, 235)).unwrap().len(), 234);
    for (interval, count) in [(12, 236), (12, 300), (99, 366)] {
        assert_eq!(of_rule("2032-02-29T19:00:00Z", monthly(interval, count)), fault("rule.count", "OUT_OF_RANGE"));
    }
    // The last one begins in 2999 and ends in 3000.
    let daily = |count| RawRule { count: Some(count), ..rule(Frequency::Daily) };
    assert!(of_rule("2999-12-29T22:30:00Z", daily(2)).is_ok());
    assert_eq!(of_rule("2999-12-29T22:30:00Z", daily(3)), fault("rule", "OUT_OF_RANGE"));
    assert_eq!(of_list(&["2999-12-31T23:30:00+01:00"]), fault("starts[0]", "OUT_OF_RANGE"));
}

#[test]
fn starts_are_listed_by_clocks_or_by_offsets() {
    let starts =
        of_list(&["2026-07-03T20:00", "2026-07-02T20:00:00", "2026-07-01T18:00:00Z", "2026-07-04T20:00:00+02:00"]);
    assert_eq!(starts.unwrap(), ["07-01 20:00", "07-02 20:00", "07-03 20:00", "07-04 20:00"]);
    // One instant in two spellings.
    assert_eq!(of_list(&["2026-07-03T20:00", "2026-07-03T18:00:00Z"]), fault("starts[1]", "REPEATED"));
    assert_eq!(of_list(&["2026-03-29T02:30"]), fault("starts[0]", "NO_SUCH_TIME"));
    let twice = of_list(&["2026-10-25T02:30", "2026-10-25T02:30:00+01:00"]).unwrap();
    assert_eq!(twice, ["10-25 02:30", "10-25 02:30"], "an hour apart");
    assert_eq!(of_list(&["2025-12-31T20:00"]), fault("starts[0]", "NOT_IN_FUTURE"));
    assert_eq!(of_list(&["3000-01-01T20:00"]), fault("starts[0]", "OUT_OF_RANGE"));
    for wrong in [
        "",
        "tomorrow",
        "2026-07-03",
        "20:00",
        "2026-07-03T20:00-99:00",
        "2026-07-03T20:00:00+24:00",
        "2026-07-03T20:00+02:00",
        "2026-07-03T20:00:60",
        "2026-07-03T20:00:60Z",
        "2026-07-03T20:00[Europe/Paris]",
        "2026-02-30T20:00",
    ] {
        assert_eq!(of_list(&[wrong]), fault("starts[0]", "INVALID"), "{wrong:?}");
    }
    assert_eq!(of_list(&[]), fault("starts", "REQUIRED"));
    assert_eq!(of_list(&vec!["2026-07-03T20:00"; ADDED_MAX + 1]), fault("starts", "TOO_MANY"));
}

#[test]
fn every_fault_of_a_rule_is_named() {
    let first = "2026-03-20T19:00:00Z";
    let wrong = RawRule {
        interval: Some(0),
        weekdays: Some(vec![]),
        monthly_by: Some(MonthlyBy::Day),
        ..rule(Frequency::Daily)
    };
    let fields = ["rule.interval", "rule.weekdays", "rule.monthlyBy", "rule.until"];
    let found: Vec<String> = of_rule(first, wrong).unwrap_err().into_iter().map(|(field, _)| field).collect();
    assert_eq!(found, fields);
    let end = |until, count| RawRule { until, count, ..rule(Frequency::Daily) };
    assert_eq!(of_rule(first, end(Date::new(2026, 4, 1).ok(), Some(3))), fault("rule.count", "CONFLICT"));
    for count in [0, 1, 367] {
        assert_eq!(of_rule(first, end(None, Some(count))), fault("rule.count", "OUT_OF_RANGE"));
    }
    assert_eq!(of_rule("2025-12-01T19:00:00Z", end(None, Some(3))), fault("rule", "NOT_IN_FUTURE"));
    assert_eq!(parse(first, RawOccurrences::default()), fault("starts", "REQUIRED"));
    let both = RawOccurrences { starts: Some(vec![]), rule: Some(end(None, Some(3))) };
    assert_eq!(parse(first, both), fault("rule", "CONFLICT"));
}
