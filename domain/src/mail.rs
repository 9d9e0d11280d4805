//! Mails that the server sends by itself: to whom, in which language, and what they tell. How they look is the
//! business of the sender.

mod booking;
pub mod locale;
mod site;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    booking::{BookedPlace, BookingSummary, FormerDate},
    locale::Locale,
    site::Site,
};
use crate::{accounts::EmailAddress, ids::EventId, money::Money};

/// One mail to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub to: EmailAddress,
    pub locale: Locale,
    pub template: Template,
}

/// What a mail tells. In JSON, `kind` names the variant; what was once queued must stay readable, so a field that is added
/// needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Template {
    /// Somebody registered with this address: is it theirs?
    VerifyEmail {
        /// How the person is called.
        name: String,
        /// Proves that they can read their mail.
        token: LinkToken,
        /// How long the link works, in minutes.
        valid_minutes: u32,
    },
    /// Somebody tried to register with the address of an account. Its owner is told, and the other nothing.
    AlreadyRegistered {
        /// How the account's owner is called, not what the other one typed.
        name: String,
    },
    /// A link to choose a new password was asked for.
    ResetPassword {
        /// How the person is called.
        name: String,
        /// Lets them choose a password.
        token: LinkToken,
        /// How long the link works, in minutes.
        valid_minutes: u32,
    },
    /// The password is another one now.
    PasswordChanged {
        /// How the person is called.
        name: String,
    },
    /// Nobody can sign in to the account any more.
    AccountSuspended {
        /// How the person is called.
        name: String,
    },
    /// A booking is made and, if it costs something, paid.
    BookingConfirmed { booking: BookingSummary },
    /// Some or all of its places were cancelled.
    BookingCancelled {
        /// With the places that are cancelled.
        booking: BookingSummary,
        /// What is given back for them.
        refund: Option<Money>,
        /// The places that are still the buyer's.
        #[serde(default)]
        left: Vec<BookedPlace>,
    },
    /// The time of a scheduled event had come, and it could not be published.
    EventNotPublished {
        /// How its organizer is called.
        name: String,
        event_id: EventId,
        /// How it is called.
        event_title: String,
        /// What stood against it, in English: one sentence each.
        reasons: Vec<String>,
    },
    /// An event does not take place, so what was booked of it is cancelled.
    EventCancelled {
        booking: BookingSummary,
        /// What is given back.
        refund: Option<Money>,
    },
    /// An attempt to pay has failed, and the booking still waits.
    PaymentFailed {
        booking: BookingSummary,
        /// How long it does.
        until: Timestamp,
    },
    /// A booking waits for its payment, and not for long any more.
    BookingExpiring {
        booking: BookingSummary,
        /// How long it still waits.
        until: Timestamp,
    },
    /// Money is on its way back, as far as the payment gateway can tell.
    RefundPaid { booking: BookingSummary, amount: Money },
    /// Money has come too late, or twice, and goes back.
    MoneyReturned { booking: BookingSummary, amount: Money },
    /// An event is at another time or place.
    EventChanged {
        /// As it is now.
        booking: BookingSummary,
        ends_at: Timestamp,
        was: FormerDate,
    },
}

/// How soon a mail is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    /// Somebody waits for it at a screen, or it is worth nothing soon. Goes first, with a part of the connections and of the pace of its own.
    Awaited,
    /// Anything else.
    Usual,
}

impl Rank {
    /// The number in the database; smaller ones go first.
    pub fn number(self) -> i16 {
        match self {
            Self::Awaited => 0,
            Self::Usual => 1,
        }
    }
}

impl Template {
    /// How soon it is wanted.
    pub fn rank(&self) -> Rank {
        match self {
            Self::VerifyEmail { .. }
            | Self::AlreadyRegistered { .. }
            | Self::ResetPassword { .. }
            | Self::PaymentFailed { .. }
            | Self::BookingExpiring { .. } => Rank::Awaited,
            Self::PasswordChanged { .. }
            | Self::AccountSuspended { .. }
            | Self::EventNotPublished { .. }
            | Self::BookingConfirmed { .. }
            | Self::BookingCancelled { .. }
            | Self::EventCancelled { .. }
            | Self::RefundPaid { .. }
            | Self::MoneyReturned { .. }
            | Self::EventChanged { .. } => Rank::Usual,
        }
    }

    /// Its one-time token and for how many minutes that works, if it has one.
    pub fn link(&self) -> Option<(&LinkToken, u32)> {
        match self {
            Self::VerifyEmail { token, valid_minutes, .. } | Self::ResetPassword { token, valid_minutes, .. } => {
                Some((token, *valid_minutes))
            }
            _ => None,
        }
    }

    /// The same with another one-time token; as it is when it has none.
    pub fn with_token(mut self, new: LinkToken) -> Self {
        if let Self::VerifyEmail { token, .. } | Self::ResetPassword { token, .. } = &mut self {
            *token = new;
        }
        self
    }

    /// The names of all that this version can send. An older server leaves a newer one's mails to it.
    pub const KINDS: [&str; 14] = [
        "VERIFY_EMAIL",
        "ALREADY_REGISTERED",
        "RESET_PASSWORD",
        "PASSWORD_CHANGED",
        "ACCOUNT_SUSPENDED",
        "BOOKING_CONFIRMED",
        "BOOKING_CANCELLED",
        "EVENT_NOT_PUBLISHED",
        "EVENT_CANCELLED",
        "PAYMENT_FAILED",
        "BOOKING_EXPIRING",
        "REFUND_PAID",
        "MONEY_RETURNED",
        "EVENT_CHANGED",
    ];

    /// Its name: the `kind` of its JSON.
    pub fn kind(&self) -> &'static str {
        let place = match self {
            Self::VerifyEmail { .. } => 0,
            Self::AlreadyRegistered { .. } => 1,
            Self::ResetPassword { .. } => 2,
            Self::PasswordChanged { .. } => 3,
            Self::AccountSuspended { .. } => 4,
            Self::BookingConfirmed { .. } => 5,
            Self::BookingCancelled { .. } => 6,
            Self::EventNotPublished { .. } => 7,
            Self::EventCancelled { .. } => 8,
            Self::PaymentFailed { .. } => 9,
            Self::BookingExpiring { .. } => 10,
            Self::RefundPaid { .. } => 11,
            Self::MoneyReturned { .. } => 12,
            Self::EventChanged { .. } => 13,
        };
        Self::KINDS[place]
    }
}

/// A one-time token on its way to a mail. Anyone who has it can do what the mail is about, so it is never shown or logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkToken(String);

impl LinkToken {
    /// A token as its maker wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the link.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(…)")
    }
}

/// An address as operators may see it: `a***@example.org`.
pub fn masked(address: &EmailAddress) -> String {
    let (local, domain) = address.as_str().rsplit_once('@').unwrap_or_default();
    let first: String = local.chars().take(1).collect();
    format!("{first}***@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BookingId;

    fn summary() -> BookingSummary {
        let euros = |amount: &str| Money::new(amount.parse().unwrap(), "EUR".parse().unwrap());
        BookingSummary {
            name: "Ada".to_owned(),
            booking_id: BookingId::generate(),
            event_title: "Rigoletto".to_owned(),
            starts_at: "2026-07-03T18:00:00Z".parse().unwrap(),
            time_zone: "Europe/Berlin".to_owned(),
            venue: "Opera".to_owned(),
            places: vec![BookedPlace { ticket_type: "Adult".to_owned(), seat: None, price: euros("12.50") }],
            discount: None,
            fees: None,
            tax: None,
            tax_included: true,
            total: euros("12.50"),
        }
    }

    fn all() -> Vec<Template> {
        let (name, token) = ("Ada".to_owned(), LinkToken::new("secret-token"));
        let (refund, starts_at) = (Some(summary().total), summary().starts_at);
        let was = FormerDate { starts_at, ends_at: starts_at, venue: "Park".to_owned() };
        vec![
            Template::VerifyEmail { name: name.clone(), token: token.clone(), valid_minutes: 60 },
            Template::AlreadyRegistered { name: name.clone() },
            Template::ResetPassword { name: name.clone(), token, valid_minutes: 60 },
            Template::PasswordChanged { name: name.clone() },
            Template::AccountSuspended { name: name.clone() },
            Template::BookingConfirmed { booking: summary() },
            Template::BookingCancelled { booking: summary(), refund, left: Vec::new() },
            Template::EventNotPublished {
                name,
                event_id: EventId::generate(),
                event_title: "Rigoletto".to_owned(),
                reasons: vec!["the event is over".to_owned()],
            },
            Template::EventCancelled { booking: summary(), refund },
            Template::PaymentFailed { booking: summary(), until: summary().starts_at },
            Template::BookingExpiring { booking: summary(), until: summary().starts_at },
            Template::RefundPaid { booking: summary(), amount: summary().total },
            Template::MoneyReturned { booking: summary(), amount: summary().total },
            Template::EventChanged { booking: summary(), ends_at: summary().starts_at, was },
        ]
    }

    #[test]
    fn a_template_is_read_as_it_was_written_and_named_by_its_kind() {
        for (template, kind) in all().into_iter().zip(Template::KINDS) {
            let json = serde_json::to_value(&template).unwrap();
            assert_eq!((json["kind"].as_str(), template.kind()), (Some(kind), kind));
            assert_eq!(serde_json::from_value::<Template>(json).unwrap(), template);
        }
    }

    /// Guards: the defaults of fields that came later.
    #[test]
    fn what_an_older_server_has_queued_can_be_read() {
        let template = Template::BookingCancelled { booking: summary(), refund: None, left: Vec::new() };
        let mut json = serde_json::to_value(&template).unwrap();
        let fields = json.as_object_mut().unwrap();
        fields.remove("left");
        let booking = fields["booking"].as_object_mut().unwrap();
        for field in ["discount", "fees", "tax", "tax_included"] {
            booking.remove(field);
        }
        assert_eq!(serde_json::from_value::<Template>(json).unwrap(), template);
    }

    #[test]
    fn a_token_never_shows() {
        for template in all() {
            assert!(!format!("{template:?}").contains("secret-token"));
        }
    }

    #[test]
    fn a_masked_address_keeps_its_domain_only() {
        let masked = |text: &str| masked(&EmailAddress::parse("email", text).unwrap());
        assert_eq!(masked("ada.lovelace@example.org"), "a***@example.org");
        assert_eq!(masked("ü@example.org"), "ü***@example.org");
    }
}
