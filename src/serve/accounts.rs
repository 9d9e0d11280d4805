//! What accounts need besides requests: tokens that are taken back, and rows that are over.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use deadpool_postgres::Pool;
use domain::{credentials::CredentialRepository, sessions::SessionLimits};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::{
    application::app::AuthRules,
    config::AuthConfig,
    infrastructure::{postgres::store::PgStore, tokens::Revocations},
};

/// How often rows that are over are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How long they are kept: a stolen refresh token that is used meanwhile still shows.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Rows of each table deleted in one statement.
const SWEPT_AT_ONCE: u32 = 1000;

/// Which tokens were taken back, read before the first request and followed from then on.
pub(super) async fn revocations(pool: &Pool, background: &mut JoinSet<()>) -> anyhow::Result<Arc<Revocations>> {
    let revocations = Arc::new(Revocations::default());
    let since = revocations.read_all(pool).await.context("revoked tokens can't be read")?;
    background.spawn(Arc::clone(&revocations).follow(pool.clone(), since));
    Ok(revocations)
}

/// Deletes sessions and links that are over, for ever.
pub(super) fn sweep(store: PgStore, background: &mut JoinSet<()>) {
    background.spawn(async move {
        let mut interval = tokio::time::interval(SWEEP_EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            // Until there are none, in statements that lock few rows at a time.
            while let Ok(1..) = store.delete_ended(Timestamp::now() - KEPT, SWEPT_AT_ONCE).await {}
        }
    });
}

pub(super) fn rules(config: &AuthConfig) -> AuthRules {
    AuthRules {
        access_ttl: config.access_ttl,
        sessions: SessionLimits { idle: config.session_idle, age_max: config.session_age, grace: config.refresh_grace },
        verification_ttl: config.verification_ttl,
        reset_ttl: config.reset_ttl,
        require_verified_email: config.require_verified_email,
    }
}
