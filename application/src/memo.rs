//! Memoization of small values that many requests need and that hardly ever change: read now and then instead of by
//! each request.
//!
//! A value that is older than its time is given on while one of those who ask reads it again, so nobody waits for the database but the
//! first who asks at all, or after a change on this node ([`Memo::forget`]). What another node has changed is seen once the value
//! has reached its age.

use std::{collections::HashMap, future::Future, hash::Hash, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};

/// How long a value is waited for that there is an older one of.
const READ_MAX: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Memo<K, V> {
    /// How old a value gets before it is read again.
    age_max: Duration,
    /// Most values that are kept; with one more all are forgotten.
    entries_max: usize,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

#[derive(Debug)]
struct Entry<V> {
    /// Before the read began.
    since: Instant,
    value: Arc<OnceCell<Arc<V>>>,
    /// What is given while the value is read; after a change only if it can't be read.
    previous: Option<Arc<V>>,
    /// Nobody is given what there was before, as long as there is something to wait for.
    changed: bool,
}

impl<V> Entry<V> {
    fn forget(&mut self) {
        self.previous = self.value.get().cloned().or(self.previous.take());
        (self.since, self.value, self.changed) = (Instant::now(), Arc::default(), true);
    }
}

/// What has to be read: where to put it, and what there was before.
struct Unread<V> {
    value: Arc<OnceCell<Arc<V>>>,
    previous: Option<Arc<V>>,
}

impl<K: Eq + Hash, V> Memo<K, V> {
    pub fn new(age_max: Duration, entries_max: usize) -> Self {
        Self { age_max, entries_max, entries: Mutex::default() }
    }

    /// The value of `key`, from memory or by `read`. An error only when there is no value at all.
    pub async fn get<E>(&self, key: K, read: impl Future<Output = Result<V, E>>) -> Result<Arc<V>, E> {
        let Unread { value, previous } = match self.look(key) {
            Ok(value) => return Ok(value),
            Err(unread) => unread,
        };
        let read = value.get_or_try_init(|| async { read.await.map(Arc::new) });
        let Some(previous) = previous else { return read.await.cloned() };
        // What there was is better than nothing, and than an answer that waits for a database that hangs.
        match timeout(READ_MAX, read).await {
            Ok(Ok(value)) => Ok(value.clone()),
            Ok(Err(_)) | Err(_) => Ok(previous),
        }
    }

    /// The value, if it is known well enough.
    fn look(&self, key: K) -> Result<Arc<V>, Unread<V>> {
        let mut entries = self.entries.lock();
        let mut previous = None;
        if let Some(entry) = entries.get(&key) {
            let known = entry.value.get().or(entry.previous.as_ref()).cloned();
            if entry.since.elapsed() < self.age_max {
                let given = if entry.changed { entry.value.get().cloned() } else { known.clone() };
                return given.ok_or_else(|| Unread { value: entry.value.clone(), previous: known });
            }
            previous = known;
        } else if entries.len() >= self.entries_max {
            entries.clear();
        }
        let value = Arc::new(OnceCell::new());
        let entry = Entry { since: Instant::now(), value: value.clone(), previous: previous.clone(), changed: false };
        entries.insert(key, entry);
        Err(Unread { value, previous })
    }

    /// All values may have changed: anyone who asks from now on sees what has been changed, unless it can't be read.
    pub fn forget(&self) {
        self.entries.lock().values_mut().for_each(Entry::forget);
    }

    /// The same of one value.
    pub fn forget_one(&self, key: &K) {
        if let Some(entry) = self.entries.lock().get_mut(key) {
            entry.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    const AGE: Duration = Duration::from_secs(5);

    #[derive(Default)]
    struct Source(AtomicU32);

    impl Source {
        async fn read(&self) -> Result<u32, &'static str> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(self.0.fetch_add(1, Relaxed) + 1)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_at_once_are_one_read_and_an_old_value_is_given_while_it_is_read_anew() {
        let (memo, source) = (Memo::new(AGE, 10), Source::default());
        let ask = || async { *memo.get("a", source.read()).await.unwrap() };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (1, 1, 1));
        tokio::time::advance(AGE).await;
        let began = Instant::now();
        let (first, second) = tokio::join!(ask(), async {
            let value = ask().await;
            (value, began.elapsed())
        });
        assert_eq!((first, second), (2, (1, Duration::ZERO)), "one reads, the others wait for nothing");
        assert_eq!(ask().await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_seen_at_once_and_a_failure_ends_no_value() {
        let (memo, source) = (Memo::new(AGE, 10), Source::default());
        assert_eq!(memo.get("a", async { Err("away") }).await, Err("away"));
        assert_eq!(*memo.get("a", source.read()).await.unwrap(), 1);
        memo.forget();
        assert_eq!(*memo.get("a", source.read()).await.unwrap(), 2);
        tokio::time::advance(AGE).await;
        assert_eq!(*memo.get("a", async { Err("away") }).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn values_are_bounded() {
        let (memo, source) = (Memo::new(AGE, 3), Source::default());
        for key in 0..100 {
            memo.get(key, source.read()).await.unwrap();
            assert!(memo.entries.lock().len() <= 3);
        }
    }
}
