//! Opaque secrets that a client keeps and the server knows by their hash only: refresh tokens, links in mails.

use std::fmt;

use sha2::{Digest, Sha256};

/// Bytes of randomness: nobody guesses 256 bits, so a plain hash protects them as well as a slow one would.
const SECRET_BYTES: usize = 32;

/// A secret as its owner has it. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken(String);

/// What is stored of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

impl OpaqueToken {
    /// A secret of these random bytes: 64 hexadecimal digits.
    pub fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What somebody sent, if it has the form of a secret of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == SECRET_BYTES * 2 && text.bytes().all(hexadecimal)).then(|| Self(text.to_owned()))
    }

    /// The secret, to be sent to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What to store and to look up.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_back_and_never_shown() {
        let token = OpaqueToken::from_random([0xa7; 32]);
        assert_eq!(OpaqueToken::parse(token.expose()), Some(token.clone()));
        assert!(!format!("{token:?}").contains("a7"));
        assert_ne!(token.hash(), OpaqueToken::from_random([0xa8; 32]).hash());
    }

    #[test]
    fn anything_else_is_no_secret() {
        let right = "a7".repeat(32);
        for wrong in ["", "a7", &right[1..], &format!("{right}0"), &right.to_uppercase(), &right.replace('7', "g")] {
            assert_eq!(OpaqueToken::parse(wrong), None, "{wrong:?}");
        }
    }
}
