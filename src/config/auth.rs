//! Tokens and passwords.

use std::time::Duration;

use boxoffice_auth::{
    passwords::Cost,
    tokens::{KeySettings, SECRET_BYTES_MIN},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Environment,
    declare::{days, hours, minutes, s},
    sources::{Layers, Section},
};

const NAME: &str = "1 to 100 characters";

settings! {
    /// Tokens and passwords
    "auth" AuthConfig(verifies: bool) {
        [keys: KeySettings = keys]
        [cost: Cost = cost]
        /// Who issues the tokens; those of another issuer are refused.
        issuer: String = alias(None, "boxoffice".to_owned(), named, NAME);
        /// How long a session lasts in all, however often it is refreshed.
        session_age: Duration = duration(days(30), minutes(5)..=days(365));
        /// How long a session lasts without a refresh. Too high: a forgotten device stays signed in. Too low: people sign in all the time.
        session_idle: Duration = duration_within(days(7), minutes(5)..=days(365), (session_age, "session_age"));
        /// How long an access token is good for; 30m at most in production. Too high: a stolen token works on. Too low: clients refresh
        /// all the time.
        access_ttl: Duration = duration_within(minutes(15), minutes(1)..=hours(24), (session_idle, "session_idle"));
        /// How long a used refresh token may be used once more. Too high: a thief has that long. Too low: a lost answer, or two tabs, end
        /// the session.
        refresh_grace: Duration = duration(s(10), s(0)..=minutes(5));
        /// How long a link to verify an address works.
        verification_ttl: Duration = duration(days(1), minutes(5)..=days(30));
        /// How long a link to choose a new password works. Too high: anyone who finds an old mail has the account.
        reset_ttl: Duration = duration(hours(1), minutes(5)..=days(7));
        /// Whether nobody may sign in before their address is verified; true in production with a mail server. Off: who registers with an
        /// address and then signs in learns whether it was known.
        require_verified_email: bool = flag(verifies);
        /// Whether nobody may hold or book places before their address is verified; true in production with a mail server. Off: anyone who
        /// makes up addresses has as many accounts, and as many places, as they like.
        verified_to_book: bool = flag(verifies);
        /// Password hashes at once; each takes a core for tens of milliseconds. Too high: logins starve bookings. Too low: logins queue,
        /// and are refused with a 503 when the queue is full.
        hash_concurrency: usize = number(2, 1..=256);
    }
}

settings! {
    keys -> KeySettings {
        /// Secret, at least 32 bytes, the same on all nodes; required in production: openssl rand -hex 32
        jwt_secret: Option<SecretString> = secret(None, long_enough);
        /// Secret. Instead of it, an Ed25519 key in PEM signs: openssl genpkey -algorithm ed25519
        jwt_private_key: Option<SecretString> = secret(None, is_private_key);
        /// The key's name in tokens; change both together.
        jwt_kid: String = alias(None, "k1".to_owned(), named, NAME);
        /// The name of another key whose tokens are accepted while keys are rotated.
        jwt_other_kid: Option<String> = optional();
        /// Secret. That key, if it is a secret.
        jwt_other_secret: Option<SecretString> = secret(None, long_enough);
        /// That key, if it is an Ed25519 key: its public half in PEM.
        jwt_other_public_key: Option<String> = plain_secret(is_public_key);
    }
}

settings! {
    cost -> Cost {
        /// Memory of a password hash in KiB. Too high: logins exhaust memory. Too low: stolen hashes are cheap to break.
        memory_kib "argon2_memory_kib": u32 = number(19_456, 8..=1_048_576);
        /// Passes of a password hash. Too high: logins are slow. Too low: as with memory.
        passes "argon2_passes": u32 = number(2, 1..=100);
        /// Lanes of a password hash. More than 1 helps an attacker's machine more than ours.
        lanes "argon2_lanes": u32 = number(1, 1..=16);
    }
}

/// Whether the keys fit each other.
pub(super) fn check(keys: &KeySettings, environment: Environment, section: &mut Section<'_, '_>) {
    if keys.jwt_secret.is_some() && keys.jwt_private_key.is_some() {
        section.fault_of("jwt_private_key", "and jwt_secret are both given; give the one that signs");
    }
    if keys.jwt_secret.is_none() && keys.jwt_private_key.is_none() && environment == Environment::Production {
        let problem = "is required in production; give at least 32 random bytes, as from `openssl rand -hex 32`";
        section.fault_of("jwt_secret", problem);
    }
    let others = usize::from(keys.jwt_other_secret.is_some()) + usize::from(keys.jwt_other_public_key.is_some());
    if others != usize::from(keys.jwt_other_kid.is_some()) {
        let problem = "needs one of jwt_other_secret and jwt_other_public_key, and they need it";
        section.fault_of("jwt_other_kid", problem);
    }
    let secrets = keys.jwt_secret.as_ref().zip(keys.jwt_other_secret.as_ref());
    if secrets.is_some_and(|(one, other)| one.expose_secret() == other.expose_secret()) {
        let problem = "is jwt_secret itself; give the one that was used before, or leave it away";
        section.fault_of("jwt_other_secret", problem);
    }
    if keys.jwt_other_kid.as_ref() == Some(&keys.jwt_kid) {
        let problem = "is jwt_kid itself: tokens would be checked with the wrong key; name them apart";
        section.fault_of("jwt_other_kid", problem);
    }
}

fn named(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= 100).then(|| text.to_owned())
}

fn long_enough(secret: &str) -> Result<(), String> {
    if secret.len() >= SECRET_BYTES_MIN {
        return Ok(());
    }
    let length = secret.len();
    Err(format!("has {length} bytes; give at least {SECRET_BYTES_MIN} random ones, as from `openssl rand -hex 32`"))
}

fn is_private_key(pem: &str) -> Result<(), String> {
    let right = "is no key; give an Ed25519 key in PEM, as from `openssl genpkey -algorithm ed25519`";
    EncodingKey::from_ed_pem(pem.as_bytes()).map(drop).map_err(|_| right.to_owned())
}

fn is_public_key(pem: &str) -> Result<(), String> {
    let right = "is no key; give an Ed25519 public key in PEM, as from `openssl pkey -pubout`";
    DecodingKey::from_ed_pem(pem.as_bytes()).map(drop).map_err(|_| right.to_owned())
}
