//! The queue of mails in PostgreSQL by itself: what several senders may take, and what they may say afterwards.

use std::{collections::HashSet, time::Duration};

use crate::support::{
    TestDatabase,
    smtp::{Row, queue, row, verify},
};
use boxoffice_store::postgres::{
    outbox::PgOutbox,
    pool::{self, PoolSettings},
    store::PgStore,
};
use domain::{
    dead_letters::{DeadLetter, DeadLetters, WhichDead},
    ids::MailId,
    lists::{ListQuery, declared},
    mail::{LinkToken, Message, Rank, Template},
    outbox::{FreeSlots, Mail, MailQueue, Upkeep},
};
use tokio_postgres::Client;
use uuid::Uuid;

const ATTEMPTS_MAX: u32 = 8;
const MINUTE: Duration = Duration::from_secs(60);

struct Bench {
    db: TestDatabase,
    client: Client,
    outbox: PgOutbox,
    store: PgStore,
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
        let pool = pool.unwrap();
        Self { client: db.connect().await, outbox: PgOutbox::new(pool.clone()), store: PgStore::new(pool), db }
    }

    /// The dead letters, the latest first.
    async fn dead(&self, limit: u32) -> Vec<DeadLetter> {
        self.store.dead_letters(&ListQuery::first(&declared::DEAD_LETTERS, Vec::new(), limit)).await.unwrap().entries
    }

    async fn retry(&self, id: MailId) -> bool {
        self.store.retry_dead_letter(id.0).await.unwrap()
    }

    async fn queue(&self) -> MailId {
        queue(&self.client, &verify("ada@example.org")).await
    }

    async fn claim(&self, limit: u32, lease: Duration) -> Vec<Mail> {
        self.outbox.claim(room(limit), lease, ATTEMPTS_MAX).await.unwrap()
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

fn all() -> WhichDead {
    WhichDead::default()
}

/// For so many mails of any rank.
fn room(limit: u32) -> FreeSlots {
    FreeSlots { all: limit, usual: limit }
}

fn upkeep(retention: Duration) -> Upkeep {
    Upkeep { attempts_max: ATTEMPTS_MAX, patience: MINUTE * 60 * 24, retention }
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
                    let mails = outbox.claim(room(7), MINUTE, ATTEMPTS_MAX).await.unwrap();
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

/// Guards: the comparison of the lease's end where an outcome is noted.
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
    bench.outbox.unanswered(&late, "late", Duration::ZERO).await.unwrap();
    bench.outbox.postpone(&late, Some("late"), Duration::ZERO).await.unwrap();
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
    bench.set("waits_since = now() - interval '1 h'").await;
    bench.outbox.give_up(&bench.claim_one(MINUTE).await, "no").await.unwrap();
    for _ in 0..3 {
        bench.queue().await;
    }
    bench.set("waits_since = now() - interval '10 min' WHERE status = 'PENDING'").await;
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
    let listed = bench.dead(10).await;
    assert_eq!(listed.iter().map(|letter| letter.id).collect::<Vec<_>>(), [newer.0, older.0]);
    assert_eq!((listed[0].subject.as_str(), listed[0].last_error.as_deref()), ("a***@example.org", Some("550 no")));
    assert_eq!(bench.dead(1).await.len(), 1);

    assert!(bench.retry(older).await);
    assert!(!bench.retry(older).await, "it is no dead letter any more");
    assert!(!bench.retry(MailId(Uuid::now_v7())).await);
    assert_eq!(bench.claim_one(MINUTE).await.attempt, 1);
    assert_eq!(bench.dead(10).await.len(), 1);
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
    bench.set("payload = '{}', recipient = 'nobody'").await;
    // An address is not judged again by who reads it, but by who sends to it.
    let misaddressed = bench.queue().await;
    bench.client.execute("UPDATE outbox SET recipient = 'nobody' WHERE id = $1", &[&misaddressed.0]).await.unwrap();
    let sound = bench.queue().await;
    let claimed = bench.claim(10, MINUTE).await;
    assert_eq!(claimed.iter().map(|mail| mail.id).collect::<Vec<_>>(), [misaddressed, sound]);
    assert_eq!(bench.row(broken).await.status, "DEAD");
    let listed = bench.dead(10).await;
    assert!(listed.iter().any(|letter| letter.subject == "***@"), "{listed:?}");
}

/// Guards: the column `rank`, its order and its share.
#[tokio::test]
async fn what_somebody_waits_for_is_claimed_before_what_has_waited_longer() {
    let bench = Bench::new().await;
    let changed =
        Message { template: Template::PasswordChanged { name: "Ada".to_owned() }, ..verify("ada@example.org") };
    for _ in 0..5 {
        queue(&bench.client, &changed).await;
    }
    bench.set("next_attempt_at = now() - interval '1 h'").await;
    let awaited = bench.queue().await;
    let claimed = bench.outbox.claim(FreeSlots { all: 3, usual: 1 }, MINUTE, ATTEMPTS_MAX).await.unwrap();
    let ranks = |mails: &[Mail], rank| mails.iter().filter(|mail| mail.rank() == rank).count();
    assert_eq!((claimed.len(), ranks(&claimed, Rank::Usual)), (2, 1));
    assert!(claimed.iter().any(|mail| mail.id == awaited));
    let claimed = bench.outbox.claim(FreeSlots { all: 3, usual: 3 }, MINUTE, ATTEMPTS_MAX).await.unwrap();
    assert_eq!((claimed.len(), ranks(&claimed, Rank::Usual)), (3, 3));
    assert!(bench.outbox.claim(FreeSlots { all: 3, usual: 0 }, MINUTE, ATTEMPTS_MAX).await.unwrap().is_empty());
}

/// Guards: `POSTPONE`, and the patience that bounds it.
#[tokio::test]
async fn a_mail_that_nobody_judged_keeps_its_tries_and_is_given_up_by_its_age() {
    let bench = Bench::new().await;
    let id = bench.queue().await;
    for _ in 0..20 {
        let mail = bench.claim_one(MINUTE).await;
        assert_eq!(mail.attempt, 1);
        bench.outbox.postpone(&mail, Some("no route"), Duration::ZERO).await.unwrap();
    }
    let row = bench.row(id).await;
    assert_eq!((row.status.as_str(), row.attempts, row.error.as_deref()), ("PENDING", 0, Some("no route")));
    assert_eq!(bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap(), 0);
    bench.set("waits_since = now() - interval '25 h'").await;
    assert_eq!(bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap(), 1);
    assert_eq!(bench.row(id).await.status, "DEAD");
    // Anyone who has it tried again gives it all its time.
    assert!(bench.retry(id).await);
    assert_eq!(bench.outbox.tidy(&upkeep(MINUTE)).await.unwrap(), 0);
}

#[tokio::test]
async fn texts_without_an_answer_are_counted() {
    let bench = Bench::new().await;
    let id = bench.queue().await;
    let mail = bench.claim_one(MINUTE).await;
    assert_eq!(mail.unanswered, 0);
    bench.outbox.unanswered(&mail, "it took too long", Duration::ZERO).await.unwrap();
    let mail = bench.claim_one(MINUTE).await;
    assert_eq!((mail.attempt, mail.unanswered), (2, 1));
    bench.outbox.give_up(&mail, "again").await.unwrap();
    assert!(bench.retry(id).await);
    assert_eq!(bench.claim_one(MINUTE).await.unanswered, 0);
}

/// Guards: the filters of `RETRY_ALL` and of the list.
#[tokio::test]
async fn dead_letters_of_a_kind_and_a_time_are_tried_again_together() {
    let bench = Bench::new().await;
    let old = bench.queue().await;
    bench.outbox.give_up(&bench.claim_one(MINUTE).await, "550").await.unwrap();
    bench.set("ended_at = now() - interval '2 h'").await;
    let changed =
        Message { template: Template::PasswordChanged { name: "Ada".to_owned() }, ..verify("ada@example.org") };
    let other = queue(&bench.client, &changed).await;
    let recent = [bench.queue().await, bench.queue().await];
    for mail in bench.claim(10, MINUTE).await {
        bench.outbox.give_up(&mail, "550").await.unwrap();
    }
    let since = Some(jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1));
    let which = WhichDead { kind: Some("VERIFY_EMAIL".to_owned()), since };
    assert_eq!(bench.store.retry_dead_letters(&which).await.unwrap(), 2);
    assert_eq!(bench.store.retry_dead_letters(&which).await.unwrap(), 0);
    for (id, status) in [(old, "DEAD"), (other, "DEAD"), (recent[0], "PENDING"), (recent[1], "PENDING")] {
        assert_eq!(bench.row(id).await.status, status);
    }
    assert_eq!(bench.store.retry_dead_letters(&all()).await.unwrap(), 2);
    assert_eq!(bench.claim(10, MINUTE).await.len(), 4);
}

/// An account, the link in a mail to it, and how long ago both were made.
async fn link(bench: &Bench, token: &str, minutes_ago: i32) -> MailId {
    let account =
        crate::support::accounts::add_accounts(&bench.client, 1, domain::accounts::Role::User).await.remove(0);
    let of_account = "SELECT email FROM accounts WHERE id = $1";
    let email: String = bench.client.query_one(of_account, &[&account.id]).await.unwrap().get(0);
    let template = Template::ResetPassword { name: "Ada".to_owned(), token: LinkToken::new(token), valid_minutes: 60 };
    let id = queue(&bench.client, &Message { template, ..verify(&email) }).await;
    let made = "UPDATE outbox SET created_at = now() - make_interval(mins => $2) WHERE id = $1";
    bench.client.execute(made, &[&id.0, &minutes_ago]).await.unwrap();
    let hash = domain::secrets::OpaqueToken::parse(token).unwrap().hash();
    let add = "INSERT INTO one_time_tokens (hash, account_id, purpose, created_at, expires_at)
        VALUES ($1, $2, 'RESET_PASSWORD', now() - make_interval(mins => $3), now() + make_interval(mins => 60 - $3))";
    bench.client.execute(add, &[&hash.0.to_vec(), &account.id, &minutes_ago]).await.unwrap();
    id
}

fn token_of(mail: &Mail) -> String {
    mail.message.template.link().unwrap().0.expose().to_owned()
}

/// Guards: `with_working_link`. What waited for hours arrives with a link that works, the same in all further tries.
#[tokio::test]
async fn a_link_that_has_run_out_while_its_mail_waited_is_replaced() {
    let bench = Bench::new().await;
    let token = "a7".repeat(32);
    link(&bench, &token, 30).await;
    let mail = bench.claim_one(MINUTE).await;
    assert_eq!(token_of(&mail), token, "it works for long enough");
    bench.outbox.again(&mail, "busy", Duration::ZERO).await.unwrap();
    bench.set("created_at = now() - interval '3 h'").await;
    bench.client.batch_execute("UPDATE one_time_tokens SET expires_at = now() - interval '2 h'").await.unwrap();

    let mail = bench.claim_one(MINUTE).await;
    let renewed = token_of(&mail);
    assert_ne!(renewed, token);
    let hash = domain::secrets::OpaqueToken::parse(&renewed).unwrap().hash();
    let lives = "SELECT count(*) FROM one_time_tokens t JOIN accounts a ON a.id = t.account_id
        WHERE t.hash = $1 AND t.expires_at > now() + interval '59 min'";
    assert_eq!(bench.db.number(lives, &[&hash.0.to_vec()]).await, 1);
    bench.outbox.again(&mail, "busy", Duration::ZERO).await.unwrap();
    assert_eq!(token_of(&bench.claim_one(MINUTE).await), renewed);
}

/// Guards: that a mail whose link was overtaken by a newer one is dropped: the newer one must go on working, and nobody needs both.
#[tokio::test]
async fn a_mail_that_a_newer_link_has_overtaken_is_dropped() {
    let bench = Bench::new().await;
    link(&bench, &"a7".repeat(32), 120).await;
    let newer = "INSERT INTO one_time_tokens (hash, account_id, purpose, created_at, expires_at)
        SELECT sha256('newer'), account_id, purpose, now(), now() + interval '1 h' FROM one_time_tokens";
    bench.client.batch_execute(newer).await.unwrap();
    assert!(bench.claim(10, MINUTE).await.is_empty());
    assert_eq!(bench.count().await, 0);
    assert_eq!(bench.db.number("SELECT count(*) FROM one_time_tokens WHERE expires_at > now()", &[]).await, 1);
}

/// Guards: the settings of the site in mails.
#[tokio::test]
async fn a_claimed_mail_knows_what_the_site_is_called_now() {
    let bench = Bench::new().await;
    bench.queue().await;
    assert_eq!(bench.claim_one(Duration::ZERO).await.site.name, "boxoffice");
    bench.client.batch_execute("INSERT INTO settings VALUES ('siteName', '\"The House\"')").await.unwrap();
    assert_eq!(bench.claim_one(Duration::ZERO).await.site.name, "The House");
}
