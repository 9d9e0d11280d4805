//! Jobs of whole servers: done after a crash, counted, and done by whoever is there.

use std::time::Duration;

use boxoffice_store::postgres::jobs::enqueue;
use domain::{
    ids::{BookingId, PaymentId, RefundId},
    jobs::{JobPayload, Notice},
};

use crate::support::{Api, Settings, TestServer, until};

/// Jobs that are done at once: buyers are told nothing.
fn notices(count: usize) -> Vec<JobPayload> {
    let job = |_| JobPayload::Notify { booking_id: BookingId::generate(), notice: Notice::Confirmed };
    (0..count).map(job).collect()
}

async fn until_done(server: &TestServer) {
    until("all are done", async || server.db.number("SELECT count(*) FROM jobs", &[]).await == 0).await;
}

/// Guards: the lease. A server that died with a job in its hands needs nobody to clean up after it.
#[tokio::test]
async fn what_a_dead_server_had_begun_is_done_after_its_lease() {
    let server = TestServer::start().await;
    let begun = "INSERT INTO jobs (id, kind, key, payload, attempts, lost, due_at)
        VALUES (gen_random_uuid(), 'notify', 'booking:1', $1, 1, 1, now() + interval '700 ms')";
    let payload = serde_json::to_value(notices(1).remove(0)).unwrap();
    server.client.execute(begun, &[&payload]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.db.number("SELECT count(*) FROM jobs", &[]).await, 1, "it is somebody else's");
    until_done(&server).await;
}

/// Guards: that the runner comes back, and that two servers share the queue.
#[tokio::test]
async fn many_jobs_are_done_by_two_servers_whose_workers_die() {
    let server = TestServer::start().await;
    let (neighbour, _) = server.neighbour().await;
    for round in 0..5 {
        enqueue(&server.client, &notices(100), Duration::ZERO).await.unwrap();
        server.running.jobs.kill_workers();
        if round % 2 == 0 {
            neighbour.jobs.kill_workers();
        }
    }
    until_done(&server).await;
    neighbour.stop().await;
    server.running.stop().await;
}

/// Guards: the series that alerts look at.
#[tokio::test]
async fn what_becomes_of_jobs_is_counted() {
    let server = Settings::default().set("BOXOFFICE__MAIL__BOOKINGS", true).start().await;
    enqueue(&server.client, &notices(1), Duration::ZERO).await.unwrap();
    let dead = "SELECT count(*) FROM jobs WHERE status = 'DEAD'";
    until("nobody's booking is a dead letter", async || server.db.number(dead, &[]).await == 1).await;
    let waits = [JobPayload::CheckPayment { payment_id: PaymentId::generate() }];
    enqueue(&server.client, &waits, Duration::from_secs(3600)).await.unwrap();
    let refund = [JobPayload::Refund { refund_id: RefundId::generate() }];
    enqueue(&server.client, &refund, Duration::from_secs(3600)).await.unwrap();
    let operations = Api::of_operators(server.running.operations_address);
    // Counts what there is now.
    assert!(server.running.tasks.break_down("jobs"));
    for series in [
        r#"boxoffice_job_tries_total{kind="notify",outcome="dead"} 1"#,
        r#"boxoffice_job_tries_total{kind="refund",outcome="failed"} 0"#,
        r#"boxoffice_jobs_dead{kind="notify"} 1"#,
        r#"boxoffice_jobs_pending{kind="check_payment"} 1"#,
        r#"boxoffice_jobs_oldest_seconds{kind="refund"} 0"#,
        r#"boxoffice_jobs_pending{kind="event_changed"} 0"#,
        r#"boxoffice_actor_restarts_total{actor="jobs"}"#,
    ] {
        until(&format!("{series} is shown"), async || {
            let shown = operations.get("/metrics").await;
            String::from_utf8(shown.body.to_vec()).unwrap().contains(series)
        })
        .await;
    }
}
