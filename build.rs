//! Migrations and the templates of mails are compiled in, and `include_dir!` by itself does not notice a new file. The
//! schemas of the OpenAPI document are derived from the DTOs, whose fields have types of the domain, which knows nothing of
//! documents: this says what stands for each. And the program gets to know which sources it was built from.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
};

use utoipa_config::Config;

/// What decides how the program answers.
const SOURCES: [&str; 5] = ["Cargo.lock", "actors/src", "domain/src", "migrations", "src"];

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
    println!("cargo::rustc-env=BOXOFFICE_BUILD={:016x}", build());
    SCHEMAS.iter().fold(config, |config, (name, schema)| config.alias_for(name, schema)).write_to_file();
}

/// A number that two programs share which were built from the same sources, whenever and wherever that was.
#[allow(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn build() -> u64 {
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        collect(Path::new(source), &mut files);
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(file.to_string_lossy().as_bytes());
        hasher.write(&fs::read(&file).unwrap_or_default());
    }
    hasher.finish()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else { return files.push(path.to_owned()) };
    for entry in entries.flatten() {
        collect(&entry.path(), files);
    }
}
