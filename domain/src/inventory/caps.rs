//! What the inventory knows of unpaid places, for those who decide and for its successor.

use jiff::Timestamp;

use super::{
    Inventory,
    unpaid::{UnpaidMemory, is_unpaid},
};
use crate::{
    bookings::HolderId,
    ids::AccountId,
    ledger::Entry,
    refusal::Refusal,
    unpaid::{Buyer, NetworkId},
};

impl Inventory {
    /// Whether so many more unpaid places may be taken.
    pub(super) fn within_unpaid_limits(
        &self,
        account: AccountId,
        places: usize,
        buyer: &Buyer,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.unpaid.as_ref().map_or(Ok(()), |unpaid| unpaid.check(account, places, buyer, now))
    }

    /// Notes from where an applied entry came, until its places are paid or given back.
    pub fn came_from(&mut self, entry: &Entry, network: NetworkId) {
        if let Some(unpaid) = &mut self.unpaid
            && entry.takes_free_places()
            && is_unpaid(entry)
        {
            unpaid.came_from(HolderId::from(entry), network, entry.items().len());
        }
    }

    /// Ends what is known here beside the ledger's rows, and gives it away. `None` when the event limits nothing.
    pub fn hand_over_unpaid(&mut self) -> Option<UnpaidMemory> {
        Some(self.unpaid.as_mut()?.hand_over())
    }

    /// Goes on from what its predecessor knew, as far as the ledger still has it. Nothing may have been applied yet.
    pub fn take_over_unpaid(&mut self, memory: UnpaidMemory) {
        if let Some(unpaid) = &mut self.unpaid {
            unpaid.take_over(memory, &self.holders);
        }
    }
}
