//! The `boxoffice` program.

use std::process::ExitCode;

use boxoffice::commands::Cli;
use clap::Parser;

/// Measured on the booking path against the system's allocator, which serialises small frees between threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    boxoffice::commands::run(Cli::parse())
}
