//! Quotas in JSON.

use boxoffice_http::openapi::texts;
use domain::{
    events::sales::{ManagedQuota, RawQuota},
    ids::QuotaId,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::bodies::{Patched, body};

body! {
    /// A new quota.
    #[schema(as = NewQuota)]
    QuotaBody over RawQuota {
        #[schema(schema_with = texts::line::<2, 100>, required = true)]
        name: String,
        #[schema(value_type = u32, required = true, maximum = 100_000_000)]
        capacity: u32,
    }
}

impl Patched for QuotaBody {
    const NAME: &'static str = "QuotaChange";
    const DESCRIPTION: &'static str = "What is to change of a quota. What is left out stays.";
}

/// All quotas of an event.
#[derive(Serialize, ToSchema)]
#[schema(as = Quotas)]
pub(crate) struct QuotasJson<'a> {
    pub(super) data: Vec<QuotaJson<'a>>,
}

/// A number of places that ticket types draw on.
#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotaJson<'a> {
    id: QuotaId,
    name: &'a str,
    capacity: u32,
    held: u32,
    sold: u32,
    available: u32,
    created_at: Timestamp,
    /// When name or capacity last changed.
    updated_at: Timestamp,
}

impl<'a> From<&'a ManagedQuota> for QuotaJson<'a> {
    fn from(quota: &'a ManagedQuota) -> Self {
        let ManagedQuota { id, ref name, capacity, held, sold, created_at, updated_at, revision: _ } = *quota;
        let available = capacity.saturating_sub(held.saturating_add(sold));
        Self { id, name, capacity, held, sold, available, created_at, updated_at }
    }
}
