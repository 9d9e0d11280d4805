//! Sessions and their refresh tokens.

use std::net::IpAddr;

use domain::{
    ids::{AccountId, SessionId},
    repositories::Found,
    secrets::TokenHash,
    sessions::{Device, Presented, Refreshed, Session, SessionLimits, SessionRepository, Verdict},
};
use jiff::Timestamp;
use tokio_postgres::{
    Row,
    types::{ToSql, Type},
};

use super::{
    super::{
        connection::{Statements, Transaction},
        rows::StoreError,
    },
    PgStore,
    accounts::{ACCOUNT_COLUMNS, account},
};

/// Most sessions that are listed: nobody has more devices, and a program that signs in again and again has one.
const LISTED_MAX: u32 = 100;

const OPEN: &str = "WITH opened AS (INSERT INTO sessions (id, account_id, user_agent, address, created_at, last_used_at, \
    expires_at) VALUES ($1, $2, $3, $4, $5, $5, $6) RETURNING id) \
    INSERT INTO refresh_tokens (hash, session_id, issued_at) SELECT $7, id, $5 FROM opened";

const SESSION_COLUMNS: &str =
    "s.id AS session_id, s.account_id, s.user_agent, s.address, s.created_at AS began_at, s.last_used_at, s.expires_at";

const USE: &str = "UPDATE refresh_tokens SET used_at = coalesce(used_at, $2) WHERE hash = $1";

const ADD_TOKEN: &str = "INSERT INTO refresh_tokens (hash, session_id, issued_at) VALUES ($1, $2, $3)";

const KEEP_UP: &str = "UPDATE sessions SET last_used_at = $2, expires_at = $3, user_agent = coalesce($4, user_agent), \
    address = coalesce($5, address) WHERE id = $1";

const END: &str = "UPDATE sessions SET revoked_at = $3 \
    WHERE account_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $3";

const END_BY_TOKEN: &str = "UPDATE sessions s SET revoked_at = $3 FROM refresh_tokens t \
    WHERE s.id = $1 AND t.session_id = s.id AND t.hash = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 \
    RETURNING s.account_id";

const END_ALL: &str = "UPDATE sessions SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL";

const REFUSE_TOKENS: &str = "UPDATE accounts SET tokens_not_before = refuse_tokens(tokens_not_before, $2) WHERE id = $1 \
    RETURNING tokens_not_before";

fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: SessionId(row.try_get("session_id")?),
        account_id: AccountId(row.try_get("account_id")?),
        user_agent: row.try_get("user_agent")?,
        address: row.try_get::<_, Option<IpAddr>>("address")?,
        created_at: row.try_get("began_at")?,
        last_used_at: row.try_get("last_used_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

/// Ends all sessions of an account.
pub(super) async fn end(client: &impl Statements, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
    client.execute_typed(END_ALL, &[(&account.0, Type::UUID), (&now, Type::TIMESTAMPTZ)]).await?;
    Ok(())
}

/// Refuses all access tokens that an account has. Since when they are good again.
async fn refuse_tokens(client: &impl Statements, account: AccountId, now: Timestamp) -> Result<Timestamp, StoreError> {
    let rows = client.query_typed(REFUSE_TOKENS, &[(&account.0, Type::UUID), (&now, Type::TIMESTAMPTZ)]).await?;
    // Whoever is gone has no tokens.
    rows.first().map_or(Ok(now), |row| Ok(row.try_get(0)?))
}

/// Ends all sessions of an account and refuses its access tokens. Since when they are good again.
pub(super) async fn end_all(
    client: &impl Statements,
    account: AccountId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    end(client, account, now).await?;
    refuse_tokens(client, account, now).await
}

impl PgStore {
    async fn refresh(
        transaction: &Transaction,
        id: SessionId,
        token: TokenHash,
        successor: TokenHash,
        device: &Device,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Result<Refreshed, StoreError> {
        // The session's row is locked, so that of two who use a token at once the second sees that it was used.
        let look = format!(
            "SELECT {ACCOUNT_COLUMNS}, {SESSION_COLUMNS}, s.revoked_at IS NOT NULL AS revoked, t.used_at \
             FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN accounts a ON a.id = s.account_id \
             JOIN profiles p ON p.account_id = a.id WHERE t.hash = $1 AND s.id = $2 FOR UPDATE OF s, t"
        );
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&token.0.as_slice(), Type::BYTEA), (&id.0, Type::UUID)];
        let found = transaction.query_typed(&look, &parameters).await?;
        let Some(row) = found.first() else { return Ok(Refreshed::Dead) };
        let (mut account, mut session) = (Box::new(account(row)?), session(row)?);
        let presented = Presented {
            used_at: row.try_get("used_at")?,
            expires_at: session.expires_at,
            revoked: row.try_get("revoked")?,
            status: account.status,
        };
        match presented.judge(now, limits) {
            Verdict::Dead => return Ok(Refreshed::Dead),
            Verdict::Stolen => {
                let ended: [(&(dyn ToSql + Sync), Type); 3] =
                    [(&account.id.0, Type::UUID), (&session.id.0, Type::UUID), (&now, Type::TIMESTAMPTZ)];
                transaction.execute_typed(END, &ended).await?;
                // All of them: nobody knows which the thief has.
                account.tokens_not_before = refuse_tokens(transaction, account.id, now).await?;
                return Ok(Refreshed::Stolen(account));
            }
            Verdict::Rotate => {}
        }
        session.last_used_at = now;
        session.expires_at = limits.expires_at(session.created_at, now);
        let at = (&now as &(dyn ToSql + Sync), Type::TIMESTAMPTZ);
        transaction.execute_typed(USE, &[(&token.0.as_slice(), Type::BYTEA), at.clone()]).await?;
        let id = (&session.id.0 as &(dyn ToSql + Sync), Type::UUID);
        transaction.execute_typed(ADD_TOKEN, &[(&successor.0.as_slice(), Type::BYTEA), id.clone(), at.clone()]).await?;
        let changes = [
            id,
            at,
            (&session.expires_at, Type::TIMESTAMPTZ),
            (&device.user_agent, Type::TEXT),
            (&device.address, Type::INET),
        ];
        transaction.execute_typed(KEEP_UP, &changes).await?;
        Ok(Refreshed::Rotated(account, session.expires_at))
    }

    async fn live_sessions(&self, account: AccountId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let client = self.pool.get().await?;
        let statement = format!(
            "SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.account_id = $1 AND s.revoked_at IS NULL \
             AND s.expires_at > $2 ORDER BY s.last_used_at DESC, s.id LIMIT {LISTED_MAX}"
        );
        let rows = client.query_typed(&statement, &[(&account.0, Type::UUID), (&now, Type::TIMESTAMPTZ)]).await?;
        rows.iter().map(session).collect()
    }

    async fn end_by_token(
        &self,
        id: SessionId,
        token: TokenHash,
        now: Timestamp,
    ) -> Result<Option<AccountId>, StoreError> {
        let client = self.pool.get().await?;
        let parameters: [(&(dyn ToSql + Sync), Type); 3] =
            [(&id.0, Type::UUID), (&token.0.as_slice(), Type::BYTEA), (&now, Type::TIMESTAMPTZ)];
        let rows = client.query_typed(END_BY_TOKEN, &parameters).await?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?.map(AccountId))
    }
}

impl SessionRepository for PgStore {
    async fn open_session(&self, session: &Session, token: TokenHash) -> Found<()> {
        let client = self.pool.get().await?;
        client
            .execute_typed(
                OPEN,
                &[
                    (&session.id.0, Type::UUID),
                    (&session.account_id.0, Type::UUID),
                    (&session.user_agent, Type::TEXT),
                    (&session.address, Type::INET),
                    (&session.created_at, Type::TIMESTAMPTZ),
                    (&session.expires_at, Type::TIMESTAMPTZ),
                    (&token.0.as_slice(), Type::BYTEA),
                ],
            )
            .await?;
        Ok(())
    }

    async fn refresh_session(
        &self,
        id: SessionId,
        token: TokenHash,
        successor: TokenHash,
        device: &Device,
        now: Timestamp,
        limits: &SessionLimits,
    ) -> Found<Refreshed> {
        let refreshed = self.pool.transaction(|transaction| async move {
            Self::refresh(&transaction, id, token, successor, device, now, limits).await
        });
        Ok(refreshed.await?)
    }

    async fn sessions_of(&self, account: AccountId, now: Timestamp) -> Found<Vec<Session>> {
        Ok(self.live_sessions(account, now).await?)
    }

    async fn end_session_of_token(&self, id: SessionId, token: TokenHash, now: Timestamp) -> Found<Option<AccountId>> {
        Ok(self.end_by_token(id, token, now).await?)
    }

    async fn end_session(&self, account: AccountId, id: SessionId, now: Timestamp) -> Found<bool> {
        let parameters: &[(&(dyn ToSql + Sync), Type); 3] =
            &[(&account.0, Type::UUID), (&id.0, Type::UUID), (&now, Type::TIMESTAMPTZ)];
        // A transaction, because what an administrator does is written down with it.
        let end = |transaction: Transaction| async move { transaction.execute_typed(END, parameters).await };
        Ok(self.pool.transaction(end).await? > 0)
    }

    async fn end_sessions(&self, account: AccountId, now: Timestamp) -> Found<Timestamp> {
        let ended = |transaction: Transaction| async move { end_all(&transaction, account, now).await };
        Ok(self.pool.transaction(ended).await?)
    }
}
