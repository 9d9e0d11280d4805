//! Settings that exclude each other across sections; those of one section are compared where it is read.

use super::{Config, sources::Layers};

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
    if config.database.url.is_none() && !config.database.allow_private {
        layers.section("database").fault_of_alias(
            "DATABASE_URL",
            "is required while database.allow_private is false, as it is in production; give \
             postgres://user:password@host:5432/name, or set BOXOFFICE__DATABASE__ALLOW_PRIVATE=true to sell from a \
             PostgreSQL of this server's own in its data folder",
        );
    }
    if config.auth.require_verified_email && !config.mail.enabled {
        let never = "is true while mail.enabled is false: nobody could verify an address, so nobody could sign in";
        layers.section("auth").fault_of("require_verified_email", never);
    }
    if config.auth.verified_to_book && !config.mail.enabled {
        let never = "is true while mail.enabled is false: nobody could verify an address, so nobody could book";
        layers.section("auth").fault_of("verified_to_book", never);
    }
}
