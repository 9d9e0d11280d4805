//! The tree of jobs over a queue in memory and a handler that does as it is told, with a clock that stands still.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails should fail its test")]

#[path = "jobs/fakes.rs"]
mod fakes;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actors::jobs::JobSettings;
use domain::ids::BookingId;
use fakes::{Act, Hand, Noted, Queue, eventually, notify, rare, refund, start};
use jiff::SignedDuration;
use tokio::{sync::Semaphore, time::Instant};

/// Guards: the slots of a kind, and the look that follows a freed one.
#[tokio::test(start_paused = true)]
async fn so_many_of_a_kind_are_under_way_and_the_others_follow_without_another_hint() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    queue.put_many(50);
    hand.gate.forget_permits(Semaphore::MAX_PERMITS);
    let started = Instant::now();
    let (_, running) = start(&queue, &hand, rare()).await;
    let most = rare().of("refund").concurrency as usize;
    hand.under_way.subscribe().wait_for(|count| *count == most).await.unwrap();
    hand.gate.add_permits(Semaphore::MAX_PERMITS);
    eventually("all are done", || queue.done_count() == 50).await;
    assert_eq!(hand.most.load(Ordering::SeqCst), most);
    assert!(started.elapsed() < Duration::from_secs(60), "without waiting for the next look");
    running.stop().await;
}

/// Guards: the bulkhead. A kind that hangs takes its own slots and no others.
#[tokio::test(start_paused = true)]
async fn a_kind_that_hangs_holds_up_no_other() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    *hand.usually.lock().unwrap() = Some(|| Act::Hang);
    queue.put_many(50);
    let (jobs, _running) = start(&queue, &hand, rare()).await;
    let most = rare().of("refund").concurrency as usize;
    hand.under_way.subscribe().wait_for(|count| *count == most).await.unwrap();
    *hand.usually.lock().unwrap() = None;
    let started = Instant::now();
    let other = queue.put(notify(BookingId::generate()));
    jobs.wake();
    eventually("it is done", || queue.noted().contains(&Noted::Done(other))).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_enough_and_many_hints_are_one() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    let (jobs, running) = start(&queue, &hand, rare()).await;
    eventually("all kinds have looked", || queue.claims.load(Ordering::SeqCst) == 6).await;
    let id = queue.put(refund());
    (0..10_000).for_each(|_| jobs.wake());
    eventually("it is done", || queue.noted() == [Noted::Done(id)]).await;
    assert!(queue.claims.load(Ordering::SeqCst) <= 6 * 4, "hints do not pile up");
    queue.put(refund());
    jobs.wake();
    eventually("a hint that was taken makes room for the next", || queue.done_count() == 2).await;
    running.stop().await;
}

/// Guards: that the end of a job is followed by a look, for the next one of its key can be claimed only then.
#[tokio::test(start_paused = true)]
async fn jobs_of_a_key_follow_each_other_at_once() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    let booking = BookingId::generate();
    let ids: Vec<_> = (0..20).map(|_| Noted::Done(queue.put(notify(booking)))).collect();
    let started = Instant::now();
    let _running = start(&queue, &hand, rare()).await;
    eventually("all are done", || queue.done_count() == 20).await;
    assert_eq!(queue.noted(), ids, "in their order");
    assert_eq!(hand.most.load(Ordering::SeqCst), 1);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

/// Guards: the waits between tries, which grow and are never alike, and that each failure is counted.
#[tokio::test(start_paused = true)]
async fn a_job_that_fails_is_tried_again_after_waits_that_grow() {
    let acts = [Act::Fail, Act::Panic, Act::Fail, Act::Hang, Act::Fail];
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new(acts));
    let id = queue.put(refund());
    let _running = start(&queue, &hand, JobSettings::default()).await;
    eventually("it is done", || queue.done_count() == 1).await;
    let of_kind = JobSettings::default().of("refund");
    for (attempt, wait) in (1..).zip(&*queue.waits.lock().unwrap()) {
        let full = of_kind.backoff.first * 2u32.pow(attempt - 1);
        assert!((full / 2..=full).contains(wait), "{attempt}: {wait:?}");
    }
    let again = |attempt, why: &str| Noted::Again(id, attempt, why.to_owned(), true);
    let expected = [
        again(1, "busy"),
        again(2, "it panicked: on purpose"),
        again(3, "busy"),
        again(4, &format!("it took longer than {:?}", of_kind.time_limit)),
        again(5, "busy"),
        Noted::Done(id),
    ];
    assert_eq!(queue.noted(), expected);
}

/// Guards: that no try is counted and no deadline holds while a job can't be tried.
#[tokio::test(start_paused = true)]
async fn a_job_that_is_postponed_waits_for_as_long_as_it_takes() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    *hand.usually.lock().unwrap() = Some(|| Act::Postpone);
    let id = queue.put(refund());
    queue.change(id, |job| job.waits_since -= SignedDuration::from_hours(24 * 365));
    let _running = start(&queue, &hand, JobSettings::default()).await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    let noted = queue.noted();
    assert!((110..=121).contains(&noted.len()), "once a minute: {}", noted.len());
    assert!(noted.iter().all(|noted| *noted == Noted::Again(id, 1, "away".to_owned(), false)));
    *hand.usually.lock().unwrap() = None;
    eventually("it is done", || queue.done_count() == 1).await;
}

/// Guards: the deadline, and that the last try comes before it is judged.
#[tokio::test(start_paused = true)]
async fn a_job_becomes_a_dead_letter_when_it_is_hopeless_or_fails_after_its_deadline() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([Act::Fail, Act::Refuse]));
    let late = queue.put(refund());
    let deadline = JobSettings::default().of("refund").deadline;
    let age = SignedDuration::try_from(deadline).unwrap() + SignedDuration::from_secs(1);
    queue.change(late, |job| job.waits_since -= age);
    let (jobs, _running) = start(&queue, &hand, rare()).await;
    eventually("it is given up", || queue.noted() == [Noted::Dead(late, "busy".to_owned())]).await;
    let hopeless = queue.put(refund());
    jobs.wake();
    eventually("so is the other", || queue.noted().contains(&Noted::Dead(hopeless, "no".to_owned()))).await;
    let late = queue.put(refund());
    queue.change(late, |job| job.waits_since -= age);
    jobs.wake();
    eventually("late is not too late", || queue.noted().contains(&Noted::Done(late))).await;
}

/// Guards: the bound of tries without an outcome. A job that ends the server would end it for ever.
#[tokio::test(start_paused = true)]
async fn a_job_whose_workers_die_is_given_up_without_another_try() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    let id = queue.put(refund());
    queue.change(id, |job| job.lost = 5);
    let nearly = queue.put(refund());
    queue.change(nearly, |job| job.lost = 4);
    let _running = start(&queue, &hand, rare()).await;
    eventually("both have an outcome", || queue.noted().len() == 2).await;
    assert!(queue.noted().contains(&Noted::Done(nearly)));
    assert!(queue.noted().iter().any(|noted| matches!(noted, Noted::Dead(dead, _) if *dead == id)));
    assert_eq!(hand.tries.load(Ordering::SeqCst), 1);
}

/// Guards: that the slots outlive the actor, and that it is started again.
#[tokio::test(start_paused = true)]
async fn killed_workers_come_back_and_double_nothing_that_is_under_way() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    hand.gate.forget_permits(Semaphore::MAX_PERMITS);
    queue.put_many(20);
    let settings = JobSettings::default();
    let most = settings.of("refund").concurrency as usize;
    let (jobs, running) = start(&queue, &hand, settings).await;
    for _ in 0..3 {
        hand.under_way.subscribe().wait_for(|count| *count == most).await.unwrap();
        running.kill_workers();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(*hand.under_way.borrow(), most);
    }
    hand.gate.add_permits(Semaphore::MAX_PERMITS);
    jobs.wake();
    eventually("all are done", || queue.done_count() == 20).await;
    assert_eq!((hand.most.load(Ordering::SeqCst), hand.tries.load(Ordering::SeqCst)), (most, 20));
}

/// Guards: that a database which is away, or a queue that panics, only costs time; and that an outcome is noted in the end.
#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_is_asked_again() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    queue.failing.store(20, Ordering::SeqCst);
    queue.panicking.store(5, Ordering::SeqCst);
    queue.deaf.store(3, Ordering::SeqCst);
    let id = queue.put(refund());
    let _running = start(&queue, &hand, JobSettings::default()).await;
    eventually("it is done", || queue.noted() == [Noted::Done(id)]).await;
    assert_eq!(hand.tries.load(Ordering::SeqCst), 1);
}

/// Guards: that an outcome nobody could note leaves a job to be done again.
#[tokio::test(start_paused = true)]
async fn a_job_whose_outcome_was_not_noted_is_done_again_after_its_lease() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    queue.deaf.store(4, Ordering::SeqCst);
    let id = queue.put(refund());
    let _running = start(&queue, &hand, JobSettings::default()).await;
    eventually("it is done", || queue.noted() == [Noted::Done(id)]).await;
    assert_eq!(hand.tries.load(Ordering::SeqCst), 2);
}

/// Guards: the order of a stop: nothing new is begun, and what is under way is waited for.
#[tokio::test(start_paused = true)]
async fn a_stop_begins_nothing_and_waits_for_what_is_under_way() {
    let (queue, hand) = (Arc::new(Queue::default()), Hand::new([]));
    hand.gate.forget_permits(Semaphore::MAX_PERMITS);
    queue.put_many(20);
    let settings = JobSettings::default();
    let most = settings.of("refund").concurrency as usize;
    let (_, running) = start(&queue, &hand, settings).await;
    hand.under_way.subscribe().wait_for(|count| *count == most).await.unwrap();
    running.close();
    let stopping = tokio::spawn(running.stop());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!stopping.is_finished());
    hand.gate.add_permits(Semaphore::MAX_PERMITS);
    stopping.await.unwrap();
    assert_eq!((queue.done_count(), hand.tries.load(Ordering::SeqCst)), (most, most), "no other has begun");
}
