//! Tokens and passwords.

use std::time::Duration;

use boxoffice_auth::tokens::{KeySettings, SECRET_BYTES_MIN};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Environment, sources::Section};

/// Access tokens and password hashes.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// The keys of access tokens.
    pub keys: KeySettings,
    /// Who issues the tokens; those of another issuer are refused.
    pub issuer: String,
    /// How long an access token is good for. Too high: a stolen token works on. Too low: clients refresh all the time.
    pub access_ttl: Duration,
    /// How long a session lasts without a refresh. Too high: a forgotten device stays signed in. Too low: people sign in
    /// all the time.
    pub session_idle: Duration,
    /// How long a session lasts in all, however often it is refreshed.
    pub session_age: Duration,
    /// How long a used refresh token may be used once more. Too high: a thief has that long. Too low: a lost answer, or two
    /// tabs, end the session.
    pub refresh_grace: Duration,
    /// How long a link to verify an address works.
    pub verification_ttl: Duration,
    /// How long a link to choose a new password works. Too high: anyone who finds an old mail has the account.
    pub reset_ttl: Duration,
    /// Whether nobody may sign in before their address is verified. Off: who registers with an address and then signs in learns
    /// whether it was known.
    pub require_verified_email: bool,
    /// Whether nobody may hold or book places before their address is verified. Off: anyone who makes up addresses has as many
    /// accounts, and as many places, as they like.
    pub verified_to_book: bool,
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
    /// `verifies` says whether addresses have to be verified unless a setting says otherwise.
    pub(super) fn read(section: &mut Section<'_, '_>, environment: Environment, verifies: bool) -> Self {
        let secret = |section: &mut Section<'_, '_>, key| section.secret(key, None, long_enough);
        let jwt_secret = secret(section, "jwt_secret");
        let jwt_private_key = section.secret("jwt_private_key", None, |pem| {
            let right = "give an Ed25519 key in PEM, as from `openssl genpkey -algorithm ed25519`";
            EncodingKey::from_ed_pem(pem.as_bytes()).map(drop).map_err(|_| format!("is no key; {right}"))
        });
        if jwt_secret.is_some() && jwt_private_key.is_some() {
            section.fault_of("jwt_private_key", "and jwt_secret are both given; give the one that signs");
        }
        if jwt_secret.is_none() && jwt_private_key.is_none() && environment == Environment::Production {
            section.fault_of(
                "jwt_secret",
                "is required in production; give at least 32 random bytes, as from `openssl rand -hex 32`",
            );
        }
        let jwt_other_kid = section.optional("jwt_other_kid");
        let jwt_other_secret = secret(section, "jwt_other_secret");
        let jwt_other_public_key = section.secret("jwt_other_public_key", None, |pem| {
            let right = "give an Ed25519 public key in PEM, as from `openssl pkey -pubout`";
            DecodingKey::from_ed_pem(pem.as_bytes()).map(drop).map_err(|_| format!("is no key; {right}"))
        });
        let jwt_other_public_key = jwt_other_public_key.map(|pem| pem.expose_secret().to_owned());
        let others = usize::from(jwt_other_secret.is_some()) + usize::from(jwt_other_public_key.is_some());
        if others != usize::from(jwt_other_kid.is_some()) {
            section
                .fault_of("jwt_other_kid", "needs one of jwt_other_secret and jwt_other_public_key, and they need it");
        }
        let is_same = |secret: &Option<SecretString>, other: &SecretString| {
            secret.as_ref().is_some_and(|secret| secret.expose_secret() == other.expose_secret())
        };
        if jwt_other_secret.as_ref().is_some_and(|other| is_same(&jwt_secret, other)) {
            section.fault_of(
                "jwt_other_secret",
                "is jwt_secret itself; give the one that was used before, or leave it away",
            );
        }
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let days = |days: u64| minutes(days * 24 * 60);
        let named = |text: &str| (!text.is_empty() && text.len() <= 100).then(|| text.to_owned());
        let jwt_kid = section.alias("jwt_kid", None, "k1".to_owned(), named, "1 to 100 characters");
        if jwt_other_kid.as_ref() == Some(&jwt_kid) {
            section.fault_of(
                "jwt_other_kid",
                "is jwt_kid itself: tokens would be checked with the wrong key; name them apart",
            );
        }
        let session_age = section.duration("session_age", days(30), minutes(5)..=days(365));
        let session_idle =
            section.duration_within("session_idle", days(7), minutes(5)..=days(365), (session_age, "session_age"));
        Self {
            keys: KeySettings {
                jwt_secret,
                jwt_private_key,
                jwt_kid,
                jwt_other_kid,
                jwt_other_secret,
                jwt_other_public_key,
            },
            issuer: section.alias("issuer", None, "boxoffice".to_owned(), named, "1 to 100 characters"),
            access_ttl: section.duration_within(
                "access_ttl",
                minutes(15),
                minutes(1)..=minutes(24 * 60),
                (session_idle, "session_idle"),
            ),
            session_idle,
            session_age,
            refresh_grace: section.duration("refresh_grace", Duration::from_secs(10), Duration::ZERO..=minutes(5)),
            verification_ttl: section.duration("verification_ttl", days(1), minutes(5)..=days(30)),
            reset_ttl: section.duration("reset_ttl", minutes(60), minutes(5)..=days(7)),
            require_verified_email: section.value("require_verified_email", verifies, "true or false"),
            verified_to_book: section.value("verified_to_book", verifies, "true or false"),
            argon2_memory_kib: section.number("argon2_memory_kib", 19_456, 8..=1_048_576),
            argon2_passes: section.number("argon2_passes", 2, 1..=100),
            argon2_lanes: section.number("argon2_lanes", 1, 1..=16),
            hash_concurrency: section.number("hash_concurrency", 2, 1..=256),
        }
    }
}

fn long_enough(secret: &str) -> Result<(), String> {
    if secret.len() >= SECRET_BYTES_MIN {
        return Ok(());
    }
    let length = secret.len();
    Err(format!("has {length} bytes; give at least {SECRET_BYTES_MIN} random ones, as from `openssl rand -hex 32`"))
}
