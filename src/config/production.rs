//! What a production server refuses to start with, because it takes a protection away that everybody relies on. On a developer's
//! machine all of it is right.

use std::time::Duration;

use domain::network::Network;
use secrecy::ExposeSecret as _;
use zxcvbn::zxcvbn;

use super::{
    AuthConfig, Config,
    sources::{Layers, Section},
    written::Shown,
};

/// Tries, as a power of ten, that a program needs for a secret of signatures: 63 bits, close to where the estimate ends. Anyone who has one
/// token can try as often as they like.
const GUESSES_LOG10_MIN: f64 = 19.0;
/// How much of a secret is looked at: what follows can only make it stronger, and to look costs time.
const LOOKED_AT_CHARS: usize = 40;
/// The longest that a stolen access token may work.
const ACCESS_TTL_MAX: Duration = Duration::from_secs(30 * 60);
/// The least memory of Argon2id in KiB for so many passes, one lane (OWASP, Password Storage Cheat Sheet).
const ARGON2_LEAST: [(u32, u32); 5] = [(1, 47_104), (2, 19_456), (3, 12_288), (4, 9_216), (5, 7_168)];

/// Notes a fault for each.
pub(super) fn check(config: &Config, layers: &mut Layers<'_>) {
    check_auth(&config.auth, &mut layers.section("auth"));
    check_open(&config.rate_limit.limiter.trusted, "trusted", &mut layers.section("rate_limit"));
    let mut http = layers.section("http");
    check_open(&config.http.server.trusted_proxies, "trusted_proxies", &mut http);
    let plain = config.http.server.edge.cors_origins.iter().find(|origin| is_plain(origin));
    if let Some(origin) = plain {
        http.fault_of(
            "cors_origins",
            format!("{origin} comes without encryption: anyone on the way can change its pages; give https"),
        );
    }
    if config.mail.enabled && is_plain(&config.mail.link_origin) {
        let problem = "leads to pages without encryption, which are sent one-time tokens; give an origin with https";
        layers.section("mail").fault_of("link_origin", problem);
    }
}

fn check_auth(auth: &AuthConfig, section: &mut Section<'_, '_>) {
    for (key, secret) in [("jwt_secret", &auth.keys.jwt_secret), ("jwt_other_secret", &auth.keys.jwt_other_secret)] {
        if secret.as_ref().is_some_and(|secret| is_guessable(secret.expose_secret())) {
            section.fault_of(key, "can be guessed; give at least 32 random bytes, as from `openssl rand -hex 32`");
        }
    }
    if auth.access_ttl > ACCESS_TTL_MAX {
        let problem = format!("is longer than {}: a stolen token would work for as long", Shown(ACCESS_TTL_MAX));
        section.fault_of("access_ttl", problem);
    }
    let passes = auth.cost.passes;
    let least = ARGON2_LEAST.iter().rfind(|(of, _)| *of <= passes).map_or(0, |(_, least)| *least);
    if auth.cost.memory_kib < least {
        let problem =
            format!("is too little for {passes} passes, stolen hashes would be cheap to break; give at least {least}");
        section.fault_of("argon2_memory_kib", problem);
    }
}

/// Whether a program finds it: repetitions, sequences, rows of keys, a common word or two. The secret is never shown.
fn is_guessable(secret: &str) -> bool {
    let head: String = secret.chars().take(LOOKED_AT_CHARS).collect();
    zxcvbn(&head, &["boxoffice", "secret", "jwt"]).guesses_log10() < GUESSES_LOG10_MIN
}

/// Networks that strangers are in: then a protection is there for nobody.
fn check_open(networks: &[Network], key: &str, section: &mut Section<'_, '_>) {
    if let Some(open) = networks.iter().find(|network| network.is_open()) {
        section.fault_of(key, format!("{open} has strangers in it; give the networks of your own machines"));
    }
}

/// Whether an origin of the web is reached without encryption, and not on the very machine of the person who looks at it.
fn is_plain(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else { return false };
    let host = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let host = host.map_or(authority, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Watches that no secret of a generator is ever refused.
    #[test]
    fn what_is_random_is_not_taken_for_guessable_and_what_is_not_is() {
        for _ in 0..20 {
            let bytes: [u8; 32] = rand::random();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!is_guessable(&hex) && !is_guessable(&hex[..32]), "{hex}");
        }
        for weak in [
            "a".repeat(32),
            "ab".repeat(20),
            "0123456789abcdef".repeat(2),
            "changeme".repeat(4),
            "passwordpasswordpasswordpassword".to_owned(),
            "secret".repeat(6),
            "qwertyuiopasdfghjklzxcvbnm1234567890".to_owned(),
        ] {
            assert!(is_guessable(&weak), "{weak}");
        }
    }

    #[test]
    fn a_page_without_encryption_is_plain_unless_it_is_on_the_same_machine() {
        for plain in ["http://shop.example", "http://10.0.0.1:8080", "http://localhost.evil.example"] {
            assert!(is_plain(plain), "{plain}");
        }
        for fine in ["https://shop.example", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"] {
            assert!(!is_plain(fine), "{fine}");
        }
    }
}
