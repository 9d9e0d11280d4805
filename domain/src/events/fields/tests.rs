use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn raw() -> RawEvent {
    RawEvent {
        title: Some(" An Evening ".to_owned()),
        category: Some("concert".to_owned()),
        venue_id: Some(VenueId::generate()),
        starts_at: Some(at(1000)),
        ends_at: Some(at(2000)),
        time_zone: Some("Europe/Berlin".to_owned()),
        currency: Some("EUR".to_owned()),
        ..RawEvent::default()
    }
}

fn faults(raw: RawEvent) -> Vec<(String, &'static str)> {
    let errors = EventFields::parse(raw, None, at(0)).unwrap_err();
    errors.into_iter().map(|error| (error.field.into_owned(), error.code)).collect()
}

fn fault(change: impl FnOnce(&mut RawEvent)) -> (String, &'static str) {
    let mut raw = raw();
    change(&mut raw);
    let mut faults = faults(raw);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn the_least_that_must_be_said_is_completed() {
    let fields = EventFields::parse(raw(), None, at(0)).unwrap();
    assert_eq!((fields.title.as_str(), fields.slug, fields.summary.as_str()), ("An Evening", None, ""));
    assert_eq!(fields.sale, SaleWindow { starts_at: at(0), ends_at: at(1000) });
    let named: Vec<_> = faults(RawEvent::default()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(named, ["title", "category", "venueId", "startsAt", "endsAt", "timeZone", "currency"]);
}

/// Guards: one spelling of a zone, and none that is a machine's own or nowhere.
#[test]
fn a_time_zone_is_a_place_in_its_own_spelling() {
    for (typed, name) in [
        (" europe/berlin ", "Europe/Berlin"),
        ("AMERICA/NEW_YORK", "America/New_York"),
        ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("japan", "Japan"),
        ("utc", "UTC"),
        ("Etc/Zulu", "UTC"),
    ] {
        assert_eq!(time_zone("timeZone", typed).as_deref(), Ok(name), "{typed}");
    }
    for wrong in [
        "localtime",
        "posixrules",
        "Factory",
        "posix/Europe/Berlin",
        "right/UTC",
        "EST5EDT",
        "Etc/GMT+5",
        "+02:00",
        "Europe",
        "Mars/Olympus",
    ] {
        assert_eq!(time_zone("timeZone", wrong).unwrap_err().code, "UNKNOWN", "{wrong}");
    }
}

fn event(raw: RawEvent) -> Event {
    let fields = EventFields::parse(raw, None, at(0)).unwrap();
    let EventFields { title, summary, description, category, venue_id, .. } = fields;
    Event {
        id: crate::ids::EventId::generate(),
        slug: "an-evening".to_owned(),
        organizer_id: crate::ids::AccountId::generate(),
        series_id: None,
        venue_id,
        seat_map_version_id: None,
        title,
        summary,
        description,
        category,
        status: crate::events::EventStatus::Draft,
        starts_at: fields.starts_at,
        ends_at: fields.ends_at,
        time_zone: fields.time_zone,
        currency: fields.currency,
        sale: fields.sale,
        max_per_account: None,
        age_restriction: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn managed(event: Event) -> ManagedEvent {
    ManagedEvent { event, seat_map: None, publish_at: None, tags: Vec::new(), cancellation: None, revision: 1 }
}

/// Guards: `FieldErrors::change`. Anyone who changes one field is not told what is wrong with the others by today's rules.
#[test]
fn what_was_so_before_stays_whatever_the_rules_say_today() {
    let turned = "Ada\u{202e}nimdA".to_owned();
    let sold = SaleWindow { starts_at: at(-500), ends_at: at(9000) };
    let old = Event {
        title: turned.clone(),
        slug: "No Slug".to_owned(),
        summary: turned.clone(),
        description: turned.clone(),
        category: "x".to_owned(),
        time_zone: "CET".to_owned(),
        starts_at: at(-100),
        ends_at: at(-200),
        sale: sold,
        max_per_account: Some(99_999),
        age_restriction: Some(100),
        ..event(raw())
    };
    let tag = crate::repositories::EventTag { slug: "No Slug".to_owned(), name: turned.clone() };
    let old = ManagedEvent { tags: vec![tag], ..managed(old) };
    let said = || RawEvent::from(old.fields());
    let kept = EventFields::parse(said(), Some(&old), at(0)).unwrap();
    assert_eq!(kept, old.fields());
    let longer = EventFields::parse(RawEvent { ends_at: Some(at(5)), ..said() }, Some(&old), at(0)).unwrap();
    assert_eq!(longer.sale, sold);
    let faults = |raw| {
        let faults = EventFields::parse(raw, Some(&old), at(0)).unwrap_err();
        faults.into_iter().map(|fault| fault.field.into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(faults(RawEvent { title: Some(format!("{turned}!")), ..said() }), ["title"]);
    assert_eq!(faults(RawEvent { sale_ends_at: Some(at(8000)), ..said() }), ["saleEndsAt"]);
    assert_eq!(faults(RawEvent { ends_at: Some(at(-300)), ..said() }), ["endsAt", "saleEndsAt"]);
    assert_eq!(faults(RawEvent { tags: Some(vec!["No Slug".to_owned(), "jazz".to_owned()]), ..said() }), ["tags"]);
}

/// Guards: what nobody has said of a sale follows the event; what is said again to be the default is it.
#[test]
fn a_default_of_the_sale_follows_the_event() {
    let changed = |before: &Event, change: fn(&mut RawEvent)| {
        let mut raw = RawEvent::from(managed(before.clone()).fields());
        change(&mut raw);
        EventFields::parse(raw, Some(&managed(before.clone())), at(10)).unwrap().sale
    };
    let window = |from, to| SaleWindow { starts_at: at(from), ends_at: at(to) };
    let default = event(raw());
    let later = |raw: &mut RawEvent| (raw.starts_at, raw.ends_at) = (Some(at(5000)), Some(at(6000)));
    assert_eq!(changed(&default, later), window(0, 5000));
    assert_eq!(changed(&default, |raw| raw.starts_at = Some(at(500))), window(0, 500));
    assert_eq!(changed(&default, |raw| raw.sale_starts_at = None), window(0, 1000), "it is on sale already");
    let said = event(RawEvent { sale_starts_at: Some(at(300)), sale_ends_at: Some(at(900)), ..raw() });
    assert_eq!(changed(&said, |raw| raw.starts_at = Some(at(1100))), window(300, 900));
    assert_eq!(changed(&said, |raw| raw.sale_starts_at = None), window(0, 900), "as if it had never been said");
    assert!(is_at_once(at(0), at(59)) && is_at_once(at(60), at(0)) && !is_at_once(at(0), at(61)));
    assert_eq!(changed(&said, |raw| raw.sale_ends_at = None), window(300, 1000));
    let begun = Event { sale: window(-500, 1000), ..event(raw()) };
    assert_eq!(changed(&begun, |raw| raw.sale_starts_at = None), window(0, 1000), "even when it has begun by then");
    // What an event has from when other lists held.
    let former = Event { time_zone: "CET".to_owned(), currency: "ZZZ".parse().unwrap(), ..default };
    assert_eq!(changed(&former, |raw| raw.title = Some("Another".to_owned())), window(0, 1000));
}

#[test]
fn every_rule_names_its_field() {
    let owned = |field: &str, code| (field.to_owned(), code);
    assert_eq!(fault(|raw| raw.title = Some("A".to_owned())), owned("title", "TOO_SHORT"));
    assert_eq!(fault(|raw| raw.slug = Some("A b".to_owned())), owned("slug", "INVALID_SLUG"));
    assert_eq!(fault(|raw| raw.summary = Some("s".repeat(501))), owned("summary", "TOO_LONG"));
    assert_eq!(fault(|raw| raw.description = Some("d".repeat(10_001))), owned("description", "TOO_LONG"));
    let begun = |raw: &mut RawEvent| (raw.starts_at, raw.sale_ends_at) = (Some(at(0)), Some(at(1500)));
    assert_eq!(fault(begun), owned("startsAt", "NOT_IN_FUTURE"));
    assert_eq!(fault(|raw| raw.ends_at = Some(at(1000))), owned("endsAt", "OUT_OF_RANGE"));
    assert_eq!(fault(|raw| raw.time_zone = Some("Europe/Atlantis".to_owned())), owned("timeZone", "UNKNOWN"));
    assert_eq!(fault(|raw| raw.currency = Some("eur".to_owned())), owned("currency", "INVALID"));
    assert_eq!(fault(|raw| raw.currency = Some("ZZZ".to_owned())), owned("currency", "INVALID"));
    assert_eq!(fault(|raw| raw.sale_starts_at = Some(at(1000))), owned("saleEndsAt", "OUT_OF_RANGE"));
    assert_eq!(fault(|raw| raw.sale_ends_at = Some(at(2001))), owned("saleEndsAt", "OUT_OF_RANGE"));
    assert_eq!(fault(|raw| raw.sale_starts_at = Some(Timestamp::MIN)), owned("saleStartsAt", "OUT_OF_RANGE"));
    assert_eq!(fault(|raw| raw.max_per_account = Some(0)), owned("maxPerAccount", "OUT_OF_RANGE"));
    assert_eq!(fault(|raw| raw.age_restriction = Some(100)), owned("ageRestriction", "OUT_OF_RANGE"));
    assert_eq!(fault(|raw| raw.tags = Some(vec!["a b".to_owned()])), owned("tags", "INVALID_SLUG"));
    assert_eq!(fault(|raw| raw.tags = Some(vec!["ab".to_owned(); 21])), owned("tags", "TOO_MANY"));
}
