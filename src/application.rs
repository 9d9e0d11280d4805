//! Use cases and the ports they need. Nothing here knows HTTP, SQL or a framework.

pub mod access;
