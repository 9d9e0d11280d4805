//! Paying, cancelling and giving money back, drawn in `docs/design/payments.md`.

pub mod attempt;
pub mod books;
pub mod by_hand;
pub mod cancellation;
pub mod gateway;
pub mod payment;
pub mod receipts;
pub mod records;
pub mod refund;
pub mod repository;
pub mod sandbox;
pub mod statement;
pub mod wish;

use std::str::FromStr;

/// How buyers may pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentMethod {
    /// Through the payment gateway.
    Card,
    /// To the organizer's account; the organizer says when the money has come.
    BankTransfer,
}

impl PaymentMethod {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::BankTransfer => "bank_transfer",
        }
    }
}

impl FromStr for PaymentMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        let known = [Self::Card, Self::BankTransfer].into_iter().find(|method| method.as_str() == text);
        known.ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

/// How an organizer was paid without the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManualMethod {
    Cash,
    Bank,
    /// Given away. It counts as charged, so that its books are those of any other booking, and is shown apart.
    Complimentary,
}

impl ManualMethod {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Bank => "bank",
            Self::Complimentary => "complimentary",
        }
    }
}

impl FromStr for ManualMethod {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        let known = [Self::Cash, Self::Bank, Self::Complimentary].into_iter().find(|method| method.as_str() == text);
        known.ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

/// A method of payment that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown method of payment {0:?}")]
pub struct UnknownMethod(String);

/// A state that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown state of a payment or refund {0:?}")]
pub struct UnknownPaymentState(String);
