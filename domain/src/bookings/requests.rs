//! What buyers ask for.

use super::{Attendees, Source};
use crate::{promo_codes::CodeName, selection::Selection};

/// What is to be held.
#[derive(Clone, Debug)]
pub struct HoldRequest {
    pub selection: Selection,
    pub promo_code: Option<CodeName>,
}

/// What is to be booked.
#[derive(Clone, Debug)]
pub struct BookingRequest {
    pub source: Source,
    /// Of a selection. The booking of a hold has the hold's.
    pub promo_code: Option<CodeName>,
    pub attendees: Attendees,
}
