//! OpenAPI schemas of the domain's types, which know nothing of documents. `build.rs` maps each type to its schema, so
//! that DTOs name the domain's types.

use std::borrow::Cow;

use domain::{
    accounts::{AccountStatus, Role},
    bookings::{BookingStatus, HoldStatus},
    events::EventStatus,
    inventory::SeatState,
    sales::SaleState,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

/// An amount in a currency.
#[derive(ToSchema)]
#[schema(as = Money, example = json!({ "amount": "120.00", "currency": "EUR" }))]
#[expect(dead_code, reason = "only its schema is used")]
pub struct MoneySchema {
    /// A decimal number with as many digits after the point as the currency has.
    #[schema(pattern = r"^[0-9]+(\.[0-9]+)?$")]
    amount: String,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
}

macro_rules! enumerations {
    ($($schema:ident $name:literal $of:ident { $($variant:ident),+ } $doc:literal;)+) => {$(
        #[doc = $doc]
        pub struct $schema;

        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                // Does not compile while a variant is missing here.
                let _ = |value: $of| match value { $($of::$variant)|+ => () };
                let mut values: Vec<_> =
                    [$($of::$variant),+].iter().filter_map(|value| serde_json::to_value(value).ok()).collect();
                // Two variants may be one to clients.
                values.dedup();
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($doc))
                    .enum_values(Some(values))
                    .into()
            }
        }

        impl ToSchema for $schema {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )+};
}

enumerations! {
    RoleSchema "Role" Role { User, Organizer, Admin } "What an account may do.";
    StatusSchema "AccountStatus" AccountStatus { Active, Suspended } "Whether an account may sign in.";
    EventStatusSchema "EventStatus" EventStatus { Draft, Scheduled, Published, Cancelled, Archived }
        "Where an event is in its life.";
    HoldStatusSchema "HoldStatus" HoldStatus { Active, Converted, Released, Expired }
        "Where a hold is in its life. Only an active one keeps places.";
    BookingStatusSchema "BookingStatus" BookingStatus { PendingPayment, Confirmed, Cancelled, Expired }
        "Where a booking is in its life. One that waits for its payment keeps its places until `expiresAt`.";
    SaleStateSchema "SaleStatus" SaleState { Available, FewLeft, SoldOut, NotOnSale }
        "How an event sells: places left, at most a tenth of them, none of what is sold now, nothing sold now.";
    SeatStateSchema "SeatStatus" SeatState { Free, Pending, Held, Sold } "Whether a seat can be had.";
}

/// A page for people.
pub fn page() -> serde_json::Value {
    serde_json::json!({ "type": "string", "contentMediaType": "text/html" })
}

/// A flag that tells one form from another.
pub fn always<const VALUE: bool>() -> Schema {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).into()
}
