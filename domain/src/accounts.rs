//! Accounts: who may sign in, and as what.

mod address;
mod password;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

pub use self::{address::EmailAddress, password::Password};
use crate::{
    ids::AccountId,
    mail::locale::Locale,
    text,
    validation::{FieldError, FieldErrors, UnknownName},
};

/// What an account may do; one role an account, several may be allowed on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of)]
pub enum Role {
    /// Books, and manages own bookings.
    User,
    /// Manages own events.
    Organizer,
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::User, Role::Organizer, Role::Admin];

    /// The name in tokens, in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Whether an account may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, IntoStaticStr, EnumString)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of)]
pub enum AccountStatus {
    Active,
    /// An administrator has said that it may not.
    Suspended,
}

impl AccountStatus {
    pub const ALL: [AccountStatus; 2] = [AccountStatus::Active, AccountStatus::Suspended];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A person who may sign in, with the profile that goes with it.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: AccountId,
    /// Unique, lower-case.
    pub email: EmailAddress,
    pub role: Role,
    /// Whether it may sign in.
    pub status: AccountStatus,
    /// When its owner proved to read the mail at its address.
    pub email_verified_at: Option<Timestamp>,
    /// Access tokens issued before are refused.
    pub tokens_not_before: Timestamp,
    /// How the person is called.
    pub name: PersonName,
    /// For the day of the event.
    pub phone: Option<Phone>,
    /// The language of their mails.
    pub locale: Locale,
    pub created_at: Timestamp,
    /// When it or its profile last changed.
    pub updated_at: Timestamp,
    /// Grows with each change of it or its profile.
    pub revision: i32,
}

impl Account {
    /// A new account of somebody who registers, or is registered by the command line.
    pub fn new(registration: &Registration, role: Role, locale: Locale, now: Timestamp) -> Self {
        Self {
            id: AccountId::generate(),
            email: registration.email.clone(),
            role,
            status: AccountStatus::Active,
            email_verified_at: None,
            tokens_not_before: Timestamp::UNIX_EPOCH,
            name: registration.name.clone(),
            phone: registration.phone.clone(),
            locale,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    /// What its password must not be made of, for [`Password::check_strength`].
    pub fn own_words(&self) -> [&str; 2] {
        [self.email.as_str(), self.name.as_str()]
    }

    /// Whether it may sign in, and get new tokens and passwords.
    pub fn may_sign_in(&self) -> bool {
        self.status == AccountStatus::Active
    }

    /// The instant to issue an access token at. Tokens count whole seconds: one issued in the second in which older ones were
    /// refused bears the next second, or it would be refused as well.
    pub fn tokens_issued_at(&self, now: Timestamp) -> Timestamp {
        let micros = self.tokens_not_before.as_microsecond();
        let second = micros.div_euclid(1_000_000) + i64::from(micros.rem_euclid(1_000_000) > 0);
        now.max(Timestamp::from_second(second).unwrap_or(now))
    }
}

/// A person's name: a line of 2 to 100 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

impl PersonName {
    /// Checks it as any line.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        text::line(field, text, 2..=100).map(Self).map_err(|_| {
            let message =
                "must have 2 to 100 characters to see, and none that are control or turn the direction of writing";
            FieldError::new(field, "INVALID_NAME", message)
        })
    }

    /// A name that is stored. It was checked when it was written.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A telephone number in the form of E.164: `+` and 7 to 15 digits, the first not 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let text = text::normalised(text);
        let digits = text.strip_prefix('+').unwrap_or_default();
        let valid = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if !valid {
            return Err(FieldError::new(field, "INVALID_PHONE", "must be in E.164 form, such as +4930123456"));
        }
        Ok(Self(text.into_owned()))
    }

    /// A number that is stored. It was checked when it was written.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person who registers tells of themselves.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The address to sign in with.
    pub email: EmailAddress,
    /// The secret to sign in with.
    pub password: Password,
    /// How the person is called.
    pub name: PersonName,
    /// For the day of the event.
    pub phone: Option<Phone>,
}

impl Registration {
    /// Checks every field and reports every fault, except for how easily the password is guessed: to find that out takes its
    /// time, see [`Registration::own_words`].
    pub fn parse(email: &str, password: &str, name: &str, phone: Option<&str>) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let email = errors.keep(EmailAddress::parse("email", email));
        let password = errors.keep(Password::parse("password", password));
        let name = errors.keep(PersonName::parse("name", name));
        let phone = phone.and_then(|text| errors.keep(Phone::parse("phone", text)));
        let valid = match (email, password, name) {
            (Some(email), Some(password), Some(name)) => Some(Self { email, password, name, phone }),
            _ => None,
        };
        errors.finish(valid)
    }

    /// What the password must not be made of, for [`Password::check_strength`].
    pub fn own_words(&self) -> [&str; 2] {
        [self.email.as_str(), self.name.as_str()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_registration_is_reported() {
        let errors = Registration::parse("nope", "short", "A", Some("030")).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_ref()).collect();
        assert_eq!(fields, ["email", "password", "name", "phone"]);
    }

    #[test]
    fn a_token_is_never_issued_before_older_ones_are_refused() {
        let mut account = Account::new(
            &Registration::parse("ada@example.org", "correct horse battery", "Ada", None).unwrap(),
            Role::User,
            Locale::En,
            Timestamp::UNIX_EPOCH,
        );
        let at = |micros: i64| Timestamp::from_microsecond(micros).unwrap();
        account.tokens_not_before = at(10_500_000);
        assert_eq!(account.tokens_issued_at(at(10_700_000)), at(11_000_000));
        assert_eq!(account.tokens_issued_at(at(12_700_000)), at(12_700_000));
        account.tokens_not_before = at(10_000_000);
        assert_eq!(account.tokens_issued_at(at(10_000_000)), at(10_000_000));
    }
}
