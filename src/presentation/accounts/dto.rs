//! Accounts in JSON.

use std::net::IpAddr;

use domain::{
    accounts::Account,
    ids::{AccountId, SessionId},
    sessions::Session,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::presentation::pagination::CursorKey;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RegisterBody {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) name: String,
    pub(super) phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LoginBody {
    pub(super) email: String,
    pub(super) password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ProfileBody {
    pub(super) name: Option<String>,
    /// Absent: unchanged. `null`: taken away.
    #[serde(default, deserialize_with = "present")]
    pub(super) phone: Option<Option<String>>,
    /// The language of mails, as a tag of BCP 47.
    pub(super) locale: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TokenBody {
    pub(super) token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EmailBody {
    pub(super) email: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResetPasswordBody {
    pub(super) token: String,
    pub(super) password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ChangePasswordBody {
    pub(super) current_password: String,
    pub(super) new_password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccountChangeBody {
    pub(super) role: Option<String>,
    pub(super) status: Option<String>,
}

/// Tells `null` from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserJson<'a> {
    id: AccountId,
    email: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedInJson<'a> {
    pub(super) access_token: &'a str,
    pub(super) token_type: &'static str,
    /// Seconds.
    pub(super) expires_in: u64,
    /// What a page of another origin sends as `X-CSRF-Token` to refresh and sign out.
    pub(super) csrf_token: &'a str,
    pub(super) user: UserJson<'a>,
}

/// A session as its owner sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionJson<'a> {
    id: SessionId,
    /// Whether it is the one whose cookie the request has.
    current: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// An account as administrators see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountJson<'a> {
    #[serde(flatten)]
    user: UserJson<'a>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
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

/// Accounts are listed by the time of their making, which their ids have.
impl CursorKey for AccountId {
    fn encode(&self) -> String {
        self.0.simple().to_string()
    }

    fn decode(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
