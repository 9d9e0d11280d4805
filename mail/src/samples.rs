//! One of each mail, for tests.

use domain::{
    accounts::EmailAddress,
    ids::{BookingId, EventId, MailId},
    mail::{BookedPlace, BookingSummary, FormerDate, LinkToken, Locale, Message, Site, Template},
    money::Money,
    outbox::Mail,
};

pub(super) fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), "EUR".parse().unwrap())
}

pub(super) fn booking(name: &str, title: &str) -> BookingSummary {
    let place =
        |seat: &str| BookedPlace { ticket_type: "Adult".to_owned(), seat: Some(seat.to_owned()), price: euros("60") };
    BookingSummary {
        name: name.to_owned(),
        booking_id: BookingId::generate(),
        event_title: title.to_owned(),
        starts_at: "2026-07-03T18:00:00Z".parse().unwrap(),
        time_zone: "Europe/Berlin".to_owned(),
        venue: "Opera, Unter den Linden 7, Berlin".to_owned(),
        places: vec![place("Floor A, row 3, seat 12"), place("Floor A, row 3, seat 13")],
        discount: Some(euros("6")),
        fees: Some(euros("6")),
        tax: Some(euros("7.85")),
        tax_included: true,
        total: euros("120"),
    }
}

fn evening() -> jiff::Timestamp {
    "2026-07-03T20:30:00Z".parse().unwrap()
}

/// Each template, for a person of that name and an event of that title.
pub(super) fn all(name: &str, title: &str) -> Vec<Template> {
    let token = || LinkToken::new("tok+en/=");
    let named = || name.to_owned();
    vec![
        Template::VerifyEmail { name: named(), token: token(), valid_minutes: 1440 },
        Template::AlreadyRegistered { name: named() },
        Template::ResetPassword { name: named(), token: token(), valid_minutes: 60 },
        Template::PasswordChanged { name: named() },
        Template::AccountSuspended { name: named() },
        Template::BookingConfirmed { booking: booking(name, title) },
        Template::BookingCancelled { booking: booking(name, title), refund: Some(euros("120")), left: Vec::new() },
        Template::BookingCancelled { booking: booking(name, title), refund: None, left: Vec::new() },
        Template::BookingCancelled {
            booking: booking(name, title),
            refund: Some(euros("55")),
            left: booking(name, title).places,
        },
        Template::EventNotPublished {
            name: named(),
            event_id: EventId::generate(),
            event_title: title.to_owned(),
            reasons: vec!["the event is over".to_owned()],
        },
        Template::EventCancelled { booking: booking(name, title), refund: Some(euros("120")) },
        Template::PaymentFailed { booking: booking(name, title), until: evening() },
        Template::BookingExpiring { booking: booking(name, title), until: evening() },
        Template::RefundPaid { booking: booking(name, title), amount: euros("55") },
        Template::MoneyReturned { booking: booking(name, title), amount: euros("120") },
        Template::EventChanged {
            booking: booking(name, title),
            ends_at: evening(),
            was: FormerDate { starts_at: evening(), ends_at: evening(), venue: "Park".to_owned() },
        },
    ]
}

pub(super) fn mail(locale: Locale, template: Template) -> Mail {
    let to = EmailAddress::parse("email", "ada@example.org").unwrap();
    Mail {
        id: MailId::generate(),
        message: Message { to, locale, template },
        queued_at: "2026-06-01T12:00:00Z".parse().unwrap(),
        attempt: 1,
        leased_until: "2026-06-01T12:01:00Z".parse().unwrap(),
        unanswered: 0,
        site: Site::default().into(),
    }
}
