//! Tells buyers by mail what becomes of their bookings. Nothing here is done twice: the id of a mail follows from what it tells, and one whose id
//! is in the outbox already is not queued again.

mod compose;
pub mod rounds;

use std::time::Duration;

use domain::{
    bookings::BookingStatus,
    ids::{BookingId, EventId},
    jobs::{EventDate, Job, JobError, JobPayload, Notice},
    mail::{FormerDate, Message, Template},
    notices::{ToldBooking, ToldEvent, confirmation_mail, mail_of_job, mail_of_part},
};

use super::app::App;

/// Bookings of a changed event that are told in one transaction.
const PART: u32 = 200;
/// Parts in one try, so that it is over before its time limit.
const PARTS_MAX: u32 = 20;

/// Tells the buyer of a booking. What has become untrue meanwhile is not told.
pub async fn tell(app: &App, job: &Job, booking: BookingId, notice: &Notice) -> Result<(), JobError> {
    if !app.booking_mails {
        return Ok(());
    }
    let Some(told) = app.store.told_bookings(&[booking]).await?.pop() else {
        return Err(JobError::Hopeless("there is no such booking".to_owned()));
    };
    if told.event.is_off {
        return Ok(());
    }
    let Some(template) = template(app, &told, notice).await? else { return Ok(()) };
    let id = if *notice == Notice::Confirmed { confirmation_mail(booking) } else { mail_of_job(job) };
    app.store.queue_mails(&[(id, message(&told, template))]).await?;
    app.outbox.wake();
    Ok(())
}

fn message(told: &ToldBooking, template: Template) -> Message {
    Message { to: told.to.clone(), locale: told.locale, template }
}

/// What the mail says, or nothing when that is not so any more.
async fn template(app: &App, told: &ToldBooking, notice: &Notice) -> Result<Option<Template>, JobError> {
    let status = told.booking.status;
    Ok(match notice {
        Notice::Confirmed if status == BookingStatus::Confirmed => Some(compose::confirmed(told)),
        Notice::Cancelled => compose::cancelled(told),
        Notice::PaymentFailed { .. } if status == BookingStatus::PendingPayment => compose::payment_failed(told),
        Notice::ExpiringSoon if status == BookingStatus::PendingPayment => compose::expiring(told),
        Notice::Confirmed | Notice::PaymentFailed { .. } | Notice::ExpiringSoon => None,
        Notice::MoneyReturned { refund_id } => {
            let refund = app.store.told_refund(*refund_id).await?;
            refund.map(|refund| compose::money_returned(told, refund.amount))
        }
        Notice::Refunded { refund_id } => {
            let refund = app.store.told_refund(*refund_id).await?.filter(|refund| !refund.has_failed);
            refund.map(|refund| compose::refund_paid(told, refund.amount))
        }
    })
}

/// Tells all who have booked an event that it is at another time or place, a part of them after the other.
pub async fn tell_of_change(
    app: &App,
    job: &Job,
    event: EventId,
    was: &EventDate,
    mut after: Option<BookingId>,
) -> Result<(), JobError> {
    if !app.booking_mails {
        return Ok(());
    }
    for _ in 0..PARTS_MAX {
        let Some(now) = app.store.told_event(event).await?.filter(|now| is_news(now, was)) else { return Ok(()) };
        let ids = app.store.booked_after(event, after, PART).await?;
        let Some(last) = ids.last().copied() else { return Ok(()) };
        let told = app.store.told_bookings(&ids).await?;
        let former = FormerDate { starts_at: was.starts_at, ends_at: was.ends_at, venue: was.venue.clone() };
        let mails: Vec<_> = told
            .iter()
            .map(|told| {
                let template = compose::event_changed(told, now.ends_at, former.clone());
                (mail_of_part(job, told.booking.id), message(told, template))
            })
            .collect();
        after = Some(last);
        let left = JobPayload::EventChanged { event_id: event, was: was.clone(), after };
        if !app.store.queue_part(job, &mails, &left).await? {
            return Err(JobError::Failed("somebody else goes on with it".to_owned()));
        }
        app.outbox.wake();
    }
    Err(JobError::Postponed { reason: "there are more bookings".to_owned(), wait: Duration::ZERO })
}

/// Whether there is something to tell: it may have been changed back, or be cancelled, which is told by another mail.
fn is_news(now: &ToldEvent, was: &EventDate) -> bool {
    let is_other = now.starts_at != was.starts_at || now.ends_at != was.ends_at || now.venue_id != was.venue_id;
    is_other && now.status == domain::events::EventStatus::Published && !now.is_off
}
