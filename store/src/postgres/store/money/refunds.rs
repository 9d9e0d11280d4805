//! Refunds: asked for by organizers, made by the gateway, heard of later.
//!
//! The payment's row is locked before its refunds are counted or added to, here as in `ledger_money`, so no two refunds are given the same
//! money.

mod adding;

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::{AccountId, BookingId, CancellationId, EventId, PaymentId, RefundId},
    jobs::{JobPayload, Notice},
    lists::{ListQuery, Page},
    payments::{
        books::{
            AmountRefund, ForeignRefund, Refund, RefundNews, RefundOrder, RefundOutcome, RefundRepository,
            RepeatedRefund,
        },
        gateway::GatewayReference,
        refund::{RefundCause, RefundState},
    },
    repositories::Found,
};
use tokio_postgres::{Row, types::Type};
use uuid::Uuid;

use super::{
    super::{
        super::{
            connection::{Statements, Transaction, Typed},
            jobs::enqueue,
            rows::{self, StoreError, parse},
        },
        PgStore,
        lists::{
            self,
            table::{TableList, sql},
        },
    },
    MANUAL, money,
};

/// Columns of a refund, for [`refund`].
const COLUMNS: &str = "r.id, r.booking_id, r.event_id, r.payment_id, r.amount, r.currency::text AS currency, r.cause, \
    r.state::text AS state, r.reason, r.cancellation_id, r.by_hand, r.failure, r.replaced_by_id, r.account_id, r.fingerprint, \
    r.created_at, r.updated_at";

const OF_BOOKING: &str = "r.booking_id = $1 ORDER BY r.id";
const BY_KEY: &str = "r.account_id = $1 AND r.idempotency_key = $2";
const OF_CANCELLATION: &str = "r.cancellation_id = $1 AND r.cause = 'TICKETS' ORDER BY r.id LIMIT 1";
const BY_ID: &str = "r.id = $1";

/// As it was before, with the note that it is asked for.
const ORDER: &str = "WITH before AS (SELECT id, asked_at IS NOT NULL AS was_asked FROM refunds WHERE id = $1 FOR UPDATE), \
    noted AS (UPDATE refunds r SET asked_at = now() FROM before b WHERE r.id = b.id AND r.state = 'PENDING' AND NOT b.was_asked) \
    SELECT r.state::text AS state, r.amount, r.currency::text AS currency, p.provider, p.reference AS payment, r.reference, r.by_hand, \
        b.was_asked, r.created_at \
    FROM before b JOIN refunds r ON r.id = b.id JOIN payments p ON p.id = r.payment_id";

const LOCK: &str = "SELECT booking_id, cause, state::text AS state, reference FROM refunds WHERE id = $1 FOR UPDATE";
const NOTE: &str = "UPDATE refunds SET state = $2::text::refund_state, reference = coalesce(reference, $3), \
        failure = coalesce($4, failure), updated_at = CASE WHEN state::text = $2 THEN updated_at ELSE now() END \
    WHERE id = $1";

fn refund(row: &Row) -> Result<Refund, StoreError> {
    let id = |column: &str| row.try_get::<_, Option<Uuid>>(column);
    Ok(Refund {
        id: RefundId(row.try_get("id")?),
        booking_id: BookingId(row.try_get("booking_id")?),
        event_id: EventId(row.try_get("event_id")?),
        payment_id: PaymentId(row.try_get("payment_id")?),
        amount: money(row, "amount")?,
        cause: parse(row.try_get("cause")?)?,
        state: parse(row.try_get("state")?)?,
        reason: row.try_get("reason")?,
        cancellation_id: id("cancellation_id")?.map(CancellationId),
        by_hand: row.try_get("by_hand")?,
        failure: row.try_get("failure")?,
        replaced_by: id("replaced_by_id")?.map(RefundId),
        account_id: id("account_id")?.map(AccountId),
        fingerprint: id("fingerprint")?.map(Fingerprint),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

async fn select(client: &impl Statements, which: &str, parameters: &[Typed<'_>]) -> Result<Vec<Row>, StoreError> {
    client.query_typed(&format!("SELECT {COLUMNS} FROM refunds r WHERE {which}"), parameters).await
}

async fn by_key(
    client: &impl Statements,
    account: AccountId,
    key: &IdempotencyKey,
) -> Result<Option<Refund>, StoreError> {
    let rows = select(client, BY_KEY, &[(&account.0, Type::UUID), (&key.as_str(), Type::TEXT)]).await?;
    rows.first().map(refund).transpose()
}

/// That the buyer is told that money has gone back.
fn told(booking_id: BookingId, refund_id: RefundId) -> JobPayload {
    JobPayload::Notify { booking_id, notice: Notice::Refunded { refund_id } }
}

/// Writes down what is heard of a refund. The state after and before it.
async fn note(
    transaction: &Transaction,
    id: RefundId,
    news: &RefundNews,
) -> Result<Option<(RefundState, RefundState)>, StoreError> {
    let rows = transaction.query_typed(LOCK, &[(&id.0, Type::UUID)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let before: RefundState = parse(row.try_get("state")?)?;
    let cause: RefundCause = cause(row)?;
    let after = before.on(news.state);
    let reference = news.reference.as_ref().map(|reference| reference.0.as_str());
    let failure = news.failure.as_deref().filter(|_| after == RefundState::Failed && before != after);
    let parameters: [Typed<'_>; 4] =
        [(&id.0, Type::UUID), (&after.as_str(), Type::TEXT), (&reference, Type::TEXT), (&failure, Type::TEXT)];
    let is_known = reference.is_none() || row.try_get::<_, Option<&str>>("reference")?.is_some();
    if before != after || !is_known {
        transaction.execute_typed(NOTE, &parameters).await?;
    }
    // Of what paid for nothing the buyer was told when it came.
    if before != after && after == RefundState::Succeeded && cause != RefundCause::Unneeded {
        enqueue(transaction, &[told(BookingId(row.try_get("booking_id")?), id)], Duration::ZERO).await?;
    }
    Ok(Some((after, before)))
}

fn cause(row: &Row) -> Result<RefundCause, StoreError> {
    parse(row.try_get("cause")?)
}

impl PgStore {
    async fn read_refunds(&self, which: &str, parameters: &[Typed<'_>]) -> Result<Vec<Refund>, StoreError> {
        let rows = select(&self.pool.get().await?, which, parameters).await?;
        rows.iter().map(refund).collect()
    }

    async fn order(&self, id: RefundId) -> Result<Option<RefundOrder>, StoreError> {
        let rows = self.pool.get().await?.query_typed(ORDER, &[(&id.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let reference =
            |column: &str| Ok::<_, StoreError>(row.try_get::<_, Option<String>>(column)?.map(GatewayReference));
        Ok(Some(RefundOrder {
            state: parse(row.try_get("state")?)?,
            amount: money(row, "amount")?,
            provider: row.try_get("provider")?,
            payment: reference("payment")?,
            reference: reference("reference")?,
            by_hand: row.try_get::<_, bool>("by_hand")? || row.try_get::<_, &str>("provider")? == MANUAL,
            was_asked: row.try_get("was_asked")?,
            created_at: row.try_get("created_at")?,
        }))
    }
}

#[async_trait]
impl RefundRepository for PgStore {
    async fn refunds_of(&self, booking: BookingId) -> Found<Vec<Refund>> {
        Ok(self.read_refunds(OF_BOOKING, &[(&booking.0, Type::UUID)]).await?)
    }

    async fn refunds_of_event(&self, event: EventId, query: &ListQuery) -> Found<Page<Refund>> {
        let client = self.pool.get().await?;
        let refunds = TableList {
            query,
            from: "refunds r",
            of: "r.",
            joined: "",
            columns: sql(COLUMNS),
            conditions: |statement| {
                statement.sql("r.event_id = ").bind(event.0, Type::UUID);
            },
        };
        let found = lists::read(&client, &refunds, query).await?;
        let entries = rows::some_readable(found.rows.iter().map(|row| (row, refund(row))))?;
        Ok(found.with(entries))
    }

    async fn refund_by_key(&self, account: AccountId, key: &IdempotencyKey) -> Found<Option<Refund>> {
        Ok(by_key(&self.pool.get().await?, account, key).await?)
    }

    async fn refund_of_cancellation(&self, cancellation: CancellationId) -> Found<Option<Refund>> {
        Ok(self.read_refunds(OF_CANCELLATION, &[(&cancellation.0, Type::UUID)]).await?.pop())
    }

    async fn order_refund(&self, id: RefundId) -> Found<Option<RefundOrder>> {
        Ok(self.order(id).await?)
    }

    async fn note_refund_news(&self, id: RefundId, news: &RefundNews) -> Found<Option<(RefundState, RefundState)>> {
        Ok(self.pool.transaction(|transaction| async move { note(&transaction, id, news).await }).await?)
    }

    async fn note_foreign_refund(&self, of: &ForeignRefund) -> Found<Option<(RefundState, RefundState)>> {
        Ok(self.pool.transaction(|transaction| async move { adding::add_foreign(&transaction, of).await }).await?)
    }

    async fn refund_amount(&self, new: &AmountRefund) -> Found<RefundOutcome> {
        Ok(self.pool.transaction(|transaction| async move { adding::add_amount(&transaction, new).await }).await?)
    }

    async fn repeat_refund(&self, new: &RepeatedRefund) -> Found<RefundOutcome> {
        Ok(self.pool.transaction(|transaction| async move { adding::add_repeated(&transaction, new).await }).await?)
    }
}
