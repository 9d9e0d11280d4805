//! Attempts, refunds and the books: whatever happens in whatever order, money counts once and everything adds up.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a helper that fails should fail its test")]
#![allow(dead_code, reason = "the builders are shared with other tests")]

mod support {
    pub mod money;
}
mod money_flows {
    mod attempts;
    mod books;
    mod cancelling;
    mod exponents;
    mod lives;
}
