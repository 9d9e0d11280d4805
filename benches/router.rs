//! What it costs to find the handler of a request in the server's own table of routes.
//!
//! `cargo bench --bench router`

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark fails loudly, and criterion's macros have no docs")]

#[path = "support/memory_ledger.rs"]
mod memory_ledger;

use std::{hint::black_box, sync::Arc, time::Duration};

use actors::{
    breakers::Breakers,
    cache::{CacheSettings, RunningCache},
    engine::{Engine, EngineSettings},
    live::{Live, LiveSettings},
    outbox::Outbox,
    upkeep::Upkeep,
};
use application::{
    app::{App, AuthRules},
    background::Background,
    booked_events::BookedEvents,
    guide::Guide,
    payments::Payments,
    pictures::SharedPictures,
    seat_maps::SharedSeatMaps,
    site::SiteSettings,
    verification::VerifiedAccounts,
};
use boxoffice::config::{Config, Sources};
use boxoffice_api::routes::api_routes;
use boxoffice_auth::{
    passwords::{Cost, Passwords},
    tokens::{Keys, TokenSigner, TokenVerifier},
};
use boxoffice_http::router::{Lookup, Router};
use boxoffice_store::{
    postgres::{
        pool::{PoolSettings, pool_of_requests},
        store::PgStore,
    },
    rate_limits::Limiter,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::sessions::SessionLimits;
use http::Method;
use memory_ledger::MemoryLedger;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The server's table, with a state that no request will reach.
async fn router() -> Router {
    let engine = Engine::start(Arc::new(MemoryLedger::new()), EngineSettings::default()).await.unwrap();
    let keys = Keys::of_secret("bench", &[7; 32]);
    // Connects when it is asked for a connection, and never is.
    let pool = pool_of_requests(&PoolSettings {
        url: "postgres://nobody@127.0.0.1/nothing".into(),
        max_connections: 1,
        connect_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(1),
    });
    let app = App {
        pictures: SharedPictures::default(),
        seat_maps: SharedSeatMaps::default(),
        verified: VerifiedAccounts::default(),
        names: BookedEvents::default(),
        site: SiteSettings::default(),
        store: Arc::new(PgStore::new(pool.unwrap())),
        hasher: Arc::new(Passwords::new(Cost { memory_kib: 8, passes: 1, lanes: 1 }, 1).unwrap()),
        issuer: Arc::new(TokenSigner::new(keys.signing, "boxoffice", Arc::default())),
        limits: Arc::new(Limiter::new(Config::load(&Sources::default()).unwrap().rate_limit.limiter, None)),
        inventories: engine.inventories.clone(),
        live: Live::new(LiveSettings::default()),
        booking_mails: false,
        jobs: Default::default(),
        outbox: Outbox::default(),
        cache: RunningCache::start(CacheSettings::default(), None, None).await.unwrap().cache,
        breakers: Breakers::default(),
        payments: Payments::default(),
        upkeep: Upkeep::default(),
        background: Background::default(),
        auth: AuthRules {
            access_ttl: Duration::from_mins(15),
            sessions: SessionLimits { idle: Duration::MAX, age_max: Duration::MAX, grace: Duration::ZERO },
            verification_ttl: Duration::from_mins(15),
            reset_ttl: Duration::from_mins(15),
            require_verified_email: false,
            verified_to_book: false,
        },
        command_deadline: Duration::from_secs(10),
        guide: Guide::default(),
    };
    let verifier = TokenVerifier::new(keys.accepted, "boxoffice", Arc::default());
    Router::build(Arc::new(app), Arc::new(verifier), api_routes()).unwrap()
}

fn look_up(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let router = runtime.block_on(router());
    let id = "018f6b2e-0000-7000-8000-000000000000";
    let bookings = format!("/api/v1/events/{id}/bookings");
    let mut group = criterion.benchmark_group(format!("router, {} routes", router.routes().count()));
    group.throughput(Throughput::Elements(1));
    for (name, method, path, status) in [
        ("without parameters", Method::GET, "/api/v1/events", 200),
        ("with a parameter, at its end", Method::GET, &format!("/api/v1/events/{id}"), 200),
        ("with a parameter, in its middle", Method::POST, &*bookings, 200),
        ("404, nothing begins like it", Method::GET, "/wp-login.php", 404),
        ("404, an event's something", Method::GET, &format!("/api/v1/events/{id}/bookingz"), 404),
        ("405", Method::PUT, &*bookings, 405),
    ] {
        let found = match router.look_up(&method, path) {
            Lookup::Found(..) => 200,
            Lookup::Allow(_) => 405,
            Lookup::NotFound => 404,
        };
        assert_eq!(found, status, "{method} {path}");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(router.look_up(&method, path))));
    }
    group.finish();
}

criterion_group!(benches, look_up);
criterion_main!(benches);
