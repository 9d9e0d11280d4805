//! The queue of mails in PostgreSQL by itself: what several senders may take, and what they may say afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails where it stands"
)]

#[path = "support/harness.rs"]
mod support;

use std::{collections::HashSet, time::Duration};

use boxoffice::{
    application::mails::DeadLetters,
    infrastructure::postgres::{
        outbox::PgOutbox,
        pool::{self, PoolSettings},
    },
};
use domain::{
    ids::MailId,
    outbox::{Mail, MailQueue, Upkeep},
};
use support::{
    TestDatabase,
    smtp::{Row, queue, row, verify},
};
use tokio_postgres::Client;
use uuid::Uuid;

const ATTEMPTS_MAX: u32 = 8;
const MINUTE: Duration = Duration::from_secs(60);

struct Bench {
    db: TestDatabase,
    client: Client,
    outbox: PgOutbox,
}

impl Bench {
    async fn new() -> Self {
        let db = TestDatabase::migrated().await;
        let pool = pool::pool_of_requests(&PoolSettings {
            url: db.url().into(),
            max_connections: 8,
            connect_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(30),
        });
        Self { client: db.connect().await, outbox: PgOutbox::new(pool.unwrap()), db }
    }

    async fn queue(&self) -> MailId {
        queue(&self.client, &verify("ada@example.org")).await
    }

    async fn claim(&self, limit: u32, lease: Duration) -> Vec<Mail> {
        self.outbox.claim(limit, lease, ATTEMPTS_MAX).await.unwrap()
    }

    /// The one mail that is due.
    async fn claim_one(&self, lease: Duration) -> Mail {
        let mut mails = self.claim(10, lease).await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    async fn row(&self, id: MailId) -> Row {
        row(&self.client, id).await
    }

    async fn set(&self, assignment: &str) {
        self.client.batch_execute(&format!("UPDATE outbox SET {assignment}")).await.unwrap();
    }

    async fn count(&self) -> i64 {
        self.db.number("SELECT count(*) FROM outbox", &[]).await
    }
}

fn upkeep(retention: Duration) -> Upkeep {
    Upkeep { attempts_max: ATTEMPTS_MAX, retention }
}

/// Guards: `FOR UPDATE SKIP LOCKED` and the lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_is_claimed_twice_by_senders_that_take_at_the_same_time() {
    const MAILS: usize = 300;
    let bench = Bench::new().await;
    let mut queued = HashSet::new();
    for _ in 0..MAILS {
        queued.insert(bench.queue().await);
    }
    let senders: Vec<_> = (0..6)
        .map(|_| {
            let outbox = bench.outbox.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let mails = outbox.claim(7, MINUTE, ATTEMPTS_MAX).await.unwrap();
                    assert!(mails.len() <= 7);
                    if mails.is_empty() {
                        break mine;
                    }
                    mine.extend(mails.into_iter().map(|mail| mail.id));
                }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for sender in senders {
        claimed.extend(sender.await.unwrap());
    }
    assert_eq!(claimed.len(), MAILS);
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), queued);
}

/// Guards: the comparison of `attempts` where an outcome is noted.
#[tokio::test]
async fn whose_lease_is_over_may_only_say_that_it_was_sent() {
    let bench = Bench::new().await;
    let id = bench.queue().await;
    let late = bench.claim_one(Duration::ZERO).await;
    let present = bench.claim_one(MINUTE).await;
    assert_eq!((late.attempt, present.attempt), (1, 2));
    assert!(bench.claim(10, MINUTE).await.is_empty(), "it is leased");

    bench.outbox.again(&late, "late", Duration::ZERO).await.unwrap();
    bench.outbox.give_up(&late, "late").await.unwrap();
    let leased = bench.row(id).await;
    assert_eq!((leased.status.as_str(), leased.error), ("PENDING", None));
    assert!(bench.claim(10, MINUTE).await.is_empty(), "it is leased still");

    bench.outbox.sent(&late).await.unwrap();
    bench.outbox.again(&present, "not known there", Duration::ZERO).await.unwrap();
    bench.outbox.give_up(&present, "not known there").await.unwrap();
    let sent = Row { status: "SENT".to_owned(), attempts: 2, error: None, has_payload: false };
    assert_eq!(bench.row(id).await, sent);
    assert!(bench.claim(10, MINUTE).await.is_empty());
}

#[tokio::test]
async fn a_mail_is_claimed_as_it_was_queued_and_due_again_after_its_wait() {
    let bench = Bench::new().await;
    let message = verify("ada@example.org");
    let id = queue(&bench.client, &message).await;
    let mail = bench.claim_one(MINUTE).await;
    assert_eq!((mail.id, &mail.message, mail.attempt), (id, &message, 1));

    bench.outbox.again(&mail, "busy", MINUTE * 60).await.unwrap();
    assert_eq!(bench.row(id).await.error.as_deref(), Some("busy"));
    assert!(bench.claim(10, MINUTE).await.is_empty());
    let wait = "SELECT extract(epoch FROM next_attempt_at - now())::int8 FROM outbox";
    let wait = bench.db.number(wait, &[]).await;
    assert!((3500..=3600).contains(&wait), "{wait}");

    bench.set("next_attempt_at = now() - interval '1 s'").await;
    let mail = bench.claim_one(MINUTE).await;
    assert_eq!(mail.attempt, 2);
    bench.outbox.again(&mail, "busy", Duration::ZERO).await.unwrap();
    assert_eq!(bench.claim_one(MINUTE).await.attempt, 3);
}

#[tokio::test]
async fn the_mail_that_is_due_for_the_longest_time_comes_first() {
    let bench = Bench::new().await;
    let (first, second) = (bench.queue().await, bench.queue().await);
    let older = "UPDATE outbox SET next_attempt_at = now() - interval '1 h' WHERE id = $1";
    bench.client.execute(older, &[&second.0]).await.unwrap();
    assert_eq!(bench.claim(1, MINUTE).await[0].id, second);
    assert_eq!(bench.claim(1, MINUTE).await[0].id, first);
}

/// Guards: `GIVE_UP_EXHAUSTED`, and the limit in `CLAIM`. A mail that kills its sender each time never gets an outcome.
#[tokio::test]
async fn a_mail_without_an_outcome_is_given_up_after_its_tries() {
    let bench = Bench::new().await;
    let id = bench.queue().await;
    for attempt in 1..=ATTEMPTS_MAX {
        assert_eq!(bench.claim_one(Duration::ZERO).await.attempt, attempt);
    }
    assert!(bench.claim(10, MINUTE).await.is_empty(), "no further try");
    assert_eq!(bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap(), 1);
    let row = bench.row(id).await;
    assert_eq!((row.status.as_str(), row.error.as_deref()), ("DEAD", Some("no try had an outcome")));

    let leased = bench.queue().await;
    bench.set("attempts = 7, next_attempt_at = now() WHERE status = 'PENDING'").await;
    bench.claim_one(MINUTE).await;
    assert_eq!(bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap(), 0, "its last sender may be at it");
    assert_eq!(bench.row(leased).await.status, "PENDING");
}

/// Guards: `DELETE_OLD`.
#[tokio::test]
async fn what_is_done_is_deleted_when_it_is_old_and_what_waits_is_not() {
    let bench = Bench::new().await;
    let sent = bench.queue().await;
    bench.outbox.sent(&bench.claim_one(MINUTE).await).await.unwrap();
    let dead = bench.queue().await;
    bench.outbox.give_up(&bench.claim_one(MINUTE).await, "no").await.unwrap();
    let waits = bench.queue().await;
    bench.set("created_at = now() - interval '30 days'").await;
    bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap();
    assert_eq!(bench.count().await, 3, "nothing is old enough");
    bench
        .client
        .execute("UPDATE outbox SET ended_at = now() - interval '2 min' WHERE id = $1", &[&sent.0])
        .await
        .unwrap();
    bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap();
    assert_eq!(bench.count().await, 2);
    bench
        .client
        .execute("UPDATE outbox SET ended_at = now() - interval '2 min' WHERE id = $1", &[&dead.0])
        .await
        .unwrap();
    bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap();
    assert_eq!(bench.count().await, 1);
    assert_eq!(bench.row(waits).await.status, "PENDING");
}

#[tokio::test]
async fn how_much_waits_is_told_with_the_age_of_the_oldest() {
    let bench = Bench::new().await;
    let state = bench.outbox.state().await.unwrap();
    assert_eq!((state.pending, state.dead, state.oldest), (0, 0, Duration::ZERO));
    bench.queue().await;
    bench.set("created_at = now() - interval '1 h'").await;
    bench.outbox.give_up(&bench.claim_one(MINUTE).await, "no").await.unwrap();
    for _ in 0..3 {
        bench.queue().await;
    }
    bench.set("created_at = now() - interval '10 min' WHERE status = 'PENDING'").await;
    let state = bench.outbox.state().await.unwrap();
    assert_eq!((state.pending, state.dead), (3, 1));
    assert!((600..660).contains(&state.oldest.as_secs()), "{state:?}");
}

#[tokio::test]
async fn a_dead_letter_is_listed_masked_and_gets_all_its_tries_again() {
    let bench = Bench::new().await;
    let (older, newer) = (bench.queue().await, bench.queue().await);
    for mail in bench.claim(10, MINUTE).await {
        bench.outbox.give_up(&mail, "550 no").await.unwrap();
    }
    let listed = bench.outbox.dead_letters(10).await.unwrap();
    assert_eq!(listed.iter().map(|letter| letter.id).collect::<Vec<_>>(), [newer, older]);
    assert_eq!((listed[0].recipient.as_str(), listed[0].reason.as_deref()), ("a***@example.org", Some("550 no")));
    assert_eq!(bench.outbox.dead_letters(1).await.unwrap().len(), 1);

    assert!(bench.outbox.retry(older).await.unwrap());
    assert!(!bench.outbox.retry(older).await.unwrap(), "it is no dead letter any more");
    assert!(!bench.outbox.retry(MailId(Uuid::now_v7())).await.unwrap());
    assert_eq!(bench.claim_one(MINUTE).await.attempt, 1);
    assert_eq!(bench.outbox.dead_letters(10).await.unwrap().len(), 1);
}

/// Guards: the kinds in `CLAIM`. During a roll-out a newer server queues what an older one can't send.
#[tokio::test]
async fn a_kind_of_a_newer_version_is_left_to_it() {
    let bench = Bench::new().await;
    let id = bench.queue().await;
    bench.set("kind = 'OF_TOMORROW'").await;
    assert!(bench.claim(10, MINUTE).await.is_empty());
    assert_eq!(bench.row(id).await.attempts, 0);
}

#[tokio::test]
async fn a_mail_that_cant_be_read_is_given_up_and_the_others_are_claimed() {
    let bench = Bench::new().await;
    let broken = bench.queue().await;
    bench.set("payload = '{}'").await;
    let misaddressed = bench.queue().await;
    bench.client.execute("UPDATE outbox SET recipient = 'nobody' WHERE id = $1", &[&misaddressed.0]).await.unwrap();
    let sound = bench.queue().await;
    let claimed = bench.claim(10, MINUTE).await;
    assert_eq!(claimed.iter().map(|mail| mail.id).collect::<Vec<_>>(), [sound]);
    for id in [broken, misaddressed] {
        assert_eq!(bench.row(id).await.status, "DEAD");
    }
    let listed = bench.outbox.dead_letters(10).await.unwrap();
    assert!(listed.iter().any(|letter| letter.recipient == "***"), "{listed:?}");
}
