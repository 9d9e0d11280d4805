//! The books of a booking or of an event: a fold over what happened, and the law by which they balance.

use std::str::FromStr;

use super::{
    ManualMethod, UnknownPaymentState,
    refund::{RefundCause, RefundState},
};
use crate::{
    money::{Currency, Money, MoneyError},
    pricing::PriceLine,
};

/// Who took the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaidThrough {
    Gateway,
    /// The organizer, who says so.
    Hand(ManualMethod),
}

/// Where a dispute is: a payer has asked their bank to take a payment back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeState {
    /// The gateway keeps the money until it is decided.
    Open,
    Won,
    /// The money is gone.
    Lost,
}

impl FromStr for DisputeState {
    type Err = UnknownPaymentState;

    fn from_str(text: &str) -> Result<Self, UnknownPaymentState> {
        let known = [Self::Open, Self::Won, Self::Lost].into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| UnknownPaymentState(text.to_owned()))
    }
}

impl DisputeState {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Won => "WON",
            Self::Lost => "LOST",
        }
    }
}

/// Something that happened to the money of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookEntry {
    Charged {
        amount: Money,
        through: PaidThrough,
    },
    /// A ticket of a booking that was confirmed.
    Sold {
        line: PriceLine,
        tax_included: bool,
    },
    /// A ticket of a confirmed booking that was cancelled, by the parts of what was paid for it
    /// ([`CancelledLine`](super::cancellation::CancelledLine)).
    Cancelled {
        line_total: Money,
        kept: Money,
        cut: Money,
    },
    /// A refund as it stands. One that failed and was made again by another one is left out.
    Refund {
        amount: Money,
        cause: RefundCause,
        state: RefundState,
        through: PaidThrough,
    },
    Dispute {
        amount: Money,
        state: DisputeState,
    },
}

/// What was earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Prices of all tickets sold, those that were cancelled later included.
    pub gross: Money,
    pub discounts: Money,
    pub fees: Money,
    /// Contained in prices or on top of them, as each booking was charged.
    pub tax: Money,
    /// Everything that was charged, payments by hand included.
    pub charged: Money,
    /// What of it was given away, less what of that was cancelled.
    pub complimentary: Money,
    /// What tickets cost that are valid now.
    pub valid: Money,
    /// Fees kept of cancelled tickets.
    pub kept: Money,
    /// What cancelled tickets did not give back because an earlier refund by amount had.
    pub cut: Money,
    /// All refunds that have not failed.
    pub refunds: Money,
    /// Those of them that cancelled nothing.
    pub refunds_by_amount: Money,
    /// Refunds that failed and are still to be paid.
    pub owed: Money,
    /// Payments that are disputed, or were lost that way. They stand outside of the balance: tickets stay, and no refund is counted.
    pub disputes: Money,
}

/// Books that do not balance: a bug, or rows that were changed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BooksError {
    #[error("charged less refunds is {has}, and valid tickets, fees kept and what is owed come to {accounted}")]
    Unbalanced { has: Money, accounted: Money },
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Statement {
    pub fn empty(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            gross: zero,
            discounts: zero,
            fees: zero,
            tax: zero,
            charged: zero,
            complimentary: zero,
            valid: zero,
            kept: zero,
            cut: zero,
            refunds: zero,
            refunds_by_amount: zero,
            owed: zero,
            disputes: zero,
        }
    }

    pub fn of(currency: Currency, entries: impl IntoIterator<Item = BookEntry>) -> Result<Self, MoneyError> {
        entries.into_iter().try_fold(Self::empty(currency), Self::with)
    }

    /// With one entry more. Entries may come in any order.
    pub fn with(mut self, entry: BookEntry) -> Result<Self, MoneyError> {
        let complimentary = PaidThrough::Hand(ManualMethod::Complimentary);
        match entry {
            BookEntry::Charged { amount, through } => {
                add(&mut self.charged, amount)?;
                if through == complimentary {
                    add(&mut self.complimentary, amount)?;
                }
            }
            BookEntry::Sold { line, tax_included } => {
                add(&mut self.gross, line.price)?;
                add(&mut self.discounts, line.discount)?;
                add(&mut self.fees, line.fee)?;
                add(&mut self.tax, line.tax)?;
                add(&mut self.valid, line.total(tax_included)?)?;
            }
            BookEntry::Cancelled { line_total, kept, cut } => {
                self.valid = self.valid.checked_sub(line_total)?;
                add(&mut self.kept, kept)?;
                add(&mut self.cut, cut)?;
            }
            BookEntry::Refund { amount, cause, state: RefundState::Failed, .. } => {
                if cause.is_owed() {
                    add(&mut self.owed, amount)?;
                }
            }
            BookEntry::Refund { amount, cause, through, .. } => {
                add(&mut self.refunds, amount)?;
                if cause == RefundCause::Amount {
                    add(&mut self.refunds_by_amount, amount)?;
                }
                if through == complimentary {
                    self.complimentary = self.complimentary.checked_sub(amount)?;
                }
            }
            BookEntry::Dispute { state: DisputeState::Won, .. } => {}
            BookEntry::Dispute { amount, .. } => add(&mut self.disputes, amount)?,
        }
        Ok(self)
    }

    /// What was charged and has not gone back.
    pub fn balance(&self) -> Result<Money, MoneyError> {
        self.charged.checked_sub(self.refunds)
    }

    /// What is left of what was paid: no refund may be more. What a refund that failed still owes is not left, or the same money could be
    /// given to two.
    pub fn refundable(&self) -> Result<Money, MoneyError> {
        self.balance()?.checked_sub(self.owed)
    }

    /// What the organizer has of it: without what was given away, and without what is disputed.
    pub fn net(&self) -> Result<Money, MoneyError> {
        self.balance()?.checked_sub(self.complimentary)?.checked_sub(self.disputes)
    }

    /// The law of the books, at any commit:
    ///
    /// charged − refunds = valid tickets + fees kept + owed − (refunds by amount − what was cut because of these)
    ///
    /// where refunds that failed count as owed only.
    pub fn check(&self) -> Result<(), BooksError> {
        let has = self.balance()?;
        let tickets = self.valid.checked_add(self.kept)?.checked_add(self.owed)?;
        let accounted = tickets.checked_sub(self.refunds_by_amount)?.checked_add(self.cut)?;
        if has == accounted { Ok(()) } else { Err(BooksError::Unbalanced { has, accounted }) }
    }
}

fn add(sum: &mut Money, amount: Money) -> Result<(), MoneyError> {
    *sum = sum.checked_add(amount)?;
    Ok(())
}
