//! Accounts and their profiles.

use async_trait::async_trait;
use domain::{
    accounts::{Account, AccountStatus, EmailAddress, PersonName, Phone, Role},
    audit::{Action, Actor, Deed},
    ids::AccountId,
    mail::Locale,
    repositories::{AccountRepository, CreateAccountError, Found, ProfileChange},
};
use serde_json::json;
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        audit,
        connection::{Statements, Transaction, Typed},
        rows::{self, StoreError},
    },
    PgStore,
};

pub(super) const ACCOUNTS: &str = "accounts a JOIN profiles p ON p.account_id = a.id";

/// Columns of [`ACCOUNTS`], for [`account`].
pub(super) const ACCOUNT_COLUMNS: &str = "a.id, a.email, a.role::text AS role, a.status::text AS status, \
    a.email_verified_at, a.tokens_not_before, a.locale, p.name, p.phone, a.created_at, \
    greatest(a.updated_at, p.updated_at) AS updated_at, a.revision";

/// Adds nothing when another account has the address.
const INSERT: &str = "WITH added AS (INSERT INTO accounts \
    (id, email, password_hash, role, locale, email_verified_at, created_at, updated_at) \
    VALUES ($1, $2, $3, $4::text::account_role, $5, $9, $6, $6) ON CONFLICT (email) DO NOTHING RETURNING id) \
    INSERT INTO profiles (account_id, name, phone, updated_at) SELECT id, $7, $8, $6 FROM added";

/// Nothing where nothing differs.
const UPDATE_PROFILE: &str = "WITH changed AS ( \
        UPDATE accounts a SET locale = coalesce($5, a.locale), updated_at = now(), revision = a.revision + 1 \
        FROM profiles p WHERE a.id = $1 AND p.account_id = a.id AND (p.name, p.phone, a.locale) IS DISTINCT FROM \
            (coalesce($2, p.name), CASE WHEN $3 THEN $4 ELSE p.phone END, coalesce($5, a.locale)) \
        RETURNING a.id \
    ) UPDATE profiles SET name = coalesce($2, name), phone = CASE WHEN $3 THEN $4 ELSE phone END, updated_at = now() \
    WHERE account_id IN (SELECT id FROM changed)";

/// An account from a row with [`ACCOUNT_COLUMNS`]. What it says was checked when it was written, and is not judged again.
pub(super) fn account(row: &Row) -> Result<Account, StoreError> {
    let locale: &str = row.try_get("locale")?;
    Ok(Account {
        id: AccountId(row.try_get("id")?),
        email: EmailAddress::stored(row.try_get("email")?),
        role: rows::parse::<Role>(row.try_get("role")?)?,
        status: rows::parse::<AccountStatus>(row.try_get("status")?)?,
        email_verified_at: row.try_get("email_verified_at")?,
        tokens_not_before: row.try_get("tokens_not_before")?,
        name: PersonName::stored(row.try_get("name")?),
        phone: row.try_get::<_, Option<&str>>("phone")?.map(Phone::stored),
        // A language that a newer version writes is none of this one's.
        locale: Locale::of_tag(locale).unwrap_or_default(),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        revision: row.try_get("revision")?,
    })
}

/// Adds an account with its profile; false when another one has its address.
pub(super) async fn insert(
    client: &impl Statements,
    account: &Account,
    password_hash: &str,
) -> Result<bool, StoreError> {
    let added = client
        .execute_typed(
            INSERT,
            &[
                (&account.id.0, Type::UUID),
                (&account.email.as_str(), Type::TEXT),
                (&password_hash, Type::TEXT),
                (&account.role.as_str(), Type::TEXT),
                (&account.locale.as_str(), Type::TEXT),
                (&account.created_at, Type::TIMESTAMPTZ),
                (&account.name.as_str(), Type::TEXT),
                (&account.phone.as_ref().map(Phone::as_str), Type::TEXT),
                (&account.email_verified_at, Type::TIMESTAMPTZ),
            ],
        )
        .await?;
    Ok(added > 0)
}

impl PgStore {
    async fn add_audited(&self, account: &Account, password_hash: &str, actor: &Actor) -> Result<bool, StoreError> {
        let deed = Deed {
            at: account.created_at,
            actor: actor.clone(),
            action: Action::AccountCreated,
            target_kind: "account".to_owned(),
            target_id: account.id.to_string(),
            details: json!({ "role": account.role.as_str() }),
        };
        let deed = &deed;
        self.pool
            .transaction(|transaction| async move {
                let is_added = insert(&transaction, account, password_hash).await?;
                if is_added {
                    audit::record(&transaction, deed.clone()).await?;
                }
                Ok(is_added)
            })
            .await
    }

    async fn change_profile(&self, id: AccountId, change: &ProfileChange) -> Result<(), StoreError> {
        let phone = change.phone.as_ref().map(|phone| phone.as_ref().map(Phone::as_str));
        let (name, locale) = (change.name.as_ref().map(PersonName::as_str), change.locale.map(Locale::as_str));
        let parameters: &[Typed<'_>; 5] = &[
            (&id.0, Type::UUID),
            (&name, Type::TEXT),
            (&phone.is_some(), Type::BOOL),
            (&phone.flatten(), Type::TEXT),
            (&locale, Type::TEXT),
        ];
        // A transaction, because an administrator's change is written down with it.
        let changed = |transaction: Transaction| async move {
            transaction.execute_typed(UPDATE_PROFILE, parameters).await.map(drop)
        };
        self.pool.transaction(changed).await
    }

    /// The account with that id.
    pub(super) async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!("SELECT {ACCOUNT_COLUMNS} FROM {ACCOUNTS} WHERE a.id = $1");
        let rows = client.query_typed(&statement, &[(&id.0, Type::UUID)]).await?;
        rows.first().map(account).transpose()
    }
}

#[async_trait]
impl AccountRepository for PgStore {
    async fn create_account(
        &self,
        account: &Account,
        password_hash: &str,
        actor: &Actor,
    ) -> Result<(), CreateAccountError> {
        match self.add_audited(account, password_hash, actor).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(CreateAccountError::EmailTaken),
            Err(error) => Err(CreateAccountError::Repository(error.into())),
        }
    }

    async fn account(&self, id: AccountId) -> Found<Option<Account>> {
        Ok(self.find_account(id).await?)
    }

    async fn update_profile(&self, id: AccountId, change: &ProfileChange) -> Found<Option<Account>> {
        self.change_profile(id, change).await?;
        self.account(id).await
    }
}
