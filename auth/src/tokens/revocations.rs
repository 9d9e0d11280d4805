//! Access tokens that are refused before their time is over: those of sessions that have ended, and all older ones of accounts that have
//! a new password, another role, a suspension, a theft. A token can't be taken back, so every node knows the sessions and the few accounts
//! this happened to within the life of a token.

use std::{collections::HashMap, sync::Arc};

use application::access::Caller;
use arc_swap::ArcSwap;
use domain::{
    ids::{AccountId, SessionId},
    sessions::Revocation,
};
use foldhash::fast::RandomState;
use jiff::{SignedDuration, Timestamp};

use super::ended_sessions::EndedSessions;

/// No token lives for longer: `auth.access_ttl` has this bound, and the load test's fixture.
pub const LIFE_MAX: SignedDuration = SignedDuration::from_hours(25);

/// Sessions that have ended; and from which second on an account's tokens are good, for the accounts that have such a second.
#[derive(Debug, Default)]
pub struct Revocations {
    ended: EndedSessions,
    /// Read with every request and changed a few times a day: a change copies it.
    since: ArcSwap<HashMap<AccountId, i64, RandomState>>,
}

impl Revocations {
    /// Whether a token of `caller` issued at `issued_at`, in seconds since 1970, is still good.
    pub(super) fn allow(&self, caller: &Caller, issued_at: i64) -> bool {
        let since = self.since.load();
        let old = !since.is_empty() && since.get(&caller.account).is_some_and(|since| issued_at < *since);
        !old && !caller.session.is_some_and(|session| self.ended.has(session))
    }

    /// Refuses the tokens of `account` that were issued before `instant`, on this node and from now on.
    pub(super) fn refuse_before(&self, account: AccountId, instant: Timestamp) {
        self.add(&[(account, instant)], Timestamp::now());
    }

    /// Refuses the tokens of a session that has ended at `instant`.
    pub(super) fn refuse_session(&self, session: SessionId, instant: Timestamp) {
        self.ended.add(session, instant.as_second());
    }

    fn add(&self, moved: &[(AccountId, Timestamp)], now: Timestamp) {
        let oldest = (now - LIFE_MAX).as_second();
        let new = |known: &HashMap<AccountId, i64, RandomState>| {
            moved.iter().any(|(account, since)| known.get(account).is_none_or(|known| *known < whole_second(*since)))
        };
        if !new(&self.since.load()) {
            return;
        }
        self.since.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.retain(|_, since| *since >= oldest);
            for (account, since) in moved {
                let known = known.entry(*account).or_insert(i64::MIN);
                *known = (*known).max(whole_second(*since));
            }
            Arc::new(known)
        });
    }

    /// Refuses what was revoked, here or by another node, and forgets what no token can be refused for any more.
    pub fn learn(&self, revoked: &[Revocation]) {
        let (now, mut moved) = (Timestamp::now(), Vec::new());
        for revocation in revoked {
            match *revocation {
                Revocation::Account(account, since) => moved.push((account, since)),
                Revocation::Session(session, at) => self.refuse_session(session, at),
            }
        }
        self.add(&moved, now);
        self.ended.tidy((now - LIFE_MAX).as_second());
    }
}

/// Rounded up: of a token only the second is known, and one that may be older is refused.
fn whole_second(instant: Timestamp) -> i64 {
    let micros = instant.as_microsecond();
    micros.div_euclid(1_000_000) + i64::from(micros.rem_euclid(1_000_000) > 0)
}

#[cfg(test)]
mod tests {
    use domain::accounts::Role;

    use super::*;

    #[test]
    fn tokens_from_before_are_refused_and_later_ones_are_not() {
        let revocations = Revocations::default();
        let (one, other) = (AccountId::generate(), AccountId::generate());
        let now = Timestamp::now();
        revocations.refuse_before(one, now);
        let second = whole_second(now);
        let allow =
            |account, issued_at| revocations.allow(&Caller { account, role: Role::User, session: None }, issued_at);
        assert!(!allow(one, second - 1));
        assert!(allow(one, second));
        assert!(allow(other, second - 100));
        // What is older than what is known changes nothing.
        revocations.refuse_before(one, now - SignedDuration::from_secs(60));
        assert!(!allow(one, second - 1));
    }

    #[test]
    fn what_no_token_can_be_refused_for_any_more_is_forgotten() {
        let revocations = Revocations::default();
        let (old, new) = (AccountId::generate(), AccountId::generate());
        revocations.refuse_before(old, Timestamp::now() - SignedDuration::from_hours(26));
        revocations.refuse_before(new, Timestamp::now());
        assert_eq!(revocations.since.load().len(), 1);
    }
}
