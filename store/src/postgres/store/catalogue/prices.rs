//! What events cost: terms, ticket types and promo codes, as anybody may ask.

use std::sync::LazyLock;

use async_trait::async_trait;
use domain::{
    events::SaleWindow,
    ids::EventId,
    money::Currency,
    pricing::terms::SaleTerms,
    promo_codes::CodeName,
    repositories::{CountedCode, Found, PriceRepository, PricedEvent},
};
use tokio_postgres::types::Type;

use super::super::{
    super::{
        connection::Typed,
        pricing::{CODE_COLUMNS, TERMS_COLUMNS, promo_code, sale_terms},
        rows::{StoreError, parse, unsigned},
        ticket_types,
    },
    PgStore,
};

static EVENT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT e.currency::text AS currency, e.sale_starts_at, e.sale_ends_at, s.event_id IS NOT NULL AS has_terms, {TERMS_COLUMNS} \
         FROM events e LEFT JOIN sale_terms s ON s.event_id = e.id WHERE e.id = $1 AND e.status NOT IN ('DRAFT', 'SCHEDULED')"
    )
});

static CODE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {CODE_COLUMNS}, p.used, e.currency::text AS currency FROM promo_codes p JOIN events e ON e.id = p.event_id \
         WHERE p.event_id = $1 AND p.code = $2"
    )
});

impl PgStore {
    async fn read_priced(&self, event: EventId) -> Result<Option<PricedEvent>, StoreError> {
        let client = self.pool.get().await?;
        let rows = client.query_typed(&EVENT, &[(&event.0, Type::UUID)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let currency: Currency = parse(row.try_get("currency")?)?;
        let terms = if row.try_get("has_terms")? { sale_terms(row, currency)? } else { SaleTerms::default() };
        let sale = SaleWindow { starts_at: row.try_get("sale_starts_at")?, ends_at: row.try_get("sale_ends_at")? };
        let ticket_types = ticket_types::of_event(&client, event, sale).await?;
        Ok(Some(PricedEvent { currency, terms, ticket_types }))
    }

    async fn read_code(&self, event: EventId, name: &CodeName) -> Result<Option<CountedCode>, StoreError> {
        let parameters: [Typed<'_>; 2] = [(&event.0, Type::UUID), (&name.as_str(), Type::TEXT)];
        let rows = self.pool.get().await?.query_typed(&CODE, &parameters).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (_, code) = promo_code(row, parse(row.try_get("currency")?)?)?;
        Ok(Some(CountedCode { code, used: unsigned(row, "used")? }))
    }
}

#[async_trait]
impl PriceRepository for PgStore {
    async fn priced_event(&self, event: EventId) -> Found<Option<PricedEvent>> {
        Ok(self.read_priced(event).await?)
    }

    async fn promo_code_named(&self, event: EventId, name: &CodeName) -> Found<Option<CountedCode>> {
        Ok(self.read_code(event, name).await?)
    }
}
