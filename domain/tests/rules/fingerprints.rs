//! Fingerprints: equal for the same request, different for any other.

use domain::{
    accounts::{EmailAddress, PersonName},
    bookings::{Attendee, Attendees, Fingerprint, Source},
    ids::{EventId, HoldId},
    promo_codes::CodeName,
};
use uuid::Uuid;

use crate::support::builders::{EVENT, quantity, seats, selection};

/// Guards: every part that `Fingerprint::of` hashes.
#[test]
fn requests_that_differ_have_different_fingerprints() {
    let other_event = EventId(Uuid::from_u128(77));
    let of = |lines| Source::Selection(selection(lines));
    let sources = [
        of(vec![quantity(0, 1)]),
        of(vec![quantity(0, 2)]),
        of(vec![quantity(1, 1)]),
        of(vec![quantity(0, 1), quantity(1, 1)]),
        of(vec![seats(0, &[0])]),
        of(vec![seats(0, &[1])]),
        of(vec![seats(0, &[0, 1])]),
        of(vec![seats(0, &[0]), seats(1, &[1])]),
        Source::Hold(HoldId(Uuid::from_u128(1))),
        Source::Hold(HoldId(Uuid::from_u128(2))),
    ];
    let named = |names: &[(&str, Option<&str>)]| -> Attendees {
        let one = |(name, email): &(&str, Option<&str>)| Attendee {
            name: PersonName::stored(name),
            email: email.map(EmailAddress::stored),
        };
        names.iter().map(one).collect()
    };
    let attendees = [
        named(&[]),
        named(&[("Ada", None)]),
        named(&[("Ada", Some("ada@example.org"))]),
        named(&[("Ada", None), ("ada@example.org", None)]),
        named(&[("ada@example.org", None), ("Ada", None)]),
    ];
    let code = |name| Some(CodeName::stored(name));
    let mut seen: Vec<Fingerprint> = Vec::new();
    for (source, event) in sources.iter().flat_map(|source| [(source, EVENT), (source, other_event)]) {
        for (code, attendees) in
            [None, code("HALF"), code("FULL")].iter().flat_map(|code| attendees.iter().map(move |who| (code, who)))
        {
            let of = |source: &Source| Fingerprint::of_request(event, source, code.as_ref(), attendees);
            let fingerprint = of(source);
            assert!(!seen.contains(&fingerprint), "{event} {source:?} {code:?} {attendees:?}");
            assert_eq!(fingerprint, of(&source.clone()), "the same request");
            seen.push(fingerprint);
        }
    }
}
