//! What is sent of quotas and ticket types.

use boxoffice_http::openapi::texts;
use domain::{
    events::sales::RawTicketType,
    ids::{QuotaId, SectionId},
    money::Money,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;
use crate::instants;

/// A new quota.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = NewQuota)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct NewQuotaBody {
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    pub(in crate::manage) name: Option<String>,
    #[schema(required = true, nullable = false, maximum = 100_000_000)]
    pub(in crate::manage) capacity: Option<u32>,
}

/// What is to change of a quota. What is left out stays.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = QuotaChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct QuotaChangeBody {
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    pub(in crate::manage) name: Change<String>,
    #[serde(default)]
    #[schema(value_type = u32, maximum = 100_000_000)]
    pub(in crate::manage) capacity: Change<u32>,
}

/// A new ticket type.
#[derive(Deserialize, Serialize, ToSchema)]
#[schema(as = NewTicketType)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct NewTicketTypeBody {
    /// The quota of the event that it draws on.
    #[schema(required = true, nullable = false)]
    quota_id: Option<QuotaId>,
    #[schema(schema_with = texts::line::<2, 100>, required = true)]
    name: Option<String>,
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Option<String>,
    /// In the event's currency, at most 1,000,000.
    #[schema(required = true, nullable = false)]
    price: Option<Money>,
    /// The sections of the event's seat map whose seats it sells; none for places without seats.
    sections: Option<Vec<SectionId>>,
    /// `null`: 1.
    #[schema(minimum = 1, maximum = 100)]
    min_per_booking: Option<u32>,
    /// At least `minPerBooking`. `null`: 10.
    #[schema(minimum = 1, maximum = 100)]
    max_per_booking: Option<u32>,
    /// `null`: as the event.
    #[serde(default, deserialize_with = "instants::optional")]
    sale_starts_at: Option<Timestamp>,
    /// `null`: as the event.
    #[serde(default, deserialize_with = "instants::optional")]
    sale_ends_at: Option<Timestamp>,
}

impl From<NewTicketTypeBody> for RawTicketType {
    fn from(body: NewTicketTypeBody) -> Self {
        Self {
            quota_id: body.quota_id,
            name: body.name,
            description: body.description,
            price: body.price,
            sections: body.sections,
            min_per_booking: body.min_per_booking,
            max_per_booking: body.max_per_booking,
            sale_starts_at: body.sale_starts_at,
            sale_ends_at: body.sale_ends_at,
        }
    }
}

/// What is to change of a ticket type. What is left out stays; `null` is as if a new ticket type did not say it.
#[derive(Clone, Deserialize, ToSchema)]
#[schema(as = TicketTypeChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::manage) struct TicketTypeChangeBody {
    #[serde(default)]
    #[schema(value_type = QuotaId)]
    quota_id: Change<QuotaId>,
    #[serde(default)]
    #[schema(schema_with = texts::line::<2, 100>, required = false)]
    name: Change<String>,
    #[serde(default)]
    #[schema(schema_with = texts::text_or_null, required = false)]
    description: Change<String>,
    #[serde(default)]
    #[schema(value_type = Money)]
    price: Change<Money>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<SectionId>>)]
    sections: Change<Vec<SectionId>>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    min_per_booking: Change<u32>,
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    max_per_booking: Change<u32>,
    #[serde(default, deserialize_with = "instants::change")]
    #[schema(value_type = Option<Timestamp>)]
    sale_starts_at: Change<Timestamp>,
    #[serde(default, deserialize_with = "instants::change")]
    #[schema(value_type = Option<Timestamp>)]
    sale_ends_at: Change<Timestamp>,
}

impl TicketTypeChangeBody {
    pub(in crate::manage) fn over(self, raw: RawTicketType) -> RawTicketType {
        RawTicketType {
            quota_id: self.quota_id.over(raw.quota_id),
            name: self.name.over(raw.name),
            description: self.description.over(raw.description),
            price: self.price.over(raw.price),
            sections: self.sections.over(raw.sections),
            min_per_booking: self.min_per_booking.over(raw.min_per_booking),
            max_per_booking: self.max_per_booking.over(raw.max_per_booking),
            sale_starts_at: self.sale_starts_at.over(raw.sale_starts_at),
            sale_ends_at: self.sale_ends_at.over(raw.sale_ends_at),
        }
    }
}
