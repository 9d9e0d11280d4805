//! Settings that exclude each other.

use super::{Config, auth, database, sources::Layers};

/// Notes a fault for each pair that can't be right together.
pub(super) fn check(config: &Config, layers: &mut Layers<'_>) {
    let (http, ops) = (&config.http, &config.ops);
    let is_everywhere = http.listen.ip().is_unspecified() || ops.listen.ip().is_unspecified();
    if http.listen.port() != 0
        && http.listen.port() == ops.listen.port()
        && (is_everywhere || http.listen.ip() == ops.listen.ip())
    {
        let taken = format!("takes the port of http.listen, {}; give each listener its own", http.listen);
        layers.section("ops").fault_of("listen", taken);
    }
    let (whole, least) = (http.shutdown_timeout, http.lame_duck + http.server.drain_timeout);
    if whole < least {
        let problem = format!("is below lame_duck and drain_timeout together, {}ms", least.as_millis());
        layers.section("http").fault_of("shutdown_timeout", problem);
    }
    database::check(&config.database, &mut layers.section("database"));
    auth::check(&config.auth.keys, config.environment, &mut layers.section("auth"));
    config.mail.check(config.environment, &mut layers.section("mail"));
    config.payments.check(config.environment, &mut layers.section("payments"));
    if config.auth.require_verified_email && !config.mail.enabled {
        let never = "is true while mail.enabled is false: nobody could verify an address, so nobody could sign in";
        layers.section("auth").fault_of("require_verified_email", never);
    }
    if config.auth.verified_to_book && !config.mail.enabled {
        let never = "is true while mail.enabled is false: nobody could verify an address, so nobody could book";
        layers.section("auth").fault_of("verified_to_book", never);
    }
}
