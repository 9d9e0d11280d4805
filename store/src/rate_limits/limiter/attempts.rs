//! What use cases limit themselves.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use application::limits::{Client, Counted, LimitAttempts, LimitRequests, Limited, Rule, Tier};
use async_trait::async_trait;
use domain::unpaid::SiteId;

use super::{Kind, Limiter, digest, key, key_of_site, place};

#[async_trait]
impl LimitAttempts for Limiter {
    async fn attempt(&self, rule: Rule, subject: &str, from: IpAddr) -> Result<(), Limited> {
        if self.0.is_trusted(from) {
            return Ok(());
        }
        let counted = self.0.count_one(place(rule), Kind::Digest, digest(subject), Instant::now());
        settled(counted, rule.as_str(), from).await
    }

    fn has_left(&self, tier: Tier, from: IpAddr) -> Result<(), Limited> {
        let client = Client { address: from, account: None };
        let Some((index, kind, subject)) = self.0.whom(tier, client) else { return Ok(()) };
        let Some(limit) = self.0.limits.get(index) else { return Ok(()) };
        let now = self.0.clock(Instant::now());
        let arrival = |key| self.0.table.find(key).map_or(0, |entry| entry.arrival);
        let of_network = limit.gcra.wait(arrival(key(index, kind, subject)), now);
        let of_site = SiteId::of(from).map_or(0, |site| limit.site_gcra.wait(arrival(key_of_site(index, site)), now));
        match of_network.max(of_site) {
            0 => Ok(()),
            wait => Err(Limited { retry_after: Duration::from_nanos(wait), first: false }),
        }
    }

    async fn charge(&self, tier: Tier, from: IpAddr) -> Result<(), Limited> {
        let client = Client { address: from, account: None };
        settled(self.count(tier, client, Instant::now()), tier.as_str(), from).await
    }

    async fn forgive(&self, rule: Rule, subject: &str, from: IpAddr) {
        if self.0.is_trusted(from) {
            return;
        }
        let key = key(place(rule), Kind::Digest, digest(subject));
        if let Some(standing) = Arc::clone(&self.0).give_one_back(place(rule), key, Instant::now()) {
            standing.await;
        }
    }
}

/// What came of counting one, which is logged when it is the first that is refused.
async fn settled(counted: Counted, limit: &'static str, from: IpAddr) -> Result<(), Limited> {
    let outcome = match counted {
        Counted::Exempt => Ok(()),
        Counted::Known(standing) => standing.outcome,
        Counted::Asked(answer) => answer.await.outcome,
    };
    if let Err(limited) = outcome
        && limited.first
    {
        let wait = limited.retry_after.as_millis() as u64;
        tracing::warn!(limit, client = %from, waitMs = wait, "limit exceeded");
    }
    outcome
}
