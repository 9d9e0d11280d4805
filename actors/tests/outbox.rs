//! The outbox's tree over a queue in memory and a mail server that does as it is told, with a clock that stands still.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails should fail its test")]

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actors::{
    outbox::{OutboxSettings, RunningOutbox},
    restart::RestartPolicy,
};
use domain::{
    accounts::EmailAddress,
    ids::MailId,
    mail::{Locale, Message, Template},
    outbox::{Mail, MailQueue, QueueState, SendError, SendMail, Upkeep},
    repositories::{Found, RepositoryError},
};
use jiff::Timestamp;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

fn mail() -> Mail {
    let to = EmailAddress::parse("to", "ada@example.org").unwrap();
    let template = Template::PasswordChanged { name: "Ada".to_owned() };
    let message = Message { to, locale: Locale::En, template };
    Mail { id: MailId::generate(), message, queued_at: Timestamp::UNIX_EPOCH, attempt: 0 }
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq)]
enum Noted {
    Sent(MailId),
    Again(MailId, u32),
    Dead(MailId, u32),
}

/// Mails and when each is due.
#[derive(Default)]
struct Queue {
    due: Mutex<Vec<(Instant, Mail)>>,
    noted: Mutex<Vec<Noted>>,
    claims: AtomicUsize,
    /// So many claims fail, then so many panic.
    failing: AtomicUsize,
    panicking: AtomicUsize,
    /// So many outcomes can't be noted.
    deaf: AtomicUsize,
}

/// Takes one from a number of faults.
fn takes_one(from: &AtomicUsize) -> bool {
    from.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Queue {
    fn put(&self, count: usize) -> Vec<MailId> {
        let mails: Vec<_> = (0..count).map(|_| mail()).collect();
        let ids = mails.iter().map(|mail| mail.id).collect();
        self.due.lock().unwrap().extend(mails.into_iter().map(|mail| (Instant::now(), mail)));
        ids
    }

    fn noted(&self) -> Vec<Noted> {
        self.noted.lock().unwrap().clone()
    }

    fn note(&self, outcome: Noted) -> Found<()> {
        if takes_one(&self.deaf) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        self.noted.lock().unwrap().push(outcome);
        Ok(())
    }

    fn settle(&self, mail: &Mail, wait: Option<Duration>) {
        let mut due = self.due.lock().unwrap();
        match wait {
            Some(wait) => due.iter_mut().filter(|(_, of)| of.id == mail.id).for_each(|of| of.0 = Instant::now() + wait),
            None => due.retain(|(_, of)| of.id != mail.id),
        }
    }
}

impl MailQueue for Queue {
    async fn claim(&self, limit: u32, lease: Duration, attempts_max: u32) -> Found<Vec<Mail>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        assert!(!takes_one(&self.panicking), "on purpose");
        if takes_one(&self.failing) {
            return Err(RepositoryError::Unavailable("on purpose".to_owned()));
        }
        let (now, mut claimed) = (Instant::now(), Vec::new());
        for (at, mail) in self.due.lock().unwrap().iter_mut() {
            if *at <= now && claimed.len() < limit as usize && mail.attempt < attempts_max {
                (*at, mail.attempt) = (now + lease, mail.attempt + 1);
                claimed.push(mail.clone());
            }
        }
        Ok(claimed)
    }

    async fn sent(&self, mail: &Mail) -> Found<()> {
        self.note(Noted::Sent(mail.id))?;
        self.settle(mail, None);
        Ok(())
    }

    async fn again(&self, mail: &Mail, _: &str, wait: Duration) -> Found<()> {
        self.note(Noted::Again(mail.id, mail.attempt))?;
        self.settle(mail, Some(wait));
        Ok(())
    }

    async fn give_up(&self, mail: &Mail, _: &str) -> Found<()> {
        self.note(Noted::Dead(mail.id, mail.attempt))?;
        self.settle(mail, None);
        Ok(())
    }

    async fn tidy(&self, _: &Upkeep) -> Found<u64> {
        Ok(0)
    }

    async fn state(&self) -> Found<QueueState> {
        Ok(QueueState::default())
    }
}

/// What the mail server does with a mail.
#[derive(Debug)]
enum Act {
    Refuse,
    RefuseForGood,
    Hang,
    Panic,
}

/// Takes every mail, unless it is told otherwise.
struct Post {
    acts: Mutex<VecDeque<Act>>,
    /// Closed, it holds mails back.
    gate: Semaphore,
    under_way: watch::Sender<usize>,
    most: AtomicUsize,
    tries: AtomicUsize,
}

impl Post {
    fn new(acts: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            acts: Mutex::new(acts.into_iter().collect()),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            under_way: watch::channel(0).0,
            most: AtomicUsize::new(0),
            tries: AtomicUsize::new(0),
        })
    }
}

/// Counts one mail less when the try is over, however it ends.
struct OneLess<'a>(&'a watch::Sender<usize>);

impl Drop for OneLess<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl SendMail for Post {
    async fn send(&self, _: &Mail) -> Result<(), SendError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        self.under_way.send_modify(|count| *count += 1);
        self.most.fetch_max(*self.under_way.borrow(), Ordering::SeqCst);
        let _less = OneLess(&self.under_way);
        let act = self.acts.lock().unwrap().pop_front();
        match act {
            None => drop(self.gate.acquire().await.unwrap()),
            Some(Act::Refuse) => return Err(SendError::Transient("busy".to_owned())),
            Some(Act::RefuseForGood) => return Err(SendError::Permanent("no".to_owned())),
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::Panic) => panic!("on purpose"),
        }
        Ok(())
    }
}

async fn start(queue: &Arc<Queue>, post: &Arc<Post>) -> RunningOutbox {
    let settings = OutboxSettings { poll_every: Duration::from_secs(3600), ..OutboxSettings::default() };
    start_with(queue, post, settings).await
}

async fn start_with(queue: &Arc<Queue>, post: &Arc<Post>, settings: OutboxSettings) -> RunningOutbox {
    RunningOutbox::start(queue.clone(), post.clone(), settings).await.unwrap()
}

/// Waits for a condition. The clock stands still while there is something to do, and then moves on to the next timer.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(7 * 24 * 3600);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Guards: the slots, and the look that follows a freed one.
#[tokio::test(start_paused = true)]
async fn so_many_mails_are_on_their_way_and_the_others_follow_without_another_hint() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    queue.put(50);
    let started = Instant::now();
    post.gate.forget_permits(Semaphore::MAX_PERMITS);
    let running = start(&queue, &post).await;
    post.under_way.subscribe().wait_for(|count| *count == 4).await.unwrap();
    post.gate.add_permits(Semaphore::MAX_PERMITS);
    eventually("all are sent", || queue.noted().len() == 50).await;
    assert_eq!(post.most.load(Ordering::SeqCst), 4);
    assert_eq!(post.tries.load(Ordering::SeqCst), 50);
    assert!(started.elapsed() < Duration::from_secs(60), "without waiting for the next look");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_enough_and_many_hints_are_one() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    let running = start(&queue, &post).await;
    eventually("it has looked", || queue.claims.load(Ordering::SeqCst) == 1).await;
    let ids = queue.put(1);
    let started = Instant::now();
    (0..10_000).for_each(|_| running.outbox.wake());
    eventually("it is sent", || queue.noted() == [Noted::Sent(ids[0])]).await;
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(queue.claims.load(Ordering::SeqCst) <= 3, "hints do not pile up");
    // A hint that was taken makes room for the next.
    queue.put(1);
    running.outbox.wake();
    eventually("the next is sent", || queue.noted().len() == 2).await;
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// Guards: the deadline of a try.
#[tokio::test(start_paused = true)]
async fn mails_that_hang_free_their_slots_at_their_deadline_and_are_sent_later() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Hang, Act::Hang, Act::Hang, Act::Hang]));
    let ids = queue.put(6);
    let settings = OutboxSettings { poll_every: Duration::from_secs(1), ..OutboxSettings::default() };
    let started = Instant::now();
    let _running = start_with(&queue, &post, settings).await;
    eventually("all are sent", || queue.noted().iter().filter(|noted| matches!(noted, Noted::Sent(_))).count() == 6)
        .await;
    let again = queue.noted().iter().filter(|noted| matches!(noted, Noted::Again(id, 1) if ids.contains(id))).count();
    assert_eq!(again, 4);
    let least = settings.send_timeout + settings.backoff.first / 2;
    assert!(started.elapsed() >= least && started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn tries_end_at_their_number_and_at_a_refusal_for_good() {
    let acts = (0..8).map(|_| Act::Refuse);
    let (queue, post) = (Arc::new(Queue::default()), Post::new(acts));
    let id = queue.put(1)[0];
    let settings = OutboxSettings { poll_every: Duration::from_secs(1), ..OutboxSettings::default() };
    let _running = start_with(&queue, &post, settings).await;
    let expected: Vec<_> = (1..8).map(|attempt| Noted::Again(id, attempt)).chain([Noted::Dead(id, 8)]).collect();
    eventually("it is given up", || queue.noted() == expected).await;

    post.acts.lock().unwrap().push_back(Act::RefuseForGood);
    let id = queue.put(1)[0];
    eventually("it is given up", || queue.noted().last() == Some(&Noted::Dead(id, 1))).await;
}

/// Guards: that a slot is given back, and the lease.
#[tokio::test(start_paused = true)]
async fn a_try_that_panics_costs_its_mail_a_lease_and_nobody_a_slot() {
    let acts = (0..4).map(|_| Act::Panic);
    let (queue, post) = (Arc::new(Queue::default()), Post::new(acts));
    queue.put(8);
    let settings = OutboxSettings { poll_every: Duration::from_secs(1), ..OutboxSettings::default() };
    let _running = start_with(&queue, &post, settings).await;
    eventually("all are sent", || queue.noted().len() == 8).await;
    assert_eq!(post.tries.load(Ordering::SeqCst), 12);
}

/// Guards: `stubborn`.
#[tokio::test(start_paused = true)]
async fn an_outcome_that_cant_be_noted_at_once_is_noted_later_and_the_mail_not_sent_twice() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    queue.deaf.store(3, Ordering::SeqCst);
    let id = queue.put(1)[0];
    let _running = start(&queue, &post).await;
    eventually("it is noted", || queue.noted() == [Noted::Sent(id)]).await;
    assert_eq!(post.tries.load(Ordering::SeqCst), 1);
}

/// A queue that fails, or panics, is asked again; the outbox never gives up.
#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_is_asked_again() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    queue.failing.store(5, Ordering::SeqCst);
    queue.panicking.store(5, Ordering::SeqCst);
    queue.put(3);
    let settings = OutboxSettings { poll_every: Duration::from_secs(1), ..OutboxSettings::default() };
    let _running = start_with(&queue, &post, settings).await;
    eventually("all are sent", || queue.noted().len() == 3).await;
}

/// Guards: `Supervisor::persistent`.
#[tokio::test(start_paused = true)]
async fn an_outbox_that_keeps_dying_is_started_again_for_ever() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    let restart = RestartPolicy { intensity: 2, ..RestartPolicy::default() };
    let settings = OutboxSettings { poll_every: Duration::from_secs(3600), restart, ..OutboxSettings::default() };
    let running = start_with(&queue, &post, settings).await;
    for round in 1..=10 {
        let claims = queue.claims.load(Ordering::SeqCst);
        running.kill_courier();
        eventually("its successor has looked", || queue.claims.load(Ordering::SeqCst) > claims).await;
        queue.put(1);
        running.outbox.wake();
        eventually("the mail is sent", || queue.noted().len() == round).await;
    }
}

/// Guards: the wait in `stop`, and its end.
#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_mails_on_their_way_and_not_for_ever() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    post.gate.forget_permits(Semaphore::MAX_PERMITS);
    queue.put(1);
    let running = start(&queue, &post).await;
    post.under_way.subscribe().wait_for(|count| *count == 1).await.unwrap();
    let stopping = tokio::spawn(running.stop());
    tokio::task::yield_now().await;
    assert!(!stopping.is_finished());
    post.gate.add_permits(1);
    stopping.await.unwrap();
    assert_eq!(queue.noted().len(), 1, "its outcome is noted");

    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Hang]));
    queue.put(1);
    let running = start(&queue, &post).await;
    post.under_way.subscribe().wait_for(|count| *count == 1).await.unwrap();
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
