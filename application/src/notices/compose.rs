//! What mails about bookings say.

use domain::{
    bookings::{BookingStatus, Item},
    events::EventStatus,
    mail::{BookedPlace, BookingSummary, FormerDate, Template},
    money::Money,
    notices::ToldBooking,
};
use jiff::Timestamp;

pub(super) fn confirmed(told: &ToldBooking) -> Template {
    Template::BookingConfirmed { booking: summary(told, valid(told)) }
}

/// Nothing when nothing of it is cancelled.
pub(super) fn cancelled(told: &ToldBooking) -> Option<Template> {
    let booking = &told.booking;
    let refund = some(told.given_back);
    if booking.status != BookingStatus::Cancelled {
        let cancelled = booking.cancelled;
        let of = move |position| cancelled.contains(position);
        let left = places(told, valid(told));
        return (!booking.cancelled.is_empty()).then(|| Template::BookingCancelled {
            booking: summary(told, of),
            refund,
            left,
        });
    }
    let booking = summary(told, |_| true);
    Some(if told.event.status == EventStatus::Cancelled {
        Template::EventCancelled { booking, refund }
    } else {
        Template::BookingCancelled { booking, refund, left: Vec::new() }
    })
}

pub(super) fn payment_failed(told: &ToldBooking) -> Option<Template> {
    let until = waits_until(told)?;
    Some(Template::PaymentFailed { booking: summary(told, valid(told)), until })
}

pub(super) fn expiring(told: &ToldBooking) -> Option<Template> {
    let until = waits_until(told)?;
    Some(Template::BookingExpiring { booking: summary(told, valid(told)), until })
}

pub(super) fn refund_paid(told: &ToldBooking, amount: Money) -> Template {
    Template::RefundPaid { booking: summary(told, valid(told)), amount }
}

pub(super) fn money_returned(told: &ToldBooking, amount: Money) -> Template {
    Template::MoneyReturned { booking: summary(told, valid(told)), amount }
}

pub(super) fn event_changed(told: &ToldBooking, ends_at: Timestamp, was: FormerDate) -> Template {
    Template::EventChanged { booking: summary(told, valid(told)), ends_at, was }
}

/// How long it waits for its payment, if that is not over.
fn waits_until(told: &ToldBooking) -> Option<Timestamp> {
    let ends_at = told.booking.ends_at()?;
    (ends_at > Timestamp::now()).then_some(ends_at)
}

fn some(amount: Money) -> Option<Money> {
    (!amount.is_free()).then_some(amount)
}

/// The places that were not cancelled one by one.
fn valid(told: &ToldBooking) -> impl Fn(u8) -> bool {
    let cancelled = told.booking.cancelled;
    move |position| !cancelled.contains(position)
}

fn summary(told: &ToldBooking, which: impl Fn(u8) -> bool) -> BookingSummary {
    let (booking, event) = (&told.booking, &told.event);
    BookingSummary {
        name: told.name.clone(),
        booking_id: booking.id,
        event_title: event.title.clone(),
        starts_at: event.starts_at,
        time_zone: event.time_zone.clone(),
        venue: event.venue.clone(),
        places: places(told, which),
        discount: some(booking.discount),
        fees: some(booking.fees),
        tax: some(booking.tax),
        tax_included: booking.tax_included,
        total: booking.total,
    }
}

fn places(told: &ToldBooking, which: impl Fn(u8) -> bool) -> Vec<BookedPlace> {
    let place = |item: &Item| BookedPlace {
        ticket_type: told.event.ticket_types.get(&item.ticket_type_id).cloned().unwrap_or_default(),
        seat: item.seat.as_ref().map(|seat| BookedPlace::seat_name(told.locale, &seat.section, &seat.row, &seat.label)),
        price: Money::new(item.price, told.booking.total.currency),
    };
    told.booking.items.iter().zip(0..).filter(|(_, position)| which(*position)).map(|(item, _)| place(item)).collect()
}
