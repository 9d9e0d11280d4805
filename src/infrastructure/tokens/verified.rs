//! Tokens that were verified lately. A buyer sends the same token with every request, and checking its signature costs more
//! than the decision it leads to.

use std::{
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
};

use foldhash::quality::RandomState;

use crate::application::access::Caller;

/// Most tokens remembered, in one place each: a newcomer takes the place of whoever has the same. About 3 MB when full.
const PLACES: usize = 8192;

/// A verified token, whole: nothing less proves that another one is the same.
struct Verified {
    token: Box<str>,
    caller: Caller,
    /// Seconds since 1970, the leeway not included.
    expires_at: i64,
}

/// Verified tokens by a hash that no client can foresee.
pub(super) struct VerifiedTokens {
    places: Vec<Mutex<Option<Verified>>>,
    hasher: RandomState,
}

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self { places: (0..PLACES).map(|_| Mutex::default()).collect(), hasher: RandomState::default() }
    }

    /// Who the token speaks for and until when, if it was verified.
    pub(super) fn find(&self, token: &str) -> Option<(Caller, i64)> {
        let place = self.place(token).lock().unwrap_or_else(PoisonError::into_inner);
        place.as_ref().filter(|known| *known.token == *token).map(|known| (known.caller, known.expires_at))
    }

    /// Remembers a token that was verified.
    pub(super) fn remember(&self, token: &str, caller: Caller, expires_at: i64) {
        let verified = Verified { token: token.into(), caller, expires_at };
        *self.place(token).lock().unwrap_or_else(PoisonError::into_inner) = Some(verified);
    }

    fn place(&self, token: &str) -> &Mutex<Option<Verified>> {
        &self.places[self.hasher.hash_one(token) as usize % PLACES]
    }
}
