//! Password hashes: argon2id (RFC 9106), off the async threads, never more at once than the machine can bear.

use std::sync::Arc;

use application::app::{HashingError, PasswordHasher};
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc::PasswordHash,
};
use async_trait::async_trait;
use domain::{accounts::Password, validation::FieldError};
use tokio::sync::Semaphore;

/// Callers that may wait for each slot. A hash takes about 40 ms, so the last in the queue waits about 2 s.
const WAITING_PER_SLOT: usize = 50;

/// Cost of a hash.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    pub lanes: u32,
}

/// Makes and checks password hashes.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// What an unknown account's password is checked against, so that its answer takes as long as any other.
    dummy: Arc<str>,
    /// Hashes at this moment. Each takes a core and 19 MiB for tens of milliseconds.
    running: Arc<Semaphore>,
    /// Those and the ones waiting for them.
    admitted: Arc<Semaphore>,
}

impl Passwords {
    /// A hasher that makes `concurrency` hashes at once. Makes one hash, so it blocks for some 40 ms: call it at start.
    pub fn new(cost: Cost, concurrency: usize) -> Result<Self, HashingError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).map_err(broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = make(&argon2, &rand::random::<u128>().to_string())?.into();
        let slots = concurrency.max(1);
        Ok(Self {
            argon2,
            dummy,
            running: Arc::new(Semaphore::new(slots)),
            admitted: Arc::new(Semaphore::new(slots * (1 + WAITING_PER_SLOT))),
        })
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashingError> + Send + 'static,
    ) -> Result<T, HashingError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| HashingError::Overloaded)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(broken)?;
        // The permits go along: a caller that gives up does not make the computation end.
        tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            work()
        })
        .await
        .map_err(broken)?
    }
}

#[async_trait]
impl PasswordHasher for Passwords {
    /// In PHC format, with a salt of its own. Of the password's one form, whatever was typed.
    async fn hash(&self, password: &str) -> Result<String, HashingError> {
        let (argon2, password) = (self.argon2.clone(), Password::normalised(password).into_owned());
        self.compute(move || make(&argon2, &password)).await
    }

    /// A password that was typed in another form than its one is tried as it was typed as well: hashes were made of that once. What was
    /// typed decides alone how long that takes, and not the account.
    async fn verify(&self, hash: Option<&str>, password: &str) -> Result<bool, HashingError> {
        let known = hash.is_some();
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        let hash = hash.map_or_else(|| Arc::clone(&self.dummy), Arc::from);
        self.compute(move || {
            let hash = PasswordHash::new(&hash).map_err(broken)?;
            // Parameters are the stored hash's own, so a changed configuration locks nobody out.
            let is_right = |password: &str| argon2.verify_password(password.as_bytes(), &hash).is_ok();
            let normalised = Password::normalised(&password);
            Ok((is_right(&normalised) || (*normalised != *password && is_right(&password))) && known)
        })
        .await
    }

    async fn check_strength(
        &self,
        field: &'static str,
        password: &Password,
        own_words: [&str; 2],
    ) -> Result<Result<(), FieldError>, HashingError> {
        let (password, own_words) = (password.clone(), own_words.map(str::to_owned));
        self.compute(move || Ok(password.check_strength(field, &own_words.each_ref().map(String::as_str)))).await
    }

    fn is_outdated(&self, hash: &str) -> bool {
        let params = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        let Some(params) = params else { return true };
        let wanted = self.argon2.params();
        params.m_cost() < wanted.m_cost() || params.t_cost() < wanted.t_cost() || params.p_cost() < wanted.p_cost()
    }
}

fn make(argon2: &Argon2<'_>, password: &str) -> Result<String, HashingError> {
    argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> HashingError {
    HashingError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    /// As cheap as argon2 allows.
    fn cheap(concurrency: usize) -> Passwords {
        Passwords::new(Cost { memory_kib: 8, passes: 1, lanes: 1 }, concurrency).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_is_accepted() {
        let passwords = cheap(2);
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(passwords.verify(Some(&hash), "correct horse").await.unwrap());
        assert!(!passwords.verify(Some(&hash), "battery staple").await.unwrap());
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap(), "the salt differs");
        assert!(matches!(passwords.verify(Some("nonsense"), "x").await, Err(HashingError::Broken(_))));
    }

    /// Guards: one password in every form, and hashes from when there was none.
    #[tokio::test]
    async fn a_password_is_right_however_its_letters_are_typed() {
        let passwords = cheap(2);
        let (composed, decomposed) = ("Crème brûlée", "Cre\u{300}me bru\u{302}le\u{301}e");
        let hash = passwords.hash(decomposed).await.unwrap();
        let former = make(&passwords.argon2, decomposed).unwrap();
        for typed in [composed, decomposed, "Ｃrème brûlée"] {
            assert!(passwords.verify(Some(&hash), typed).await.unwrap(), "{typed}");
        }
        assert!(passwords.verify(Some(&former), decomposed).await.unwrap());
        assert!(!passwords.verify(Some(&former), "Creme brulee").await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_is_refused_after_the_same_work() {
        let passwords = cheap(2);
        assert!(!passwords.verify(None, "anything").await.unwrap());
        let dummy = PasswordHash::new(&passwords.dummy).unwrap();
        assert_eq!(dummy.params.to_string(), "m=8,t=1,p=1", "the dummy costs what a real hash costs");
    }

    #[tokio::test]
    async fn only_a_weaker_hash_is_outdated() {
        let hash = |memory_kib, passes| async move {
            Passwords::new(Cost { memory_kib, passes, lanes: 1 }, 1).unwrap().hash("x").await.unwrap()
        };
        let passwords = Passwords::new(Cost { memory_kib: 16, passes: 2, lanes: 1 }, 1).unwrap();
        assert!(passwords.is_outdated(&hash(8, 2).await));
        assert!(passwords.is_outdated(&hash(16, 1).await));
        assert!(!passwords.is_outdated(&hash(16, 2).await));
        assert!(!passwords.is_outdated(&hash(32, 2).await));
    }

    /// Guards: that strength is judged in its turn, and so not on the thread that answers others.
    #[tokio::test]
    async fn strength_waits_for_its_turn_like_a_hash() {
        let passwords = cheap(1);
        let password = Password::parse("password", "correct horse battery").unwrap();
        let busy = Arc::clone(&passwords.running).acquire_owned().await.unwrap();
        let mut check = std::pin::pin!(passwords.check_strength("password", &password, ["ada@example.org", "Ada"]));
        let polled = check.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it is somebody else's turn");
        drop(busy);
        assert!(check.await.unwrap().is_ok());
        let weak = Password::parse("password", "password123").unwrap();
        let fault = passwords.check_strength("newPassword", &weak, ["", ""]).await.unwrap().unwrap_err();
        assert_eq!((&*fault.field, fault.code), ("newPassword", "COMMON_PASSWORD"));
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let passwords = cheap(1);
        let all = u32::try_from(1 + WAITING_PER_SLOT).unwrap();
        let taken = Arc::clone(&passwords.admitted).acquire_many_owned(all).await.unwrap();
        assert!(matches!(passwords.hash("x").await, Err(HashingError::Overloaded)));
        drop(taken);
        assert!(passwords.hash("x").await.is_ok());
    }
}
