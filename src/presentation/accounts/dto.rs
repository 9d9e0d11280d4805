//! Accounts in JSON.

use domain::{accounts::Account, ids::AccountId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::presentation::openapi::schemas::RoleSchema;

/// A new account.
#[derive(Deserialize, ToSchema)]
#[schema(as = Registration)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// Unique among all accounts; the case of its letters does not matter.
    #[schema(format = Email, max_length = 254)]
    pub(super) email: String,
    #[schema(format = Password, min_length = 10, max_length = 128)]
    pub(super) password: String,
    /// What the person is called.
    #[schema(
        min_length = 2,
        max_length = 100,
        pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f]\s*$"
    )]
    pub(super) name: String,
    /// E.164.
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$")]
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
    #[schema(
        min_length = 2,
        max_length = 100,
        pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f]\s*$"
    )]
    pub(super) name: Option<String>,
    /// Absent: unchanged. `null`: taken away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$")]
    pub(super) phone: Option<Option<String>>,
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
    #[schema(format = Email)]
    email: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<&'a str>,
    #[schema(value_type = RoleSchema)]
    role: &'static str,
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
    pub(super) user: UserJson<'a>,
}
