//! Accounts in JSON.

use std::net::IpAddr;

use boxoffice_http::openapi::{
    schemas::{RoleSchema, StatusSchema},
    texts,
};
use domain::{
    accounts::Account,
    ids::{AccountId, SessionId},
    sessions::Session,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A new account.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// Unique among all accounts; the case of its letters does not matter.
    #[schema(format = "idn-email", max_length = 254)]
    pub(super) email: String,
    #[schema(format = Password, min_length = 10, max_length = 128)]
    pub(super) password: String,
    /// What the person is called: 2 to 100 characters, none of them control; white space around them is taken away.
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    pub(super) name: String,
    /// E.164: `+` and 7 to 15 digits, the first not 0.
    #[schema(pattern = r"^\s*\+[1-9][0-9]{6,14}\s*$")]
    pub(super) phone: Option<String>,
}

/// How one signs in.
#[derive(Deserialize, ToSchema)]
#[schema(as = Credentials)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoginBody {
    pub(super) email: String,
    pub(super) password: String,
}

/// What is to change.
#[derive(Deserialize, ToSchema)]
#[schema(as = ProfileChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProfileBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    pub(super) name: Option<Option<String>>,
    /// Absent: unchanged. `null`: taken away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, pattern = r"^\s*\+[1-9][0-9]{6,14}\s*$")]
    pub(super) phone: Option<Option<String>>,
    /// The language of mails, as a tag of BCP 47. `null`: English.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, pattern = r"^\s*([Ee][Nn]|[Dd][Ee]|[Ff][Rr])([-_].*|\s*)$")]
    pub(super) locale: Option<Option<String>>,
}

/// The token of a link in a mail.
#[derive(Deserialize, ToSchema)]
#[schema(as = LinkToken)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TokenBody {
    pub(super) token: String,
}

/// An address.
#[derive(Deserialize, ToSchema)]
#[schema(as = Address)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EmailBody {
    pub(super) email: String,
}

/// A new password, by a link.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordReset)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResetPasswordBody {
    pub(super) token: String,
    #[schema(format = Password, min_length = 10, max_length = 128)]
    pub(super) password: String,
}

/// A new password, by the old one.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangePasswordBody {
    pub(super) current_password: String,
    #[schema(format = Password, min_length = 10, max_length = 128)]
    pub(super) new_password: String,
}

/// What is to change.
#[derive(Deserialize, ToSchema)]
#[schema(as = AccountChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccountChangeBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = RoleSchema, required = false)]
    pub(super) role: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = StatusSchema, required = false)]
    pub(super) status: Option<Option<String>>,
}

/// Tells `null` from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// An account, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserJson<'a> {
    id: AccountId,
    #[schema(format = "idn-email")]
    email: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<&'a str>,
    #[schema(value_type = RoleSchema)]
    role: &'static str,
    email_verified: bool,
    locale: &'static str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Account> for UserJson<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: account.id,
            email: account.email.as_str(),
            name: account.name.as_str(),
            phone: account.phone.as_ref().map(|phone| phone.as_str()),
            role: account.role.as_str(),
            email_verified: account.email_verified_at.is_some(),
            locale: account.locale.as_str(),
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

/// An access token, and whose it is.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedInJson<'a> {
    /// Goes into the header `Authorization: Bearer`.
    pub(super) access_token: &'a str,
    /// `Bearer`.
    pub(super) token_type: &'static str,
    /// Seconds.
    pub(super) expires_in: u64,
    /// What a page of another origin sends as `X-CSRF-Token` to refresh and sign out.
    pub(super) csrf_token: &'a str,
    pub(super) user: UserJson<'a>,
}

/// A session as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionJson<'a> {
    id: SessionId,
    /// Whether it is the one in which the request's access token was issued.
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    address: Option<IpAddr>,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
}

impl<'a> SessionJson<'a> {
    pub(super) fn of(session: &'a Session, current: bool) -> Self {
        Self {
            id: session.id,
            current,
            user_agent: session.user_agent.as_deref(),
            address: session.address,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}

/// All sessions of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(super) struct SessionsJson<'a> {
    pub(super) data: Vec<SessionJson<'a>>,
}

/// An account as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountJson<'a> {
    #[serde(flatten)]
    user: UserJson<'a>,
    #[schema(value_type = StatusSchema)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email_verified_at: Option<Timestamp>,
}

impl<'a> From<&'a Account> for AccountJson<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            user: UserJson::from(account),
            status: account.status.as_str(),
            email_verified_at: account.email_verified_at,
        }
    }
}
