//! Tokens and passwords.

use std::time::Duration;

use secrecy::SecretString;

use super::{Environment, sources::Section};

/// A shorter secret would be weaker than the hash it keys (RFC 7518, 3.2).
pub(crate) const SECRET_BYTES_MIN: usize = 32;

/// Access tokens (A1) and password hashes (A3).
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// Signs access tokens; at least 32 bytes, the same on all nodes. Required in production; elsewhere one is made and
    /// kept in the data folder.
    pub jwt_secret: Option<SecretString>,
    /// The secret's name in tokens. Change it together with the secret.
    pub jwt_kid: String,
    /// Who issues the tokens; those of another issuer are refused.
    pub issuer: String,
    /// How long an access token is good for. Too high: a stolen token, or a suspended account, works on. Too low:
    /// clients refresh all the time.
    pub access_ttl: Duration,
    /// Memory of a password hash in KiB. Too high: logins exhaust memory. Too low: stolen hashes are cheap to break.
    pub argon2_memory_kib: u32,
    /// Passes of a password hash. Too high: logins are slow. Too low: as with memory.
    pub argon2_passes: u32,
    /// Lanes of a password hash. More than 1 helps an attacker's machine more than ours.
    pub argon2_lanes: u32,
    /// Password hashes at once; each takes a core for tens of milliseconds. Too high: logins starve bookings. Too low:
    /// logins queue, and are refused with a 503 when the queue is full.
    pub hash_concurrency: usize,
}

impl AuthConfig {
    pub(super) fn read(section: &mut Section<'_, '_>, environment: Environment) -> Self {
        let jwt_secret = section.secret("jwt_secret", None, |secret| {
            if secret.len() >= SECRET_BYTES_MIN {
                return Ok(());
            }
            let length = secret.len();
            Err(format!(
                "has {length} bytes; give at least {SECRET_BYTES_MIN} random ones, as from `openssl rand -hex 32`"
            ))
        });
        if jwt_secret.is_none() && environment == Environment::Production {
            section.fault_of(
                "jwt_secret",
                "is required in production; give at least 32 random bytes, as from `openssl rand -hex 32`",
            );
        }
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let named = |text: &str| (!text.is_empty() && text.len() <= 100).then(|| text.to_owned());
        Self {
            jwt_secret,
            jwt_kid: section.alias("jwt_kid", None, "k1".to_owned(), named, "1 to 100 characters"),
            issuer: section.alias("issuer", None, "boxoffice".to_owned(), named, "1 to 100 characters"),
            access_ttl: section.duration("access_ttl", minutes(15), minutes(1)..=minutes(24 * 60)),
            argon2_memory_kib: section.number("argon2_memory_kib", 19_456, 8..=1_048_576),
            argon2_passes: section.number("argon2_passes", 2, 1..=100),
            argon2_lanes: section.number("argon2_lanes", 1, 1..=16),
            hash_concurrency: section.number("hash_concurrency", 2, 1..=256),
        }
    }
}
