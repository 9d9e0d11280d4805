//! Passwords, and one-time links in mails.

use async_trait::async_trait;
use domain::{
    accounts::Account,
    credentials::{CredentialRepository, LINKS_MAX, Link, LinkPurpose, PasswordChange, Registered},
    ids::AccountId,
    mail::Message,
    repositories::Found,
    secrets::TokenHash,
    sessions::{Checked, NewSession},
};
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use super::{
    super::{connection::Statements, outbox::enqueue, rows::StoreError},
    PgStore,
    accounts::{ACCOUNT_COLUMNS, ACCOUNTS, account, insert},
    sessions,
};

const DELETE_LINKS: &str = "DELETE FROM one_time_tokens WHERE account_id = $1 AND purpose = $2::text::one_time_purpose";

/// All but so many, the latest.
const DELETE_OLD_LINKS: &str = "DELETE FROM one_time_tokens WHERE account_id = $1 AND purpose = $2::text::one_time_purpose \
    AND hash NOT IN (SELECT hash FROM one_time_tokens WHERE account_id = $1 AND purpose = $2::text::one_time_purpose \
        ORDER BY created_at DESC LIMIT $3)";

/// Whether the account, whose row is locked, gets no further link: it is suspended, or has a young one that works.
const HAS_ENOUGH: &str = "SELECT a.status <> 'ACTIVE' OR EXISTS (SELECT FROM one_time_tokens \
        WHERE account_id = $1 AND purpose = $2::text::one_time_purpose AND created_at > $3 AND expires_at > $4) \
    FROM accounts a WHERE a.id = $1";

/// The account before its links, as everywhere. Who is suspended chooses no password.
const LOCK_OWNER: &str = "SELECT a.id FROM accounts a WHERE (a.status = 'ACTIVE' OR $2 <> 'RESET_PASSWORD') \
    AND a.id = (SELECT account_id FROM one_time_tokens \
        WHERE hash = $1 AND purpose = $2::text::one_time_purpose AND expires_at > $3) \
    FOR NO KEY UPDATE";

const FORGET_DEVICES: &str = "DELETE FROM known_devices WHERE account_id = $1";

const ADD_LINK: &str = "INSERT INTO one_time_tokens (hash, account_id, purpose, created_at, expires_at) \
    VALUES ($1, $2, $3::text::one_time_purpose, $4, $5)";

const USE_LINK: &str = "DELETE FROM one_time_tokens \
    WHERE hash = $1 AND purpose = $2::text::one_time_purpose AND expires_at > $3 RETURNING account_id";

const VERIFY: &str = "UPDATE accounts SET email_verified_at = $2, updated_at = $2, revision = revision + 1 \
    WHERE id = $1 AND email_verified_at IS NULL";

const UPGRADE: &str = "UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2";

/// `$4` is the hash that the old password was checked against, if one was.
const SET_PASSWORD: &str = "UPDATE accounts SET password_hash = $2, updated_at = $3, revision = revision + 1 \
    WHERE id = $1 AND status = 'ACTIVE' AND ($4::text IS NULL OR password_hash = $4)";

async fn add_link(client: &impl Statements, id: AccountId, link: &Link) -> Result<(), StoreError> {
    client
        .execute_typed(
            ADD_LINK,
            &[
                (&link.hash.0.as_slice(), Type::BYTEA),
                (&id.0, Type::UUID),
                (&link.purpose.as_str(), Type::TEXT),
                (&link.created_at, Type::TIMESTAMPTZ),
                (&link.expires_at, Type::TIMESTAMPTZ),
            ],
        )
        .await?;
    Ok(())
}

/// Of two who use a link at once the second waits for the first, and finds it gone.
async fn use_link(
    client: &impl Statements,
    hash: TokenHash,
    purpose: LinkPurpose,
    now: Timestamp,
) -> Result<Option<AccountId>, StoreError> {
    let parameters: [(&(dyn ToSql + Sync), Type); 3] =
        [(&hash.0.as_slice(), Type::BYTEA), (&purpose.as_str(), Type::TEXT), (&now, Type::TIMESTAMPTZ)];
    if client.query_typed(LOCK_OWNER, &parameters).await?.is_empty() {
        return Ok(None);
    }
    let rows = client.query_typed(USE_LINK, &parameters).await?;
    let owner = rows.first().map(|row| row.try_get(0)).transpose()?.map(AccountId);
    if let Some(id) = owner {
        client.execute_typed(DELETE_LINKS, &[(&id.0, Type::UUID), (&purpose.as_str(), Type::TEXT)]).await?;
    }
    Ok(owner)
}

async fn verify(client: &impl Statements, id: AccountId, now: Timestamp) -> Result<(), StoreError> {
    client.execute_typed(VERIFY, &[(&id.0, Type::UUID), (&now, Type::TIMESTAMPTZ)]).await?;
    Ok(())
}

/// A new password, and the end of all that was proved with the old one. Since when tokens are good again; nothing when the account
/// is suspended, or its password another one than was checked.
async fn set_password(
    client: &impl Statements,
    id: AccountId,
    (checked, new): (Option<&str>, &str),
    mail: &Message,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let account = (&id.0 as &(dyn ToSql + Sync), Type::UUID);
    let change = [account.clone(), (&new, Type::TEXT), (&now, Type::TIMESTAMPTZ), (&checked, Type::TEXT)];
    if client.execute_typed(SET_PASSWORD, &change).await? == 0 {
        return Ok(None);
    }
    let since = sessions::end_all(client, id, now).await?;
    let reset = LinkPurpose::ResetPassword.as_str();
    client.execute_typed(DELETE_LINKS, &[account.clone(), (&reset, Type::TEXT)]).await?;
    client.execute_typed(FORGET_DEVICES, &[account]).await?;
    enqueue(client, mail).await?;
    Ok(Some(since))
}

fn with_hash(row: &Row) -> Result<(Account, String), StoreError> {
    Ok((account(row)?, row.try_get("password_hash")?))
}

impl PgStore {
    async fn add_registered(
        &self,
        new: &Account,
        password_hash: &str,
        link: &Link,
        mail: &Message,
        to_owner: Option<for<'a> fn(&'a Account) -> Message>,
    ) -> Result<Registered, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                if insert(&transaction, new, password_hash).await? {
                    add_link(&transaction, new.id, link).await?;
                    enqueue(&transaction, mail).await?;
                    return Ok(Registered::New);
                }
                let statement = format!("SELECT {ACCOUNT_COLUMNS} FROM {ACCOUNTS} WHERE a.email = $1");
                let rows = transaction.query_typed(&statement, &[(&new.email.as_str(), Type::TEXT)]).await?;
                if let (Some(owner), Some(to_owner)) = (rows.first().map(account).transpose()?, to_owner) {
                    enqueue(&transaction, &to_owner(&owner)).await?;
                }
                Ok(Registered::Taken)
            })
            .await
    }

    async fn find_with_hash(
        &self,
        column: &'static str,
        value: (&(dyn ToSql + Sync), Type),
    ) -> Result<Option<(Account, String)>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!("SELECT {ACCOUNT_COLUMNS}, a.password_hash FROM {ACCOUNTS} WHERE a.{column} = $1");
        let rows = client.query_typed(&statement, &[value]).await?;
        rows.first().map(with_hash).transpose()
    }

    async fn add_mailed_link(&self, id: AccountId, link: &Link, mail: &Message) -> Result<bool, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                let (purpose, young_since, kept) = (link.purpose.as_str(), link.young_since(), i64::from(LINKS_MAX));
                let account = (&id.0 as &(dyn ToSql + Sync), Type::UUID);
                let purpose = (&purpose as &(dyn ToSql + Sync), Type::TEXT);
                // Of two who ask at once the second finds the link of the first.
                transaction.query_typed(sessions::LOCK_ACCOUNT, std::slice::from_ref(&account)).await?;
                let (since, now) = ((&young_since as _, Type::TIMESTAMPTZ), (&link.created_at as _, Type::TIMESTAMPTZ));
                let rows = transaction.query_typed(HAS_ENOUGH, &[account.clone(), purpose.clone(), since, now]).await?;
                if rows.first().map_or(Ok(true), |row| row.try_get(0))? {
                    return Ok(false);
                }
                add_link(&transaction, id, link).await?;
                let kept = (&kept as _, Type::INT8);
                transaction.execute_typed(DELETE_OLD_LINKS, &[account, purpose, kept]).await?;
                enqueue(&transaction, mail).await?;
                Ok(true)
            })
            .await
    }

    async fn find_link_owner(
        &self,
        hash: TokenHash,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<(Account, String)>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!(
            "SELECT {ACCOUNT_COLUMNS}, a.password_hash FROM one_time_tokens t JOIN accounts a ON a.id = t.account_id \
             JOIN profiles p ON p.account_id = a.id \
             WHERE t.hash = $1 AND t.purpose = $2::text::one_time_purpose AND t.expires_at > $3"
        );
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&hash.0.as_slice(), Type::BYTEA), (&purpose.as_str(), Type::TEXT), (&now, Type::TIMESTAMPTZ)];
        let rows = client.query_typed(&statement, &parameters).await?;
        rows.first().map(with_hash).transpose()
    }

    async fn use_to_verify(&self, hash: TokenHash, now: Timestamp) -> Result<Option<AccountId>, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                let owner = use_link(&transaction, hash, LinkPurpose::VerifyEmail, now).await?;
                if let Some(id) = owner {
                    verify(&transaction, id, now).await?;
                }
                Ok(owner)
            })
            .await
    }

    async fn use_to_reset(
        &self,
        hash: TokenHash,
        password_hash: &str,
        mail: &Message,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.pool
            .transaction(|transaction| async move {
                let owner = use_link(&transaction, hash, LinkPurpose::ResetPassword, now).await?;
                let Some(id) = owner else { return Ok(None) };
                verify(&transaction, id, now).await?;
                set_password(&transaction, id, (None, password_hash), mail, now).await
            })
            .await
    }

    async fn replace_password(
        &self,
        change: PasswordChange<'_>,
        new: &NewSession,
        mail: &Message,
    ) -> Result<Option<Timestamp>, StoreError> {
        let hashes = (Some(change.checked), change.new);
        self.pool
            .transaction(|transaction| async move {
                let now = new.session.created_at;
                let since = set_password(&transaction, change.account, hashes, mail, now).await?;
                let Some(since) = since else { return Ok(None) };
                let checked = Checked { password_hash: change.new.to_owned(), tokens_not_before: since };
                sessions::open(&transaction, new, &checked).await?;
                Ok(Some(since))
            })
            .await
    }

    async fn execute(&self, statement: &str, parameters: &[(&(dyn ToSql + Sync), Type)]) -> Result<u64, StoreError> {
        self.pool.get().await?.execute_typed(statement, parameters).await
    }
}

#[async_trait]
impl CredentialRepository for PgStore {
    async fn register(
        &self,
        account: &Account,
        password_hash: &str,
        link: &Link,
        mail: &Message,
        to_owner: Option<for<'a> fn(&'a Account) -> Message>,
    ) -> Found<Registered> {
        Ok(self.add_registered(account, password_hash, link, mail, to_owner).await?)
    }

    async fn account_by_email(&self, email: &str) -> Found<Option<(Account, String)>> {
        // No address has one, and the database can't even be asked for it.
        if email.contains('\0') {
            return Ok(None);
        }
        Ok(self.find_with_hash("email", (&email, Type::TEXT)).await?)
    }

    async fn account_with_hash(&self, id: AccountId) -> Found<Option<(Account, String)>> {
        Ok(self.find_with_hash("id", (&id.0, Type::UUID)).await?)
    }

    async fn upgrade_hash(&self, id: AccountId, old: &str, new: &str) -> Found<bool> {
        Ok(self.execute(UPGRADE, &[(&id.0, Type::UUID), (&old, Type::TEXT), (&new, Type::TEXT)]).await? > 0)
    }

    async fn change_password(
        &self,
        change: PasswordChange<'_>,
        new: &NewSession,
        mail: &Message,
    ) -> Found<Option<Timestamp>> {
        Ok(self.replace_password(change, new, mail).await?)
    }

    async fn send_link(&self, id: AccountId, link: &Link, mail: &Message) -> Found<bool> {
        Ok(self.add_mailed_link(id, link, mail).await?)
    }

    async fn link_owner(
        &self,
        hash: TokenHash,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Found<Option<(Account, String)>> {
        Ok(self.find_link_owner(hash, purpose, now).await?)
    }

    async fn verify_email(&self, hash: TokenHash, now: Timestamp) -> Found<Option<AccountId>> {
        Ok(self.use_to_verify(hash, now).await?)
    }

    async fn reset_password(
        &self,
        hash: TokenHash,
        password_hash: &str,
        mail: &Message,
        now: Timestamp,
    ) -> Found<Option<Timestamp>> {
        Ok(self.use_to_reset(hash, password_hash, mail, now).await?)
    }
}
