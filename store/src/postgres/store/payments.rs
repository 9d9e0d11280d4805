//! Payments: attempts, messages of gateways, and disputes.
//!
//! What follows from news of a gateway is one statement each: it compares the state and writes all that belongs to it, jobs included. Nothing
//! of it is noted as a deed of an administrator who may happen to wait for it: it is the gateway's.

mod begin;
mod changes;
mod messages;
mod rows;

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    bookings::IdempotencyKey,
    ids::{AccountId, BookingId, PaymentId},
    lists::{FilterValue, ListQuery, Page},
    payments::{
        gateway::{GatewayDispute, GatewayReference},
        payment::Payment,
        repository::{
            BeginOutcome, NewPayment, PayableBooking, PaymentChange, PaymentFigures, PaymentRepository, UnneededMoney,
        },
    },
    repositories::Found,
};
use tokio_postgres::types::Type;

use self::rows::{PAYMENT_COLUMNS, payable, payment};
use super::{
    super::{
        connection::Typed,
        rows::{StoreError, readable},
    },
    PgStore,
    lists::{
        self,
        statement::Statement,
        table::{TableList, sql},
    },
};

/// The terms of an event that has none are those of `SaleTerms::default`.
const PAYABLE: &str = "SELECT b.id, b.event_id, b.account_id, b.status::text AS status, b.total, b.currency::text AS currency, \
        coalesce(b.extended_until, b.expires_at) AS ends_at, b.created_at, e.title, s.hold_cap_seconds, \
        s.bank_transfer_window_seconds, s.methods \
    FROM bookings b JOIN events e ON e.id = b.event_id LEFT JOIN sale_terms s ON s.event_id = b.event_id WHERE b.id = $1";

/// What of payments waits for nobody who is told, and has waited for too long.
const STUCK: &str = "state IN ('STARTED', 'PROCESSING') AND updated_at < now() - make_interval(secs => ";

/// Of what pays nothing, and of what was paid in the last days, which ids tell: they are in the order of their making.
const FIGURES: &str = "SELECT (SELECT count(*) FROM payments p \
        WHERE p.state IN ('STARTED', 'PROCESSING') AND p.updated_at < now() - make_interval(secs => $1)) AS stuck, \
    (SELECT count(*) FROM payments p WHERE p.state = 'SUCCEEDED' AND NOT p.pays_booking \
        AND NOT EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id)) \
    + (SELECT count(*) FROM payments p JOIN bookings b ON b.id = p.booking_id \
        WHERE p.id > $2 AND p.pays_booking AND b.status IN ('PENDING_PAYMENT', 'EXPIRED')) AS without_booking, \
    (SELECT count(*) FROM refunds r WHERE r.state = 'PENDING') AS refunds_pending, \
    (SELECT extract(epoch FROM now() - min(r.created_at))::float8 FROM refunds r WHERE r.state = 'PENDING') AS oldest_refund";

/// How far back paid bookings are looked at.
const LOOKED_BACK: jiff::SignedDuration = jiff::SignedDuration::from_hours(48);

impl PgStore {
    async fn one_payment(&self, condition: &str, parameters: &[Typed<'_>]) -> Result<Option<Payment>, StoreError> {
        let statement = format!("SELECT {PAYMENT_COLUMNS} FROM payments p {condition}");
        let rows = self.pool.get().await?.query_typed(&statement, parameters).await?;
        rows.first().map(payment).transpose()
    }

    async fn read_payable(&self, id: BookingId) -> Result<Option<PayableBooking>, StoreError> {
        let rows = self.pool.get().await?.query_typed(PAYABLE, &[(&id.0, Type::UUID)]).await?;
        rows.first().map(payable).transpose()
    }

    async fn read_figures(&self, stuck_after: Duration) -> Result<PaymentFigures, StoreError> {
        let from = super::retention::first_id_of(jiff::Timestamp::now() - LOOKED_BACK);
        let parameters: [Typed<'_>; 2] = [(&stuck_after.as_secs_f64(), Type::FLOAT8), (&from, Type::UUID)];
        let row = self.pool.get().await?.query_typed_one(FIGURES, &parameters).await?;
        let number = |column| Ok::<_, StoreError>(u64::try_from(row.try_get::<_, i64>(column)?).unwrap_or(0));
        let oldest_refund: Option<f64> = row.try_get("oldest_refund")?;
        Ok(PaymentFigures {
            stuck: number("stuck")?,
            paid_without_booking: number("without_booking")?,
            refunds_pending: number("refunds_pending")?,
            oldest_refund: Duration::try_from_secs_f64(oldest_refund.unwrap_or_default()).unwrap_or_default(),
        })
    }

    async fn list_payments(&self, query: &ListQuery, stuck_after: Duration) -> Result<Page<Payment>, StoreError> {
        let payments = TableList {
            query,
            from: "payments p",
            of: "p.",
            joined: "",
            columns: sql(PAYMENT_COLUMNS),
            conditions: |statement: &mut Statement| in_state(statement, query, stuck_after),
        };
        lists::read(&self.pool.get().await?, &payments, query).await?.entries(payment)
    }
}

/// Adds the condition of the filter `state`.
fn in_state(statement: &mut Statement, query: &ListQuery, stuck_after: Duration) {
    let given = query.filters.iter().find(|(filter, _)| filter.name == "state").map(|(_, value)| value);
    let Some(FilterValue::OneOf(names)) = given else {
        statement.sql("true");
        return;
    };
    match names.first().copied() {
        Some("stuck") => {
            statement.sql(STUCK).bind(stuck_after.as_secs_f64(), Type::FLOAT8).sql(")");
        }
        Some("PROCESSING") => {
            statement.sql("state IN ('STARTED', 'PROCESSING')");
        }
        Some(name) => {
            statement.sql("state = '").sql(name).sql("'");
        }
        None => {
            statement.sql("true");
        }
    }
}

#[async_trait]
impl PaymentRepository for PgStore {
    async fn payable_booking(&self, id: BookingId) -> Found<Option<PayableBooking>> {
        Ok(self.read_payable(id).await?)
    }

    async fn begin_payment(&self, new: &NewPayment) -> Found<BeginOutcome> {
        Ok(self.begin_attempt(new).await?)
    }

    async fn payment(&self, id: PaymentId) -> Found<Option<Payment>> {
        Ok(self.one_payment("WHERE p.id = $1", &[(&id.0, Type::UUID)]).await?)
    }

    async fn payment_of(&self, account: AccountId, id: PaymentId) -> Found<Option<Payment>> {
        let of = "JOIN bookings b ON b.id = p.booking_id WHERE p.id = $1 AND b.account_id = $2";
        Ok(self.one_payment(of, &[(&id.0, Type::UUID), (&account.0, Type::UUID)]).await?)
    }

    async fn payment_by_key(&self, account: AccountId, key: &IdempotencyKey) -> Found<Option<Payment>> {
        let by = "WHERE p.account_id = $1 AND p.idempotency_key = $2";
        Ok(self.one_payment(by, &[(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)]).await?)
    }

    async fn payment_by_reference(&self, provider: &str, reference: &GatewayReference) -> Found<Option<Payment>> {
        let by = "WHERE p.provider = $1 AND p.reference = $2";
        Ok(self.one_payment(by, &[(&provider, Type::TEXT), (&reference.0, Type::TEXT)]).await?)
    }

    async fn payments_of_booking(&self, booking: BookingId) -> Found<Vec<Payment>> {
        let statement = format!("SELECT {PAYMENT_COLUMNS} FROM payments p WHERE p.booking_id = $1 ORDER BY p.id");
        let client = self.pool.get().await?;
        let rows = client.query_typed(&statement, &[(&booking.0, Type::UUID)]).await?;
        Ok(readable(&rows, payment)?)
    }

    async fn payments(&self, query: &ListQuery, stuck_after: Duration) -> Found<Page<Payment>> {
        Ok(self.list_payments(query, stuck_after).await?)
    }

    async fn ask_again(&self, id: PaymentId) -> Found<bool> {
        Ok(self.note_asking(id).await?)
    }

    async fn not_begun(&self, id: PaymentId) -> Found<()> {
        Ok(self.note_refusal(id).await?)
    }

    async fn answer_payment(&self, id: PaymentId) -> Found<Option<Payment>> {
        Ok(self.note_answer(id).await?)
    }

    async fn change_payment(&self, change: &PaymentChange) -> Found<bool> {
        Ok(self.change_state(change).await?)
    }

    async fn return_money(&self, money: &UnneededMoney) -> Found<bool> {
        Ok(self.give_back_unneeded(money).await?)
    }

    async fn keep_message(&self, provider: &str, id: &str, body: &[u8]) -> Found<bool> {
        Ok(self.keep_body(provider, id, body).await?)
    }

    async fn message(&self, provider: &str, id: &str) -> Found<Option<Vec<u8>>> {
        Ok(self.kept(provider, id).await?)
    }

    async fn message_applied(&self, provider: &str, id: &str) -> Found<()> {
        Ok(self.note_applied(provider, id).await?)
    }

    async fn note_dispute(&self, payment: &Payment, dispute: &GatewayDispute) -> Found<()> {
        Ok(self.keep_dispute(payment, dispute).await?)
    }

    async fn payment_figures(&self, stuck_after: Duration) -> Found<PaymentFigures> {
        Ok(self.read_figures(stuck_after).await?)
    }
}
