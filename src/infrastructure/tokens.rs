//! Access tokens: JWT (RFC 7519) signed with HMAC-SHA256 (A1).

mod verified;

use std::{io, path::Path, time::Duration};

use domain::{accounts::Role, ids::AccountId};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use self::verified::VerifiedTokens;
use super::secret_file;
use crate::{
    application::{
        access::{Caller, TokenError, VerifyAccess},
        app::IssueAccess,
    },
    config::{AuthConfig, SECRET_BYTES_MIN},
};

/// How far the clocks of two nodes may differ. The library's default of 60 s would make a token of 15 minutes one of 16.
const LEEWAY_S: u64 = 5;

/// Everything a token says; a token that says more, or less, is not ours.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: AccountId,
    role: Role,
    /// Seconds since 1970.
    iat: i64,
    /// Seconds since 1970.
    exp: i64,
    iss: String,
}

/// A secret and the name it goes by in the header of a token, so that keys can be rotated.
#[derive(Clone)]
pub struct Key {
    /// The `kid`.
    pub id: String,
    /// At least 32 bytes: fewer than the hash has would be the weakest link (RFC 7518, 3.2).
    pub secret: Vec<u8>,
}

impl Key {
    /// The configured key, or the one that is made once in `data_dir` (never in production, where the configuration
    /// demands one). Reads or writes a file: call it at start. A file with less than 32 bytes is refused.
    pub fn from_config(auth: &AuthConfig, data_dir: &Path) -> io::Result<Self> {
        let secret = match &auth.jwt_secret {
            Some(secret) => secret.expose_secret().as_bytes().to_vec(),
            None => secret_file::load_or_create(&data_dir.join("jwt-secret"))?.into_bytes(),
        };
        if secret.len() < SECRET_BYTES_MIN {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the secret of access tokens is shorter than 32 bytes",
            ));
        }
        Ok(Self { id: auth.jwt_kid.clone(), secret })
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}, …)", self.id)
    }
}

/// Issues tokens.
pub struct TokenSigner {
    header: Header,
    key: EncodingKey,
    issuer: String,
}

impl TokenSigner {
    /// Signs with `key` in the name of `issuer`.
    pub fn new(key: &Key, issuer: impl Into<String>) -> Self {
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
        Self { header, key: EncodingKey::from_secret(&key.secret), issuer: issuer.into() }
    }
}

impl IssueAccess for TokenSigner {
    fn issue(&self, account: AccountId, role: Role, now: Timestamp, ttl: Duration) -> Result<String, String> {
        let iat = now.as_second();
        let exp = iat.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        let claims = Claims { sub: account, role, iat, exp, iss: self.issuer.clone() };
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(|error| error.to_string())
    }
}

/// Verifies tokens: algorithm pinned, signature, issuer, expiry, all claims present.
pub struct TokenVerifier {
    keys: Vec<(String, DecodingKey)>,
    validation: Validation,
    verified: VerifiedTokens,
}

impl TokenVerifier {
    /// Accepts tokens of `issuer` signed with one of `keys`: the present one, and during a rotation the one before.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a Key>, issuer: &str) -> Self {
        let keys = keys.into_iter().map(|key| (key.id.clone(), DecodingKey::from_secret(&key.secret))).collect();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_S;
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        Self { keys, validation, verified: VerifiedTokens::new() }
    }

    /// Checks everything, and says until when the token is good.
    fn decode(&self, token: &str) -> Result<(Caller, i64), TokenError> {
        let (kid, key) = match self.keys.as_slice() {
            // With one key its name is compared afterwards, which spares reading the header once more.
            [only] => only,
            keys => {
                let kid = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Bad)?.kid;
                keys.iter().find(|(id, _)| Some(id) == kid.as_ref()).ok_or(TokenError::Bad)?
            }
        };
        let data =
            jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Bad,
            })?;
        if data.header.kid.as_ref() != Some(kid) {
            return Err(TokenError::Bad);
        }
        Ok((Caller { account: data.claims.sub, role: data.claims.role }, data.claims.exp))
    }
}

impl VerifyAccess for TokenVerifier {
    fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        if let Some((caller, expires_at)) = self.verified.find(token) {
            let now = Timestamp::now().as_second();
            let good = now <= expires_at.saturating_add(LEEWAY_S as i64);
            return if good { Ok(caller) } else { Err(TokenError::Expired) };
        }
        let (caller, expires_at) = self.decode(token)?;
        self.verified.remember(token, caller, expires_at);
        Ok(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "boxoffice";
    const TTL: Duration = Duration::from_mins(15);

    fn key(id: &str, byte: u8) -> Key {
        Key { id: id.to_owned(), secret: vec![byte; 32] }
    }

    fn token(key: &Key, issuer: &str, age_s: i64) -> String {
        let now = Timestamp::from_second(Timestamp::now().as_second() - age_s).unwrap();
        TokenSigner::new(key, issuer).issue(AccountId::generate(), Role::User, now, TTL).unwrap()
    }

    /// Signs anything, as somebody with the key but other ideas would.
    fn signed(header: &Header, claims: &serde_json::Value, key: &Key) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(&key.secret)).unwrap()
    }

    #[test]
    fn a_token_speaks_for_the_account_it_was_issued_to() {
        let account = AccountId::generate();
        let key = key("k1", 1);
        let token = TokenSigner::new(&key, ISSUER).issue(account, Role::Admin, Timestamp::now(), TTL).unwrap();
        let caller = TokenVerifier::new([&key], ISSUER).verify(&token);
        assert_eq!(caller, Ok(Caller { account, role: Role::Admin }));
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode(&token).unwrap().claims;
        let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["exp", "iat", "iss", "role", "sub"]);
    }

    #[test]
    fn expiry_has_five_seconds_of_leeway_and_not_sixty() {
        let key = key("k1", 1);
        let verifier = TokenVerifier::new([&key], ISSUER);
        let ttl_s = 15 * 60;
        assert!(verifier.verify(&token(&key, ISSUER, ttl_s + 2)).is_ok());
        assert_eq!(verifier.verify(&token(&key, ISSUER, ttl_s + 10)), Err(TokenError::Expired));
    }

    /// Guards: the expiry of a remembered token, and that only the very same token is taken for it.
    #[test]
    fn a_remembered_token_still_expires_and_vouches_for_no_other() {
        let verifier = TokenVerifier::new([&key("k1", b'a')], "boxoffice");
        let account = AccountId::generate();
        let mut early = TokenSigner::new(&key("k1", b'a'), "boxoffice")
            .issue(account, Role::Admin, Timestamp::now(), Duration::from_secs(60))
            .unwrap();
        assert_eq!(verifier.verify(&early).unwrap().account, account);
        assert_eq!(verifier.verify(&early).unwrap().account, account, "from memory");
        verifier.verified.remember(&early, Caller { account, role: Role::Admin }, Timestamp::now().as_second() - 6);
        assert_eq!(verifier.verify(&early), Err(TokenError::Expired));
        early.pop();
        assert_eq!(verifier.verify(&early), Err(TokenError::Bad));
    }

    #[test]
    fn what_is_not_exactly_ours_is_bad() {
        let key = key("k1", 1);
        let verifier = TokenVerifier::new([&key], ISSUER);
        let good = token(&key, ISSUER, 0);
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode(&good).unwrap().claims;
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
        let edited = |edit: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
            let mut claims = claims.clone();
            edit(claims.as_object_mut().unwrap());
            signed(&header, &claims, &key)
        };
        assert!(verifier.verify(&edited(&|_| {})).is_ok());
        let bad = [
            "".to_owned(),
            "a.b.c".to_owned(),
            good[..good.len() - 2].to_owned(),
            token(&Key { id: "k1".to_owned(), secret: vec![2; 32] }, ISSUER, 0),
            token(&Key { id: "k2".to_owned(), ..key.clone() }, ISSUER, 0),
            token(&key, "somebody-else", 0),
            signed(&Header { alg: Algorithm::HS512, ..header.clone() }, &claims, &key),
            edited(&|claims| drop(claims.remove("exp"))),
            edited(&|claims| drop(claims.remove("iss"))),
            edited(&|claims| drop(claims.remove("role"))),
            edited(&|claims| drop(claims.insert("role".to_owned(), "ROOT".into()))),
            edited(&|claims| drop(claims.insert("sub".to_owned(), "me".into()))),
            edited(&|claims| drop(claims.insert("scope".to_owned(), "all".into()))),
            // {"alg":"none","typ":"JWT"}
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", good.split('.').nth(1).unwrap()),
        ];
        for token in bad {
            assert_eq!(verifier.verify(&token), Err(TokenError::Bad), "{token}");
        }
    }

    #[test]
    fn during_a_rotation_both_keys_are_accepted_by_their_names() {
        let (old, new) = (key("old", 1), key("new", 2));
        let verifier = TokenVerifier::new([&new, &old], ISSUER);
        assert!(verifier.verify(&token(&old, ISSUER, 0)).is_ok());
        assert!(verifier.verify(&token(&new, ISSUER, 0)).is_ok());
        let misnamed = Key { id: "old".to_owned(), secret: new.secret.clone() };
        assert_eq!(verifier.verify(&token(&misnamed, ISSUER, 0)), Err(TokenError::Bad));
    }
}
