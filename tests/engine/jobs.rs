//! The queue of jobs in PostgreSQL by itself: who may take which, and what they may say afterwards.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{PATIENCE, TestDatabase};
use boxoffice_store::postgres::{
    jobs::{PgJobQueue, enqueue},
    pool::{self, PoolSettings},
};
use domain::{
    ids::{BookingId, JobId, PaymentId, RefundId},
    jobs::{Job, JobPayload, JobQueue, Notice},
};
use tokio_postgres::Client;

const MINUTE: Duration = Duration::from_secs(60);

struct Bench {
    client: Client,
    queue: PgJobQueue,
    db: TestDatabase,
}

impl Bench {
    async fn new() -> Self {
        let db = TestDatabase::migrated().await;
        let pool = pool::pool_of_requests(&PoolSettings {
            url: db.url().into(),
            max_connections: 8,
            connect_timeout: PATIENCE,
            statement_timeout: PATIENCE,
        });
        Self { client: db.connect().await, queue: PgJobQueue::new(pool.unwrap()), db }
    }

    async fn queue(&self, jobs: &[JobPayload]) {
        self.queue_later(jobs, Duration::ZERO).await;
    }

    async fn queue_later(&self, jobs: &[JobPayload], wait: Duration) {
        enqueue(&self.client, jobs, wait).await.unwrap();
    }

    async fn claim(&self, kind: &str) -> Vec<Job> {
        self.queue.claim(kind, 10, MINUTE).await.unwrap()
    }

    /// The one job of that kind that can be claimed.
    async fn claim_one(&self, kind: &str) -> Job {
        let mut jobs = self.claim(kind).await;
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.remove(0)
    }

    async fn set(&self, assignment: &str, id: JobId) {
        self.client.execute(&format!("UPDATE jobs SET {assignment} WHERE id = $1"), &[&id.0]).await.unwrap();
    }

    async fn count(&self, condition: &str) -> i64 {
        self.db.number(&format!("SELECT count(*) FROM jobs WHERE {condition}"), &[]).await
    }
}

fn refund() -> JobPayload {
    JobPayload::Refund { refund_id: RefundId::generate() }
}

/// Two mails about one booking.
fn two_of_a_key() -> [JobPayload; 2] {
    let booking_id = BookingId::generate();
    [Notice::Confirmed, Notice::Cancelled].map(|notice| JobPayload::Notify { booking_id, notice })
}

/// Guards: the turns by which jobs are claimed, and that the key's other jobs are looked at. Without the lock, two of a key are under way at
/// once now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_claim_at_the_same_time_never_have_a_job_or_a_key_together() {
    const KEYS: usize = 60;
    let bench = Bench::new().await;
    let pairs: Vec<_> = (0..KEYS).map(|_| two_of_a_key()).collect();
    for second in [0, 1] {
        let jobs: Vec<_> = pairs.iter().map(|pair| pair[second].clone()).collect();
        bench.queue(&jobs).await;
    }
    let under_way = Arc::new(Mutex::new(HashSet::new()));
    let workers: Vec<_> = (0..6)
        .map(|_| {
            let (queue, under_way) = (bench.queue.clone(), under_way.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let jobs = queue.claim("notify", 7, MINUTE).await.unwrap();
                    let keys: Vec<_> = jobs.iter().map(|job| job.payload.key()).collect();
                    assert!(
                        keys.iter().all(|key| under_way.lock().unwrap().insert(key.clone())),
                        "a key twice: {keys:?}"
                    );
                    tokio::task::yield_now().await;
                    for job in &jobs {
                        assert!(under_way.lock().unwrap().remove(&job.payload.key()));
                        queue.done(job).await.unwrap();
                    }
                    if jobs.is_empty() {
                        if queue.state().await.unwrap().is_empty() {
                            break mine;
                        }
                        // Somebody else has the first of a pair.
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    mine.extend(jobs);
                }
            })
        })
        .collect();
    let mut done = Vec::new();
    for worker in workers {
        done.extend(worker.await.unwrap());
    }
    assert_eq!(done.len(), 2 * KEYS);
    assert_eq!(done.iter().map(|job| job.id).collect::<HashSet<_>>().len(), 2 * KEYS);
}

/// Guards: the order of the ids, also while the first one waits for its next try.
#[tokio::test]
async fn jobs_of_a_key_are_claimed_one_after_the_other_in_the_order_in_which_they_were_queued() {
    let bench = Bench::new().await;
    let [first, second] = two_of_a_key();
    bench.queue(&[first.clone(), second.clone()]).await;
    let claimed = bench.claim_one("notify").await;
    assert_eq!((&claimed.payload, claimed.attempt), (&first, 1));
    assert!(bench.claim("notify").await.is_empty(), "it is under way");
    bench.queue.again(&claimed, "not now", MINUTE, true).await.unwrap();
    assert!(bench.claim("notify").await.is_empty(), "it comes first");
    bench.set("due_at = now()", claimed.id).await;
    let again = bench.claim_one("notify").await;
    assert_eq!((again.id, again.attempt), (claimed.id, 2));
    bench.queue.done(&again).await.unwrap();
    let claimed = bench.claim_one("notify").await;
    assert_eq!(claimed.payload, second);
    bench.queue.give_up(&claimed, "never").await.unwrap();
    assert_eq!((bench.count("true").await, bench.count("status = 'DEAD'").await), (1, 1));
    bench.queue(&[first]).await;
    bench.claim_one("notify").await;
}

/// Guards: both cases of the condition on other jobs of a key. A check that comes later does not hold up the end of a payment; and when its
/// time comes, it waits for the other one.
#[tokio::test]
async fn a_job_that_is_due_later_holds_up_no_other_and_waits_for_the_one_under_way() {
    let bench = Bench::new().await;
    let payment_id = PaymentId::generate();
    bench.queue_later(&[JobPayload::CheckPayment { payment_id }], MINUTE).await;
    bench.queue(&[JobPayload::ClosePayment { payment_id }]).await;
    assert!(bench.claim("check_payment").await.is_empty());
    let close = bench.claim_one("close_payment").await;
    bench.client.execute("UPDATE jobs SET due_at = now() WHERE kind = 'check_payment'", &[]).await.unwrap();
    assert!(bench.claim("check_payment").await.is_empty(), "the other one is under way");
    bench.queue.again(&close, "not now", MINUTE, true).await.unwrap();
    assert!(bench.claim("check_payment").await.is_empty(), "the other one has begun");
    bench.set("due_at = now()", close.id).await;
    assert!(bench.claim("close_payment").await.is_empty(), "both are due: the earlier one comes first");
    let check = bench.claim_one("check_payment").await;
    bench.queue.again(&check, "its time has not come", MINUTE, false).await.unwrap();
    assert_eq!(bench.count("kind = 'check_payment' AND attempts = 0").await, 1, "no try is counted");
    bench.claim_one("close_payment").await;
}

/// Guards: the comparison of the lease's end where an outcome is noted.
#[tokio::test]
async fn whose_lease_is_over_may_only_say_that_it_is_done() {
    let bench = Bench::new().await;
    bench.queue(&[refund()]).await;
    let old = bench.queue.claim("refund", 1, Duration::ZERO).await.unwrap().remove(0);
    let new = bench.claim_one("refund").await;
    assert_eq!((new.id, new.attempt), (old.id, 2), "its worker has died");
    bench.queue.again(&old, "late", Duration::ZERO, true).await.unwrap();
    bench.queue.give_up(&old, "late").await.unwrap();
    assert_eq!(bench.count("status = 'PENDING' AND last_error IS NULL AND attempts = 2").await, 1);
    bench.queue.done(&old).await.unwrap();
    assert_eq!(bench.count("true").await, 0, "who has done it is right");
    bench.queue.again(&new, "late", Duration::ZERO, true).await.unwrap();
}

/// Guards: that kinds of a newer version are left alone, and that what can't be read does not stand in the way.
#[tokio::test]
async fn what_cant_be_read_is_given_up_and_other_kinds_are_left_alone() {
    let bench = Bench::new().await;
    bench.queue(&[refund(), refund()]).await;
    let broken =
        "UPDATE jobs SET payload = '{\"kind\": \"refund\"}' WHERE id = (SELECT id FROM jobs ORDER BY id LIMIT 1)";
    bench.client.batch_execute(broken).await.unwrap();
    bench
        .client
        .batch_execute("INSERT INTO jobs (id, kind, key, payload) SELECT gen_random_uuid(), 'newer', 'k', '{}'")
        .await
        .unwrap();
    bench.claim_one("refund").await;
    assert_eq!(bench.count("status = 'DEAD' AND last_error LIKE '%can''t be read'").await, 1);
    let mut state = bench.queue.state().await.unwrap();
    state.sort_by(|one, other| one.kind.cmp(&other.kind));
    let counts: Vec<_> = state.iter().map(|of| (of.kind.as_str(), of.pending, of.dead)).collect();
    assert_eq!(counts, [("newer", 1, 0), ("refund", 1, 1)]);
}

/// Guards: that jobs are part of the transaction.
#[tokio::test]
async fn jobs_of_a_transaction_that_is_rolled_back_are_never_done() {
    let mut bench = Bench::new().await;
    let transaction = bench.client.transaction().await.unwrap();
    enqueue(&transaction, &[refund(), refund()], Duration::ZERO).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(bench.count("true").await, 0);
    assert!(bench.claim("refund").await.is_empty());
}
