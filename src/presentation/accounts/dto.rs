//! Accounts in JSON.

use domain::{accounts::Account, ids::AccountId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedInJson<'a> {
    pub(super) access_token: &'a str,
    pub(super) token_type: &'static str,
    /// Seconds.
    pub(super) expires_in: u64,
    pub(super) user: UserJson<'a>,
}
