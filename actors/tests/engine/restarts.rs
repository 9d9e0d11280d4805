//! An event that keeps failing is left alone for a while, and only that event.

use std::time::Duration;

use actors::inventories::AskError;

use crate::support::{
    builders::{event, settings},
    harness::{booked, start},
};

/// Guards: `GiveUp` in the supervisor's `failed`; `Phase::Down` in `activate`.
#[tokio::test(start_paused = true)]
async fn an_event_that_keeps_failing_is_down_for_the_cool_down_and_others_go_on() {
    let (broken, sound) = (event(10), event(10));
    let running = start(&[&broken, &sound]).await;
    running.ledger.faults().stale.insert(broken.id);
    let policy = settings().restart;
    let mut asked = 0;
    let retry_after = loop {
        match running.book(&broken, 1).await {
            Err(AskError::Unavailable { reason, retry_after }) if reason.contains("too often") => break retry_after,
            Err(AskError::Unavailable { .. }) => asked += 1,
            other => panic!("{other:?}"),
        }
        assert!(asked < 20, "it is restarted without end");
    };
    assert!(retry_after >= Duration::from_secs(1) && retry_after <= policy.cool_down, "{retry_after:?}");
    let loads = running.ledger.loads(broken.id).len();
    assert_eq!(loads, policy.intensity + 1);

    booked(&running.book(&sound, 1).await);
    assert!(running.book(&broken, 1).await.is_err());
    assert_eq!(running.ledger.loads(broken.id).len(), loads, "it is left alone");
    running.ledger.faults().stale.clear();
    tokio::time::advance(policy.cool_down).await;
    booked(&running.book(&broken, 1).await);
    running.assert_exact(&broken).await;
    running.assert_exact(&sound).await;
}
