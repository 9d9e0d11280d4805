//! Idempotency keys of requests that create something.

use async_trait::async_trait;
use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::AccountId,
    management::{
        catalogue::Vocabulary,
        requests::{Creation, FirstAnswer, RequestKeys, Standing},
    },
    repositories::Found,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::super::{
    super::{connection::Typed, rows::StoreError},
    PgStore,
};

/// A server that began and was not heard of for a minute has broken off: no request takes so long. The conflict's row is locked, so
/// one of two repetitions takes it over.
const BEGIN: &str = "INSERT INTO request_keys AS k (account_id, key, fingerprint, made_id) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (account_id, key) DO UPDATE SET began_at = now() \
        WHERE k.fingerprint = excluded.fingerprint AND NOT k.done AND k.began_at < now() - interval '1 minute' \
    RETURNING made_id";
const FIND: &str = "SELECT fingerprint, made_id, done, began_at < now() - interval '1 minute' AS broke_off, location, revision, answer \
    FROM request_keys WHERE account_id = $1 AND key = $2";
const DONE: &str = "UPDATE request_keys SET done = true, location = $3, revision = $4, answer = $5 \
    WHERE account_id = $1 AND key = $2 AND (NOT done OR answer IS NULL)";
const FORGET: &str = "DELETE FROM request_keys WHERE account_id = $1 AND key = $2 AND NOT done";

/// Whether there is what the request `$1` creates.
fn is_made(creates: Creation) -> &'static str {
    match creates {
        Creation::Event => "SELECT 1 FROM events WHERE id = $1",
        Creation::Quota => "SELECT 1 FROM quotas WHERE id = $1",
        Creation::TicketType => "SELECT 1 FROM ticket_types WHERE id = $1",
        Creation::PromoCode => "SELECT 1 FROM promo_codes WHERE id = $1",
        Creation::SeatMap => "SELECT 1 FROM seat_maps WHERE id = $1",
        Creation::SeatMapVersion => "SELECT 1 FROM seat_map_versions WHERE id = $1",
        Creation::Venue => "SELECT 1 FROM venues WHERE id = $1",
        Creation::Term(Vocabulary::Categories) => "SELECT 1 FROM categories WHERE id = $1",
        Creation::Term(Vocabulary::Tags) => "SELECT 1 FROM tags WHERE id = $1",
    }
}

/// How a request stands whose key is known.
fn standing(row: &Row, fingerprint: Fingerprint) -> Result<Standing, StoreError> {
    Ok(match (row.try_get::<_, Uuid>("fingerprint")? == fingerprint.0, row.try_get("done")?) {
        (false, _) => Standing::Reused,
        (true, true) => Standing::Done(row.try_get("made_id")?, answer(row)?),
        (true, false) => Standing::InProgress,
    })
}

/// What it was answered, if that is known.
fn answer(row: &Row) -> Result<Option<FirstAnswer>, StoreError> {
    let (location, body): (Option<String>, Option<Vec<u8>>) = (row.try_get("location")?, row.try_get("answer")?);
    let revision = row.try_get("revision")?;
    Ok(location.zip(body).map(|(location, body)| FirstAnswer { location, revision, body }))
}

impl PgStore {
    async fn find(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        creates: Creation,
    ) -> Result<Option<Standing>, StoreError> {
        let client = self.pool.get().await?;
        let name: [Typed<'_>; 2] = [(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)];
        let rows = client.query_typed(FIND, &name).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let standing = standing(row, fingerprint)?;
        if standing != Standing::InProgress || !row.try_get::<_, bool>("broke_off")? {
            return Ok(Some(standing));
        }
        let id: Uuid = row.try_get("made_id")?;
        let made = client.query_typed(is_made(creates), &[(&id, Type::UUID)]).await?;
        Ok((!made.is_empty()).then_some(Standing::Done(id, None)))
    }

    async fn begin(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        id: Uuid,
    ) -> Result<Standing, StoreError> {
        let client = self.pool.get().await?;
        let name: [Typed<'_>; 2] = [(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)];
        let new: [Typed<'_>; 2] = [(&fingerprint.0, Type::UUID), (&id, Type::UUID)];
        let begun = client.query_typed(BEGIN, &[&name[..], &new[..]].concat()).await?;
        if let Some(row) = begun.first() {
            return Ok(Standing::Begun(row.try_get("made_id")?));
        }
        let rows = client.query_typed(FIND, &name).await?;
        // Forgotten in this very moment: a repetition begins again.
        let Some(row) = rows.first() else { return Ok(Standing::InProgress) };
        standing(row, fingerprint)
    }

    async fn finish(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        answer: Option<&FirstAnswer>,
    ) -> Result<(), StoreError> {
        let (location, revision) = (answer.map(|of| &of.location), answer.and_then(|of| of.revision));
        let body = answer.map(|of| &of.body);
        let parameters: [Typed<'_>; 5] = [
            (&account.0, Type::UUID),
            (&key.as_str(), Type::TEXT),
            (&location, Type::TEXT),
            (&revision, Type::INT4),
            (&body, Type::BYTEA),
        ];
        self.pool.get().await?.execute_typed(DONE, &parameters).await?;
        Ok(())
    }

    async fn forget(&self, account: AccountId, key: &IdempotencyKey) -> Result<(), StoreError> {
        let name: [Typed<'_>; 2] = [(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)];
        self.pool.get().await?.execute_typed(FORGET, &name).await?;
        Ok(())
    }
}

#[async_trait]
impl RequestKeys for PgStore {
    async fn find_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        creates: Creation,
    ) -> Found<Option<Standing>> {
        Ok(self.find(account, key, fingerprint, creates).await?)
    }

    async fn begin_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        fingerprint: Fingerprint,
        id: Uuid,
    ) -> Found<Standing> {
        Ok(self.begin(account, key, fingerprint, id).await?)
    }

    async fn finish_request(
        &self,
        account: AccountId,
        key: &IdempotencyKey,
        answer: Option<&FirstAnswer>,
    ) -> Found<()> {
        Ok(self.finish(account, key, answer).await?)
    }

    async fn forget_request(&self, account: AccountId, key: &IdempotencyKey) -> Found<()> {
        Ok(self.forget(account, key).await?)
    }
}
