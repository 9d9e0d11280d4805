//! Tokens that were verified lately. A buyer sends the same token with every request, and checking its signature costs more
//! than the decision it leads to.

use std::hash::BuildHasher;

use application::access::Caller;
use foldhash::quality::RandomState;
use parking_lot::Mutex;

/// Most tokens remembered, in one place each: a newcomer takes the place of the one that has the same. About 3 MB when full.
const PLACES: usize = 8192;

/// What a token says, once its signature was found right.
#[derive(Clone, Copy)]
pub(super) struct Verified {
    pub(super) caller: Caller,
    /// Seconds since 1970.
    pub(super) issued_at: i64,
    /// Seconds since 1970, the leeway not included.
    pub(super) expires_at: i64,
}

/// The token whole: nothing less proves that another one is the same.
type Place = Mutex<Option<(Box<str>, Verified)>>;

/// Verified tokens by a hash that no client can foresee.
pub(super) struct VerifiedTokens {
    places: Vec<Place>,
    hasher: RandomState,
}

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self { places: (0..PLACES).map(|_| Mutex::default()).collect(), hasher: RandomState::default() }
    }

    /// What the token says, if it was verified.
    pub(super) fn find(&self, token: &str) -> Option<Verified> {
        let place = self.place(token).lock();
        place.as_ref().filter(|(known, _)| **known == *token).map(|(_, verified)| *verified)
    }

    /// Remembers a token that was verified.
    pub(super) fn remember(&self, token: &str, verified: Verified) {
        *self.place(token).lock() = Some((token.into(), verified));
    }

    fn place(&self, token: &str) -> &Place {
        &self.places[self.hasher.hash_one(token) as usize % PLACES]
    }
}
