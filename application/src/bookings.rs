//! Holds and bookings: all that changes places goes through the event's inventory.

use std::{sync::Arc, time::Duration};

use actors::{
    inventories::AskError,
    inventory::{CommandAnswer, Denial, Outcome},
};
use domain::{
    bookings::{
        Attendees, Booking, BookingRequest, Fingerprint, Hold, HoldRequest, HoldStatus, IdempotencyKey, Source,
    },
    ids::{AccountId, BookingId, EventId, HoldId},
    inventory::{Command, NewBooking, NewHold},
    refusal::Refusal,
    repositories::RepositoryError,
    unpaid::{Buyer, NetworkId},
};
use tokio::time::Instant;

use super::{
    acting::{self, Closed},
    app::App,
};

/// Waits between two looks at what is being closed.
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(5);
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(200);

/// Why nothing was held, booked or closed.
#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    /// There is no such event, hold or booking, or it is another account's.
    #[error("not found")]
    NotFound,
    /// The business says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The account's address has to be verified first.
    #[error("the e-mail address is not verified")]
    Unverified,
    /// Sent away before anything was begun.
    #[error("{reason}")]
    Overloaded {
        /// For the log.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// No answer can be given now; what was asked may still happen. A retry with the same key is exact.
    #[error("{reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl From<AskError> for BookingError {
    fn from(error: AskError) -> Self {
        let reason = error.to_string();
        match error {
            AskError::Denied(Denial::Refused(Refusal::NoSuchEvent) | Denial::NoSuchEvent | Denial::NotOpen) => {
                Self::NotFound
            }
            AskError::Denied(Denial::Refused(refusal)) => Self::Refused(refusal),
            AskError::Denied(Denial::TooLate | Denial::Unavailable(_)) => {
                Self::Unavailable { reason, retry_after: Duration::from_secs(1) }
            }
            AskError::Overloaded { retry_after } => Self::Overloaded { reason, retry_after },
            AskError::Unavailable { retry_after, .. } => Self::Unavailable { reason, retry_after },
        }
    }
}

/// A result, and whether an earlier request with the same key had led to it.
#[derive(Debug)]
pub struct IdempotentResult<T> {
    pub value: Arc<T>,
    /// True for a retry.
    pub replayed: bool,
}

/// Who asks for places.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    pub account: AccountId,
    /// From where; `None` for networks without a cap.
    pub network: Option<NetworkId>,
    /// Whether the account may take places now. Otherwise it is only given the answers that it had before.
    pub may_take: bool,
}

/// Keeps places for a while.
pub async fn hold(
    app: &App,
    asking: Asking,
    event: EventId,
    key: IdempotencyKey,
    request: HoldRequest,
) -> Result<IdempotentResult<Hold>, BookingError> {
    let HoldRequest { selection, promo_code } = request;
    let source = Source::Selection(selection.clone());
    let fingerprint = Fingerprint::of_request(event, &source, promo_code.as_ref(), &Attendees::default());
    let (id, account_id) = (HoldId::generate(), asking.account);
    let new = NewHold { id, account_id, key, fingerprint, selection, promo_code };
    match take(app, asking, event, Command::Hold(new)).await? {
        CommandAnswer { outcome: Outcome::Held(value), replayed } => Ok(IdempotentResult { value, replayed }),
        answer => Err(unexpected(&answer)),
    }
}

/// Books places, free ones or those of a hold.
pub async fn book(
    app: &App,
    asking: Asking,
    event: EventId,
    key: IdempotencyKey,
    request: BookingRequest,
) -> Result<IdempotentResult<Booking>, BookingError> {
    let BookingRequest { source, promo_code, attendees } = request;
    let fingerprint = Fingerprint::of_request(event, &source, promo_code.as_ref(), &attendees);
    let (id, account_id) = (BookingId::generate(), asking.account);
    let new = NewBooking { id, account_id, key, fingerprint, source, promo_code, attendees };
    match take(app, asking, event, Command::Book(new)).await? {
        CommandAnswer { outcome: Outcome::Booked(value), replayed } => Ok(IdempotentResult { value, replayed }),
        answer => Err(unexpected(&answer)),
    }
}

/// Gives a hold back. A hold that keeps nothing any more is as good as given back; one that became a booking is not.
pub async fn release(app: &App, account_id: AccountId, id: HoldId) -> Result<(), BookingError> {
    let hold = app.store.hold(id).await?.filter(|hold| hold.account_id == account_id);
    let hold = hold.ok_or(BookingError::NotFound)?;
    match hold.status {
        // Once more, in case that this was done and could not be written down.
        HoldStatus::Released => {
            acting::gave_back(app, Closed::Hold(&hold)).await;
            return Ok(());
        }
        HoldStatus::Expired => return Ok(()),
        HoldStatus::Converted => return Err(Refusal::HoldGone.into()),
        HoldStatus::Active => {}
    }
    match ask(app, hold.event_id, Command::Release { hold_id: id, account_id }).await {
        Ok(_) => {
            acting::gave_back(app, Closed::Hold(&hold)).await;
            Ok(())
        }
        // It changed since it was read, or is being closed just now.
        Err(BookingError::Refused(Refusal::HoldGone)) => released(app, id).await,
        Err(error) => Err(error),
    }
}

/// Has a hold keep its places for longer: as long as a new one would, but not beyond the event's cap.
pub async fn extend(app: &App, account_id: AccountId, id: HoldId) -> Result<Arc<Hold>, BookingError> {
    let former = app.store.hold(id).await?.filter(|hold| hold.account_id == account_id);
    let former = former.ok_or(BookingError::NotFound)?;
    if former.status != HoldStatus::Active {
        return Err(Refusal::HoldGone.into());
    }
    match ask(app, former.event_id, Command::Extend { hold_id: id, account_id }).await {
        Ok(CommandAnswer { outcome: Outcome::Held(hold), .. }) => {
            acting::extended(app, &former, &hold).await;
            Ok(hold)
        }
        Ok(answer) => Err(unexpected(&answer)),
        // It was there a moment ago.
        Err(BookingError::NotFound) => Err(Refusal::HoldGone.into()),
        Err(error) => Err(error),
    }
}

/// What became of a hold that is open no more in memory. In the ledger it may be for a moment: while it is being booked elsewhere, or
/// has expired and is being closed.
async fn released(app: &App, id: HoldId) -> Result<(), BookingError> {
    let until = Instant::now() + app.command_deadline;
    let mut wait = LOOK_AGAIN_MIN;
    loop {
        match app.store.hold(id).await?.map(|hold| hold.status) {
            Some(HoldStatus::Converted) => return Err(Refusal::HoldGone.into()),
            None | Some(HoldStatus::Released | HoldStatus::Expired) => return Ok(()),
            Some(HoldStatus::Active) if Instant::now() + wait >= until => {
                let reason = "the hold is being closed".to_owned();
                return Err(BookingError::Unavailable { reason, retry_after: Duration::from_secs(1) });
            }
            Some(HoldStatus::Active) => tokio::time::sleep(wait).await,
        }
        wait = (wait * 2).min(LOOK_AGAIN_MAX);
    }
}

/// One of the account's bookings.
pub async fn own_booking(app: &App, account_id: AccountId, id: BookingId) -> Result<Booking, BookingError> {
    let booking = app.store.booking(id).await?.filter(|booking| booking.account_id == account_id);
    booking.ok_or(BookingError::NotFound)
}

/// Whether the event's inventory takes on work now. Says no without doing any.
pub fn check(app: &App, event: EventId) -> Result<(), BookingError> {
    Ok(app.inventories.check(event)?)
}

/// Takes places, or gives the answer again that was given to the same key. That comes before all that may have changed since:
/// what the account has used up, or whether its address counts as verified.
async fn take(app: &App, asking: Asking, event: EventId, command: Command) -> Result<CommandAnswer, BookingError> {
    let unverified = app.auth.verified_to_book && !app.verified.has(&*app.store, asking.account).await?;
    let buyer = Buyer { network: asking.network, may_take: asking.may_take && !unverified };
    let deadline = Instant::now() + app.command_deadline;
    match app.inventories.ask_for(buyer, event, command, deadline).await.map_err(BookingError::from) {
        Ok(answer) => {
            acting::took(app, &answer).await;
            Ok(answer)
        }
        Err(BookingError::Refused(Refusal::TooOften { retry_after: None })) if unverified => {
            Err(BookingError::Unverified)
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn ask(app: &App, event: EventId, command: Command) -> Result<CommandAnswer, BookingError> {
    Ok(app.inventories.ask(event, command, Instant::now() + app.command_deadline).await?)
}

/// Holds answer holds and bookings answer bookings; anything else is a bug.
fn unexpected(answer: &CommandAnswer) -> BookingError {
    RepositoryError::Broken(format!("the inventory answered {answer:?}")).into()
}
