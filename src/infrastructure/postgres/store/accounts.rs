//! Accounts and their profiles.

use domain::{
    accounts::{Account, EmailAddress, PersonName, Phone, Role},
    ids::AccountId,
    repositories::{AccountRepository, AddAccountError, Found},
    validation::FieldError,
};
use tokio_postgres::{Row, error::SqlState, types::Type};

use super::{
    super::rows::{self, StoreError},
    PgStore,
};

const INSERT: &str = "WITH added AS (INSERT INTO accounts (id, email, password_hash, role, created_at, updated_at) \
    VALUES ($1, $2, $3, $4::text::account_role, $5, $5) RETURNING id) \
    INSERT INTO profiles (account_id, name, phone, updated_at) SELECT id, $6, $7, $5 FROM added";

const BY_EMAIL: &str = "SELECT a.id, a.email, a.role::text AS role, p.name, p.phone, a.created_at, \
    greatest(a.updated_at, p.updated_at) AS updated_at, a.password_hash \
    FROM accounts a JOIN profiles p ON p.account_id = a.id WHERE a.email = $1";

const BY_ID: &str = "SELECT a.id, a.email, a.role::text AS role, p.name, p.phone, a.created_at, \
    greatest(a.updated_at, p.updated_at) AS updated_at \
    FROM accounts a JOIN profiles p ON p.account_id = a.id WHERE a.id = $1";

const UPDATE_PROFILE: &str = "UPDATE profiles SET name = coalesce($2, name), \
    phone = CASE WHEN $3 THEN $4 ELSE phone END, updated_at = now() WHERE account_id = $1";

fn account(row: &Row) -> Result<Account, StoreError> {
    let invalid = |error: FieldError| StoreError::Row(format!("{}: {}", error.field, error.code));
    let role: Role = rows::parse(row.try_get("role")?)?;
    Ok(Account {
        id: AccountId(row.try_get("id")?),
        email: EmailAddress::parse("email", row.try_get("email")?).map_err(invalid)?,
        role,
        name: PersonName::parse("name", row.try_get("name")?).map_err(invalid)?,
        phone: row
            .try_get::<_, Option<&str>>("phone")?
            .map(|phone| Phone::parse("phone", phone).map_err(invalid))
            .transpose()?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

impl PgStore {
    /// Adds an account in one statement, with its profile.
    async fn insert_account(&self, account: &Account, password_hash: &str) -> Result<(), StoreError> {
        let client = self.pool.get().await?;
        client
            .query_typed(
                INSERT,
                &[
                    (&account.id.0, Type::UUID),
                    (&account.email.as_str(), Type::TEXT),
                    (&password_hash, Type::TEXT),
                    (&account.role.as_str(), Type::TEXT),
                    (&account.created_at, Type::TIMESTAMPTZ),
                    (&account.name.as_str(), Type::TEXT),
                    (&account.phone.as_ref().map(Phone::as_str), Type::TEXT),
                ],
            )
            .await?;
        Ok(())
    }
}

impl AccountRepository for PgStore {
    async fn add_account(&self, account: &Account, password_hash: &str) -> Result<(), AddAccountError> {
        match self.insert_account(account, password_hash).await {
            Err(StoreError::Database(error))
                if error.code() == Some(&SqlState::UNIQUE_VIOLATION)
                    && error.as_db_error().and_then(|db| db.constraint()) == Some("accounts_email_key") =>
            {
                Err(AddAccountError::EmailTaken)
            }
            result => result.map_err(|error| AddAccountError::Repository(error.into())),
        }
    }

    async fn account_by_email(&self, email: &str) -> Found<Option<(Account, String)>> {
        let client = self.pool.get().await.map_err(StoreError::from)?;
        let rows = client.query_typed(BY_EMAIL, &[(&email, Type::TEXT)]).await.map_err(StoreError::from)?;
        let with_hash = |row: &Row| Ok::<_, StoreError>((account(row)?, row.try_get("password_hash")?));
        Ok(rows.first().map(with_hash).transpose()?)
    }

    async fn account(&self, id: AccountId) -> Found<Option<Account>> {
        let client = self.pool.get().await.map_err(StoreError::from)?;
        let rows = client.query_typed(BY_ID, &[(&id.0, Type::UUID)]).await.map_err(StoreError::from)?;
        Ok(rows.first().map(account).transpose()?)
    }

    async fn update_profile(
        &self,
        id: AccountId,
        name: Option<&PersonName>,
        phone: Option<Option<&Phone>>,
    ) -> Found<Option<Account>> {
        let client = self.pool.get().await.map_err(StoreError::from)?;
        client
            .query_typed(
                UPDATE_PROFILE,
                &[
                    (&id.0, Type::UUID),
                    (&name.map(PersonName::as_str), Type::TEXT),
                    (&phone.is_some(), Type::BOOL),
                    (&phone.flatten().map(Phone::as_str), Type::TEXT),
                ],
            )
            .await
            .map_err(StoreError::from)?;
        drop(client);
        self.account(id).await
    }
}
