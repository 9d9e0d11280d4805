//! Somebody else has a quota's row locked.

use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::support::{EventBuilder, Settings, TestDatabase, TestServer, log, until};

/// Far below the five seconds of the lock time-out of connections, far above what a booking takes.
const SLOWEST: Duration = Duration::from_secs(3);

/// Guards: a locked row stalls its event only. Both events have the same writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_quota_stalls_no_other_event() {
    log::listen();
    let settings = Settings::default().set("BOXOFFICE__DATABASE__LEDGER_WRITERS", 1);
    let server = TestServer::on(TestDatabase::migrated().await, &settings).await;
    let (event, other) =
        (server.event(EventBuilder::ga(1_000_000)).await, server.event(EventBuilder::ga(1_000_000)).await);
    let (watch, elsewhere) = (Watch::begin(&server, &event, 2).await, Watch::begin(&server, &other, 2).await);
    watch.goes_on(4).await;
    elsewhere.goes_on(4).await;
    let mut locker = server.db.connect().await;
    let lock = locker.transaction().await.unwrap();
    lock.execute("UPDATE quotas SET name = name WHERE event_id = $1", &[&event.id]).await.unwrap();
    let stopped = watch.booked();
    // Those that were on their way have landed by then.
    elsewhere.goes_on(200).await;
    assert!(watch.booked() <= stopped + 4, "nothing of the locked event is written");
    assert!(elsewhere.slowest() < SLOWEST, "somebody waited {:?} on another event", elsewhere.slowest());
    lock.rollback().await.unwrap();
    let ended = Instant::now();
    watch.goes_on(8).await;
    watch.tell("a quota's row is locked", ended);
    assert_eq!(elsewhere.refused(), 0, "refusals on another event");
    assert_eq!(log::deaths(other.id), Vec::<String>::new());
    until("both go on", async || watch.booked() > stopped).await;
    watch.end(&server).await;
    elsewhere.end(&server).await;
}
