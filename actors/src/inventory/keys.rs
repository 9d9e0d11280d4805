//! The keys of the latest answers, so that a retry is answered from memory.

use std::collections::{HashMap, VecDeque};

use domain::ledger::{KeyOf, Prior};
use foldhash::quality::RandomState;

/// Most keys an inventory remembers; the ledger remembers all.
const KEYS_MAX: usize = 16_384;

/// Keys and what they led to, oldest first out.
#[derive(Debug, Default)]
pub(super) struct RecentKeys {
    priors: HashMap<KeyOf, Prior, RandomState>,
    order: VecDeque<KeyOf>,
}

impl RecentKeys {
    pub(super) fn find(&self, key: &KeyOf) -> Option<&Prior> {
        self.priors.get(key)
    }

    pub(super) fn remember(&mut self, key: KeyOf, prior: Prior) {
        if self.priors.insert(key.clone(), prior).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.priors.remove(&oldest);
        }
    }
}
