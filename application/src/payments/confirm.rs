//! Money that pays a booking: the inventory confirms it, if it can.

use std::sync::Arc;

use actors::{inventories::AskError, inventory::Denial};
use domain::{bookings::Booking, inventory::Command, payments::payment::Payment, refusal::Refusal};
use tokio::time::Instant;

use super::PaymentError;
use crate::app::App;

/// What the inventory says.
pub(super) enum Confirmation {
    Confirmed,
    /// The booking, or the payment, has changed since it was read.
    Changed,
    /// The places can't be had.
    Refused(Refusal),
}

/// Has the inventory confirm the booking, in one transaction with the payment that becomes the one which pays it.
pub(super) async fn confirm(app: &App, booking: &Booking, payment: &Payment) -> Result<Confirmation, PaymentError> {
    let command = Command::Confirm { booking: Arc::new(booking.clone()), payment_id: Some(payment.id) };
    let deadline = Instant::now() + app.command_deadline;
    match app.inventories.ask(booking.event_id, command, deadline).await {
        Ok(_) => Ok(Confirmation::Confirmed),
        Err(AskError::Denied(Denial::NotOpen | Denial::Refused(Refusal::NotConfirmable(_)))) => {
            Ok(Confirmation::Changed)
        }
        Err(AskError::Denied(Denial::Refused(refusal))) => Ok(Confirmation::Refused(refusal)),
        Err(AskError::Denied(Denial::NoSuchEvent)) => Ok(Confirmation::Refused(Refusal::NoSuchEvent)),
        Err(error) => Err(error.into()),
    }
}
