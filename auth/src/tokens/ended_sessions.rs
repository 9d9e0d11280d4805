//! Sessions that have ended lately: their access tokens are refused. Asked with each request, and told with each sign-out, of which
//! there may be many: so it is a table in parts, each with a lock of its own, and not a picture that each change copies.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::atomic::{AtomicUsize, Ordering},
};

use domain::ids::SessionId;
use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard};

const PARTS: usize = 64;

/// Sessions with the second of their end, since 1970.
type Part = HashMap<SessionId, i64, RandomState>;

/// See the module's page. Some 50 bytes a session.
#[derive(Debug)]
pub(super) struct EndedSessions {
    parts: Vec<Mutex<Part>>,
    hasher: RandomState,
    /// In all parts. Without any, nobody need look.
    count: AtomicUsize,
    /// Which part is tidied next.
    next: AtomicUsize,
}

impl Default for EndedSessions {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            count: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }
}

impl EndedSessions {
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.count.load(Ordering::Relaxed) > 0 && self.part(session).contains_key(&session)
    }

    pub(super) fn add(&self, session: SessionId, second: i64) {
        let before = self.part(session).insert(session, second);
        if before.is_none() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets those of one part that have ended before `oldest`: no token of theirs is good any more. Each time another part.
    pub(super) fn tidy(&self, oldest: i64) {
        let part = self.next.fetch_add(1, Ordering::Relaxed) % PARTS;
        let mut part = self.parts[part].lock();
        let before = part.len();
        part.retain(|_, second| *second >= oldest);
        self.count.fetch_sub(before - part.len(), Ordering::Relaxed);
    }

    fn part(&self, session: SessionId) -> MutexGuard<'_, Part> {
        let part = &self.parts[self.hasher.hash_one(session) as usize % PARTS];
        part.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_forgotten_when_no_token_of_theirs_can_live() {
        let ended = EndedSessions::default();
        let [old, young, other] = [SessionId::generate(), SessionId::generate(), SessionId::generate()];
        ended.add(old, 10);
        ended.add(young, 20);
        ended.add(young, 20);
        assert!(ended.has(old) && ended.has(young) && !ended.has(other));
        for _ in 0..PARTS {
            ended.tidy(15);
        }
        assert!(!ended.has(old) && ended.has(young));
        assert_eq!(ended.count.load(Ordering::Relaxed), 1);
    }
}
