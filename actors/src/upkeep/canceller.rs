//! Cancels the bookings of cancelled events, through their inventories like any other. Each portion is of the event that has waited
//! longest, so several cancelled events take turns, and so do several servers.

use std::{sync::Arc, time::Duration};

use domain::{
    bookings::{Booking, BookingStatus, Positions},
    ids::EventId,
    inventory::Command,
    management::events::EventUpkeep,
    payments::{
        books::{CancellationRequest, PaidBooking},
        records::NewCancellation,
    },
    repositories::{Found, RepositoryError},
};
use tokio::{task::JoinSet, time::Instant};

use super::keeper::Chore;
use crate::{
    inventories::{AskError, Inventories},
    inventory::Denial,
};

/// Bookings that are cancelled at once. Each portion is a few group commits and one transaction for the progress.
const PORTION: u32 = 100;
/// For one booking to be cancelled.
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) struct Canceller<E> {
    pub(super) events: Arc<E>,
    pub(super) inventories: Inventories,
}

/// What buyers are told that their money goes back for.
const REASON: &str = "the event was cancelled";

/// All that was paid for what a booking still has goes back, without a fee. Nothing of a booking that nobody has paid.
fn money(booking: &Booking, paid: Option<&PaidBooking>) -> Found<Option<Arc<NewCancellation>>> {
    let Some(paid) = paid else { return Ok(None) };
    let request = CancellationRequest {
        fee: None,
        reason: Some(REASON.to_owned()),
        account_id: None,
        key: None,
        beyond_terms: true,
    };
    let all = Positions::first(booking.items.len());
    let valid: Positions = all.iter().filter(|at| !booking.cancelled.contains(*at)).collect();
    let money = request.of_booking(booking, valid, Some(paid));
    money.map(|money| Some(Arc::new(money))).map_err(|error| RepositoryError::Broken(error.to_string()))
}

impl<E: EventUpkeep> Canceller<E> {
    /// Whether nothing stood in the way. That all of them are closed is for the repository to see: what is refused here may be closed
    /// already, or this node's inventory has the plan of before the cancellation, by another node.
    async fn cancel(&self, event: EventId, bookings: Vec<Booking>) -> Found<bool> {
        let ids: Vec<_> = bookings.iter().map(|booking| booking.id).collect();
        let paid = self.events.paid_of(&ids).await?;
        let mut asking = JoinSet::new();
        for booking in bookings {
            // What was cancelled before a crash is only to be counted.
            if booking.status != BookingStatus::Cancelled {
                let money = money(&booking, paid.get(&booking.id))?;
                let inventories = self.inventories.clone();
                let command = Command::Cancel { booking: Arc::new(booking), money };
                asking.spawn(async move { inventories.ask(event, command, Instant::now() + DEADLINE).await });
            }
        }
        let (mut all, mut is_refused) = (true, false);
        while let Some(asked) = asking.join_next().await {
            let closed = match asked {
                Ok(Ok(_)) => true,
                Ok(Err(AskError::Denied(Denial::Refused(refusal)))) => {
                    tracing::debug!(%event, %refusal, "a booking of a cancelled event is not cancelled");
                    is_refused = true;
                    true
                }
                Ok(Err(AskError::Denied(Denial::NotOpen | Denial::NoSuchEvent))) => true,
                Ok(Err(error)) => {
                    tracing::warn!(%event, %error, "a booking of a cancelled event can't be cancelled now");
                    false
                }
                Err(_) => false,
            };
            all &= closed;
        }
        if is_refused {
            self.inventories.reload(event);
        }
        Ok(all)
    }
}

impl<E: EventUpkeep> Chore for Canceller<E> {
    const NAME: &'static str = "canceller";

    async fn portion(&self) -> Found<bool> {
        let Some(event) = self.events.claim_cancellation().await? else { return Ok(false) };
        let bookings = self.events.next_to_cancel(event, PORTION).await?;
        let ids: Vec<_> = bookings.iter().map(|booking| booking.id).collect();
        if !self.cancel(event, bookings).await? {
            // Its lease ends, and somebody tries again; meanwhile it is the turn of others.
            return Err(RepositoryError::Unavailable(format!("bookings of event {event} are left")));
        }
        self.events.note_cancelled(event, &ids).await?;
        if ids.is_empty() {
            tracing::info!(%event, "the bookings of the event are cancelled");
        }
        Ok(true)
    }
}
