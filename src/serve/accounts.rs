//! What accounts need besides requests: tokens that are taken back.

use std::sync::Arc;

use actors::tasks::Tasks;
use anyhow::Context;
use application::app::AuthRules;
use boxoffice_auth::tokens::Revocations;
use boxoffice_store::postgres::connection::RequestPool;
use domain::sessions::SessionLimits;

use super::patience::while_away;
use crate::config::AuthConfig;

/// Which tokens were taken back, read before the first request and followed from then on.
pub(super) async fn revocations(pool: &RequestPool, background: &mut Tasks) -> anyhow::Result<Arc<Revocations>> {
    let revocations = Arc::new(Revocations::default());
    let known = &revocations;
    let read = || async move { known.read_all(pool).await.context("revoked tokens can't be read") };
    let since = while_away("read revoked tokens", read).await?;
    let (followed, pool) = (Arc::clone(&revocations), pool.clone());
    // One that begins again asks for all that has happened since the start, so it misses nothing.
    background.add("revocations", move |life| Arc::clone(&followed).follow(pool.clone(), since, move || life.give()));
    Ok(revocations)
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
