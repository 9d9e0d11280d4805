//! What an organizer says of ticket types and quotas, checked.

use jiff::Timestamp;

use super::{Event, fields::sale};
use crate::{
    ids::{QuotaId, SectionId, TicketTypeId},
    money::{Currency, Money, Percentage},
    validation::{FieldError, FieldErrors, instant},
};

/// Most places of a quota: more than any house has, less than the counters can hold.
pub const CAPACITY_MAX: u32 = 100_000_000;
/// Most places in one booking; see [`crate::selection::Selection::MAX_PLACES`].
const PER_BOOKING_MAX: u32 = 100;

/// A number of places, as its organizer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedQuota {
    pub id: QuotaId,
    /// For the organizer.
    pub name: String,
    /// How many places there are.
    pub capacity: u32,
    /// Held, blocked, or waiting for payment.
    pub held: u32,
    pub sold: u32,
    pub created_at: Timestamp,
    /// When name or capacity last changed.
    pub updated_at: Timestamp,
    /// Grows with each change of name or capacity.
    pub revision: i32,
}

/// Fewer places than are taken already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{held} places are held and {sold} are sold, so there can't be only {asked}")]
pub struct BelowTaken {
    /// Held, blocked, or waiting for payment.
    pub held: u32,
    pub sold: u32,
    pub asked: u32,
}

impl ManagedQuota {
    /// Whether the quota can have so many places. True counters are those of a quota of which nothing is on its way.
    pub fn resized(&self, capacity: u32) -> Result<(), BelowTaken> {
        let Self { held, sold, .. } = *self;
        if u64::from(held) + u64::from(sold) <= u64::from(capacity) {
            return Ok(());
        }
        Err(BelowTaken { held, sold, asked: capacity })
    }
}

/// A quota as its organizer wrote it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `QuotaFields`")]
pub struct RawQuota {
    pub name: Option<String>,
    pub capacity: Option<u32>,
}

impl From<&ManagedQuota> for RawQuota {
    fn from(quota: &ManagedQuota) -> Self {
        Self { name: Some(quota.name.clone()), capacity: Some(quota.capacity) }
    }
}

/// What can be said of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaFields {
    /// 2 to 100 characters.
    pub name: String,
    /// At most [`CAPACITY_MAX`].
    pub capacity: u32,
}

impl QuotaFields {
    /// Checks both. What is the same as `before` stays.
    pub fn parse(raw: RawQuota, before: Option<&ManagedQuota>) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let name = errors.line("name", raw.name, before.map(|was| &was.name), 2..=100);
        let capacity = errors.change(raw.capacity, before.map(|was| &was.capacity), |said| match said {
            None => Err(FieldError::new("capacity", "REQUIRED", "is required")),
            Some(capacity) if capacity > CAPACITY_MAX => {
                Err(FieldError::new("capacity", "OUT_OF_RANGE", "must be from 0 to 100,000,000"))
            }
            Some(capacity) => Ok(capacity),
        });
        errors.finish(name.zip(capacity).map(|(name, capacity)| Self { name, capacity }))
    }
}

/// A ticket type as its organizer sees it.
#[derive(Clone, Debug)]
pub struct ManagedTicketType {
    pub id: TicketTypeId,
    pub fields: TicketTypeFields,
    /// Its place in the organizer's order.
    pub position: u32,
    /// Whether places of it are, or ever were, held, blocked or booked: it then stays with its quota and its sections.
    pub ever_taken: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Grows with each change, of its position or its sections as well.
    pub revision: i32,
}

/// A ticket type as its organizer wrote it.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields of `TicketTypeFields`")]
pub struct RawTicketType {
    pub quota_id: Option<QuotaId>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub price: Option<Money>,
    pub sections: Option<Vec<SectionId>>,
    pub min_per_booking: Option<u32>,
    pub max_per_booking: Option<u32>,
    pub sale_starts_at: Option<Timestamp>,
    pub sale_ends_at: Option<Timestamp>,
    pub hidden: Option<bool>,
    pub tax_rate: Option<String>,
}

/// What can be said of a ticket type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketTypeFields {
    /// The quota it draws on.
    pub quota_id: QuotaId,
    /// 2 to 100 characters.
    pub name: String,
    /// At most 10,000 characters.
    pub description: String,
    /// In the event's currency, with no more digits than that has.
    pub price: Money,
    /// The sections whose seats it sells; none for general admission.
    pub sections: Vec<SectionId>,
    /// Fewest places in one booking.
    pub min_per_booking: u32,
    /// Most places in one booking.
    pub max_per_booking: u32,
    /// `None`: as the event.
    pub sale_starts_at: Option<Timestamp>,
    /// `None`: as the event.
    pub sale_ends_at: Option<Timestamp>,
    /// Only for those who have a code that unlocks it.
    pub hidden: bool,
    /// `None`: as the event's terms.
    pub tax_rate: Option<Percentage>,
}

impl TicketTypeFields {
    /// Whether the ticket type sells as before: only what is said of it may differ, and that no decision reads.
    pub fn keeps_plan(&self, before: &Self) -> bool {
        let Self { name, description, .. } = before.clone();
        Self { name, description, ..self.clone() } == *before
    }

    /// Whether it is sold in this window, as far as one is said.
    pub fn is_sold_as(&self, starts_at: Option<Timestamp>, ends_at: Option<Timestamp>) -> bool {
        (self.sale_starts_at, self.sale_ends_at) == (starts_at, ends_at)
    }

    /// Whether its places are counted and found where they were: what was ever taken stays there.
    pub fn keeps_places(&self, before: &Self) -> bool {
        self.quota_id == before.quota_id && self.sections == before.sections
    }

    /// Checks every field against the event and reports every fault. What is the same as `before` stays, whatever today's rules, or the event
    /// by now, say of it.
    pub fn parse(raw: RawTicketType, event: &Event, before: Option<&Self>) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let quota_id = errors.keep(raw.quota_id.ok_or_else(|| FieldError::new("quotaId", "REQUIRED", "is required")));
        let name = errors.line("name", raw.name, before.map(|was| &was.name), 2..=100);
        let description = errors.text("description", raw.description, before.map(|was| &was.description));
        let price_before = before.map(|was| &was.price).filter(|price| price.currency == event.currency);
        let price = errors.change(raw.price, price_before, |said| price(said, event.currency));
        let mut sections = raw.sections.unwrap_or_default();
        sections.sort_unstable();
        sections.dedup();
        let is_kept = before.is_some_and(|was| was.sections == sections);
        if !sections.is_empty() && event.seat_map_version_id.is_none() && !is_kept {
            errors.push(FieldError::new("sections", "NO_SEAT_MAP", "the event has no seat map"));
        }
        let (min, max) = (raw.min_per_booking.unwrap_or(1), raw.max_per_booking.unwrap_or(10));
        if before.is_none_or(|was| (was.min_per_booking, was.max_per_booking) != (min, max)) {
            per_booking(&mut errors, min, max);
        }
        let tax_rate = errors.keep(raw.tax_rate.map(|text| Percentage::parse("taxRate", &text)).transpose());
        let is_kept = before.is_some_and(|was| was.is_sold_as(raw.sale_starts_at, raw.sale_ends_at));
        let mut instant = |field, at| if is_kept { Some(at) } else { errors.keep(instant(field, Some(at))) };
        let from = raw.sale_starts_at.map(|at| instant("saleStartsAt", at));
        let to = raw.sale_ends_at.map(|at| instant("saleEndsAt", at));
        if is_kept {
            // The event may have left it: a draft may be incomplete, and publishing asks again.
        } else if let (Some(from), Some(to)) =
            (from.unwrap_or(Some(event.sale.starts_at)), to.unwrap_or(Some(event.sale.ends_at)))
        {
            let _ = errors.keep(sale(("saleStartsAt", from), ("saleEndsAt", to), event.ends_at));
        }
        let valid = || {
            Some(Self {
                quota_id: quota_id?,
                name: name?,
                description: description?,
                price: price?,
                sections,
                min_per_booking: min,
                max_per_booking: max,
                sale_starts_at: from.flatten(),
                sale_ends_at: to.flatten(),
                hidden: raw.hidden.unwrap_or(false),
                tax_rate: tax_rate?,
            })
        };
        errors.finish(valid())
    }
}

impl From<TicketTypeFields> for RawTicketType {
    fn from(fields: TicketTypeFields) -> Self {
        Self {
            quota_id: Some(fields.quota_id),
            name: Some(fields.name),
            description: Some(fields.description),
            price: Some(fields.price),
            sections: Some(fields.sections),
            min_per_booking: Some(fields.min_per_booking),
            max_per_booking: Some(fields.max_per_booking),
            sale_starts_at: fields.sale_starts_at,
            sale_ends_at: fields.sale_ends_at,
            hidden: Some(fields.hidden),
            tax_rate: fields.tax_rate.map(|rate| rate.fraction().to_string()),
        }
    }
}

fn per_booking(errors: &mut FieldErrors, min: u32, max: u32) {
    if !(1..=PER_BOOKING_MAX).contains(&min) {
        errors.push(FieldError::new("minPerBooking", "OUT_OF_RANGE", "must be from 1 to 100"));
    }
    if !(min..=PER_BOOKING_MAX).contains(&max) {
        errors.push(FieldError::new("maxPerBooking", "OUT_OF_RANGE", "must be from minPerBooking to 100"));
    }
}

fn price(price: Option<Money>, currency: Currency) -> Result<Money, FieldError> {
    let price = price.ok_or_else(|| FieldError::new("price", "REQUIRED", "is required"))?;
    if price.currency != currency {
        let message = format!("must be in the currency of the event, {}", currency.as_str());
        return Err(FieldError::new("price.currency", "WRONG_CURRENCY", message));
    }
    Money::price("price.amount", price.amount, currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Option<Money> {
        Some(Money::new(amount.parse().unwrap(), currency.parse().unwrap()))
    }

    #[test]
    fn a_price_fits_its_currency() {
        let code =
            |amount, of, event: &str| price(money(amount, of), event.parse().unwrap()).map_err(|error| error.code);
        for (amount, currency) in
            [("0", "EUR"), ("12.50", "EUR"), ("12.500", "EUR"), ("1000000", "EUR"), ("1.120", "KWD")]
        {
            assert!(code(amount, currency, currency).is_ok(), "{amount} {currency}");
        }
        assert_eq!(code("1", "USD", "EUR").unwrap_err(), "WRONG_CURRENCY");
        assert_eq!(code("12.505", "EUR", "EUR").unwrap_err(), "TOO_PRECISE");
        assert_eq!(code("1.5", "JPY", "JPY").unwrap_err(), "TOO_PRECISE");
        assert_eq!(code("1.125", "KWD", "KWD").unwrap_err(), "TOO_PRECISE");
        assert_eq!(code("-0.01", "EUR", "EUR").unwrap_err(), "OUT_OF_RANGE");
        assert_eq!(code("1000000.01", "EUR", "EUR").unwrap_err(), "OUT_OF_RANGE");
    }

    #[test]
    fn a_quota_never_has_fewer_places_than_are_taken() {
        let quota = |held, sold| ManagedQuota {
            id: QuotaId::generate(),
            name: "Floor".to_owned(),
            capacity: 10,
            held,
            sold,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            revision: 1,
        };
        assert_eq!(quota(3, 4).resized(7), Ok(()));
        assert_eq!(quota(3, 4).resized(6), Err(BelowTaken { held: 3, sold: 4, asked: 6 }));
        assert_eq!(quota(0, 0).resized(0), Ok(()));
        let codes = |name: Option<&str>, capacity| {
            QuotaFields::parse(RawQuota { name: name.map(str::to_owned), capacity }, None)
                .unwrap_err()
                .iter()
                .map(|of| of.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(codes(None, None), ["REQUIRED", "REQUIRED"]);
        assert_eq!(codes(Some("Floor"), Some(CAPACITY_MAX + 1)), ["OUT_OF_RANGE"]);
        let old = ManagedQuota { name: "Ada\u{202e}nimdA".to_owned(), capacity: CAPACITY_MAX + 1, ..quota(0, 0) };
        let said = |capacity| QuotaFields::parse(RawQuota { capacity: Some(capacity), ..(&old).into() }, Some(&old));
        assert!(said(CAPACITY_MAX + 1).is_ok() && said(7).is_ok() && said(CAPACITY_MAX + 2).is_err());
    }
}
