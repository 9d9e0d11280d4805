//! The keys of access tokens: one that signs, and one more that is accepted while keys are rotated.

use std::{io, path::Path};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, jwk::Jwk};
use secrecy::{ExposeSecret as _, SecretString};

use crate::secret_file;

/// A shorter secret would be weaker than the hash it keys (RFC 7518, 3.2).
pub const SECRET_BYTES_MIN: usize = 32;

/// Which keys there are, as an operator says it: one that signs, and one more that is accepted while keys are rotated.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// Signs access tokens with HMAC-SHA256; at least 32 bytes, the same on all nodes. Production requires it or a private
    /// key; elsewhere one is made and kept in the data folder.
    pub jwt_secret: Option<SecretString>,
    /// Signs them with Ed25519 instead: a key in PEM. Others can then verify tokens with its public half; it costs twenty
    /// times as much for each token that a node sees for the first time.
    pub jwt_private_key: Option<SecretString>,
    /// The key's name in tokens. Change it together with the key.
    pub jwt_kid: String,
    /// The name of another key whose tokens are accepted, while keys are rotated.
    pub jwt_other_kid: Option<String>,
    /// That key, if it is a secret.
    pub jwt_other_secret: Option<SecretString>,
    /// That key, if it is an Ed25519 key: its public half in PEM.
    pub jwt_other_public_key: Option<String>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file with the secret that nobody configured.
    #[error("the secret of access tokens can't be had")]
    File(#[from] io::Error),
    /// What was configured is no key.
    #[error("{setting} is not {right}")]
    Wrong {
        setting: &'static str,
        /// What would be right.
        right: &'static str,
    },
}

pub struct SigningKey {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

/// What verifies. The algorithm is pinned: a token can't choose how it is checked.
pub struct Key {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// All keys of a server.
pub struct Keys {
    /// Of the tokens that are issued.
    pub signing: SigningKey,
    /// Of the tokens that are accepted, the signing one's first.
    pub accepted: Vec<Key>,
}

impl Keys {
    /// The configured keys, or a secret that is made once in `data_dir` (never in production, where the configuration
    /// demands one). Reads or writes a file: call it at start.
    pub fn from_settings(settings: &KeySettings, data_dir: &Path) -> Result<Self, KeyError> {
        let mut keys = match (&settings.jwt_private_key, &settings.jwt_secret) {
            (Some(pem), _) => Self::of_private_key(&settings.jwt_kid, pem)?,
            (None, Some(secret)) => Self::of_secret(&settings.jwt_kid, secret.expose_secret().as_bytes()),
            (None, None) => {
                let secret = secret_file::load_or_create(&data_dir.join("jwt-secret"), secret_file::SECRET_BYTES)?;
                if secret.len() < SECRET_BYTES_MIN {
                    let shorter = "the file has less than 32 bytes";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, shorter).into());
                }
                Self::of_secret(&settings.jwt_kid, secret.as_bytes())
            }
        };
        if let Some(id) = &settings.jwt_other_kid {
            if let Some(secret) = &settings.jwt_other_secret {
                keys.accepted.extend(Self::of_secret(id, secret.expose_secret().as_bytes()).accepted);
            }
            if let Some(pem) = &settings.jwt_other_public_key {
                keys.accepted.push(public_key(id, pem)?);
            }
        }
        Ok(keys)
    }

    /// Signs and verifies with HMAC-SHA256.
    pub fn of_secret(id: &str, secret: &[u8]) -> Self {
        let algorithm = Algorithm::HS256;
        let signing = SigningKey { id: id.to_owned(), algorithm, key: EncodingKey::from_secret(secret) };
        Self { signing, accepted: vec![Key { id: id.to_owned(), algorithm, key: DecodingKey::from_secret(secret) }] }
    }

    /// Signs and verifies with Ed25519.
    fn of_private_key(id: &str, pem: &SecretString) -> Result<Self, KeyError> {
        let wrong = |_| KeyError::Wrong {
            setting: "auth.jwt_private_key",
            right: "an Ed25519 key in PEM, as from `openssl genpkey -algorithm ed25519`",
        };
        let algorithm = Algorithm::EdDSA;
        let key = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes()).map_err(wrong)?;
        let public =
            Jwk::from_encoding_key(&key, algorithm).and_then(|jwk| DecodingKey::from_jwk(&jwk)).map_err(wrong)?;
        let accepted = vec![Key { id: id.to_owned(), algorithm, key: public }];
        Ok(Self { signing: SigningKey { id: id.to_owned(), algorithm, key }, accepted })
    }
}

fn public_key(id: &str, pem: &str) -> Result<Key, KeyError> {
    let key = DecodingKey::from_ed_pem(pem.as_bytes()).map_err(|_| KeyError::Wrong {
        setting: "auth.jwt_other_public_key",
        right: "an Ed25519 public key in PEM, as from `openssl pkey -pubout`",
    })?;
    Ok(Key { id: id.to_owned(), algorithm: Algorithm::EdDSA, key })
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use domain::{accounts::Role, ids::AccountId};
    use jiff::Timestamp;

    use super::{
        super::{TokenSigner, TokenVerifier},
        *,
    };
    use application::{
        access::{TokenError, VerifyAccess as _},
        app::IssueAccess as _,
    };

    // Made for this test, by `openssl genpkey -algorithm ed25519`.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIIQ6pd/esdC87c/I3rv0Hm39jJSDC6L56FsOJgd5S+fg\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAg7IQMXrisubs65vHkUZaPGRllcG9DgsDAuYITe0ixvE=\n\
        -----END PUBLIC KEY-----\n";

    fn token(signing: SigningKey) -> String {
        let signer = TokenSigner::new(signing, "boxoffice", Arc::default());
        signer.issue(AccountId::generate(), Role::User, Timestamp::now(), Duration::from_secs(60)).unwrap()
    }

    fn accepts(keys: Vec<Key>, token: &str) -> bool {
        match TokenVerifier::new(keys, "boxoffice", Arc::default()).verify(token) {
            Ok(_) => true,
            Err(TokenError::Bad) => false,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_private_key_signs_and_its_public_half_is_enough_to_verify() {
        let keys = Keys::of_private_key("ed", &PRIVATE.into()).unwrap();
        let token = token(keys.signing);
        assert!(accepts(keys.accepted, &token));
        assert!(accepts(vec![public_key("ed", PUBLIC).unwrap()], &token));
        assert!(!accepts(vec![public_key("other", PUBLIC).unwrap()], &token), "another name");
    }

    /// The classic: a public key, which everybody may know, taken for the secret of an HMAC.
    #[test]
    fn a_token_does_not_choose_how_it_is_checked() {
        let forged = token(Keys::of_secret("ed", PUBLIC.as_bytes()).signing);
        assert!(!accepts(vec![public_key("ed", PUBLIC).unwrap()], &forged));
        let genuine = token(Keys::of_private_key("ed", &PRIVATE.into()).unwrap().signing);
        assert!(!accepts(Keys::of_secret("ed", PUBLIC.as_bytes()).accepted, &genuine));
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for wrong in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", PUBLIC] {
            let error = Keys::of_private_key("ed", &wrong.into()).map(drop).unwrap_err().to_string();
            assert!(error.starts_with("auth.jwt_private_key is not") && !error.contains("AAAA"), "{error}");
        }
        assert!(public_key("ed", PRIVATE).is_err());
    }
}
