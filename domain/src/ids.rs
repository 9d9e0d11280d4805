//! Identifiers: UUIDv7 (RFC 9562), one type per kind, so that a seat is never passed where an account is meant.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Visitor};
use uuid::{Uuid, fmt::Hyphenated};

/// A UUID in its usual form of 36 characters. The parser also knows braces, URNs and no hyphens; one thing has one name.
fn hyphenated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    struct Usual;
    impl Visitor<'_> for Usual {
        type Value = Uuid;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a UUID such as 0198c0de-7d4c-7a10-8000-5a3c1f0e9b21")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uuid, E> {
            let id = text.parse().ok().filter(|_| text.len() == Hyphenated::LENGTH);
            id.ok_or_else(|| E::custom("must be a UUID such as 0198c0de-7d4c-7a10-8000-5a3c1f0e9b21"))
        }
    }
    deserializer.deserialize_str(Usual)
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(deserialize_with = "hyphenated")] pub Uuid);

        impl $name {
            /// A new identifier, ordered by the time of its making.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// A person who may sign in.
    AccountId,
    /// A sign-in on one device.
    SessionId,
    /// A place where events happen.
    VenueId,
    /// The drawing of a venue's seats.
    SeatMapId,
    SeatMapVersionId,
    /// A part of a seat map.
    SectionId,
    SeatId,
    /// Something to attend, with an inventory of its own.
    EventId,
    /// Events that repeat.
    SeriesId,
    /// A kind of ticket of one event.
    TicketTypeId,
    /// A number of places that one or several ticket types share.
    QuotaId,
    /// Places kept for an account until a fixed time.
    HoldId,
    /// A code that changes what a booking costs, or what can be booked.
    PromoCodeId,
    /// One attempt to pay a booking.
    PaymentId,
    RefundId,
    /// Places of a booking that were given back together.
    CancellationId,
    /// Work in the queue of jobs.
    JobId,
    /// A mail in the outbox.
    MailId,
}

/// Crockford's base 32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A booking. The last byte is zero in every booking's id; it is where an item's position goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BookingId(#[serde(deserialize_with = "hyphenated")] pub Uuid);

impl BookingId {
    /// A new identifier, ordered by the time of its making.
    pub fn generate() -> Self {
        Self::of(Uuid::now_v7())
    }

    /// The booking that an identifier of the booking or of one of its items belongs to.
    pub fn of(id: Uuid) -> Self {
        let mut bytes = id.into_bytes();
        bytes[15] = 0;
        Self(Uuid::from_bytes(bytes))
    }

    /// The id of the item at `position`, counted from 0 and below 255: the booking's id with `position + 1` in its last
    /// byte. An item is found through its booking, so the hottest table needs no second index.
    pub fn item(self, position: u8) -> Uuid {
        let mut bytes = self.0.into_bytes();
        bytes[15] = position.saturating_add(1);
        Uuid::from_bytes(bytes)
    }

    /// What a buyer reads out at the door: ten characters of Crockford's base 32 (no I, L, O, U) from the random part.
    pub fn reference(self) -> String {
        // Bits 8..58 of the last 64: below them is the item's byte, above them the variant and slow-moving bits.
        let random = (self.0.as_u64_pair().1 >> 8) & ((1 << 50) - 1);
        (0..10).rev().map(|place| char::from(ALPHABET[(random >> (place * 5)) as usize & 31])).collect()
    }

    /// The bits that a reference stands for, as somebody typed it; nothing for a text that is none.
    pub fn reference_bits(text: &str) -> Option<i64> {
        let text = text.trim();
        if text.len() != 10 {
            return None;
        }
        text.bytes().try_fold(0, |bits, byte| {
            let value = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
            Some(bits << 5 | i64::try_from(value).ok()?)
        })
    }
}

impl std::fmt::Display for BookingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for BookingId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_its_usual_form_only() {
        let read = |text: &str| serde_json::from_str::<EventId>(&format!("\"{text}\"")).ok();
        let id = EventId::generate();
        assert_eq!(read(&id.to_string()), Some(id));
        for wrong in [id.0.simple().to_string(), id.0.braced().to_string(), id.0.urn().to_string()] {
            assert_eq!(read(&wrong), None, "{wrong}");
            assert!(serde_json::from_str::<BookingId>(&format!("\"{wrong}\"")).is_err());
        }
    }

    #[test]
    fn an_item_id_leads_back_to_its_booking() {
        let booking = BookingId::generate();
        let items: Vec<_> = (0..100).map(|position| booking.item(position)).collect();
        assert!(items.iter().all(|item| *item != booking.0 && BookingId::of(*item) == booking));
        assert_eq!(items.iter().collect::<std::collections::HashSet<_>>().len(), 100);
    }

    #[test]
    fn a_reference_leads_back_to_its_bits() {
        for _ in 0..1000 {
            let id = BookingId::generate();
            let bits = (id.0.as_u64_pair().1 >> 8) & ((1 << 50) - 1);
            assert_eq!(BookingId::reference_bits(&id.reference().to_lowercase()), i64::try_from(bits).ok());
        }
        for wrong in ["", "ABC", "ABCDEFGHIL", "ABCDEFGHJKM"] {
            assert_eq!(BookingId::reference_bits(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn references_are_short_and_differ() {
        let references: std::collections::HashSet<_> = (0..10_000).map(|_| BookingId::generate().reference()).collect();
        assert_eq!(references.len(), 10_000);
        assert!(references.iter().all(|text| text.len() == 10 && !text.contains(['I', 'L', 'O', 'U'])));
    }
}
