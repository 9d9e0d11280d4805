//! The schemas of the OpenAPI document are derived from the DTOs, whose fields have types of the domain, which knows nothing of
//! documents: this says what stands for each.

use utoipa_config::Config;

/// They are UUIDs to clients.
const IDS: &[&str] = &[
    "AccountId",
    "BookingId",
    "EventId",
    "HoldId",
    "CancellationId",
    "PaymentId",
    "PromoCodeId",
    "RefundId",
    "QuotaId",
    "SeatId",
    "SeatMapId",
    "SectionId",
    "SeriesId",
    "SessionId",
    "TicketTypeId",
    "VenueId",
];

/// Types with a schema in `http/src/openapi/schemas.rs`.
const SCHEMAS: [(&str, &str); 6] = [
    ("BookingStatus", "boxoffice_http::openapi::schemas::BookingStatusSchema"),
    ("EventStatus", "boxoffice_http::openapi::schemas::EventStatusSchema"),
    ("HoldStatus", "boxoffice_http::openapi::schemas::HoldStatusSchema"),
    ("Money", "boxoffice_http::openapi::schemas::MoneySchema"),
    ("SaleState", "boxoffice_http::openapi::schemas::SaleStateSchema"),
    ("SeatState", "boxoffice_http::openapi::schemas::SeatStateSchema"),
];

#[allow(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let config = IDS.iter().fold(Config::new(), |config, id| config.alias_for(id, "Uuid"));
    SCHEMAS.iter().fold(config, |config, (name, schema)| config.alias_for(name, schema)).write_to_file();
}
