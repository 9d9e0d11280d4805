//! Cancelling bookings, or some of their places: by buyers on the event's terms, by organizers beyond them.
//!
//! What goes back is computed from the books as they were read, and the ledger writes it with the places, or refuses when the books have
//! changed since. Then everything is read again.

use std::sync::Arc;

use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, IdempotencyKey, Positions},
    ids::{AccountId, BookingId, CancellationId},
    inventory::Command,
    management::Manager,
    money::Money,
    payments::{
        books::{CancellationRequest, PaidBooking, StoredCancellation},
        records::NewCancellation,
    },
    refusal::Refusal,
    repositories::RepositoryError,
    validation::FieldError,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    acting::{self, Closed},
    app::App,
    bookings::{BookingError, ask},
};

/// How often it is tried while the booking or its books change.
const TRIES: u32 = 20;

/// Why nothing was cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    #[error(transparent)]
    Booking(#[from] BookingError),
    /// The terms of the event don't allow it any more.
    #[error("buyers could cancel until {allowed_until}")]
    TooLate { allowed_until: Timestamp },
    #[error("the request names what is none of the booking's")]
    Invalid(Vec<FieldError>),
    /// The key names another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// More than is left of what was paid would go back, or nothing of it is left.
    #[error("only {left} is left of what was paid")]
    NothingLeft { left: Money },
    /// Only a refund that has failed is made again, once.
    #[error("the refund has not failed, or was made again already")]
    NotFailed,
}

impl From<RepositoryError> for CancelError {
    fn from(error: RepositoryError) -> Self {
        Self::Booking(error.into())
    }
}

impl From<Refusal> for CancelError {
    fn from(refusal: Refusal) -> Self {
        Self::Booking(refusal.into())
    }
}

/// Who cancels.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// The buyer, on the event's terms.
    Buyer(AccountId),
    /// Whoever runs the event, without a fee, whenever.
    Organizer(&'a Manager),
}

impl By<'_> {
    fn account(&self) -> AccountId {
        match self {
            Self::Buyer(account) => *account,
            Self::Organizer(manager) => manager.account,
        }
    }

    /// The booking, if it is theirs to cancel.
    pub async fn booking(&self, app: &App, id: BookingId) -> Result<Booking, BookingError> {
        let booking = match self {
            Self::Buyer(account) => app.store.booking(id).await?.filter(|booking| booking.account_id == *account),
            Self::Organizer(manager) => app.store.guest_booking(manager, id).await?.map(|guest| guest.booking),
        };
        booking.ok_or(BookingError::NotFound)
    }
}

/// What is to be cancelled.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Of items; without them, all.
    pub items: Option<Vec<Uuid>>,
    pub reason: Option<String>,
    /// What the request is known by for good.
    pub key: Option<(IdempotencyKey, Fingerprint)>,
    /// Whether it is of no use when nothing goes back.
    pub to_refund: bool,
}

/// A booking after a cancellation.
#[derive(Debug)]
pub struct Cancelled {
    pub booking: Booking,
    /// The cancellation that the request has made.
    pub cancellation: Option<CancellationId>,
    /// Whether an earlier request with its key has made it.
    pub replayed: bool,
}

/// Gives a booking, or some of its places, back. What was given back before is not given back again, and is no refusal.
pub async fn cancel(app: &App, by: By<'_>, id: BookingId, asked: &Asked) -> Result<Cancelled, CancelError> {
    let mut refused: Option<((Booking, Option<PaidBooking>), Refusal)> = None;
    for _ in 0..TRIES {
        let booking = by.booking(app, id).await?;
        if let Some((key, fingerprint)) = &asked.key
            && let Some(earlier) = app.store.cancellation_by_key(by.account(), key).await?
        {
            return replayed(app, booking, earlier, *fingerprint).await;
        }
        let Some(attempt) = Attempt::of(app, by, &booking, asked).await? else {
            return done(app, by, booking, asked).await;
        };
        // It may have changed since it was refused: paid, refunded, or cancelled in part. What it is now decides.
        let now = (booking.clone(), attempt.paid);
        if let Some((before, refusal)) = refused
            && before == now
        {
            return Err(refusal.into());
        }
        let refusal = match ask(app, booking.event_id, attempt.command(&booking)).await {
            Ok(_) => {
                app.jobs.wake();
                let now = by.booking(app, id).await?;
                if attempt.is_whole {
                    acting::gave_back(app, Closed::Booking(&booking)).await;
                } else {
                    acting::lost_places(app, &booking, &now).await;
                }
                let cancellation = attempt.money.as_ref().map(|money| money.id);
                return Ok(Cancelled { booking: now, cancellation, replayed: false });
            }
            Err(BookingError::NotFound) => Refusal::NotCancellable("the booking is cancelled or expired"),
            Err(BookingError::Refused(refusal)) => refusal,
            Err(error) => return Err(error.into()),
        };
        refused = Some((now, refusal));
    }
    Err(BookingError::Unavailable {
        reason: "the booking changes all the time".to_owned(),
        retry_after: std::time::Duration::from_secs(1),
    }
    .into())
}

/// What was asked for is so already. Its key is kept all the same.
async fn done(app: &App, by: By<'_>, booking: Booking, asked: &Asked) -> Result<Cancelled, CancelError> {
    if asked.to_refund {
        return Err(CancelError::NothingLeft { left: Money::zero(booking.total.currency) });
    }
    let request = CancellationRequest {
        fee: None,
        reason: asked.reason.clone(),
        account_id: Some(by.account()),
        key: asked.key.clone(),
        beyond_terms: false,
    };
    app.store.note_cancellation(booking.id, &request).await?;
    Ok(Cancelled { booking, cancellation: None, replayed: false })
}

/// The booking as the first answer to the request showed it.
async fn replayed(
    app: &App,
    booking: Booking,
    earlier: StoredCancellation,
    fingerprint: Fingerprint,
) -> Result<Cancelled, CancelError> {
    if earlier.fingerprint != Some(fingerprint) || earlier.booking_id != booking.id {
        return Err(CancelError::KeyReused);
    }
    let cancellations = app.store.cancellations_of(booking.id).await?;
    let refunds = app.store.refunds_of(booking.id).await?;
    let paid = app.store.paid_bookings(&[booking.id]).await?.remove(&booking.id);
    let confirmed_at = paid.map_or(booking.created_at, |paid| paid.paid_at);
    let booking = booking.as_after(&earlier, &cancellations, &refunds, confirmed_at);
    Ok(Cancelled { booking, cancellation: Some(earlier.id), replayed: true })
}

/// One try to cancel.
struct Attempt {
    positions: Positions,
    is_whole: bool,
    paid: Option<PaidBooking>,
    money: Option<Arc<NewCancellation>>,
}

impl Attempt {
    /// Nothing if all that is asked for is cancelled.
    async fn of(app: &App, by: By<'_>, booking: &Booking, asked: &Asked) -> Result<Option<Self>, CancelError> {
        let all = Positions::first(booking.items.len());
        let named = asked.items.as_ref().map_or(Ok(all), |items| positions(booking, items))?;
        if booking.status == BookingStatus::Cancelled {
            return Ok(None);
        }
        let positions: Positions = named.iter().filter(|at| !booking.cancelled.contains(*at)).collect();
        if positions.is_empty() {
            return Ok(None);
        }
        let fee = match by {
            By::Organizer(_) => None,
            By::Buyer(_) if booking.status != BookingStatus::Confirmed => None,
            By::Buyer(_) => {
                let terms = app.store.cancellation_terms(booking.id).await?.ok_or(BookingError::NotFound)?;
                if !terms.allows(Timestamp::now()) {
                    return Err(CancelError::TooLate { allowed_until: terms.deadline() });
                }
                terms.fee()
            }
        };
        let paid = app.store.paid_bookings(&[booking.id]).await?.remove(&booking.id);
        let request = CancellationRequest {
            fee,
            reason: asked.reason.clone(),
            account_id: Some(by.account()),
            key: asked.key.clone(),
            beyond_terms: matches!(by, By::Organizer(_)),
        };
        let money = request.of_booking(booking, positions, paid.as_ref());
        let money = money.map_err(|error| RepositoryError::Broken(error.to_string()))?;
        if asked.to_refund && money.refund.is_none() {
            let left =
                paid.map(|paid| paid.left()).transpose().map_err(|error| RepositoryError::Broken(error.to_string()))?;
            return Err(CancelError::NothingLeft { left: left.unwrap_or(Money::zero(booking.total.currency)) });
        }
        // Of a free booking that is simply given back, nothing is remembered.
        let is_whole = positions.and(booking.cancelled) == all;
        let is_plain = paid.is_none() && is_whole && asked.key.is_none() && asked.reason.is_none();
        let is_plain = is_plain && !money.beyond_terms;
        Ok(Some(Self { positions, is_whole, paid, money: (!is_plain).then(|| Arc::new(money)) }))
    }

    fn command(&self, booking: &Booking) -> Command {
        let (booking, money) = (Arc::new(booking.clone()), self.money.clone());
        if self.is_whole {
            return Command::Cancel { booking, money };
        }
        Command::CancelItems { booking, positions: self.positions, money }
    }
}

/// The positions of these items.
fn positions(booking: &Booking, items: &[Uuid]) -> Result<Positions, CancelError> {
    let mut positions = Positions::default();
    let mut faults = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let count = u8::try_from(booking.items.len()).unwrap_or(u8::MAX);
        match (0..count).find(|at| booking.id.item(*at) == *item) {
            Some(at) => positions = positions.with(at),
            None => {
                let field = format!("itemIds[{index}]");
                faults.push(FieldError::new(field, "UNKNOWN", "is none of the booking's items"));
            }
        }
    }
    if faults.is_empty() { Ok(positions) } else { Err(CancelError::Invalid(faults)) }
}
