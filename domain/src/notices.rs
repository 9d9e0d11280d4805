//! What buyers are told by mail of their bookings: what the mails are made of, and where they wait.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    accounts::EmailAddress,
    bookings::Booking,
    events::EventStatus,
    ids::{BookingId, EventId, MailId, RefundId, TicketTypeId, VenueId},
    jobs::{Job, JobPayload},
    mail::{Locale, Message},
    money::Money,
    repository_error::Found,
};

/// An event, as far as mails tell of it.
#[derive(Clone, Debug)]
pub struct ToldEvent {
    pub title: String,
    pub status: EventStatus,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    /// IANA name of the zone in which that is told.
    pub time_zone: String,
    pub venue_id: VenueId,
    /// What its venue is called.
    pub venue: String,
    /// What its ticket types are called.
    pub ticket_types: HashMap<TicketTypeId, String>,
    /// Nobody is told anything: it is for measurements.
    pub is_off: bool,
}

/// A booking with whom to tell of it.
#[derive(Clone, Debug)]
pub struct ToldBooking {
    pub booking: Booking,
    pub event: Arc<ToldEvent>,
    /// How the buyer is called.
    pub name: String,
    pub to: EmailAddress,
    pub locale: Locale,
    /// What goes back, or has gone back, for places that were cancelled.
    pub given_back: Money,
}

/// A refund, as far as a mail tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldRefund {
    pub amount: Money,
    /// It has failed, so nobody is told that the money is there.
    pub has_failed: bool,
}

/// Bookings of an event that may have to be told that they are confirmed, read from its cursor on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntoldBookings {
    pub event_id: EventId,
    /// Of free bookings that are confirmed; empty when there are none, and the cursor moves all the same.
    pub ids: Vec<BookingId>,
    pub step: CursorStep,
}

/// How the cursor of an event's mails moves when they are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorStep {
    /// All are seen that there were up to that one.
    Seen { from: Uuid, to: Uuid },
    /// All there were are seen, as of this version of the event's quotas.
    CaughtUp { from: Uuid, version: i64 },
    /// These had come late; there may be more of them.
    Late,
    /// None has come late.
    Swept { from: Uuid, to: Uuid },
}

#[async_trait]
pub trait BookingNotices: Send + Sync {
    /// These bookings, as far as there are any, by a few statements for all of them.
    async fn told_bookings(&self, ids: &[BookingId]) -> Found<Vec<ToldBooking>>;

    async fn told_event(&self, id: EventId) -> Found<Option<ToldEvent>>;

    async fn told_refund(&self, id: RefundId) -> Found<Option<ToldRefund>>;

    /// Bookings of an event that keep places, in the order of their ids, after that one.
    async fn booked_after(&self, event: EventId, after: Option<BookingId>, limit: u32) -> Found<Vec<BookingId>>;

    /// Queues mails. One whose id was used already is left out: that one was queued before.
    async fn queue_mails(&self, mails: &[(MailId, Message)]) -> Found<()>;

    /// Queues mails of a part of a job, and notes what is left of it. `false`, and nothing is done, if somebody else has claimed it since.
    async fn queue_part(&self, job: &Job, mails: &[(MailId, Message)], left: &JobPayload) -> Found<bool>;

    /// Begins, now if it has not, or ends telling buyers of what they have booked: what is booked before it begins is never told.
    async fn set_booking_mails(&self, on: bool) -> Found<()>;

    /// The next bookings that may have to be told, at most `limit`, of one event. Nothing when there are none now.
    async fn untold_bookings(&self, limit: u32) -> Found<Option<UntoldBookings>>;

    /// Queues their mails and moves the cursor. Several servers may do the same at once; each mail is queued once.
    async fn queue_confirmations(&self, of: &UntoldBookings, mails: &[(MailId, Message)]) -> Found<()>;

    /// Bookings that wait for their payment for not long any more, and whose buyers were not told so, at most `limit`.
    async fn expiring_bookings(&self, limit: u32) -> Found<Vec<BookingId>>;
}

/// The id of the mail that tells that a booking is confirmed: the same, whoever comes to tell it.
pub fn confirmation_mail(booking: BookingId) -> MailId {
    MailId(booking.0)
}

/// The same of the mail that tells that it expires soon. A booking's id ends with a zero, and those of its items with their number.
pub fn expiry_mail(booking: BookingId) -> MailId {
    let mut bytes = booking.0.into_bytes();
    bytes[15] = u8::MAX;
    MailId(Uuid::from_bytes(bytes))
}

/// The same of a mail that a job queues.
pub fn mail_of_job(job: &Job) -> MailId {
    MailId(job.id.0)
}

/// The same of the mail to one of the bookings of a job: both ids are made of a time and of chance, and so is this one.
pub fn mail_of_part(job: &Job, booking: BookingId) -> MailId {
    let (mut bytes, of_job) = (booking.0.into_bytes(), job.id.0.into_bytes());
    // What tells bookings apart, and above them what tells jobs apart; the time stays the booking's.
    for (byte, other) in bytes[6..].iter_mut().zip(&of_job[6..]) {
        *byte ^= other;
    }
    // The version of the id, which the two cancel out.
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    MailId(Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::JobId, jobs::Notice};

    fn job(booking_id: BookingId) -> Job {
        let now = Timestamp::UNIX_EPOCH;
        let payload = JobPayload::Notify { booking_id, notice: Notice::Confirmed };
        Job { id: JobId::generate(), payload, queued_at: now, waits_since: now, attempt: 1, lost: 0, leased_until: now }
    }

    /// Guards: that no mail is taken for another one, which would not be queued then.
    #[test]
    fn each_mail_has_an_id_of_its_own_and_always_the_same() {
        let (one, other) = (BookingId::generate(), BookingId::generate());
        let (job_one, job_other) = (job(one), job(one));
        let all = [
            confirmation_mail(one),
            expiry_mail(one),
            mail_of_job(&job_one),
            mail_of_part(&job_one, one),
            mail_of_part(&job_one, other),
            mail_of_part(&job_other, one),
            mail_of_part(&job_other, other),
        ];
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len(), "{all:?}");
        assert_eq!(mail_of_part(&job_one, one), mail_of_part(&job_one, one));
        assert!(all.iter().all(|id| id.0.get_version_num() == 7), "{all:?}");
    }
}
