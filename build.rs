//! Migrations and the templates of mails are compiled in, and `include_dir!` by itself does not notice a new file. The
//! schemas of the OpenAPI document are derived from the DTOs, whose fields have types of the domain, which knows nothing of
//! documents: this says what stands for each.

use utoipa_config::Config;

/// They are UUIDs to clients.
const IDS: &[&str] = &[
    "AccountId",
    "BookingId",
    "EventId",
    "HoldId",
    "QuotaId",
    "SeatId",
    "SeatMapId",
    "SectionId",
    "SeriesId",
    "SessionId",
    "TicketTypeId",
    "VenueId",
];

/// Types with a schema in `src/presentation/openapi/schemas.rs`.
const SCHEMAS: [(&str, &str); 6] = [
    ("BookingStatus", "crate::presentation::openapi::schemas::BookingStatusSchema"),
    ("EventStatus", "crate::presentation::openapi::schemas::EventStatusSchema"),
    ("HoldStatus", "crate::presentation::openapi::schemas::HoldStatusSchema"),
    ("Money", "crate::presentation::openapi::schemas::MoneySchema"),
    ("SaleState", "crate::presentation::openapi::schemas::SaleStateSchema"),
    ("SeatState", "crate::presentation::openapi::schemas::SeatStateSchema"),
];

#[allow(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=src/infrastructure/email/mails");
    let config = IDS.iter().fold(Config::new(), |config, id| config.alias_for(id, "Uuid"));
    SCHEMAS.iter().fold(config, |config, (name, schema)| config.alias_for(name, schema)).write_to_file();
}
