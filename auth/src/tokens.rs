//! Access tokens: JWT (RFC 7519), signed with HMAC-SHA256 or Ed25519.

mod ended_sessions;
mod keys;
mod revocations;
mod verified;

use std::{sync::Arc, time::Duration};

use application::{
    access::{Caller, TokenError, VerifyAccess},
    app::IssueAccess,
};
use domain::{
    accounts::Role,
    ids::{AccountId, SessionId},
};
use jiff::Timestamp;
use jsonwebtoken::{DecodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};

use self::{
    keys::SigningKey,
    verified::{Verified, VerifiedTokens},
};
pub use self::{
    keys::{Key, KeyError, KeySettings, Keys, SECRET_BYTES_MIN},
    revocations::{LIFE_MAX, Revocations},
};

/// How far the clocks of two nodes may differ. The library's default of 60 s would make a token of 15 minutes one of 16.
const LEEWAY_S: u64 = 5;

/// The header parameter that names a token's session. No claim: servers of the release before would refuse a token with one more
/// claim while both run side by side, and pass over parameters that they do not know (RFC 7515, 4).
const SESSION: &str = "sid";

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

/// Issues tokens, and takes them back.
pub struct TokenSigner {
    header: Header,
    key: SigningKey,
    issuer: String,
    revocations: Arc<Revocations>,
}

impl TokenSigner {
    /// Signs with `key` in the name of `issuer`. Tokens that it takes back are told to `revocations`.
    pub fn new(key: SigningKey, issuer: impl Into<String>, revocations: Arc<Revocations>) -> Self {
        let header = Header { kid: Some(key.id.clone()), ..Header::new(key.algorithm) };
        Self { header, key, issuer: issuer.into(), revocations }
    }
}

impl TokenSigner {
    fn sign(
        &self,
        header: &Header,
        (account, role): (AccountId, Role),
        now: Timestamp,
        ttl: Duration,
    ) -> Result<String, String> {
        let iat = now.as_second();
        let exp = iat.saturating_add(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        let claims = Claims { sub: account, role, iat, exp, iss: self.issuer.clone() };
        jsonwebtoken::encode(header, &claims, &self.key.key).map_err(|error| error.to_string())
    }
}

impl IssueAccess for TokenSigner {
    fn issue(&self, account: AccountId, role: Role, now: Timestamp, ttl: Duration) -> Result<String, String> {
        self.sign(&self.header, (account, role), now, ttl)
    }

    fn issue_in(
        &self,
        session: SessionId,
        account: AccountId,
        role: Role,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<String, String> {
        let mut header = self.header.clone();
        header.extras.insert(SESSION, session);
        self.sign(&header, (account, role), now, ttl)
    }

    fn refuse_before(&self, account: AccountId, instant: Timestamp) {
        self.revocations.refuse_before(account, instant);
    }

    fn refuse_session(&self, session: SessionId, instant: Timestamp) {
        self.revocations.refuse_session(session, instant);
    }
}

/// A key by which tokens are verified, and all that is expected of them. The algorithm is the key's and never the token's.
struct VerificationKey {
    id: String,
    key: DecodingKey,
    validation: Validation,
}

/// Verifies tokens: signature, issuer, expiry, all claims present, and not taken back since.
pub struct TokenVerifier {
    keys: Vec<VerificationKey>,
    revocations: Arc<Revocations>,
    verified: VerifiedTokens,
}

impl TokenVerifier {
    /// Accepts tokens of `issuer` signed with one of `keys`: the present one, and during a rotation the other.
    pub fn new(keys: impl IntoIterator<Item = Key>, issuer: &str, revocations: Arc<Revocations>) -> Self {
        let keys = keys.into_iter().map(|Key { id, algorithm, key }| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = LEEWAY_S;
            validation.set_issuer(&[issuer]);
            validation.set_required_spec_claims(&["exp", "iss", "sub"]);
            VerificationKey { id, key, validation }
        });
        Self { keys: keys.collect(), revocations, verified: VerifiedTokens::new() }
    }

    /// Checks all that does not change any more.
    fn decode(&self, token: &str) -> Result<Verified, TokenError> {
        let known = match self.keys.as_slice() {
            // With one key its name is compared afterwards, which spares reading the header once more.
            [only] => only,
            keys => {
                let kid = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Bad)?.kid;
                keys.iter().find(|known| Some(&known.id) == kid.as_ref()).ok_or(TokenError::Bad)?
            }
        };
        let data = jsonwebtoken::decode::<Claims>(token, &known.key, &known.validation).map_err(|error| match error
            .kind()
        {
            ErrorKind::ExpiredSignature => TokenError::Expired,
            _ => TokenError::Bad,
        })?;
        if data.header.kid.as_ref() != Some(&known.id) {
            return Err(TokenError::Bad);
        }
        let session = data.header.extras.get(SESSION).map_err(|_| TokenError::Bad)?;
        let Claims { sub, role, iat, exp, .. } = data.claims;
        Ok(Verified { caller: Caller { account: sub, role, session }, issued_at: iat, expires_at: exp })
    }
}

impl VerifyAccess for TokenVerifier {
    fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        let now = Timestamp::now().as_second();
        let verified = match self.verified.find(token) {
            Some(verified) => verified,
            None => {
                let verified = self.decode(token)?;
                self.verified.remember(token, verified);
                verified
            }
        };
        if now > verified.expires_at.saturating_add(LEEWAY_S as i64) {
            return Err(TokenError::Expired);
        }
        if !self.revocations.allow(&verified.caller, verified.issued_at) {
            return Err(TokenError::Revoked);
        }
        Ok(verified.caller)
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, EncodingKey};

    use super::*;

    const ISSUER: &str = "boxoffice";
    const TTL: Duration = Duration::from_mins(15);

    fn keys(id: &str, byte: u8) -> Keys {
        Keys::of_secret(id, &[byte; 32])
    }

    fn signer(keys: Keys, issuer: &str) -> TokenSigner {
        TokenSigner::new(keys.signing, issuer, Arc::default())
    }

    fn verifier(keys: Keys) -> TokenVerifier {
        TokenVerifier::new(keys.accepted, ISSUER, Arc::default())
    }

    fn token(keys: Keys, issuer: &str, age_s: i64) -> String {
        let now = Timestamp::from_second(Timestamp::now().as_second() - age_s).unwrap();
        signer(keys, issuer).issue(AccountId::generate(), Role::User, now, TTL).unwrap()
    }

    /// Signs anything, as somebody with the key but other ideas would.
    fn signed(header: &Header, claims: &serde_json::Value, byte: u8) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(&[byte; 32])).unwrap()
    }

    #[test]
    fn a_token_speaks_for_the_account_it_was_issued_to() {
        let account = AccountId::generate();
        let issued = signer(keys("k1", 1), ISSUER).issue(account, Role::Admin, Timestamp::now(), TTL).unwrap();
        let caller = verifier(keys("k1", 1)).verify(&issued);
        assert_eq!(caller, Ok(Caller { account, role: Role::Admin, session: None }));
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode(&issued).unwrap().claims;
        let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["exp", "iat", "iss", "role", "sub"]);
    }

    #[test]
    fn expiry_has_five_seconds_of_leeway_and_not_sixty() {
        let verifier = verifier(keys("k1", 1));
        let ttl_s = 15 * 60;
        assert!(verifier.verify(&token(keys("k1", 1), ISSUER, ttl_s + 2)).is_ok());
        assert_eq!(verifier.verify(&token(keys("k1", 1), ISSUER, ttl_s + 10)), Err(TokenError::Expired));
    }

    /// Guards: the expiry of a remembered token, and that only the very same token is taken for it.
    #[test]
    fn a_remembered_token_still_expires_and_vouches_for_no_other() {
        let verifier = verifier(keys("k1", b'a'));
        let account = AccountId::generate();
        let caller = Caller { account, role: Role::Admin, session: None };
        let mut early = signer(keys("k1", b'a'), ISSUER)
            .issue(account, Role::Admin, Timestamp::now(), Duration::from_secs(60))
            .unwrap();
        assert_eq!(verifier.verify(&early).unwrap().account, account);
        assert_eq!(verifier.verify(&early).unwrap().account, account, "from memory");
        let now = Timestamp::now().as_second();
        verifier.verified.remember(&early, Verified { caller, issued_at: now - 60, expires_at: now - 6 });
        assert_eq!(verifier.verify(&early), Err(TokenError::Expired));
        early.pop();
        assert_eq!(verifier.verify(&early), Err(TokenError::Bad));
    }

    /// Guards: that memory is asked after the revocations, and that an account's new tokens are good.
    #[test]
    fn a_remembered_token_is_taken_back_with_all_others_of_its_account() {
        let revocations = Arc::new(Revocations::default());
        let signer = TokenSigner::new(keys("k1", 1).signing, ISSUER, revocations.clone());
        let verifier = TokenVerifier::new(keys("k1", 1).accepted, ISSUER, revocations);
        let (account, other) = (AccountId::generate(), AccountId::generate());
        let now = Timestamp::now();
        let issue = |account, at| signer.issue(account, Role::User, at, TTL).unwrap();
        let old = issue(account, now - jiff::SignedDuration::from_secs(1));
        let others = issue(other, now - jiff::SignedDuration::from_secs(1));
        assert!(verifier.verify(&old).is_ok());
        signer.refuse_before(account, now);
        assert_eq!(verifier.verify(&old), Err(TokenError::Revoked));
        assert!(verifier.verify(&others).is_ok());
        assert!(verifier.verify(&issue(account, now + jiff::SignedDuration::from_secs(1))).is_ok());
    }

    /// Guards: that a token names its session, and is as good as that.
    #[test]
    fn a_token_of_a_session_ends_with_it() {
        let revocations = Arc::new(Revocations::default());
        let signer = TokenSigner::new(keys("k1", 1).signing, ISSUER, revocations.clone());
        let verifier = TokenVerifier::new(keys("k1", 1).accepted, ISSUER, revocations);
        let (account, now) = (AccountId::generate(), Timestamp::now());
        let [here, there] = [SessionId::generate(), SessionId::generate()];
        let [of_here, of_there] =
            [here, there].map(|session| signer.issue_in(session, account, Role::User, now, TTL).unwrap());
        for (token, session) in [(&of_here, here), (&of_there, there)] {
            let caller = verifier.verify(token);
            assert_eq!(caller, Ok(Caller { account, role: Role::User, session: Some(session) }));
        }
        signer.refuse_session(here, now);
        assert_eq!(verifier.verify(&of_here), Err(TokenError::Revoked), "although it is remembered");
        assert!(verifier.verify(&of_there).is_ok());
        // Its parameter is signed like all the rest.
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode(&of_here).unwrap().claims;
        let without = signed(&header, &claims, 1);
        let mixed = format!("{}.{}", without.split('.').next().unwrap(), of_here.split_once('.').unwrap().1);
        assert_eq!(verifier.verify(&mixed), Err(TokenError::Bad));
    }

    #[test]
    fn what_is_not_exactly_ours_is_bad() {
        let verifier = verifier(keys("k1", 1));
        let good = token(keys("k1", 1), ISSUER, 0);
        let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode(&good).unwrap().claims;
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
        let edited = |edit: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
            let mut claims = claims.clone();
            edit(claims.as_object_mut().unwrap());
            signed(&header, &claims, 1)
        };
        assert!(verifier.verify(&edited(&|_| {})).is_ok());
        let bad = [
            "".to_owned(),
            "a.b.c".to_owned(),
            good[..good.len() - 2].to_owned(),
            token(keys("k1", 2), ISSUER, 0),
            token(keys("k2", 1), ISSUER, 0),
            token(keys("k1", 1), "somebody-else", 0),
            signed(&Header { alg: Algorithm::HS512, ..header.clone() }, &claims, 1),
            edited(&|claims| drop(claims.remove("exp"))),
            edited(&|claims| drop(claims.remove("iat"))),
            edited(&|claims| drop(claims.remove("iss"))),
            edited(&|claims| drop(claims.remove("role"))),
            edited(&|claims| drop(claims.insert("role".to_owned(), "ROOT".into()))),
            edited(&|claims| drop(claims.insert("sub".to_owned(), "me".into()))),
            edited(&|claims| drop(claims.insert("scope".to_owned(), "all".into()))),
            edited(&|claims| drop(claims.insert("aud".to_owned(), "another-service".into()))),
            edited(&|claims| drop(claims.insert("nbf".to_owned(), 0.into()))),
            // {"alg":"none","typ":"JWT"}
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", good.split('.').nth(1).unwrap()),
        ];
        for token in bad {
            assert_eq!(verifier.verify(&token), Err(TokenError::Bad), "{token}");
        }
    }

    #[test]
    fn during_a_rotation_both_keys_are_accepted_by_their_names() {
        let both = || keys("new", 2).accepted.into_iter().chain(keys("old", 1).accepted);
        let verifier = TokenVerifier::new(both(), ISSUER, Arc::default());
        assert!(verifier.verify(&token(keys("old", 1), ISSUER, 0)).is_ok());
        assert!(verifier.verify(&token(keys("new", 2), ISSUER, 0)).is_ok());
        assert_eq!(verifier.verify(&token(keys("old", 2), ISSUER, 0)), Err(TokenError::Bad), "misnamed");
    }
}
