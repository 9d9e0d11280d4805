//! Messages of gateways, and disputes, of which only messages tell.

use domain::{
    jobs::JobPayload,
    payments::{gateway::GatewayDispute, payment::Payment},
};
use tokio_postgres::types::Type;

use super::{
    super::{
        super::{connection::Typed, rows::StoreError},
        PgStore,
    },
    changes::Jobs,
};

/// Committed when it returns, and so is the job.
const KEEP: &str = "WITH kept AS ( \
        INSERT INTO gateway_messages (provider, id, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id \
    ), queued AS ( \
        INSERT INTO jobs (id, kind, key, payload) \
        SELECT j.* FROM kept, unnest($4::uuid[], $5::text[], $6::text[], $7::jsonb[]) AS j (id, kind, key, payload) \
    ) SELECT FROM kept";

const FIND: &str = "SELECT body FROM gateway_messages WHERE provider = $1 AND id = $2 AND applied_at IS NULL";

const APPLIED: &str =
    "UPDATE gateway_messages SET applied_at = now() WHERE provider = $1 AND id = $2 AND applied_at IS NULL";

/// News that a dispute is open may come after what was decided.
const DISPUTE: &str = "INSERT INTO disputes AS d (provider, reference, payment_id, booking_id, event_id, amount, currency, state, reason) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (provider, reference) DO UPDATE SET state = excluded.state, updated_at = now() \
    WHERE d.state <> excluded.state AND excluded.state <> 'OPEN'";

impl PgStore {
    pub(super) async fn keep_body(&self, provider: &str, id: &str, body: &[u8]) -> Result<bool, StoreError> {
        let job = [JobPayload::ApplyMessage { provider: provider.to_owned(), message_id: id.to_owned() }];
        let job = Jobs::of(&job);
        let [ids, kinds, keys, payloads] = job.columns();
        let parameters: [Typed<'_>; 7] =
            [(&provider, Type::TEXT), (&id, Type::TEXT), (&body, Type::BYTEA), ids, kinds, keys, payloads];
        Ok(!self.pool.get().await?.query_typed(KEEP, &parameters).await?.is_empty())
    }

    pub(super) async fn kept(&self, provider: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let client = self.pool.get().await?;
        let rows = client.query_typed(FIND, &[(&provider, Type::TEXT), (&id, Type::TEXT)]).await?;
        Ok(rows.first().map(|row| row.try_get("body")).transpose()?)
    }

    pub(super) async fn note_applied(&self, provider: &str, id: &str) -> Result<(), StoreError> {
        let client = self.pool.get().await?;
        client.execute_typed(APPLIED, &[(&provider, Type::TEXT), (&id, Type::TEXT)]).await.map(drop)
    }

    pub(super) async fn keep_dispute(&self, payment: &Payment, dispute: &GatewayDispute) -> Result<(), StoreError> {
        let parameters: [Typed<'_>; 9] = [
            (&payment.provider, Type::TEXT),
            (&dispute.reference.0, Type::TEXT),
            (&payment.id.0, Type::UUID),
            (&payment.booking_id.0, Type::UUID),
            (&payment.event_id.0, Type::UUID),
            (&dispute.amount.amount, Type::NUMERIC),
            (&dispute.amount.currency.as_str(), Type::BPCHAR),
            (&dispute.state.as_str(), Type::TEXT),
            (&dispute.reason, Type::TEXT),
        ];
        self.pool.get().await?.execute_typed(DISPUTE, &parameters).await.map(drop)
    }
}
