//! The baseline: boxoffice's HTTP, tokens, schema and private PostgreSQL, around a shop that locks rows.

use std::{sync::Arc, time::Duration};

use boxoffice::{config::Config, serve::database::Database};
use boxoffice_auth::tokens::{Keys, TokenVerifier};
use boxoffice_http::{
    reply::Reply,
    router::{Access, Route, Router},
    server::{Server, Settings},
};
use jiff::SignedDuration;

use crate::{
    shop::{self, Shop},
    stop_signal,
};

/// How long a request may wait for a connection. boxoffice's two seconds would turn the queue, which is what is measured,
/// into refusals.
const WAIT_FOR_CONNECTION: Duration = Duration::from_secs(25);

/// Serves until a signal says stop.
pub(crate) async fn serve(mut config: Config) -> anyhow::Result<()> {
    let database = Database::own(&config).await?;
    // The pool of boxoffice, as large, with statements prepared once a connection.
    config.database.connect_timeout = WAIT_FOR_CONNECTION;
    let pool = database.ledger_pool(&config, config.database.max_connections)?;
    let keys = Keys::from_settings(&config.auth.keys, &config.database.data_dir)?;
    let verifier = Arc::new(TokenVerifier::new(keys.accepted, &config.auth.issuer, Arc::default()));
    let shop = Arc::new(Shop { pool: pool.clone(), hold: SignedDuration::try_from(config.inventory.hold)? });
    let routes = [
        Route::post("/api/v1/events/{id}/bookings", Access::Authenticated, shop::book),
        Route::post("/api/v1/events/{id}/holds", Access::Authenticated, shop::hold),
        Route::get("/api/v1/events/{id}/availability", Access::Public, shop::availability),
        Route::get("/health/ready", Access::Public, |_, _| async { Reply::ok("ready") }),
    ];
    let router = Arc::new(Router::build(shop, verifier, routes)?);
    // As boxoffice has it: the load of the benchmarks comes from one network.
    let settings = Settings { trusted: config.rate_limit.limiter.trusted.clone(), ..config.http.server.clone() };
    let server = Server::bind(config.http.listen, settings).await?;
    server.serve(router, stop_signal()?).await;
    pool.close();
    database.release().await;
    Ok(())
}
