//! Rate limiter of requests and attempts.
//!
//! Each request is decided in this process first: who is refused here costs Redis nothing. What was admitted is *told* to
//! Redis, which knows what the other nodes have admitted and may still say no. A limit has a number of requests that a node
//! may admit before it tells, a tenth of the limit: for the large ones one request in so many asks Redis, for the small ones
//! every one does. So all nodes together admit at most that many more than one would, each, and pay it back: what is told
//! late is charged all the same.

mod attempts;

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use application::limits::{Client, Counted, LimitRequests, Limited, Rule, Standing, Tier};
use domain::{
    network::Network,
    rate_limit::{Gcra, Rate},
    unpaid::{SITE_NETWORKS, SiteId},
};
use metrics::{Counter, counter};
use sha2::{Digest, Sha256};

use super::{
    shared::{Report, SharedCounts},
    table::{Entry, Key, Table},
};
use crate::redis::Unanswered;

/// A node admits this part of a limit before it tells the others.
const UNTOLD_PART: u32 = 10;
/// Units of this process's clock and of Redis's in a second.
const NANOSECONDS: u32 = 1_000_000_000;
const MICROSECONDS: u32 = 1_000_000;

/// What a limiter is told.
#[derive(Clone, Debug)]
pub struct LimiterSettings {
    /// Of [`Tier::Auth`]; the limit of every [`Rule`] is a multiple of it.
    pub auth: Rate,
    /// Of [`Tier::Bookings`].
    pub bookings: Rate,
    /// Of [`Tier::Api`].
    pub api: Rate,
    /// Of [`Tier::Public`].
    pub public: Rate,
    /// Whose requests are not limited.
    pub trusted: Vec<Network>,
    /// The longest wait that requests while limited lead to.
    pub backoff_max: Duration,
    /// About how many clients are remembered.
    pub max_clients: usize,
}

/// What a key is about; the kinds of one limit are counted apart.
#[derive(Clone, Copy)]
enum Kind {
    Network,
    Account,
    Digest,
}

struct Limit {
    /// In metrics, and in Redis's keys.
    name: &'static str,
    rate: Rate,
    gcra: Gcra,
    /// The same on Redis's clock.
    shared_gcra: Gcra,
    /// Of all networks of a site together; each node counts for itself.
    site_gcra: Gcra,
    /// With so many untold, the next one asks.
    untold_max: u32,
    /// Whether who goes on while refused waits longer.
    is_growing: bool,
    refusals: Counter,
}

impl Limit {
    fn new(name: &'static str, rate: Rate) -> Self {
        let refusals = counter!("boxoffice_rate_limit_refusals_total", "limit" => name);
        // There from the start, at zero: an increase that begins with the first refusal would miss it.
        refusals.increment(0);
        Self {
            name,
            rate,
            gcra: Gcra::new(rate, NANOSECONDS),
            shared_gcra: Gcra::new(rate, MICROSECONDS),
            site_gcra: Gcra::new(rate.times(SITE_NETWORKS), NANOSECONDS),
            untold_max: (rate.count() / UNTOLD_PART).max(1) - 1,
            is_growing: true,
            refusals,
        }
    }

    /// How a network stands whose site has used up what all its networks have together.
    fn site_full(&self, entry: &mut Entry, now: u64) -> Standing {
        self.refusals.increment(1);
        let first = !std::mem::replace(&mut entry.refused, true);
        let retry_after = Duration::from_nanos(self.site_gcra.wait(entry.arrival, now).max(1));
        let full_after = Duration::from_nanos(entry.arrival.saturating_sub(now));
        Standing { outcome: Err(Limited { retry_after, first }), remaining: 0, full_after }
    }

    /// Of a rule, where one of width 1 has this rate.
    fn of_rule(rule: Rule, rate: Rate) -> Self {
        // A rate that can't be multiplied is wide enough.
        let wide = Rate::new(rate.count().saturating_mul(rule.width()), rate.window()).unwrap_or(rate);
        Self { is_growing: rule.is_growing(), ..Self::new(rule.as_str(), wide) }
    }

    fn standing(&self, entry: &Entry, now: u64, outcome: Result<(), Limited>) -> Standing {
        let full_after = Duration::from_nanos(entry.arrival.saturating_sub(now));
        Standing { outcome, remaining: self.gcra.remaining(entry.arrival, now), full_after }
    }
}

pub struct Limiter(Arc<Inner>);

struct Inner {
    /// Of [`Tier::LIMITED`], then of [`Rule::ALL`].
    limits: Vec<Limit>,
    table: Table,
    /// When this process's clock was 0.
    epoch: Instant,
    trusted: Vec<Network>,
    /// In nanoseconds.
    backoff_max: u64,
    shared: Option<Arc<SharedCounts>>,
    forgotten: Counter,
}

/// What came of a look at the table.
enum Taken {
    Known(Standing),
    /// Admitted here; so many before it have not been told.
    Untold {
        standing: Standing,
        spent: u32,
        known: u64,
    },
}

impl Limiter {
    /// Counts in this process, and with the other nodes when there is something shared.
    pub fn new(settings: LimiterSettings, shared: Option<Arc<SharedCounts>>) -> Self {
        let rates = [settings.auth, settings.bookings, settings.api, settings.public];
        let tiers = Tier::LIMITED.iter().zip(rates).map(|(tier, rate)| Limit::new(tier.as_str(), rate));
        let forgotten = counter!("boxoffice_rate_limit_forgotten_total");
        forgotten.increment(0);
        let rules = Rule::ALL.iter().map(|rule| Limit::of_rule(*rule, settings.auth));
        Self(Arc::new(Inner {
            limits: tiers.chain(rules).collect(),
            table: Table::new(settings.max_clients),
            epoch: Instant::now(),
            trusted: settings.trusted,
            backoff_max: u64::try_from(settings.backoff_max.as_nanos()).unwrap_or(u64::MAX / 4),
            shared,
            forgotten,
        }))
    }
}

impl Inner {
    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// Which limit counts a request, for whom; `None` when none does.
    fn whom(&self, tier: Tier, client: Client) -> Option<(usize, Kind, u128)> {
        let index = tier.index()?;
        if self.is_trusted(client.address) {
            return None;
        }
        Some(match (tier, client.account) {
            (Tier::Bookings | Tier::Api, Some(account)) => (index, Kind::Account, account.0.as_u128()),
            _ => (index, Kind::Network, network(client.address)),
        })
    }

    /// This process's clock.
    fn clock(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX / 2)
    }

    /// Counts one, now, by `limits[index]`.
    fn count_one(self: &Arc<Self>, index: usize, kind: Kind, subject: u128, now: Instant) -> Counted {
        let Some(limit) = self.limits.get(index) else { return Counted::Exempt };
        let key = key(index, kind, subject);
        let now = self.clock(now);
        let shared = self.shared.as_ref().filter(|shared| shared.is_reachable());
        match (self.take(limit, key, now, shared.is_some()), shared) {
            (Taken::Untold { standing, spent, known }, Some(shared)) => {
                let (most, gcra) = (self.most(limit), limit.shared_gcra);
                let report = Report { name: limit.name, key, spent, known, most, gcra };
                let (counts, shared) = (Arc::clone(self), Arc::clone(shared));
                // In a task of its own: what is told by a request that is given up meanwhile must not be lost.
                let asked = tokio::spawn(async move {
                    let limit = counts.limits.get(index)?;
                    counts.ask(&shared, limit, report, now).await
                });
                // An error means that the task has panicked or its runtime has ended: what was decided here holds.
                Counted::Asked(Box::pin(async move { asked.await.ok().flatten().unwrap_or(standing) }))
            }
            (Taken::Known(standing) | Taken::Untold { standing, .. }, _) => Counted::Known(standing),
        }
    }

    /// As [`Inner::count_one`] for a network at `address`, within what all networks of its site have together. What a network is refused
    /// is not held against its neighbours.
    fn count_network(self: &Arc<Self>, index: usize, address: IpAddr, now: Instant) -> Counted {
        let (Some(limit), Some(site)) = (self.limits.get(index), SiteId::of(address)) else {
            return self.count_one(index, Kind::Network, network(address), now);
        };
        let (key, clock) = (key_of_site(index, site), self.clock(now));
        let known = self.table.find(key).map_or(0, |entry| entry.arrival);
        if limit.site_gcra.wait(known, clock) > 0 {
            return Counted::Known(self.table.with(key, clock, |entry| limit.site_full(entry, clock)).0);
        }
        let counted = self.count_one(index, Kind::Network, network(address), now);
        if !matches!(&counted, Counted::Known(standing) if standing.outcome.is_err()) {
            let take = |entry: &mut Entry| entry.refused &= limit.site_gcra.admit(&mut entry.arrival, clock).is_err();
            self.table.with(key, clock, take);
        }
        counted
    }

    /// How far ahead of the present the shared arrival time may get, on Redis's clock.
    fn most(&self, limit: &Limit) -> u64 {
        limit.shared_gcra.tolerance + limit.shared_gcra.interval + self.backoff_max / 1000
    }

    fn take(&self, limit: &Limit, key: Key, now: u64, may_ask: bool) -> Taken {
        let (taken, forgotten) = self.table.with(key, now, |entry| {
            let used = limit.gcra.used(entry.arrival, now);
            if limit.gcra.admit(&mut entry.arrival, now).is_err() {
                return Taken::Known(self.refuse(limit, entry, now));
            }
            entry.refused = false;
            let standing = limit.standing(entry, now, Ok(()));
            if !may_ask || entry.untold < limit.untold_max {
                entry.untold = entry.untold.saturating_add(1);
                return Taken::Known(standing);
            }
            // After an outage more is untold than that. What has been regained meanwhile is nobody's business any more.
            let spent = entry.untold.min(used.max(limit.untold_max));
            entry.untold = 0;
            Taken::Untold { standing, spent, known: entry.shared_arrival }
        });
        if forgotten {
            self.forgotten.increment(1);
        }
        taken
    }

    /// Says no, and remembers it: who goes on meanwhile waits longer.
    fn refuse(&self, limit: &Limit, entry: &mut Entry, now: u64) -> Standing {
        let first = !entry.refused;
        if !first && limit.is_growing {
            let before = entry.arrival;
            limit.gcra.penalise(&mut entry.arrival, now, self.backoff_max);
            entry.untold = entry.untold.saturating_add(u32::from(entry.arrival > before));
        }
        entry.refused = true;
        limit.refusals.increment(1);
        let retry_after = Duration::from_nanos(limit.gcra.wait(entry.arrival, now).max(1));
        limit.standing(entry, now, Err(Limited { retry_after, first }))
    }

    /// Gives one of `limits[index]` back that was counted and admitted: here at once, to the others when the answer is awaited.
    fn give_one_back(
        self: Arc<Self>,
        index: usize,
        key: Key,
        now: Instant,
    ) -> Option<impl Future<Output = Standing> + Send> {
        let (limit, now) = (self.limits.get(index)?, self.clock(now));
        let (name, shared_gcra) = (limit.name, limit.shared_gcra);
        let ((standing, was_told), _) = self.table.with(key, now, |entry| {
            entry.arrival = entry.arrival.saturating_sub(limit.gcra.interval);
            let was_told = entry.untold == 0;
            if was_told {
                entry.shared_arrival = entry.shared_arrival.saturating_sub(shared_gcra.interval);
            } else {
                entry.untold -= 1;
            }
            (limit.standing(entry, now, Ok(())), was_told)
        });
        let shared = self.shared.as_ref().filter(|shared| was_told && shared.is_reachable()).map(Arc::clone);
        Some(async move {
            if let Some(shared) = shared {
                // What Redis does not hear stays counted there, which errs on the strict side.
                let _ = Box::pin(shared.give_back(name, key, shared_gcra.interval)).await;
            }
            standing
        })
    }

    /// Tells the others and hears whether they agree. `None` when there is no answer: then what was decided here holds.
    async fn ask(&self, shared: &SharedCounts, limit: &Limit, report: Report, now: u64) -> Option<Standing> {
        let answer = shared.tell(&report).await;
        let (standing, _) = self.table.with(report.key, now, |entry| match answer {
            Ok(told) => {
                entry.shared_arrival = told.arrival;
                if !told.admitted {
                    entry.arrival = entry.arrival.saturating_sub(limit.gcra.interval);
                }
                // What was admitted here since the question is not in the answer.
                let theirs = now + told.ahead * 1000 + u64::from(entry.untold) * limit.gcra.interval;
                entry.arrival = entry.arrival.max(theirs);
                Some(if told.admitted { limit.standing(entry, now, Ok(())) } else { self.refuse(limit, entry, now) })
            }
            Err(Unanswered::NotHeard) => {
                entry.untold = entry.untold.saturating_add(report.spent + 1);
                None
            }
            // Told again it might be counted twice. It is counted here, at least.
            Err(Unanswered::Unknown) => None,
        });
        standing
    }
}

impl LimitRequests for Limiter {
    fn count(&self, tier: Tier, client: Client, now: Instant) -> Counted {
        match self.0.whom(tier, client) {
            None => Counted::Exempt,
            Some((index, Kind::Network, _)) => self.0.count_network(index, client.address, now),
            Some((index, kind, subject)) => self.0.count_one(index, kind, subject, now),
        }
    }

    fn standing(&self, tier: Tier, client: Client, now: Instant) -> Option<Standing> {
        let (index, kind, subject) = self.0.whom(tier, client)?;
        let (limit, now) = (self.0.limits.get(index)?, self.0.clock(now));
        let arrival = self.0.table.find(key(index, kind, subject)).map_or(0, |entry| entry.arrival);
        let full_after = Duration::from_nanos(arrival.saturating_sub(now));
        Some(Standing { outcome: Ok(()), remaining: limit.gcra.remaining(arrival, now), full_after })
    }

    fn give_back(
        &self,
        tier: Tier,
        client: Client,
        now: Instant,
    ) -> Option<Pin<Box<dyn Future<Output = Standing> + Send>>> {
        let (index, kind, subject) = self.0.whom(tier, client)?;
        let standing = Arc::clone(&self.0).give_one_back(index, key(index, kind, subject), now)?;
        Some(Box::pin(standing))
    }

    fn rate(&self, tier: Tier) -> Option<Rate> {
        Some(self.0.limits.get(tier.index()?)?.rate)
    }
}

/// Where the limit of a rule is among all.
fn place(rule: Rule) -> usize {
    Tier::LIMITED.len() + rule as usize
}

fn key(index: usize, kind: Kind, subject: u128) -> Key {
    Key { subject, space: (index * 3 + kind as usize + 1) as u8 }
}

/// In a space of its own beside those of the networks.
fn key_of_site(index: usize, site: SiteId) -> Key {
    Key { subject: site.bits().into(), space: 0x80 | index as u8 }
}

/// The network that an address stands for: one address of IPv4, and a /64 of IPv6, which is what a customer has at least.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

/// The same on all nodes, and not what it was made of.
fn digest(subject: &str) -> u128 {
    let hash = Sha256::digest(subject.as_bytes());
    hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests;
