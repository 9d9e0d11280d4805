//! Idempotency keys in memory: the results of recent requests, so that a retry needs no look-up.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use domain::ledger::{KeyOf, Prior};
use foldhash::quality::RandomState;

/// Most keys an inventory remembers; the ledger remembers all.
const KEYS_MAX: usize = 16_384;
/// So many keys an inventory remembers in any case, whatever the others have.
const KEYS_MIN: usize = 64;
/// Most places of all that a node's inventories remember together. A place takes about a hundred bytes.
const PLACES_MAX: usize = 400_000;

/// The places that the inventories of a node remember together. A limit on keys alone would let each of them stand for
/// thousands of places.
#[derive(Debug, Default)]
pub(crate) struct KeyBudget {
    places: AtomicUsize,
}

impl KeyBudget {
    fn is_exceeded(&self) -> bool {
        self.places.load(Relaxed) > PLACES_MAX
    }
}

/// Keys and what they led to, oldest first out.
#[derive(Debug)]
pub(super) struct RecentKeys {
    priors: HashMap<KeyOf, Prior, RandomState>,
    order: VecDeque<KeyOf>,
    /// Places of all priors.
    places: usize,
    budget: Arc<KeyBudget>,
}

impl Drop for RecentKeys {
    fn drop(&mut self) {
        self.budget.places.fetch_sub(self.places, Relaxed);
    }
}

impl RecentKeys {
    /// Remembers nothing yet; what it will remember is counted in `budget`.
    pub(super) fn new(budget: Arc<KeyBudget>) -> Self {
        Self { priors: HashMap::default(), order: VecDeque::new(), places: 0, budget }
    }

    pub(super) fn find(&self, key: &KeyOf) -> Option<&Prior> {
        self.priors.get(key)
    }

    pub(super) fn remember(&mut self, key: KeyOf, prior: Prior) {
        // Organizers make few blocks, and each may be a hundred times as large as a booking: the ledger is asked about their keys.
        if matches!(&prior, Prior::Hold(hold) if hold.is_block()) {
            return;
        }
        let places = places_of(&prior);
        if let Some(former) = self.priors.insert(key.clone(), prior) {
            self.forgotten(&former);
        } else {
            self.order.push_back(key);
        }
        self.places += places;
        self.budget.places.fetch_add(places, Relaxed);
        while self.order.len() > KEYS_MAX || (self.order.len() > KEYS_MIN && self.budget.is_exceeded()) {
            let oldest = self.order.pop_front().and_then(|oldest| self.priors.remove(&oldest));
            if let Some(oldest) = oldest {
                self.forgotten(&oldest);
            }
        }
    }

    fn forgotten(&mut self, prior: &Prior) {
        let places = places_of(prior);
        self.places -= places;
        self.budget.places.fetch_sub(places, Relaxed);
    }
}

fn places_of(prior: &Prior) -> usize {
    match prior {
        Prior::Hold(hold) => hold.items.len(),
        Prior::Booking(booking) => booking.items.len(),
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        bookings::{Fingerprint, Hold, HoldStatus, IdempotencyKey, Item},
        ids::{AccountId, EventId, HoldId, QuotaId, TicketTypeId},
        ledger::KeyKind,
        money::Money,
    };
    use jiff::Timestamp;
    use rust_decimal::Decimal;

    use super::*;

    fn hold(places: usize, expires_at: Option<Timestamp>) -> (KeyOf, Prior) {
        let (ticket_type_id, quota_id) = (TicketTypeId::generate(), QuotaId::generate());
        let item = Item::at_price(ticket_type_id, quota_id, None, Decimal::ZERO);
        let id = HoldId::generate();
        let key = IdempotencyKey::parse(&id.0.to_string()).unwrap();
        let account_id = AccountId::generate();
        let hold = Hold {
            id,
            event_id: EventId::generate(),
            account_id,
            status: HoldStatus::Active,
            items: vec![item; places].into(),
            tax_included: true,
            total: Money::new(Decimal::ZERO, "EUR".parse().unwrap()),
            promo_code: None,
            key: key.clone(),
            fingerprint: Fingerprint(id.0),
            expires_at,
            extended_until: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        (KeyOf { account_id, key, kind: KeyKind::Hold }, Prior::Hold(Arc::new(hold)))
    }

    /// Guards: the budget of the node, and that an inventory that ends gives back what it used.
    #[test]
    fn all_inventories_together_remember_so_many_places() {
        let budget = Arc::new(KeyBudget::default());
        let mut inventories: Vec<_> = (0..4).map(|_| RecentKeys::new(budget.clone())).collect();
        for round in 0..1_200 {
            for keys in &mut inventories {
                let (key, prior) = hold(100, Some(Timestamp::UNIX_EPOCH));
                keys.remember(key.clone(), prior);
                assert!(keys.find(&key).is_some(), "the latest is remembered, in round {round}");
            }
        }
        let places = budget.places.load(Relaxed);
        assert!(places <= PLACES_MAX + 4 * KEYS_MIN * 100, "{places}");
        drop(inventories);
        assert_eq!(budget.places.load(Relaxed), 0);
    }

    #[test]
    fn a_block_is_not_remembered() {
        let mut keys = RecentKeys::new(Arc::default());
        let (key, prior) = hold(10_000, None);
        keys.remember(key.clone(), prior);
        assert!(keys.find(&key).is_none() && keys.budget.places.load(Relaxed) == 0);
    }
}
