//! Refunds, as the jobs and the gateway's news see them.

use domain::{
    ids::{BookingId, PaymentId, RefundId},
    jobs::JobPayload,
    payments::{
        gateway::{GatewayReference, GatewayRefund},
        repository::StoredRefund,
    },
};
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        super::{
            connection::Typed,
            rows::{StoreError, parse},
        },
        PgStore,
    },
    changes::Jobs,
    rows::money,
};

const FIND: &str = "SELECT r.id, r.booking_id, r.payment_id, r.amount, r.currency::text AS currency, r.cause, r.state::text AS state, \
        r.reference, p.provider, p.reference AS payment_reference \
    FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.id = $1";

/// States are in the order in which a refund moves, so what is late changes nothing.
const CHANGE: &str = "WITH changed AS ( \
        UPDATE refunds SET state = $2::refund_state, reference = coalesce(reference, $3), failure = coalesce($4, failure), \
            updated_at = CASE WHEN state = $2::refund_state THEN updated_at ELSE now() END \
        WHERE id = $1 AND (state < $2::refund_state OR state = $2::refund_state AND reference IS NULL) RETURNING id \
    ), queued AS ( \
        INSERT INTO jobs (id, kind, key, payload) \
        SELECT j.* FROM changed, unnest($5::uuid[], $6::text[], $7::text[], $8::jsonb[]) AS j (id, kind, key, payload) \
    ) SELECT FROM changed";

fn refund(row: &Row) -> Result<StoredRefund, StoreError> {
    let reference = |column| Ok::<_, StoreError>(row.try_get::<_, Option<String>>(column)?.map(GatewayReference));
    Ok(StoredRefund {
        id: RefundId(row.try_get("id")?),
        booking_id: BookingId(row.try_get("booking_id")?),
        payment_id: PaymentId(row.try_get("payment_id")?),
        amount: money(row, "amount")?,
        cause: parse(row.try_get("cause")?)?,
        state: parse(row.try_get("state")?)?,
        reference: reference("reference")?,
        provider: row.try_get("provider")?,
        payment_reference: reference("payment_reference")?,
    })
}

impl PgStore {
    pub(super) async fn read_refund(&self, id: RefundId) -> Result<Option<StoredRefund>, StoreError> {
        let rows = self.pool.get().await?.query_typed(FIND, &[(&id.0, Type::UUID)]).await?;
        rows.first().map(refund).transpose()
    }

    pub(super) async fn note_refund(
        &self,
        id: RefundId,
        told: &GatewayRefund,
        jobs: &[JobPayload],
    ) -> Result<bool, StoreError> {
        let jobs = Jobs::of(jobs);
        let [ids, kinds, keys, payloads] = jobs.columns();
        let parameters: [Typed<'_>; 8] = [
            (&id.0, Type::UUID),
            (&told.state.as_str(), Type::TEXT),
            (&told.reference.0, Type::TEXT),
            (&told.failure, Type::TEXT),
            ids,
            kinds,
            keys,
            payloads,
        ];
        Ok(!self.pool.get().await?.query_typed(CHANGE, &parameters).await?.is_empty())
    }
}
