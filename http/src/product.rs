//! The product's name, as clients see it.

pub const NAME: &str = "boxoffice";
/// What it is, in a sentence.
pub const DESCRIPTION: &str = "An event-booking server for the minute when everyone wants the same seats";
/// Its version: that of all crates of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
