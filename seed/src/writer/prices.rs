//! Terms and promo codes of new events.

use boxoffice_store::postgres::pricing::stored_fees;
use domain::{
    payments::{PaymentMethod, cancellation::CancellationFee},
    pricing::terms::SaleTerms,
    promo_codes::Discount,
};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use tokio_postgres::{Transaction, types::Type};
use uuid::Uuid;

use super::Parameter;
use crate::{SeedError, model::Event};

/// What these events cost beside the prices of their tickets. Few of the demo say something, so each is a statement.
pub(super) async fn write_prices(transaction: &Transaction<'_>, events: &[&Event]) -> Result<(), SeedError> {
    for event in events {
        if let Some(terms) = &event.terms {
            write_terms(transaction, event.id, terms).await?;
        }
        write_codes(transaction, event).await?;
    }
    Ok(())
}

async fn write_terms(transaction: &Transaction<'_>, event: Uuid, terms: &SaleTerms) -> Result<(), SeedError> {
    let statement = "INSERT INTO sale_terms
             (event_id, tax_rate, tax_included, fees, cancellation_allowed_until, cancellation_fee_percent,
              hold_cap_seconds, payment_window_seconds, bank_transfer_window_seconds, methods)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let fee_percent = match terms.cancellation.fee {
        CancellationFee::Percent(rate) => rate.fraction(),
        CancellationFee::Fixed(_) => Decimal::ZERO,
    };
    let methods: Vec<&str> = terms.methods.iter().copied().map(PaymentMethod::as_str).collect();
    let seconds = |duration: SignedDuration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    let parameters: [Parameter<'_>; 10] = [
        (&event, Type::UUID),
        (&terms.tax_rate.fraction(), Type::NUMERIC),
        (&terms.tax_included, Type::BOOL),
        (&stored_fees(&terms.fees), Type::JSONB),
        (&terms.cancellation.allowed_until, Type::TIMESTAMPTZ),
        (&fee_percent, Type::NUMERIC),
        (&seconds(terms.hold_cap), Type::INT4),
        (&seconds(terms.payment_window), Type::INT4),
        (&seconds(terms.bank_transfer_window), Type::INT4),
        (&methods, Type::TEXT_ARRAY),
    ];
    transaction.execute_typed(statement, &parameters).await?;
    Ok(())
}

async fn write_codes(transaction: &Transaction<'_>, event: &Event) -> Result<(), SeedError> {
    let statement = "INSERT INTO promo_codes (id, event_id, code, kind, value, uses, uses_per_account, ticket_type_ids)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let number = |uses: u32| i32::try_from(uses).unwrap_or(i32::MAX);
    for (id, code) in &event.codes {
        let value = match code.discount {
            Discount::Percent(rate) => Some(rate.fraction()),
            Discount::Fixed(off) => Some(off.amount),
            Discount::Access => None,
        };
        let ticket_types: Vec<Uuid> = code.ticket_type_ids.iter().map(|id| id.0).collect();
        let parameters: [Parameter<'_>; 8] = [
            (id, Type::UUID),
            (&event.id, Type::UUID),
            (&code.code.as_str(), Type::TEXT),
            (&code.discount.kind(), Type::TEXT),
            (&value, Type::NUMERIC),
            (&code.uses.map(number), Type::INT4),
            (&code.uses_per_account.map(number), Type::INT4),
            (&ticket_types, Type::UUID_ARRAY),
        ];
        transaction.execute_typed(statement, &parameters).await?;
    }
    Ok(())
}
