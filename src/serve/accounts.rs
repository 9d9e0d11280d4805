//! What accounts need besides requests: tokens that are taken back.

use std::{sync::Arc, time::Duration};

use actors::tasks::{SignOfLife, Tasks};
use anyhow::Context;
use application::app::AuthRules;
use boxoffice_auth::tokens::{LIFE_MAX, Revocations};
use boxoffice_store::postgres::{connection::RequestPool, errors::StoreError, revocations};
use domain::sessions::SessionLimits;
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};

use super::patience::while_away;
use crate::config::AuthConfig;

/// How often a node asks what others have revoked: as long as a revocation may take.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Which tokens were taken back, read before the first request and followed from then on.
pub(super) async fn revocations(pool: &RequestPool, background: &mut Tasks) -> anyhow::Result<Arc<Revocations>> {
    let revocations = Arc::new(Revocations::default());
    let (known, begin) = (&revocations, Timestamp::now() - LIFE_MAX);
    let read = || async move { learn(known, pool, begin).await.context("revoked tokens can't be read") };
    let since = while_away("read revoked tokens", read).await?;
    let (followed, pool) = (Arc::clone(&revocations), pool.clone());
    // One that begins again asks for all that has happened since the start, so it misses nothing.
    background.add("revocations", move |life| follow(Arc::clone(&followed), pool.clone(), since, life));
    Ok(revocations)
}

/// Asks for ever what other nodes have revoked since. While the database is away nobody can revoke anything there.
async fn follow(revocations: Arc<Revocations>, pool: RequestPool, mut since: Timestamp, life: SignOfLife) {
    let mut rounds = interval(POLL_EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        match learn(&revocations, &pool, since).await {
            Ok(next) => {
                since = next;
                life.give();
            }
            Err(error) => tracing::warn!(%error, "revoked tokens can't be read"),
        }
    }
}

async fn learn(known: &Revocations, pool: &RequestPool, since: Timestamp) -> Result<Timestamp, StoreError> {
    let (revoked, next) = revocations::since(pool, since).await?;
    known.learn(&revoked);
    Ok(next)
}

pub(super) fn rules(config: &AuthConfig) -> AuthRules {
    AuthRules {
        access_ttl: config.access_ttl,
        sessions: SessionLimits { idle: config.session_idle, age_max: config.session_age, grace: config.refresh_grace },
        verification_ttl: config.verification_ttl,
        reset_ttl: config.reset_ttl,
        require_verified_email: config.require_verified_email,
        verified_to_book: config.verified_to_book,
    }
}
