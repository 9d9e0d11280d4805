//! The outbox's tree over a queue in memory and a mail server that does as it is told, with a clock that stands still.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails should fail its test")]

#[path = "outbox/fakes.rs"]
mod fakes;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actors::{outbox::OutboxSettings, restart::RestartPolicy};
use domain::mail::Rank;
use fakes::{Act, Noted, Post, Queue, eventually, start, start_with};
use tokio::{sync::Semaphore, time::Instant};

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

/// Guards: the deadline of a try. A mail server that hangs before it has the text has not tried the mail.
#[tokio::test(start_paused = true)]
async fn mails_that_hang_free_their_slots_at_their_deadline_and_are_sent_later() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Hang, Act::Hang, Act::Hang, Act::Hang]));
    let ids = queue.put(6);
    let settings = OutboxSettings { poll_every: Duration::from_secs(1), ..OutboxSettings::default() };
    let started = Instant::now();
    let _running = start_with(&queue, &post, settings).await;
    eventually("all are sent", || queue.sent_count() == 6).await;
    let put_off = queue.count(|noted| matches!(noted, Noted::Postponed(id) if ids.contains(id)));
    assert_eq!(put_off, 4);
    let least = settings.send_timeout + settings.backoff.first / 2;
    assert!(started.elapsed() >= least && started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
}

fn impatient() -> OutboxSettings {
    OutboxSettings { poll_every: Duration::from_secs(1), ..OutboxSettings::default() }
}

/// Guards: the kept slot, and the order of ranks. However many wait and however slow the mail server is, who waits at a screen does
/// not wait for them.
#[tokio::test(start_paused = true)]
async fn a_crowd_of_usual_mails_leaves_a_slot_to_those_that_are_waited_for() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Stall, Act::Stall, Act::Stall]));
    queue.put_of(Rank::Usual, 1_000);
    let running = start_with(&queue, &post, impatient()).await;
    post.under_way.subscribe().wait_for(|count| *count == 3).await.unwrap();
    let started = Instant::now();
    let awaited = queue.put(3);
    running.outbox.wake();
    eventually("they are sent", || awaited.iter().all(|id| queue.noted().contains(&Noted::Sent(*id)))).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(queue.noted().len(), 3, "none of the others has an outcome yet");
    assert_eq!(post.most.load(Ordering::SeqCst), 4);
}

/// Guards: that a mail is claimed when it has its turn.
#[tokio::test(start_paused = true)]
async fn mails_without_a_turn_wait_unclaimed() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    *post.turns.lock().unwrap() = Some(3);
    queue.put(12);
    let _running = start_with(&queue, &post, impatient()).await;
    eventually("those with a turn are sent", || queue.sent_count() == 3).await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!((queue.attempts(), queue.noted().len()), (vec![0; 9], 3), "no try is counted");
    assert_eq!(queue.claims.load(Ordering::SeqCst), 1, "nobody asks for what can't be sent");
    *post.turns.lock().unwrap() = Some(9);
    eventually("the others follow", || queue.sent_count() == 12).await;
}

/// Guards: that a server that takes nothing costs no tries, that it is asked with one mail at a time, and that the others stay unclaimed.
#[tokio::test(start_paused = true)]
async fn an_outage_of_two_days_makes_no_dead_letter_and_is_noticed_when_it_is_over() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    *post.usually.lock().unwrap() = Some(|| Act::Away);
    queue.put_of(Rank::Usual, 100);
    queue.put(20);
    let _running = start_with(&queue, &post, impatient()).await;
    let away = Duration::from_secs(2 * 24 * 3600);
    tokio::time::sleep(away).await;
    assert_eq!((queue.sent_count(), queue.dead_count()), (0, 0));
    assert!(queue.attempts().iter().all(|attempt| *attempt == 0), "{:?}", queue.attempts());
    let tries = post.tries.load(Ordering::SeqCst) as u64;
    assert!((away.as_secs() / 64..away.as_secs() / 60 + 60).contains(&tries), "about one a minute: {tries}");
    let (claims, postponed) = (queue.claims.load(Ordering::SeqCst) as u64, queue.noted().len() as u64);
    assert!(
        claims < tries + 100 && postponed < tries + 100,
        "no mail is claimed in vain: {claims} {postponed} {tries}"
    );
    *post.usually.lock().unwrap() = None;
    let back = Instant::now();
    eventually("all are sent", || queue.sent_count() == 120).await;
    assert!(back.elapsed() < Duration::from_secs(180), "{:?}", back.elapsed());
}

/// Guards: the pause after several refusals for good. A server that refuses everybody, or us, burns the queue otherwise.
#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_one_mail_after_the_other_gets_no_more_of_them() {
    for act in [(|| Act::RefuseForGood) as fn() -> Act, || Act::Refuse] {
        let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
        *post.usually.lock().unwrap() = Some(act);
        queue.put(100);
        let _running = start_with(&queue, &post, impatient()).await;
        tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
        let dead = queue.dead_count();
        assert!(dead <= 4, "{dead} dead letters");
        *post.usually.lock().unwrap() = None;
        eventually("all others are sent", || queue.sent_count() == 100 - dead).await;
    }
}

/// Guards: the bound of texts without an answer. Each may have arrived.
#[tokio::test(start_paused = true)]
async fn a_text_that_is_not_answered_is_handed_over_once_more_and_not_a_third_time() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Stall, Act::Refuse, Act::Stall]));
    let id = queue.put(1)[0];
    let started = Instant::now();
    let _running = start_with(&queue, &post, impatient()).await;
    let expected = [Noted::Unanswered(id), Noted::Again(id, 2), Noted::Dead(id, 3)];
    eventually("it is given up", || queue.noted() == expected).await;
    assert!(started.elapsed() >= Duration::from_secs(600), "the server had time: {:?}", started.elapsed());
    assert_eq!(post.tries.load(Ordering::SeqCst), 3);
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

/// Guards: the wait in `stop`, and its end: the deadline of the try.
#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_the_mail_server_may_have_taken_and_not_for_ever() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([]));
    post.gate.forget_permits(Semaphore::MAX_PERMITS);
    queue.put(10);
    let running = start(&queue, &post).await;
    post.under_way.subscribe().wait_for(|count| *count == 4).await.unwrap();
    let stopping = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(!stopping.is_finished());
    post.gate.add_permits(4);
    stopping.await.unwrap();
    assert_eq!((queue.sent_count(), queue.noted().len()), (4, 4), "their outcomes are noted, and no new ones begun");
    assert_eq!(queue.attempts(), [0; 6]);

    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Stall]));
    let id = queue.put(1)[0];
    let running = start(&queue, &post).await;
    post.under_way.subscribe().wait_for(|count| *count == 1).await.unwrap();
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() <= Duration::from_secs(35), "{:?}", started.elapsed());
    assert_eq!(queue.noted(), [Noted::Unanswered(id)]);
}

/// Guards: that what the mail server does not have is put back, untried, and at once.
#[tokio::test(start_paused = true)]
async fn a_stop_puts_back_what_was_not_handed_over() {
    let (queue, post) = (Arc::new(Queue::default()), Post::new([Act::Hang, Act::Hang]));
    queue.put(2);
    let running = start(&queue, &post).await;
    post.under_way.subscribe().wait_for(|count| *count == 2).await.unwrap();
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(queue.count(|noted| matches!(noted, Noted::Postponed(_))), 2);
    assert_eq!(queue.attempts(), [0, 0]);
    assert!(
        queue.due.lock().unwrap().iter().all(|(at, _)| *at <= Instant::now()),
        "whoever comes next sends them at once"
    );
}
