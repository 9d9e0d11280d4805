//! Fingerprints: equal for the same request, different for any other.

use domain::{
    bookings::{Fingerprint, Source},
    ids::{EventId, HoldId},
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
    let mut seen: Vec<Fingerprint> = Vec::new();
    for source in &sources {
        for event in [EVENT, other_event] {
            let fingerprint = Fingerprint::of(event, source);
            assert!(!seen.contains(&fingerprint), "{event} {source:?}");
            assert_eq!(fingerprint, Fingerprint::of(event, &source.clone()), "the same request");
            seen.push(fingerprint);
        }
    }
}
