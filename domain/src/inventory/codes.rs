//! How often each promo code is used. A use is counted from the decision on, and given back once the ledger has what ends it: the same as
//! with places, so that no code is used too often.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::{
    events::PlannedCode,
    ids::{AccountId, PromoCodeId},
    ledger::{CodeUse, CodeUses, Entry},
    promo_codes::{CodeName, PromoCodeError},
};

#[derive(Debug, Default)]
pub(super) struct Codes {
    /// The places of the codes in the plan.
    by_name: HashMap<CodeName, usize, RandomState>,
    uses: HashMap<PromoCodeId, Uses, RandomState>,
}

#[derive(Debug)]
struct Uses {
    used: u32,
    /// Kept only when the code limits them.
    by_account: Option<HashMap<AccountId, u32, RandomState>>,
}

impl Codes {
    pub(super) fn load(codes: &[PlannedCode], loaded: Vec<CodeUses>) -> Self {
        let mut loaded: HashMap<_, _> = loaded.into_iter().map(|uses| (uses.promo_code_id, uses)).collect();
        let of = |planned: &PlannedCode| {
            let (used, by_account) =
                loaded.remove(&planned.id).map_or((0, Vec::new()), |uses| (uses.used, uses.by_account));
            let by_account = planned.code.uses_per_account.map(|_| by_account.into_iter().collect());
            (planned.id, Uses { used, by_account })
        };
        Self {
            uses: codes.iter().map(of).collect(),
            by_name: codes.iter().enumerate().map(|(at, planned)| (planned.code.code.clone(), at)).collect(),
        }
    }

    /// The place of a code in the plan.
    pub(super) fn find(&self, name: &CodeName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether the account may use the code once more.
    pub(super) fn may_be_used(&self, planned: &PlannedCode, account: AccountId) -> Result<(), PromoCodeError> {
        let uses = self.uses.get(&planned.id).ok_or(PromoCodeError::Unknown)?;
        let by_account = uses.by_account.as_ref().and_then(|by_account| by_account.get(&account));
        planned.code.check_uses(uses.used, by_account.copied().unwrap_or(0))
    }

    /// The decision is made, and the use that it takes counts from now on.
    pub(super) fn apply(&mut self, entry: &Entry) {
        if let Some(code_use) = entry.code_use().filter(|code_use| code_use.is_taken) {
            self.count(&code_use, 1);
        }
    }

    /// The ledger has it.
    pub(super) fn settle(&mut self, entry: &Entry) {
        if let Some(code_use) = entry.code_use().filter(|code_use| !code_use.is_taken) {
            self.count(&code_use, -1);
        }
    }

    /// The ledger has not accepted it.
    pub(super) fn revert(&mut self, entry: &Entry) {
        if let Some(code_use) = entry.code_use().filter(|code_use| code_use.is_taken) {
            self.count(&code_use, -1);
        }
    }

    fn count(&mut self, code_use: &CodeUse, change: i32) {
        let Some(uses) = self.uses.get_mut(&code_use.promo_code_id) else { return };
        uses.used = uses.used.saturating_add_signed(change);
        if let Some(by_account) = &mut uses.by_account {
            let used = by_account.entry(code_use.account_id).or_default();
            *used = used.saturating_add_signed(change);
            if *used == 0 {
                by_account.remove(&code_use.account_id);
            }
        }
    }
}
