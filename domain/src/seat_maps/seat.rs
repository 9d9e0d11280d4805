//! A seat of a seat map.

use std::sync::Arc;

use crate::ids::{SeatId, SectionId};

/// One chair, with the words that lead a guest to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub id: SeatId,
    pub section_id: SectionId,
    pub section: Arc<str>,
    pub row: Arc<str>,
    /// The seat's own label.
    pub label: Box<str>,
    /// For guests who use a wheelchair.
    pub accessible: bool,
}
