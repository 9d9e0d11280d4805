//! The application, and the routes that lead to it.

use std::sync::Arc;

use actors::{breakers::Breakers, cache::RunningCache, engine::Engine, jobs::Jobs, live::Live, upkeep::RunningUpkeep};
use application::{
    app::App, background::Background, booked_events::BookedEvents, guide::Guide, payments::Payments,
    pictures::SharedPictures, seat_maps::SharedSeatMaps, site::SiteSettings, verification::VerifiedAccounts,
};
use boxoffice_api::{
    mails::mail_routes,
    operations::{self, Health},
    reference,
    routes::api_routes,
};
use boxoffice_auth::{
    passwords::Passwords,
    tokens::{Keys, Revocations, TokenSigner, TokenVerifier},
};
use boxoffice_http::router::Router;
use boxoffice_store::{
    postgres::{connection::RequestPool, store::PgStore},
    rate_limits::{Limiter, SharedCounts},
};
use telemetry::metrics::Metrics;

use super::{accounts, mail::Mail};
use crate::config::Config;

/// What the application is made of.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) pool: &'a RequestPool,
    pub(super) engine: &'a Engine,
    pub(super) mail: &'a Mail,
    pub(super) cache: &'a RunningCache,
    pub(super) breakers: &'a Breakers,
    pub(super) upkeep: &'a RunningUpkeep,
    pub(super) payments: &'a Payments,
    pub(super) health: &'a Arc<Health>,
    pub(super) hasher: Passwords,
    pub(super) keys: Keys,
    pub(super) revocations: Arc<Revocations>,
    pub(super) counts: Option<Arc<SharedCounts>>,
    pub(super) metrics: Metrics,
    pub(super) guide: Guide,
}

/// The application, and the routes of both listeners.
pub(super) struct Routers {
    pub(super) api: Arc<Router>,
    pub(super) operations: Arc<Router>,
    pub(super) app: Arc<App>,
}

impl Routers {
    pub(super) fn build(parts: Parts<'_>) -> anyhow::Result<Self> {
        let Parts { config, pool, engine, mail, cache, upkeep, health, .. } = parts;
        let limiter = Arc::new(Limiter::new(config.rate_limit.limiter.clone(), parts.counts));
        let app = App {
            pictures: SharedPictures::default(),
            seat_maps: SharedSeatMaps::default(),
            verified: VerifiedAccounts::default(),
            names: BookedEvents::default(),
            site: SiteSettings::default(),
            store: Arc::new(PgStore::new(pool.clone())),
            hasher: Arc::new(parts.hasher),
            issuer: Arc::new(TokenSigner::new(parts.keys.signing, &*config.auth.issuer, parts.revocations.clone())),
            limits: limiter.clone(),
            inventories: engine.inventories.clone(),
            live: Live::new(config.http.live),
            outbox: mail.running.outbox.clone(),
            booking_mails: config.mail.bookings,
            jobs: Jobs::default(),
            cache: cache.cache.clone(),
            breakers: parts.breakers.clone(),
            background: Background::default(),
            auth: accounts::rules(&config.auth),
            payments: parts.payments.clone(),
            upkeep: upkeep.upkeep.clone(),
            command_deadline: config.inventory.request_deadline,
            guide: parts.guide,
        };
        let app = Arc::new(app);
        let verifier = Arc::new(TokenVerifier::new(parts.keys.accepted, &config.auth.issuer, parts.revocations));

        let routes =
            api_routes().into_iter().chain([reference::slash_route()]).chain(operations::health_routes(health));
        let api = Router::build(app.clone(), verifier.clone(), routes)?;
        let api = if config.http.server.edge.bare { api } else { api.limited(limiter) };
        let routes = operations::operations_routes(health, parts.metrics).into_iter();
        let routes = routes.chain(mail_routes(mail.kept.as_ref()));
        let operations = Router::build(Arc::new(()), verifier, routes)?;
        Ok(Self { api: Arc::new(api), operations: Arc::new(operations), app })
    }
}
