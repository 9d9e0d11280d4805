//! Every kind of text field: what is accepted is accepted again as it was stored, and means the same composed and decomposed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails where it stands")]

use domain::{
    accounts::{EmailAddress, Password, PersonName, Phone},
    events::fields::time_zone,
    ids::{SeatId, SeatMapVersionId, SectionId},
    management::seat_maps::SeatMapFields,
    money::Currency,
    seat_maps::{
        self,
        drawing::{Drawing, DrawnRow, Identities},
        layout::{Layout, Row, Seat, Section},
    },
    selection::{RawLine, Selection},
    settings::SettingKey,
    text,
    validation::FieldError,
    venues::{RawVenue, VenueFields},
};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

/// What is stored of a text, or the code of what is wrong with it.
type Taken = Result<String, &'static str>;

fn one(result: Result<String, FieldError>) -> Taken {
    result.map_err(|fault| fault.code)
}

/// The fault of one field among those of others.
fn of_field<T>(parsed: Result<T, Vec<FieldError>>, field: &str, value: impl FnOnce(T) -> String) -> Taken {
    match parsed {
        Ok(parsed) => Ok(value(parsed)),
        Err(faults) => Err(faults.iter().find(|fault| fault.field == field).unwrap().code),
    }
}

fn label(words: &str) -> Taken {
    let seat = Seat { label: words.to_owned(), position: 0, accessible: false };
    let row = Row { label: words.to_owned(), position: 0, seats: vec![seat] };
    let layout = Layout::parse("sections", vec![Section { name: words.to_owned(), rows: vec![row] }]);
    of_field(layout, "sections[0].rows[0].seats[0].label", |layout| {
        let section = &layout.sections()[0];
        assert_eq!([&section.name, &section.rows[0].label], [&section.rows[0].seats[0].label; 2]);
        section.name.clone()
    })
}

fn venue(change: impl FnOnce(&mut RawVenue)) -> Result<VenueFields, Vec<FieldError>> {
    let text = |text: &str| Some(text.to_owned());
    let mut raw = RawVenue {
        name: text("The Forum"),
        address: text("1 Via Sacra"),
        city: text("Rome"),
        country: text("IT"),
        time_zone: text("Europe/Rome"),
        capacity: Some(1),
        ..RawVenue::default()
    };
    change(&mut raw);
    VenueFields::parse(raw, None)
}

fn setting(key: SettingKey, text: &str) -> Taken {
    key.check(&json!(text)).map(|value| value.as_str().unwrap().to_owned()).map_err(|fault| fault.code)
}

/// What becomes of a text of one kind.
type Take = fn(&str) -> Taken;

/// Every kind of text that people write.
const KINDS: [(&str, Take); 17] = [
    ("a line", |of| one(text::line("title", of, 2..=100))),
    ("a line that may be empty", |of| one(text::line("summary", of, 0..=500))),
    ("a text", |of| one(text::text("description", of))),
    ("a slug", |of| one(text::slug("slug", of))),
    ("what is looked for", |of| one(text::sought("q", of, 200))),
    ("a name", |of| one(PersonName::parse("name", of).map(|name| name.as_str().to_owned()))),
    ("an address", |of| one(EmailAddress::parse("email", of).map(|email| email.as_str().to_owned()))),
    ("a phone", |of| one(Phone::parse("phone", of).map(|phone| phone.as_str().to_owned()))),
    ("a password", |of| one(Password::parse("password", of).map(|password| password.expose().to_owned()))),
    ("a currency", |of| one(Currency::parse("currency", of).map(|currency| currency.as_str().to_owned()))),
    ("a time zone", |of| one(time_zone("timeZone", of))),
    ("a country", |of| of_field(venue(|raw| raw.country = Some(of.to_owned())), "country", |venue| venue.country)),
    ("a label", label),
    ("a map's name", |of| {
        of_field(SeatMapFields::parse(Some(of.to_owned()), None, None), "name", |fields| fields.name)
    }),
    ("a setting of a line", |of| setting(SettingKey::SiteTagline, of)),
    ("a setting of a web address", |of| setting(SettingKey::TermsUrl, of)),
    ("a setting of an address", |of| setting(SettingKey::SupportEmail, of)),
];

/// Letters in several forms, what joins and turns them, what can't be seen, and what addresses are made of.
const PIECES: [&str; 58] = [
    "a",
    "B",
    "z",
    "7",
    "0",
    " ",
    "  ",
    "-",
    ".",
    "_",
    "/",
    "@",
    "+",
    "'",
    "é",
    "e\u{301}",
    "ü",
    "u\u{308}",
    "Å",
    "\u{212b}",
    "ﬁ",
    "Ａ",
    "ß",
    "İ",
    "i\u{307}",
    "Σ",
    "ς",
    "ł",
    "ж",
    "й",
    "и\u{306}",
    "한",
    "\u{1112}\u{1161}\u{11ab}",
    "が",
    "か\u{3099}",
    "ｶﾞ",
    "東京",
    "क\u{94d}\u{200d}ष",
    "می\u{200c}خ",
    "👩\u{200d}👧",
    "❤\u{fe0f}",
    "שלום",
    "\u{200f}",
    "\u{200b}",
    "\u{2060}",
    "\u{feff}",
    "\u{301}",
    "\u{323}",
    "\u{ad}",
    "\u{2003}",
    "\u{2000}",
    "\u{85}",
    "\n",
    "\0",
    "\u{2028}",
    "\u{202e}",
    "\u{2066}",
    "\u{1f82}",
];

fn pieces(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), count).prop_map(|pieces| pieces.concat())
}

fn texts() -> impl Strategy<Value = String> {
    const CODES: [&str; 9] =
        ["EUR", "usd", "DE", "xx", "europe/berlin", "UTC", "+49301234567", "an-evening", "correct horse battery"];
    prop_oneof![
        4 => pieces(0..12),
        2 => (pieces(1..4), pieces(1..4)).prop_map(|(local, domain)| format!("{local}@{domain}.example")),
        2 => (pieces(1..4), pieces(0..4)).prop_map(|(host, path)| format!("https://{host}.example/{path}")),
        1 => (proptest::sample::select(&CODES[..]), pieces(0..2)).prop_map(|(code, more)| format!("{code}{more}")),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// Guards: each check is of the form that is stored, after everything that changes the text.
    #[test]
    fn what_is_accepted_is_accepted_again_and_means_the_same_in_every_form(text in texts()) {
        let (composed, decomposed): (String, String) = (text.nfc().collect(), text.nfd().collect());
        for (kind, take) in KINDS {
            let taken = take(&text);
            prop_assert_eq!(&take(&composed), &taken, "{} {:?}, composed", kind, text);
            prop_assert_eq!(&take(&decomposed), &taken, "{} {:?}, decomposed", kind, text);
            if let Ok(stored) = &taken {
                prop_assert_eq!(&take(stored), &taken, "{} {:?}, as it was stored", kind, text);
                prop_assert!(!stored.contains('\0') || kind == "a password", "{} {:?}", kind, text);
            }
        }
    }

    /// Guards: an address is looked up by the form in which it was stored.
    #[test]
    fn an_address_is_found_however_it_is_typed(text in texts()) {
        if let Ok(address) = EmailAddress::parse("email", &text) {
            prop_assert_eq!(&EmailAddress::normalised(&text), address.as_str());
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(&EmailAddress::normalised(&decomposed), address.as_str());
        }
    }
}

/// Guards: that the rule above proves something of each kind, which a kind that takes none of these texts would pass too.
#[test]
fn every_kind_takes_many_of_these_texts() {
    const LETTERS_OF_ALL: [&str; 8] = [
        "a line",
        "a line that may be empty",
        "a text",
        "what is looked for",
        "a name",
        "a label",
        "a map's name",
        "a setting of a line",
    ];
    let (texts, mut runner) = (texts(), TestRunner::deterministic());
    let texts: Vec<String> = (0..4096).map(|_| texts.new_tree(&mut runner).unwrap().current()).collect();
    for (kind, take) in KINDS {
        let taken: Vec<&String> = texts.iter().filter(|text| take(text).is_ok()).collect();
        assert!(taken.len() >= 8, "{kind}: {} of {}", taken.len(), texts.len());
        let in_two_forms = taken.iter().filter(|text| !text.nfc().eq(text.nfd())).count();
        assert!(in_two_forms >= 8 || !LETTERS_OF_ALL.contains(&kind), "{kind}: {in_two_forms} of {}", taken.len());
    }
}

/// Guards: a map that was drawn with decomposed letters keeps its seats when it is drawn again, whose words are composed now.
#[test]
fn a_seat_is_the_same_in_both_forms() {
    let (id, section_id) = (SeatId::generate(), SectionId::generate());
    let section = "Loge\u{301}".into();
    let seat = seat_maps::Seat {
        id,
        section_id,
        section,
        row: "e\u{301}".into(),
        label: "o\u{308}".into(),
        accessible: false,
    };
    let before = Drawing::of_rows(vec![DrawnRow { position: 0, seats: vec![(0, seat)] }]);
    let mut known = Identities::default();
    known.add(&before);
    let seat = Seat { label: "ö".to_owned(), position: 0, accessible: false };
    let row = Row { label: "é".to_owned(), position: 0, seats: vec![seat] };
    let layout = Layout::parse("sections", vec![Section { name: "Logé".to_owned(), rows: vec![row] }]).unwrap();
    assert!(known.know(&layout));
    let next = Drawing::next(&layout, &known);
    assert_eq!(next.rows()[0].seats[0].1.id, id);
    assert_eq!(next.summary()[0].id, section_id);
    assert_eq!(before.changed_in(&next), []);
    let _ = next.seat_map(SeatMapVersionId::generate());
}

/// Guards: a buyer who names a section in another form than it is stored in.
#[test]
fn a_section_is_meant_in_both_forms() {
    let of = |name: &str| {
        let line = RawLine::of_best(domain::ids::TicketTypeId::generate(), 1, Some(name));
        Selection::parse(vec![line]).unwrap().lines()[0].choice.clone()
    };
    for named in ["Logé", "Loge\u{301}"] {
        let domain::selection::Choice::BestAvailable { section: Some(section), .. } = of(named) else { panic!() };
        for stored in ["Logé", "Loge\u{301}"] {
            assert!(section.means(SectionId::generate(), stored), "{named:?} {stored:?}");
        }
        assert!(!section.means(SectionId::generate(), "Loge"));
    }
}
