//! Transitions of attempts, each one statement.

use domain::{
    ids::{JobId, PaymentId},
    jobs::JobPayload,
    payments::{
        payment::Payment,
        repository::{PaymentChange, UnneededMoney},
    },
};
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{
    super::{
        super::{connection::Typed, rows::StoreError},
        PgStore,
    },
    rows::{PAYMENT_COLUMNS, payment},
};

const CHANGE: &str = "WITH changed AS ( \
        UPDATE payments SET state = $3::payment_state, reference = coalesce(reference, $4), refused = false, \
            client_secret = coalesce(client_secret, $5), redirect_url = coalesce(redirect_url, $6), \
            failure_code = coalesce($7, failure_code), failure_message = coalesce($8, failure_message), \
            updated_at = CASE WHEN $3 = $2 THEN updated_at ELSE now() END \
        WHERE id = $1 AND state = $2::payment_state RETURNING id \
    ), queued AS ( \
        INSERT INTO jobs (id, kind, key, payload) \
        SELECT j.* FROM changed, unnest($9::uuid[], $10::text[], $11::text[], $12::jsonb[]) AS j (id, kind, key, payload) \
    ) SELECT FROM changed";

/// The refund is made whole: who reads the payment as succeeded finds it.
const GIVE_BACK: &str = "WITH changed AS ( \
        UPDATE payments SET state = 'SUCCEEDED', amount = $3, currency = $4, refused = false, updated_at = now() \
        WHERE id = $1 AND state = $2::payment_state RETURNING id, booking_id, event_id \
    ), refunded AS ( \
        INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, reason) \
        SELECT $5, booking_id, event_id, id, $6, $4, $7, $8 FROM changed \
    ), queued AS ( \
        INSERT INTO jobs (id, kind, key, payload) \
        SELECT j.* FROM changed, unnest($9::uuid[], $10::text[], $11::text[], $12::jsonb[]) AS j (id, kind, key, payload) \
    ) SELECT FROM changed";

const ASK_AGAIN: &str = "UPDATE payments SET refused = false, asked_at = now() \
    WHERE id = $1 AND state = 'STARTED' AND reference IS NULL";

const NOT_BEGUN: &str = "UPDATE payments SET refused = true WHERE id = $1 AND state = 'STARTED' AND reference IS NULL";

const ANSWER: &str = "UPDATE payments p SET answered = coalesce(answered, state), answered_at = coalesce(answered_at, updated_at), \
        answered_page = coalesce(answered_page, client_secret IS NOT NULL OR redirect_url IS NOT NULL) \
    WHERE p.id = $1 RETURNING ";

/// Jobs as arrays of their columns.
pub(super) struct Jobs<'a> {
    ids: Vec<Uuid>,
    kinds: Vec<&'static str>,
    keys: Vec<String>,
    payloads: Vec<Json<&'a JobPayload>>,
}

impl<'a> Jobs<'a> {
    pub(super) fn of(jobs: &'a [JobPayload]) -> Self {
        Self {
            ids: jobs.iter().map(|_| JobId::generate().0).collect(),
            kinds: jobs.iter().map(JobPayload::kind).collect(),
            keys: jobs.iter().map(JobPayload::key).collect(),
            payloads: jobs.iter().map(Json).collect(),
        }
    }

    pub(super) fn columns(&self) -> [Typed<'_>; 4] {
        [
            (&self.ids, Type::UUID_ARRAY),
            (&self.kinds, Type::TEXT_ARRAY),
            (&self.keys, Type::TEXT_ARRAY),
            (&self.payloads, Type::JSONB_ARRAY),
        ]
    }
}

impl PgStore {
    pub(super) async fn change_state(&self, change: &PaymentChange) -> Result<bool, StoreError> {
        let jobs = Jobs::of(&change.jobs);
        let [ids, kinds, keys, payloads] = jobs.columns();
        let (from, to) = (change.from.as_str(), change.to.as_str());
        let reference = change.reference.as_ref().map(|reference| reference.0.as_str());
        let secret = change.client_secret.as_ref().map(|secret| secret.0.as_str());
        let (code, message) =
            change.failure.as_ref().map(|failure| (failure.code.as_str(), failure.message.as_str())).unzip();
        let parameters: [Typed<'_>; 12] = [
            (&change.id.0, Type::UUID),
            (&from, Type::TEXT),
            (&to, Type::TEXT),
            (&reference, Type::TEXT),
            (&secret, Type::TEXT),
            (&change.redirect_url, Type::TEXT),
            (&code, Type::TEXT),
            (&message, Type::TEXT),
            ids,
            kinds,
            keys,
            payloads,
        ];
        Ok(!self.pool.get().await?.query_typed(CHANGE, &parameters).await?.is_empty())
    }

    pub(super) async fn give_back_unneeded(&self, money: &UnneededMoney) -> Result<bool, StoreError> {
        let jobs = Jobs::of(&money.jobs);
        let [ids, kinds, keys, payloads] = jobs.columns();
        let refund = &money.refund;
        let parameters: [Typed<'_>; 12] = [
            (&money.payment_id.0, Type::UUID),
            (&money.from.as_str(), Type::TEXT),
            (&money.charged.amount, Type::NUMERIC),
            (&money.charged.currency.as_str(), Type::BPCHAR),
            (&refund.id.0, Type::UUID),
            (&refund.amount.amount, Type::NUMERIC),
            (&refund.cause.as_str(), Type::TEXT),
            (&refund.reason, Type::TEXT),
            ids,
            kinds,
            keys,
            payloads,
        ];
        Ok(!self.pool.get().await?.query_typed(GIVE_BACK, &parameters).await?.is_empty())
    }

    pub(super) async fn note_asking(&self, id: PaymentId) -> Result<bool, StoreError> {
        Ok(self.pool.get().await?.execute_typed(ASK_AGAIN, &[(&id.0, Type::UUID)]).await? > 0)
    }

    pub(super) async fn note_refusal(&self, id: PaymentId) -> Result<(), StoreError> {
        self.pool.get().await?.execute_typed(NOT_BEGUN, &[(&id.0, Type::UUID)]).await.map(drop)
    }

    pub(super) async fn note_answer(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let statement = format!("{ANSWER}{PAYMENT_COLUMNS}");
        let rows = self.pool.get().await?.query_typed(&statement, &[(&id.0, Type::UUID)]).await?;
        rows.first().map(payment).transpose()
    }
}
