//! The terms on which an event is sold.

use std::sync::LazyLock;

use async_trait::async_trait;
use domain::{
    audit::Action,
    ids::EventId,
    management::{
        ChangeError, Changed, Expected, Manager,
        pricing::{ManagedTerms, PricingManagement},
    },
    money::Currency,
    payments::{PaymentMethod, cancellation::CancellationFee},
    pricing::terms::SaleTerms,
    repositories::Found,
};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use tokio_postgres::{Row, types::Type};

use super::{
    super::{
        super::{
            connection::{Statements, Transaction, Typed},
            pricing::{TERMS_COLUMNS, sale_terms, stored_fees},
            rows::{self, StoreError},
        },
        PgStore,
    },
    Fault, Note, open_plan,
};

static TERMS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {TERMS_COLUMNS}, s.revision, e.currency::text AS currency \
         FROM sale_terms s JOIN events e ON e.id = s.event_id WHERE s.event_id = $1"
    )
});

const REPLACE: &str = "INSERT INTO sale_terms AS s (event_id, tax_rate, tax_included, fees, cancellation_allowed_until, \
        cancellation_fee_percent, hold_cap_seconds, payment_window_seconds, bank_transfer_window_seconds, methods) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
    ON CONFLICT (event_id) DO UPDATE SET tax_rate = excluded.tax_rate, tax_included = excluded.tax_included, fees = excluded.fees, \
        cancellation_allowed_until = excluded.cancellation_allowed_until, \
        cancellation_fee_percent = excluded.cancellation_fee_percent, hold_cap_seconds = excluded.hold_cap_seconds, \
        payment_window_seconds = excluded.payment_window_seconds, \
        bank_transfer_window_seconds = excluded.bank_transfer_window_seconds, methods = excluded.methods, \
        revision = s.revision + 1, updated_at = now()";

fn managed(row: &Row) -> Result<ManagedTerms, StoreError> {
    let currency: Currency = rows::parse(row.try_get("currency")?)?;
    Ok(ManagedTerms { terms: sale_terms(row, currency)?, revision: row.try_get("revision")? })
}

/// The terms of an event's sale: its own, or the defaults.
pub(in super::super) async fn terms_of(
    connection: &impl Statements,
    event: EventId,
) -> Result<ManagedTerms, StoreError> {
    let rows = connection.query_typed(&TERMS, &[(&event.0, Type::UUID)]).await?;
    rows.first().map_or_else(|| Ok(ManagedTerms::default()), managed)
}

impl PgStore {
    async fn read_sale_terms(&self, event: EventId) -> Result<ManagedTerms, StoreError> {
        terms_of(&self.pool.get().await?, event).await
    }
}

#[async_trait]
impl PricingManagement for PgStore {
    async fn sale_terms(&self, event: EventId) -> Found<ManagedTerms> {
        Ok(self.read_sale_terms(event).await?)
    }

    async fn replace_sale_terms(&self, by: &Manager, event: EventId, expected: Expected, terms: &SaleTerms) -> Changed {
        self.noted(by, |transaction| async move {
            let locked = open_plan(&transaction, by, event, None).await?;
            let before = terms_of(&transaction, event).await?;
            // Amounts are in the currency that the event had when they were read.
            let is_other = terms.amounts().any(|amount| amount.currency != locked.currency);
            if is_other || expected.is_some_and(|expected| !expected.has(before.revision)) {
                return Err(ChangeError::Stale.into());
            }
            write(&transaction, event, terms).await?;
            Ok(((), Note::new(Action::Changed, "pricing", event, serde_json::json!({ "event": event }))))
        })
        .await
    }
}

async fn write(transaction: &Transaction, event: EventId, terms: &SaleTerms) -> Result<(), Fault> {
    let fees = stored_fees(&terms.fees);
    let fee_percent = match terms.cancellation.fee {
        CancellationFee::Percent(rate) => rate.fraction(),
        CancellationFee::Fixed(_) => return Err(StoreError::Row("a fixed fee of cancellations".to_owned()).into()),
    };
    let methods: Vec<&str> = terms.methods.iter().copied().map(PaymentMethod::as_str).collect();
    let tax_rate: Decimal = terms.tax_rate.fraction();
    let [hold_cap, payment, transfer] = [terms.hold_cap, terms.payment_window, terms.bank_transfer_window].map(seconds);
    let parameters: [Typed<'_>; 10] = [
        (&event.0, Type::UUID),
        (&tax_rate, Type::NUMERIC),
        (&terms.tax_included, Type::BOOL),
        (&fees, Type::JSONB),
        (&terms.cancellation.allowed_until, Type::TIMESTAMPTZ),
        (&fee_percent, Type::NUMERIC),
        (&hold_cap, Type::INT4),
        (&payment, Type::INT4),
        (&transfer, Type::INT4),
        (&methods, Type::TEXT_ARRAY),
    ];
    transaction.execute_typed(REPLACE, &parameters).await?;
    Ok(())
}

/// Whole seconds; the domain has checked the bounds.
fn seconds(duration: SignedDuration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
