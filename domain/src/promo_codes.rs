//! Promo codes: discounts, and access to ticket types that are hidden.

use jiff::Timestamp;

use crate::{
    ids::{PromoCodeId, TicketTypeId},
    money::{Currency, Money, MoneyError, Percentage},
    text,
    validation::{FieldError, FieldErrors, instant},
};

/// Most uses that a code can have.
const USES_MAX: u32 = 1_000_000;

/// What people type: 2 to 64 of `A–Z 0–9 - _`. It is compared without case, so it is kept in capitals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeName(String);

impl CodeName {
    pub fn parse(field: &'static str, code: &str) -> Result<Self, FieldError> {
        let code = text::normalised(code).to_ascii_uppercase();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if code.is_empty() {
            return Err(FieldError::new(field, "REQUIRED", "is required"));
        }
        if !(2..=64).contains(&code.len()) || !code.bytes().all(is_allowed) {
            return Err(FieldError::new(field, "INVALID", "must be 2 to 64 letters A to Z, digits, - and _"));
        }
        Ok(Self(code))
    }

    /// A name that is stored. It was checked when it was written.
    pub fn stored(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a code does to the price of each ticket that it applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discount {
    /// Of the price.
    Percent(Percentage),
    /// Off the price, which never gets below zero.
    Fixed(Money),
    /// Nothing: the code only unlocks hidden ticket types.
    Access,
}

impl Discount {
    /// The name of its kind in JSON and in the database.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Percent(_) => "PERCENT",
            Self::Fixed(_) => "FIXED",
            Self::Access => "ACCESS",
        }
    }
}

/// Why a code can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromoCodeError {
    #[error("there is no such code")]
    Unknown,
    #[error("the code has been used as often as it may be")]
    UsedUp,
    #[error("the code is not valid now")]
    NotNow,
    #[error("the code is not for these tickets")]
    NotForTickets,
}

impl PromoCodeError {
    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::UsedUp => "USED_UP",
            Self::NotNow => "NOT_NOW",
            Self::NotForTickets => "NOT_FOR_TICKETS",
        }
    }
}

/// A code of an event, as its organizer says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromoCode {
    pub code: CodeName,
    pub discount: Discount,
    /// How many bookings and holds may have it; as many as there are when it has no limit.
    pub uses: Option<u32>,
    pub uses_per_account: Option<u32>,
    /// What it applies to; all when empty.
    pub ticket_type_ids: Vec<TicketTypeId>,
    /// The first instant at which it is valid.
    pub starts_at: Option<Timestamp>,
    /// The first instant at which it is not valid any more.
    pub ends_at: Option<Timestamp>,
}

impl PromoCode {
    pub fn applies_to(&self, ticket_type: TicketTypeId) -> bool {
        self.ticket_type_ids.is_empty() || self.ticket_type_ids.contains(&ticket_type)
    }

    /// Whether the code makes this hidden ticket type visible and bookable: one that it names, and of a code for access that names
    /// none every one.
    pub fn unlocks(&self, ticket_type: TicketTypeId) -> bool {
        match self.discount {
            Discount::Access => self.applies_to(ticket_type),
            Discount::Percent(_) | Discount::Fixed(_) => self.ticket_type_ids.contains(&ticket_type),
        }
    }

    /// Whether it is valid now and applies to one of these tickets. How often it was used is asked apart ([`Self::check_uses`]), by those
    /// who count that.
    pub fn check(&self, tickets: &[TicketTypeId], now: Timestamp) -> Result<(), PromoCodeError> {
        self.check_time(now)?;
        let applies = tickets.iter().any(|ticket_type| self.applies_to(*ticket_type));
        if applies { Ok(()) } else { Err(PromoCodeError::NotForTickets) }
    }

    pub fn check_time(&self, now: Timestamp) -> Result<(), PromoCodeError> {
        let has_begun = self.starts_at.is_none_or(|at| at <= now);
        let is_over = self.ends_at.is_some_and(|at| at <= now);
        if has_begun && !is_over { Ok(()) } else { Err(PromoCodeError::NotNow) }
    }

    /// Whether it may be used once more, after so many uses that live: those of holds and bookings that are not over.
    pub fn check_uses(&self, used: u32, used_by_account: u32) -> Result<(), PromoCodeError> {
        let is_below = |used: u32, limit: Option<u32>| limit.is_none_or(|limit| used < limit);
        let may_be_used = is_below(used, self.uses) && is_below(used_by_account, self.uses_per_account);
        if may_be_used { Ok(()) } else { Err(PromoCodeError::UsedUp) }
    }

    /// What it takes off one ticket of that type and price.
    pub fn discount_of(&self, ticket_type: TicketTypeId, price: Money) -> Result<Money, MoneyError> {
        match self.discount {
            Discount::Percent(rate) if self.applies_to(ticket_type) => price.share(rate),
            Discount::Fixed(off) if self.applies_to(ticket_type) => off.checked_min(price),
            _ => Ok(Money::zero(price.currency)),
        }
    }
}

/// The code that a hold or a booking has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedCode {
    pub id: PromoCodeId,
    pub name: CodeName,
}

/// A code as an organizer wrote it.
#[derive(Clone, Debug, Default)]
pub struct RawPromoCode {
    pub code: Option<String>,
    pub kind: Option<String>,
    /// A rate for `PERCENT`, an amount for `FIXED`, nothing for `ACCESS`.
    pub value: Option<String>,
    pub uses: Option<u32>,
    pub uses_per_account: Option<u32>,
    /// All when nothing is said.
    pub ticket_type_ids: Option<Vec<TicketTypeId>>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
}

impl From<&PromoCode> for RawPromoCode {
    fn from(code: &PromoCode) -> Self {
        let value = match code.discount {
            Discount::Percent(rate) => Some(rate.fraction().to_string()),
            Discount::Fixed(off) => Some(off.decimal()),
            Discount::Access => None,
        };
        Self {
            code: Some(code.code.as_str().to_owned()),
            kind: Some(code.discount.kind().to_owned()),
            value,
            uses: code.uses,
            uses_per_account: code.uses_per_account,
            ticket_type_ids: Some(code.ticket_type_ids.clone()),
            starts_at: code.starts_at,
            ends_at: code.ends_at,
        }
    }
}

impl PromoCode {
    /// Checks every field and reports every fault. Whether the ticket types are those of the event is for the caller to say.
    pub fn parse(raw: RawPromoCode, currency: Currency) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let code = errors.keep(CodeName::parse("code", &raw.code.unwrap_or_default()));
        let discount = errors.keep(discount(raw.kind.as_deref(), raw.value.as_deref(), currency));
        for (field, uses) in [("uses", raw.uses), ("usesPerAccount", raw.uses_per_account)] {
            if uses.is_some_and(|uses| !(1..=USES_MAX).contains(&uses)) {
                errors.push(FieldError::new(field, "OUT_OF_RANGE", "must be from 1 to 1,000,000"));
            }
        }
        let starts_at = raw.starts_at.and_then(|at| errors.keep(instant("startsAt", Some(at))));
        let ends_at = raw.ends_at.and_then(|at| errors.keep(instant("endsAt", Some(at))));
        if let (Some(from), Some(to)) = (starts_at, ends_at)
            && to <= from
        {
            errors.push(FieldError::new("endsAt", "OUT_OF_RANGE", "must be after startsAt"));
        }
        let mut ticket_type_ids = raw.ticket_type_ids.unwrap_or_default();
        ticket_type_ids.sort_unstable();
        ticket_type_ids.dedup();
        let valid = || {
            Some(Self {
                code: code?,
                discount: discount?,
                uses: raw.uses,
                uses_per_account: raw.uses_per_account,
                ticket_type_ids,
                starts_at,
                ends_at,
            })
        };
        errors.finish(valid())
    }
}

fn discount(kind: Option<&str>, value: Option<&str>, currency: Currency) -> Result<Discount, FieldError> {
    let required = || FieldError::new("value", "REQUIRED", "is required for PERCENT and FIXED");
    let discount = match kind {
        Some("PERCENT") => Discount::Percent(Percentage::parse("value", value.ok_or_else(required)?)?),
        Some("FIXED") => Discount::Fixed(Money::parse_price("value", value.ok_or_else(required)?, currency)?),
        Some("ACCESS") if value.is_some() => {
            return Err(FieldError::new("value", "NOT_ALLOWED", "a code of kind ACCESS has no value"));
        }
        Some("ACCESS") => Discount::Access,
        Some(_) => return Err(FieldError::new("kind", "INVALID", "must be PERCENT, FIXED or ACCESS")),
        None => return Err(FieldError::new("kind", "REQUIRED", "is required")),
    };
    match discount {
        Discount::Percent(rate) if rate.is_zero() => {
            Err(FieldError::new("value", "OUT_OF_RANGE", "must be more than 0"))
        }
        Discount::Fixed(off) if off.is_free() => Err(FieldError::new("value", "OUT_OF_RANGE", "must be more than 0")),
        discount => Ok(discount),
    }
}

#[cfg(test)]
#[path = "promo_codes/tests.rs"]
mod tests;
