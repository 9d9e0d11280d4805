//! Sessions and their refresh tokens.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::{
    accounts::Account,
    ids::{AccountId, SessionId},
    repositories::Found,
    secrets::TokenHash,
    sessions::{
        Checked, DEVICES_MAX, Device, NewSession, Presented, Refreshed, Session, SessionLimits, SessionRepository,
        Verdict,
    },
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

/// In one statement, with a lock on the account's row: a change of the account that is not committed yet is waited for, and one that
/// comes later waits, and then finds the session.
const OPEN: &str = "WITH account AS (SELECT id FROM accounts \
        WHERE id = $2 AND status = 'ACTIVE' AND password_hash = $8 AND tokens_not_before = $9 FOR SHARE), \
    opened AS (INSERT INTO sessions (id, account_id, user_agent, address, created_at, last_used_at, expires_at) \
        SELECT $1, id, $3, $4, $5, $5, $6 FROM account RETURNING id, account_id), \
    known AS (INSERT INTO known_devices (account_id, hash, used_at) SELECT account_id, $10, $5 FROM opened \
        ON CONFLICT (account_id, hash) DO UPDATE SET used_at = excluded.used_at), \
    forgotten AS (DELETE FROM known_devices d USING opened o WHERE d.account_id = o.account_id AND d.hash <> $10 \
        AND d.hash NOT IN (SELECT l.hash FROM known_devices l WHERE l.account_id = $2 AND l.hash <> $10 \
            ORDER BY l.used_at DESC LIMIT $11)) \
    INSERT INTO refresh_tokens (hash, session_id, issued_at) SELECT $7, id, $5 FROM opened";

const IS_KNOWN_DEVICE: &str = "SELECT EXISTS (SELECT FROM known_devices d JOIN accounts a ON a.id = d.account_id \
    WHERE a.email = $1 AND d.hash = $2)";

const SESSION_COLUMNS: &str =
    "s.id AS session_id, s.account_id, s.user_agent, s.address, s.created_at AS began_at, s.last_used_at, s.expires_at";

/// A token of a session whose row is locked. Of siblings one is used, so from a used token a line of used ones leads to the last.
const LOOK: &str = "SELECT t.used_at, \
        EXISTS (SELECT FROM refresh_tokens o WHERE o.parent_hash = t.parent_hash AND o.hash <> t.hash AND o.used_at IS NOT NULL) \
            AS sibling_used, \
        (WITH RECURSIVE line (hash, place) AS (SELECT $1::bytea, 0 UNION ALL \
            SELECT o.hash, line.place + 1 FROM line JOIN refresh_tokens o ON o.parent_hash = line.hash AND o.used_at IS NOT NULL) \
            SELECT hash FROM line ORDER BY place DESC LIMIT 1) AS last_used \
    FROM refresh_tokens t WHERE t.hash = $1 AND t.session_id = $2";

const USE: &str = "UPDATE refresh_tokens SET used_at = coalesce(used_at, $2) WHERE hash = $1";

const ADD_TOKEN: &str = "INSERT INTO refresh_tokens (hash, session_id, issued_at, parent_hash) VALUES ($1, $2, $3, $4)";

const KEEP_UP: &str = "UPDATE sessions SET last_used_at = $2, expires_at = $3, user_agent = coalesce($4, user_agent), \
    address = coalesce($5, address) WHERE id = $1";

const END: &str = "UPDATE sessions SET revoked_at = $3 \
    WHERE account_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $3";

const END_BY_TOKEN: &str = "UPDATE sessions s SET revoked_at = $3 FROM refresh_tokens t \
    WHERE s.id = $1 AND t.session_id = s.id AND t.hash = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 \
    RETURNING s.account_id";

const END_ALL: &str = "UPDATE sessions SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL";

/// A transaction that begins or keeps up a session holds this row shared, and issues a token as of a moment before that.
pub(super) const LOCK_ACCOUNT: &str = "SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE";

/// As of now, which is after the wait for the lock, and not as of the beginning of the request: tokens that were issued meanwhile are
/// refused as well.
const REFUSE_TOKENS: &str = "UPDATE accounts \
    SET tokens_not_before = refuse_tokens(tokens_not_before, greatest($2, clock_timestamp())) WHERE id = $1 \
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
    client.query_typed(LOCK_ACCOUNT, &[(&account.0, Type::UUID)]).await?;
    let rows = client.query_typed(REFUSE_TOKENS, &[(&account.0, Type::UUID), (&now, Type::TIMESTAMPTZ)]).await?;
    // A deleted account has no tokens.
    rows.first().map_or(Ok(now), |row| Ok(row.try_get(0)?))
}

/// Refuses the access tokens of an account and ends all its sessions. Since when tokens are good again.
pub(super) async fn end_all(
    client: &impl Statements,
    account: AccountId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    // The account first: a session that begins at this moment is over, or waits.
    let since = refuse_tokens(client, account, now).await?;
    end(client, account, now).await?;
    Ok(since)
}

/// Begins a session if the account is what was checked; whether it is.
pub(super) async fn open(client: &impl Statements, new: &NewSession, checked: &Checked) -> Result<bool, StoreError> {
    let session = &new.session;
    let opened = client
        .execute_typed(
            OPEN,
            &[
                (&session.id.0, Type::UUID),
                (&session.account_id.0, Type::UUID),
                (&session.user_agent, Type::TEXT),
                (&session.address, Type::INET),
                (&session.created_at, Type::TIMESTAMPTZ),
                (&session.expires_at, Type::TIMESTAMPTZ),
                (&new.token.0.as_slice(), Type::BYTEA),
                (&checked.password_hash, Type::TEXT),
                (&checked.tokens_not_before, Type::TIMESTAMPTZ),
                (&new.device.0.as_slice(), Type::BYTEA),
                (&i64::from(DEVICES_MAX - 1), Type::INT8),
            ],
        )
        .await?;
    Ok(opened > 0)
}

/// How the account of a session is locked that is refreshed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Together with others, which is enough to read it.
    Shared,
    /// Alone, to change it. Not after a shared lock: two who both have that would wait for each other.
    Alone,
}

/// A session's row and its account's, both locked; the account first, as everywhere.
async fn lock(transaction: &Transaction, id: SessionId, hold: Hold) -> Result<Option<Row>, StoreError> {
    let strength = match hold {
        Hold::Shared => "SHARE",
        Hold::Alone => "NO KEY UPDATE",
    };
    let look = format!(
        "SELECT {ACCOUNT_COLUMNS}, {SESSION_COLUMNS}, s.revoked_at IS NOT NULL AS revoked \
         FROM sessions s JOIN accounts a ON a.id = s.account_id JOIN profiles p ON p.account_id = a.id \
         WHERE s.id = $1 FOR {strength} OF a FOR UPDATE OF s"
    );
    Ok(transaction.query_typed(&look, &[(&id.0, Type::UUID)]).await?.into_iter().next())
}

/// What is asked of a session.
#[derive(Clone, Copy)]
struct Asked<'a> {
    id: SessionId,
    token: TokenHash,
    successor: TokenHash,
    device: &'a Device,
    now: Timestamp,
    limits: &'a SessionLimits,
}

/// Ends a session that somebody else has a token of, and refuses all access tokens of the account: nobody knows which the thief has.
async fn end_stolen(
    transaction: &Transaction,
    account: &mut Account,
    session: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ended: [(&(dyn ToSql + Sync), Type); 3] =
        [(&account.id.0, Type::UUID), (&session.0, Type::UUID), (&now, Type::TIMESTAMPTZ)];
    transaction.execute_typed(END, &ended).await?;
    account.tokens_not_before = refuse_tokens(transaction, account.id, now).await?;
    Ok(())
}

impl PgStore {
    /// Nothing when the account has to be locked alone for it.
    async fn refresh(transaction: &Transaction, asked: Asked<'_>, hold: Hold) -> Result<Option<Refreshed>, StoreError> {
        let Asked { id, token, successor, device, now, limits } = asked;
        // Of two who use tokens of a session at once the second sees what the first has done. Its own look at the tokens comes
        // after the lock: what a statement finds beside the rows that it locks is as old as the statement.
        let Some(locked) = lock(transaction, id, hold).await? else { return Ok(Some(Refreshed::Dead)) };
        let hash = (&token.0.as_slice() as &(dyn ToSql + Sync), Type::BYTEA);
        let found = transaction.query_typed(LOOK, &[hash.clone(), (&id.0, Type::UUID)]).await?;
        let Some(row) = found.first() else { return Ok(Some(Refreshed::Dead)) };
        let (mut account, mut session) = (Box::new(account(&locked)?), session(&locked)?);
        let presented = Presented {
            used_at: row.try_get("used_at")?,
            sibling_used: row.try_get("sibling_used")?,
            expires_at: session.expires_at,
            revoked: locked.try_get("revoked")?,
            status: account.status,
        };
        let parent: &[u8] = row.try_get("last_used")?;
        match presented.judge(now, limits) {
            Verdict::Dead => return Ok(Some(Refreshed::Dead)),
            Verdict::Stolen if hold == Hold::Shared => return Ok(None),
            Verdict::Stolen => {
                end_stolen(transaction, &mut account, id, now).await?;
                return Ok(Some(Refreshed::Stolen(account)));
            }
            Verdict::Rotate => {}
        }
        session.last_used_at = now;
        session.expires_at = limits.expires_at(session.created_at, now);
        let at = (&now as &(dyn ToSql + Sync), Type::TIMESTAMPTZ);
        transaction.execute_typed(USE, &[hash, at.clone()]).await?;
        let id = (&session.id.0 as &(dyn ToSql + Sync), Type::UUID);
        let added: [(&(dyn ToSql + Sync), Type); 4] =
            [(&successor.0.as_slice(), Type::BYTEA), id.clone(), at.clone(), (&parent, Type::BYTEA)];
        transaction.execute_typed(ADD_TOKEN, &added).await?;
        let changes = [
            id,
            at,
            (&session.expires_at, Type::TIMESTAMPTZ),
            (&device.user_agent, Type::TEXT),
            (&device.address, Type::INET),
        ];
        transaction.execute_typed(KEEP_UP, &changes).await?;
        Ok(Some(Refreshed::Rotated(account, session.expires_at)))
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

#[async_trait]
impl SessionRepository for PgStore {
    async fn open_session(&self, new: &NewSession, checked: &Checked) -> Found<bool> {
        let client = self.pool.get().await?;
        Ok(open(&client, new, checked).await?)
    }

    async fn is_known_device(&self, email: &str, device: TokenHash) -> Found<bool> {
        // No address has one, and the database can't even be asked for it.
        if email.contains('\0') {
            return Ok(false);
        }
        let client = self.pool.get().await?;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&email, Type::TEXT), (&device.0.as_slice(), Type::BYTEA)];
        let row = client.query_typed_one(IS_KNOWN_DEVICE, &parameters).await?;
        Ok(row.try_get(0).map_err(StoreError::from)?)
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
        let asked = Asked { id, token, successor, device, now, limits };
        for hold in [Hold::Shared, Hold::Alone] {
            let refreshed = |transaction: Transaction| async move { Self::refresh(&transaction, asked, hold).await };
            if let Some(refreshed) = self.pool.transaction(refreshed).await? {
                return Ok(refreshed);
            }
        }
        Ok(Refreshed::Dead)
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
