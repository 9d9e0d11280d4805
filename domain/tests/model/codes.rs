//! Promo codes, as the reference counts their uses: by looking at all that has them.

use domain::{ids::AccountId, ledger::CodeUses};

use super::{
    reference::{Claim, Reference, Row, State},
    steps::LineSpec,
};

impl Reference<'_> {
    /// Whether the code is good for what is asked for now.
    pub fn usable(&self, account: AccountId, lines: &[LineSpec], code: usize) -> Result<(), String> {
        let spec = self.spec.codes.get(code).ok_or("code UNKNOWN")?;
        if !spec.valid.contains(&self.now) {
            return Err("code NOT_NOW".to_owned());
        }
        if !lines.iter().any(|line| self.spec.applies(code, line.ticket_type)) {
            return Err("code NOT_FOR_TICKETS".to_owned());
        }
        self.may_use(account, code)
    }

    /// Whether the account may use the code once more, by all that has it.
    pub fn may_use(&self, account: AccountId, code: usize) -> Result<(), String> {
        let spec = &self.spec.codes[code];
        let used = |by: Option<AccountId>| {
            let has = |claim: &&Claim| code_of(&claim.row) == Some(code) && by.is_none_or(|by| claim.account == by);
            self.keeping().filter(has).count() as u32
        };
        let is_used_up = |used: u32, limit: Option<u32>| limit.is_some_and(|limit| used >= limit);
        if is_used_up(used(None), spec.uses) || is_used_up(used(Some(account)), spec.uses_per_account) {
            return Err("code USED_UP".to_owned());
        }
        Ok(())
    }

    /// As the ledger counts them.
    pub fn uses(&self, code: usize) -> CodeUses {
        let live = self.claims.iter().filter(|claim| claim.state == State::Live && code_of(&claim.row) == Some(code));
        let mut by_account: Vec<(AccountId, u32)> = Vec::new();
        for claim in live {
            match by_account.iter_mut().find(|(account, _)| *account == claim.account) {
                Some((_, uses)) => *uses += 1,
                None => by_account.push((claim.account, 1)),
            }
        }
        let used = by_account.iter().map(|(_, uses)| uses).sum();
        CodeUses { promo_code_id: self.spec.plan().promo_codes[code].id, used, by_account }
    }
}

/// The number of the code that it has.
pub fn code_of(row: &Row) -> Option<usize> {
    let applied = match row {
        Row::Hold(hold) => hold.promo_code.as_ref(),
        Row::Booking(booking) => booking.promo_code.as_ref(),
    };
    applied.and_then(|applied| applied.name.as_str().strip_prefix("CODE-")?.parse().ok())
}
