//! The states of the seats of one word of a row.

use serde::Serialize;

/// Whether a seat can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SeatState {
    Free,
    /// Taken by a decision that the ledger has not answered yet; shown as held.
    #[serde(rename = "HELD")]
    Pending,
    /// Kept by a hold or by a booking that waits for its payment.
    Held,
    Sold,
}

/// The states of up to 64 columns of one row. A seat with none of the bits is pending; an aisle has none either.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    pub(super) free: u64,
    pub(super) held: u64,
    pub(super) sold: u64,
}

impl Word {
    /// Whether the ledger has the seat as held or sold.
    pub(super) fn is_taken(&self, bit: u64) -> bool {
        (self.held | self.sold) & bit != 0
    }

    pub(super) fn set(&mut self, bit: u64, state: SeatState) {
        let put = |bits: &mut u64, of| *bits = if state == of { *bits | bit } else { *bits & !bit };
        put(&mut self.free, SeatState::Free);
        put(&mut self.held, SeatState::Held);
        put(&mut self.sold, SeatState::Sold);
    }
}
