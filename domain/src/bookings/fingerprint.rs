//! Whether two requests with one key ask for the same.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Attendees, Source};
use crate::{
    accounts::EmailAddress,
    ids::EventId,
    promo_codes::CodeName,
    selection::{Choice, Selection},
};

/// What a request asked for, as 128 bits of SHA-256: two requests with one key must agree in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub Uuid);

impl Fingerprint {
    /// Of places of `event` alone.
    pub fn of(event: EventId, source: &Source) -> Self {
        Self::of_request(event, source, None, &Attendees::default())
    }

    /// Of what `event` is asked for. Field order and white space of the JSON do not matter.
    pub fn of_request(event: EventId, source: &Source, code: Option<&CodeName>, attendees: &Attendees) -> Self {
        let mut hash = Sha256::new();
        hash.update(event.0.as_bytes());
        match source {
            Source::Hold(hold) => {
                hash.update(b"hold");
                hash.update(hold.0.as_bytes());
            }
            Source::Selection(selection) => Self::add_selection(&mut hash, selection),
        }
        if let Some(code) = code {
            hash.update(b"code");
            add_text(&mut hash, code.as_str());
        }
        for attendee in attendees.iter() {
            hash.update(b"attendee");
            add_text(&mut hash, attendee.name.as_str());
            add_text(&mut hash, attendee.email.as_ref().map_or("", EmailAddress::as_str));
        }
        let digest = hash.finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(Uuid::from_bytes(half))
    }

    fn add_selection(hash: &mut Sha256, selection: &Selection) {
        for line in selection.lines() {
            hash.update(b"line");
            hash.update(line.ticket_type_id.0.as_bytes());
            match &line.choice {
                Choice::Quantity(quantity) => hash.update(quantity.to_le_bytes()),
                Choice::Seats(seats) => seats.iter().for_each(|seat| hash.update(seat.0.as_bytes())),
                Choice::WholeSection(section) => {
                    hash.update(b"whole");
                    add_text(hash, section.as_str());
                }
                Choice::BestAvailable { quantity, section } => {
                    hash.update(b"best");
                    hash.update(quantity.to_le_bytes());
                    if let Some(section) = section {
                        hash.update(b"in");
                        add_text(hash, section.as_str());
                    }
                }
            }
        }
    }
}

/// With its length, so that no two texts read like one other.
fn add_text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}
