//! What the server does by itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::{inventories::AskError, inventory::Denial};
use domain::{
    bookings::{Booking, Positions},
    ids::{BookingId, EventId, PaymentId},
    inventory::Command,
    repositories::BookingRepository,
};
use reqwest::Method;
use uuid::Uuid;

use super::{Act, Needs, Operation, Promise};
use crate::seams::stage::Stage;

/// For something that is due to happen.
const SOON: Duration = Duration::from_secs(20);
/// For an inventory to become idle, which is not certain: another operation may ask it, or something may be about to expire.
const IDLE: Duration = Duration::from_millis(400);

/// See the module's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// A hold runs out.
    HoldExpires,
    /// A booking is not paid in time.
    UnpaidExpires,
    /// An event is published at its time.
    Publish,
    /// The payment of a booking that waits for it arrives.
    Paid,
    /// The payment of a booking arrives after its time.
    PaidLate,
    /// It is marked as paid, by no attempt.
    Marked,
    /// The payment of a booking takes longer.
    PaymentWaits,
    /// One of several items of a booking is cancelled.
    ItemCancelled,
    /// The bookings of a cancelled event are cancelled.
    CancelBookings,
    /// The inventory is unloaded, since nobody asks for it.
    Unload,
    /// The inventory reads its plan and its counters again.
    Reload,
    /// The inventory dies.
    Kill,
}

const fn row(name: &'static str, needs: &'static [Needs], system: System) -> Operation {
    Operation { name, routes: &[], needs, act: Act::Wait(system), promise: Promise::Nothing }
}

pub(super) const ROWS: &[Operation] = &[
    row("hold_expires", &[Needs::ExpiringHold], System::HoldExpires),
    row("unpaid_expires", &[Needs::ExpiringUnpaid], System::UnpaidExpires),
    row("confirm", &[Needs::Unpaid], System::Paid),
    row("confirm_late", &[Needs::Lapsed], System::PaidLate),
    row("confirm_unpaid", &[Needs::Unpaid], System::Marked),
    row("unpaid_wait", &[Needs::Unpaid], System::PaymentWaits),
    row("cancel_item", &[Needs::Booking], System::ItemCancelled),
    row("scheduled_publish", &[Needs::Scheduled], System::Publish),
    row("cancel_bookings", &[Needs::CancelledBooking], System::CancelBookings),
    row("unload", &[], System::Unload),
    row("reload", &[], System::Reload),
    row("kill", &[], System::Kill),
];

impl System {
    pub(super) async fn perform(self, stage: &Arc<Stage>) -> Result<(), String> {
        let running = &stage.lane.server.running;
        let event = EventId(stage.event.id);
        match self {
            Self::HoldExpires => {
                // An inventory that has something to expire is loaded at the server's start; this hold came later.
                stage.buyer(Method::GET, stage.event.path("availability"), None).send().await;
                stage
                    .until_over(
                        "SELECT status <> 'ACTIVE' OR extended_until IS NOT NULL FROM holds WHERE id = $1",
                        stage.hold,
                    )
                    .await
            }
            Self::UnpaidExpires => {
                stage.buyer(Method::GET, stage.event.path("availability"), None).send().await;
                let over =
                    "SELECT status <> 'PENDING_PAYMENT' OR extended_until IS NOT NULL FROM bookings WHERE id = $1";
                stage.until_over(over, stage.unpaid).await
            }
            Self::Publish => {
                // Another operation may have put it off.
                let over = "SELECT status <> 'SCHEDULED' OR publish_at > now() + interval '1 minute' FROM events WHERE id = $1";
                stage.until_over(over, stage.event.id).await
            }
            Self::Paid => stage.asked(stage.unpaid, |booking| paid(booking, Some(stage.payment))).await,
            Self::PaidLate => stage.asked(stage.lapsed, |booking| paid(booking, Some(stage.late_payment))).await,
            Self::Marked => stage.asked(stage.unpaid, |booking| paid(booking, None)).await,
            Self::PaymentWaits => {
                let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
                stage.asked(stage.unpaid, |booking| Command::Wait { booking_id: booking.id, until }).await
            }
            Self::ItemCancelled => {
                let first = |booking| Command::CancelItems { booking, positions: Positions::first(1), money: None };
                stage.asked(stage.booking, first).await
            }
            Self::CancelBookings => {
                let statement = "INSERT INTO event_cancellations (event_id, total)
                    SELECT id, 1 FROM events WHERE id = $1 AND status = 'CANCELLED' ON CONFLICT DO NOTHING";
                // A fail point may be in its way, which the step that does this would be asked again for.
                while let Err(error) = stage.lane.control.execute(statement, &[&stage.event.id]).await {
                    let code = error.code().map(|code| code.code().to_owned());
                    assert!(code.is_some_and(|code| ["40001", "40P01"].contains(&&*code)), "{error:?}");
                }
                let over = "SELECT finished_at IS NOT NULL FROM event_cancellations WHERE event_id = $1";
                stage.until_over(over, stage.event.id).await
            }
            Self::Unload => {
                let began = Instant::now();
                while running.inventories.directory().find(event).is_some() && began.elapsed() < IDLE {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            }
            Self::Reload => {
                running.inventories.reload(event);
                Ok(())
            }
            Self::Kill => {
                running.inventories.kill(event);
                Ok(())
            }
        }
    }
}

fn paid(booking: Arc<Booking>, payment: Option<Uuid>) -> Command {
    Command::Confirm { booking, payment_id: payment.map(PaymentId) }
}

impl Stage {
    /// Asks the inventory for something with a booking: it is done, or there is a reason why it is not.
    async fn asked(&self, id: Uuid, command: impl Fn(Arc<Booking>) -> Command) -> Result<(), String> {
        let began = Instant::now();
        let Some(booking) = self.lane.store.booking(BookingId(id)).await.map_err(|error| error.to_string())? else {
            // Nothing is for sale on this stage.
            return Ok(());
        };
        let command = command(Arc::new(booking));
        loop {
            let inventories = &self.lane.server.running.inventories;
            let asked =
                inventories.ask(EventId(self.event.id), command.clone(), tokio::time::Instant::now() + SOON).await;
            match asked {
                Ok(_) | Err(AskError::Denied(Denial::Refused(_) | Denial::NotOpen | Denial::NoSuchEvent)) => {
                    return Ok(());
                }
                Err(error) if began.elapsed() > SOON => return Err(error.to_string()),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Waits until the query says true of `id`, or finds nothing.
    async fn until_over(&self, query: &str, id: Uuid) -> Result<(), String> {
        let began = Instant::now();
        loop {
            self.lane.server.running.upkeep.upkeep.wake();
            let row = self.lane.watcher.query_opt(query, &[&id]).await.map_err(|error| error.to_string())?;
            if row.is_none_or(|row| row.get(0)) {
                return Ok(());
            }
            if began.elapsed() > SOON {
                let slot = self.lane.server.running.inventories.directory().find(EventId(self.event.id));
                let actor = slot.as_ref().map(|slot| slot.actor().map(|actor| actor.get_status()));
                return Err(format!("not over after {SOON:?}, inventory {actor:?}: {query}"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
