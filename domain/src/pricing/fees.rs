//! Fees that an organizer adds to prices.

use crate::money::{Money, MoneyError, Percentage};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    /// For buyers.
    pub name: String,
    pub kind: FeeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeeKind {
    /// Of what the ticket costs after its discount, at most `cap` per ticket. Other fees are no part of that, so no fee is a percentage of
    /// itself or of another one.
    Percent {
        rate: Percentage,
        cap: Option<Money>,
    },
    FixedPerTicket(Money),
    /// Shared out among the tickets of a booking that cost something.
    FixedPerBooking(Money),
}

impl FeeKind {
    /// The name in JSON and in the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Percent { .. } => "PERCENT",
            Self::FixedPerTicket(_) => "FIXED_PER_TICKET",
            Self::FixedPerBooking(_) => "FIXED_PER_BOOKING",
        }
    }
}

impl Fee {
    /// What each ticket of a booking bears of the fee, by what these cost after their discounts. A ticket that costs nothing bears none.
    pub(super) fn per_ticket(&self, discounted_prices: &[Money]) -> Result<Vec<Money>, MoneyError> {
        let each = |fee: &dyn Fn(Money) -> Result<Money, MoneyError>| {
            let fee = |price: &Money| if price.is_free() { Ok(*price) } else { fee(*price) };
            discounted_prices.iter().map(fee).collect()
        };
        match self.kind {
            FeeKind::Percent { rate, cap: None } => each(&|price| price.share(rate)),
            FeeKind::Percent { rate, cap: Some(cap) } => each(&|price| price.share(rate)?.checked_min(cap)),
            FeeKind::FixedPerTicket(fee) => each(&|_| Ok(fee)),
            FeeKind::FixedPerBooking(fee) => {
                let weights: Vec<u64> = discounted_prices.iter().map(|price| u64::from(!price.is_free())).collect();
                let is_free = weights.iter().all(|weight| *weight == 0);
                if is_free { Ok(discounted_prices.to_vec()) } else { fee.allocate(&weights) }
            }
        }
    }
}
