//! Migrations are compiled in, and `include_dir!` by itself does not notice a new file. And the program gets to know which
//! sources it was built from.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
};

/// What decides how the program answers.
const SOURCES: [&str; 13] = [
    "Cargo.lock",
    "actors/src",
    "api/src",
    "application/src",
    "auth/src",
    "domain/src",
    "embedded-postgres/src",
    "http/src",
    "mail/src",
    "migrations",
    "src",
    "store/src",
    "telemetry/src",
];

#[allow(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=BOXOFFICE_BUILD={:016x}", build());
}

/// A number that two programs share which were built from the same sources, whenever and wherever that was.
#[allow(clippy::print_stdout, reason = "how a build script talks to cargo")]
fn build() -> u64 {
    let mut files = Vec::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed=../{source}");
        collect(&Path::new("..").join(source), &mut files);
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
