//! Ticket types in JSON.

use boxoffice_http::openapi::{amounts, texts};
use domain::{
    events::sales::{ManagedTicketType, RawTicketType},
    ids::{QuotaId, SectionId, TicketTypeId},
    money::Money,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    bodies::{Patched, body},
    instants,
};

body! {
    /// A new ticket type.
    #[schema(as = NewTicketType)]
    TicketTypeBody over RawTicketType {
        /// The quota of the event that it draws on.
        #[schema(value_type = QuotaId, required = true)]
        quota_id: QuotaId,
        #[schema(schema_with = texts::line::<2, 100>, required = true)]
        name: String,
        #[schema(schema_with = texts::text_or_null)]
        description: String,
        /// In the event's currency, at most 1,000,000.
        #[schema(value_type = Money, required = true)]
        price: Money,
        /// The sections of the event's seat map whose seats it sells; none for places without seats.
        #[schema(value_type = Option<Vec<SectionId>>)]
        sections: Vec<SectionId>,
        /// `null`: 1.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
        min_per_booking: u32,
        /// At least `minPerBooking`. `null`: 10.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
        max_per_booking: u32,
        /// `null`: as the event.
        #[schema(value_type = Option<Timestamp>)]
        #[serde(deserialize_with = "instants::member")]
        sale_starts_at: Timestamp,
        /// `null`: as the event.
        #[schema(value_type = Option<Timestamp>)]
        #[serde(deserialize_with = "instants::member")]
        sale_ends_at: Timestamp,
        /// Whether it is shown and sold only to those who have a promo code that unlocks it. `null`: no.
        #[schema(value_type = Option<bool>)]
        hidden: bool,
        /// Of its own, a fraction. `null`: as the event's terms say.
        #[schema(schema_with = amounts::rate_or_null, required = false)]
        tax_rate: String,
    }
}

impl Patched for TicketTypeBody {
    const NAME: &'static str = "TicketTypeChange";
    const DESCRIPTION: &'static str =
        "What is to change of a ticket type. What is left out stays; `null` is as if a new ticket type did not say it.";

    fn differences() -> Value {
        let described = [
            "quotaId",
            "price",
            "sections",
            "minPerBooking",
            "maxPerBooking",
            "saleStartsAt",
            "saleEndsAt",
            "hidden",
            "taxRate",
        ];
        described.map(|member| (member.to_owned(), json!({ "description": null }))).into_iter().collect()
    }
}

/// All ticket types of an event, in their order.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedTicketTypes)]
pub(crate) struct TicketTypesJson<'a> {
    pub(super) data: Vec<TicketTypeJson<'a>>,
}

/// A ticket type as its organizer sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedTicketType)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketTypeJson<'a> {
    id: TicketTypeId,
    quota_id: QuotaId,
    name: &'a str,
    description: &'a str,
    price: Money,
    sections: &'a [SectionId],
    min_per_booking: u32,
    max_per_booking: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sale_starts_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sale_ends_at: Option<Timestamp>,
    /// Whether it is shown and sold only to those who have a promo code that unlocks it.
    hidden: bool,
    /// Of its own, instead of the event's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = amounts::rate, required = false)]
    tax_rate: Option<String>,
    position: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a ManagedTicketType> for TicketTypeJson<'a> {
    fn from(of: &'a ManagedTicketType) -> Self {
        let fields = &of.fields;
        Self {
            id: of.id,
            quota_id: fields.quota_id,
            name: &fields.name,
            description: &fields.description,
            price: fields.price,
            sections: &fields.sections,
            min_per_booking: fields.min_per_booking,
            max_per_booking: fields.max_per_booking,
            sale_starts_at: fields.sale_starts_at,
            sale_ends_at: fields.sale_ends_at,
            hidden: fields.hidden,
            tax_rate: fields.tax_rate.map(|rate| rate.fraction().to_string()),
            position: of.position,
            created_at: of.created_at,
            updated_at: of.updated_at,
        }
    }
}

/// All ticket types, in their order.
#[derive(Deserialize, ToSchema)]
#[schema(as = TicketTypeOrder)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrderBody {
    pub(super) order: Vec<TicketTypeId>,
}
