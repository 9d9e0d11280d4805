//! Bookings of an event in JSON, as those see them who run it.

use domain::{
    ids::{AccountId, CancellationId},
    management::events::GuestBooking,
    money::{Currency, Money},
    payments::{
        ManualMethod,
        books::{Refund, StoredCancellation},
        payment::Payment,
    },
    text,
    validation::{FieldError, FieldErrors},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{bookings::dto::BookingJson, guests::GuestJson, payments::dto::PaymentJson, refunds::ManagedRefundJson};

/// Most characters of a reason or a note.
const WORDS_MAX: usize = 500;

/// A booking with all that is known of its money.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedBooking)]
pub(super) struct ManagedBookingJson<'a> {
    #[serde(flatten)]
    booking: BookingJson<'a>,
    guest: GuestJson<'a>,
    /// Attempts to pay it, the earliest first.
    payments: Vec<PaymentJson<'a>>,
    /// The oldest first.
    refunds: Vec<ManagedRefundJson<'a>>,
    /// The oldest first.
    cancellations: Vec<StoredCancellationJson<'a>>,
}

impl<'a> ManagedBookingJson<'a> {
    pub(super) fn new(
        of: &'a GuestBooking,
        payments: &'a [Payment],
        refunds: &'a [Refund],
        cancellations: &'a [StoredCancellation],
    ) -> Self {
        Self {
            booking: BookingJson::new(&of.booking, of.names.as_deref()),
            guest: GuestJson { name: &of.name, email: &of.email },
            payments: payments.iter().map(PaymentJson::from).collect(),
            refunds: refunds.iter().map(ManagedRefundJson::from).collect(),
            // A request that found everything cancelled is remembered by its key, and cancelled nothing.
            cancellations: cancellations
                .iter()
                .filter(|cancellation| !cancellation.positions.is_empty())
                .map(StoredCancellationJson::from)
                .collect(),
        }
    }
}

/// Places that were given back together.
#[derive(Serialize, ToSchema)]
#[schema(as = BookingCancellation)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredCancellationJson<'a> {
    id: CancellationId,
    /// Items of the booking.
    item_ids: Vec<Uuid>,
    /// The fee that was kept.
    kept: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<&'a str>,
    /// Who asked for it. Left out when the event was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested_by: Option<AccountId>,
    created_at: Timestamp,
}

impl<'a> From<&'a StoredCancellation> for StoredCancellationJson<'a> {
    fn from(of: &'a StoredCancellation) -> Self {
        Self {
            id: of.id,
            item_ids: of.positions.iter().map(|at| of.booking_id.item(at)).collect(),
            kept: of.kept,
            reason: of.reason.as_deref(),
            requested_by: of.account_id,
            created_at: of.created_at,
        }
    }
}

/// That a booking was paid without the payment gateway.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = HandPaymentRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HandPaymentBody {
    method: MethodJson,
    /// For the books.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    note: Option<String>,
}

/// How it was paid.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[schema(as = HandPaymentMethod)]
#[serde(rename_all = "lowercase")]
enum MethodJson {
    Cash,
    Bank,
    /// Given away.
    Complimentary,
}

impl HandPaymentBody {
    pub(super) fn read(self) -> Result<(ManualMethod, Option<String>), FieldError> {
        let method = match self.method {
            MethodJson::Cash => ManualMethod::Cash,
            MethodJson::Bank => ManualMethod::Bank,
            MethodJson::Complimentary => ManualMethod::Complimentary,
        };
        let note = self.note.map(|note| text::line("note", &note, 1..=WORDS_MAX)).transpose()?;
        Ok((method, note))
    }
}

/// What is given back: either items or an amount.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = RefundRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RefundBody {
    /// Items of the booking, which are cancelled and give back what was paid for them, without a fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    item_ids: Option<Vec<Uuid>>,
    /// So much, and nothing is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount: Option<AmountBody>,
    /// For the buyer.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// An amount of the booking's currency.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = RefundAmount)]
#[serde(untagged)]
pub(super) enum AmountBody {
    Money(Money),
    /// Without its currency.
    #[schema(title = "Decimal", example = "12.50")]
    Decimal(String),
}

impl AmountBody {
    fn read(self, currency: Currency) -> Result<Money, FieldError> {
        let amount = match self {
            Self::Money(money) if money.currency != currency => {
                let message = format!("the booking is in {}", currency.as_str());
                return Err(FieldError::new("amount.currency", "MISMATCH", message));
            }
            Self::Money(money) => Money::price("amount.amount", money.amount, currency)?,
            Self::Decimal(text) => Money::parse_price("amount", &text, currency)?,
        };
        if amount.is_free() {
            return Err(FieldError::new("amount", "OUT_OF_RANGE", "must be more than 0"));
        }
        Ok(amount)
    }
}

/// What an organizer gives back, as it was sent and is right so far.
pub(super) enum RawGiven {
    Items(Vec<Uuid>),
    Amount(AmountBody),
}

impl RawGiven {
    pub(super) fn amount(self, currency: Currency) -> Result<Result<Money, Vec<Uuid>>, FieldError> {
        match self {
            Self::Items(items) => Ok(Err(items)),
            Self::Amount(amount) => amount.read(currency).map(Ok),
        }
    }
}

impl RefundBody {
    pub(super) fn read(self) -> Result<(RawGiven, String), Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let reason = errors.keep(text::line("reason", &self.reason, 1..=WORDS_MAX));
        let given = match (self.item_ids, self.amount) {
            (Some(items), None) => errors.keep(crate::cancellations::item_ids(items)).map(RawGiven::Items),
            (None, Some(amount)) => Some(RawGiven::Amount(amount)),
            _ => {
                errors.push(FieldError::new("amount", "REQUIRED", "give either itemIds or amount"));
                None
            }
        };
        errors.finish(given.zip(reason))
    }
}

/// Which places are given back, and why.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = ManagedCancellationRequest)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrganizerCancellationBody {
    /// Items of the booking; all of them if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    item_ids: Option<Vec<Uuid>>,
    /// For the buyer.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

impl OrganizerCancellationBody {
    pub(super) fn read(self) -> Result<(Option<Vec<Uuid>>, String), Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let reason = errors.keep(text::line("reason", &self.reason, 1..=WORDS_MAX));
        let items = errors.keep(self.item_ids.map(crate::cancellations::item_ids).transpose());
        errors.finish(items.zip(reason))
    }
}

/// How a refund that has failed is made again.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[schema(as = RefundRetry)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RetryBody {
    /// The organizer has paid it back another way, so the gateway is not asked.
    #[serde(default)]
    pub(super) by_hand: bool,
}
