//! Where the places of a booking come from.

use crate::{ids::HoldId, selection::Selection};

/// Where a booking's places come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Free places.
    Selection(Selection),
    /// The places of one of the account's holds.
    Hold(HoldId),
}
