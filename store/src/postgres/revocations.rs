//! Revoked access tokens, of sessions that have ended and of accounts whose older tokens are refused.

use domain::{
    ids::{AccountId, SessionId},
    sessions::Revocation,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    connection::{RequestPool, Type},
    rows::StoreError,
};

/// How long a transaction that revokes may take to become visible.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

const REVOKED: &str = "SELECT id, tokens_not_before AS at, true AS is_account FROM accounts \
        WHERE tokens_not_before > 'epoch' AND tokens_not_before > $1 \
    UNION ALL SELECT id, revoked_at, false FROM sessions WHERE revoked_at > $1";

/// What was revoked since `since`, and since when to ask the next time.
pub async fn since(pool: &RequestPool, since: Timestamp) -> Result<(Vec<Revocation>, Timestamp), StoreError> {
    let next = Timestamp::now() - OVERLAP;
    let rows = pool.get().await?.query_typed(REVOKED, &[(&since, Type::TIMESTAMPTZ)]).await?;
    let revoked = rows.iter().map(|row| {
        let (id, at) = (row.try_get("id")?, row.try_get("at")?);
        let is_account = row.try_get("is_account")?;
        Ok(if is_account { Revocation::Account(AccountId(id), at) } else { Revocation::Session(SessionId(id), at) })
    });
    Ok((revoked.collect::<Result<_, StoreError>>()?, next))
}
