//! What a node hears of others' changes, and how it notices that it has heard nothing for a while.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use boxoffice_store::cache::{Listener, RedisCache};
use domain::cache::{Change, HearChanges, SharedCache, Tag};
use secrecy::SecretString;

use super::{
    gate::Gate,
    redis::{BYTES_MAX, INSTALLATION},
};
use crate::support::{TestRedis, until};

/// Counts, and may be busy for a while.
#[derive(Default)]
struct Heard {
    changes: AtomicUsize,
    may_have_missed: AtomicUsize,
    is_busy: AtomicBool,
}

impl HearChanges for Heard {
    fn heard(&self, _: &Change) {
        while self.is_busy.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn may_have_missed(&self) {
        self.may_have_missed.fetch_add(1, Ordering::SeqCst);
    }

    fn may_have_gone_back(&self) {}
}

/// Somebody who listens at `url`, and has begun to.
async fn listens(url: &SecretString) -> Arc<Heard> {
    let (heard, cache) = (
        Arc::new(Heard::default()),
        RedisCache::connect(url, Duration::from_secs(5), INSTALLATION, BYTES_MAX).unwrap(),
    );
    let (hears, url) = (heard.clone(), url.clone());
    // On a thread of its own, which may be busy without holding up anybody else. It ends with the test's process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { Listener::new(&url, &cache).unwrap().listen(hears).await });
    });
    until("it listens", async || heard.may_have_missed.load(Ordering::SeqCst) == 1).await;
    heard
}

async fn speaker(redis: &TestRedis) -> Arc<RedisCache> {
    let cache =
        RedisCache::connect(&SecretString::from(redis.url()), Duration::from_secs(5), INSTALLATION, BYTES_MAX).unwrap();
    tokio::spawn({
        let cache = cache.clone();
        async move { cache.tend().await }
    });
    until("it is connected", async || cache.is_reachable()).await;
    cache
}

/// Watches the pings: a connection that was cut off without a word looks well for ever, and anyone who listens there misses all.
#[tokio::test]
async fn a_connection_that_falls_silent_is_noticed() {
    let redis = TestRedis::start();
    let (gate, through) = Gate::to_redis(&redis.url()).await;
    let heard = listens(&through).await;
    gate.cut();
    until("it listens anew", async || heard.may_have_missed.load(Ordering::SeqCst) > 1).await;
    let (speaker, before) = (speaker(&redis).await, heard.changes.load(Ordering::SeqCst));
    speaker.tell(&Change::Tags(vec![Tag::Events.slot()])).await.unwrap();
    until("it hears", async || heard.changes.load(Ordering::SeqCst) > before).await;
}

/// Watches that messages which came faster than they were heard are not just left out.
#[tokio::test]
async fn who_hears_too_slowly_forgets_everything() {
    let redis = TestRedis::start();
    let (heard, speaker) = (listens(&SecretString::from(redis.url())).await, speaker(&redis).await);
    heard.is_busy.store(true, Ordering::SeqCst);
    for _ in 0..2000 {
        speaker.tell(&Change::Tags(vec![Tag::Events.slot()])).await.unwrap();
    }
    heard.is_busy.store(false, Ordering::SeqCst);
    until("all are heard, or it is known that some are not", async || {
        heard.changes.load(Ordering::SeqCst) == 2000 || heard.may_have_missed.load(Ordering::SeqCst) > 1
    })
    .await;
}
