//! The best seats that are free: the rules on drawn rows, and any house against a reference that tries every place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "a helper that fails should fail its test"
)]
#![allow(dead_code, reason = "the builders are shared with other tests")]

mod support {
    pub mod builders;
}
mod best {
    mod groups;
    pub mod house;
    mod properties;
    pub mod reference;
    mod requests;
    mod together;
}
