//! Connection time-outs: what a connection is doing, so that one lazy timer can close idle and slow ones.
//!
//! hyper has a header deadline of its own, but it starts a boxed timer for every request, counts an idle keep-alive
//! connection as a slow header, and does not cover the detection of the protocol. This one costs two atomics a request.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use tokio::time::Instant;

/// Marks "no request head has begun to arrive".
const NONE: u64 = u64::MAX;

/// What one connection is doing. Orderings are relaxed: each value is only compared with the clock.
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    /// Requests whose handler has not answered, or whose answer is still being streamed.
    in_progress: AtomicU32,
    /// When the last request ended, or the connection was opened; milliseconds since `opened`.
    idle_since_ms: AtomicU64,
    /// When the first byte after that arrived, or [`NONE`].
    head_since_ms: AtomicU64,
    /// Since when the client takes nothing of what is to be written, or [`NONE`].
    blocked_since_ms: AtomicU64,
    /// Bytes of bodies that have been handed out and that the socket has not taken. While HTTP/2 has no window for them, nothing
    /// is written at all.
    owed: AtomicU64,
    /// Since when the bytes are counted that the client takes of what waits for it, or [`NONE`].
    rated_since_ms: AtomicU64,
    /// How many it has taken since: of bodies, as long as there are any. Whatever else is written, such as answers to pings,
    /// makes room for none of them.
    taken: AtomicU64,
    /// In HTTP/2, bytes between requests are settings and pings, not the beginning of a head.
    http2: AtomicBool,
}

/// How long a connection may do nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// While a request head arrives.
    pub(crate) header: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// Of that, with buffers.
    pub(crate) dormant: Duration,
    /// While bytes wait to be taken by the client.
    pub(crate) write: Duration,
    /// Bytes a second that the client has to take meanwhile, on the average of that time.
    pub(crate) least_rate: u64,
}

impl Patience {
    /// After what time anything may be due at the earliest.
    pub(crate) fn first_look(&self) -> Duration {
        self.dormant.min(self.idle).min(self.header).min(self.write)
    }
}

/// What to do with a connection when its timer fires.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is overdue; look again then.
    LookAgain(Instant),
    /// A request head did not arrive in time: nobody waits for an answer, close.
    Overdue,
    /// The client takes nothing of its answer, or next to nothing: close.
    Stalled,
    /// Nothing happened for a while: give its buffers back. If nothing happens until then either, it is idle.
    Dormant(Instant),
    /// Nothing happened for the keep-alive time: end it politely.
    Idle,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            in_progress: AtomicU32::new(0),
            idle_since_ms: AtomicU64::new(0),
            // The head of the first request is due from the start: opening a connection and saying nothing holds a slot.
            head_since_ms: AtomicU64::new(0),
            blocked_since_ms: AtomicU64::new(NONE),
            owed: AtomicU64::new(0),
            rated_since_ms: AtomicU64::new(NONE),
            taken: AtomicU64::new(0),
            http2: AtomicBool::new(false),
        })
    }

    /// Counts a request as in progress until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, http2: bool) -> InProgress {
        self.in_progress.fetch_add(1, Relaxed);
        self.head_since_ms.store(NONE, Relaxed);
        if http2 {
            self.http2.store(true, Relaxed);
        }
        InProgress { activity: Arc::clone(self), ended: None }
    }

    /// Whether a request is being answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_progress.load(Relaxed) > 0
    }

    pub(crate) fn verdict(&self, now: Instant, patience: Patience) -> Verdict {
        let since = |ms: u64| self.opened + Duration::from_millis(ms);
        let blocked_since = self.blocked_since_ms.load(Relaxed);
        if blocked_since != NONE || self.is_owing() {
            // The handler may be done, and the connection must neither be idle nor dormant: its answer is on its way.
            let due = if blocked_since == NONE { now } else { since(blocked_since) } + patience.write;
            return match self.next_look_at_rate(now, patience) {
                Some(look) if due > now => Verdict::LookAgain(due.min(look)),
                _ => Verdict::Stalled,
            };
        }
        if self.is_busy() {
            return Verdict::LookAgain(now + patience.header.min(patience.idle).min(patience.write));
        }
        let head_since = self.head_since_ms.load(Relaxed);
        if head_since != NONE {
            let due = since(head_since) + patience.header;
            return if due <= now { Verdict::Overdue } else { Verdict::LookAgain(due) };
        }
        let idle_since = since(self.idle_since_ms.load(Relaxed));
        let due = idle_since + patience.idle;
        if due <= now {
            Verdict::Idle
        } else if self.http2.load(Relaxed) {
            // Not the whole wait: the head of the next request has its own, usually shorter, deadline.
            Verdict::LookAgain(due.min(now + patience.header))
        } else if idle_since + patience.dormant <= now {
            Verdict::Dormant(due)
        } else {
            Verdict::LookAgain(due.min(idle_since + patience.dormant))
        }
    }

    /// When to look again at how much the client takes; `None` when it is too little. A byte now and then buys no more than that
    /// time.
    fn next_look_at_rate(&self, now: Instant, patience: Patience) -> Option<Instant> {
        let since = self.rated_since_ms.load(Relaxed);
        if since == NONE {
            self.rate_from(now);
            return Some(now + patience.write);
        }
        let due = self.opened + Duration::from_millis(since) + patience.write;
        if due > now {
            return Some(due);
        }
        let took = now - (self.opened + Duration::from_millis(since));
        // Without a least rate: anything.
        let least = (u128::from(patience.least_rate) * took.as_millis() / 1000).max(1);
        if u128::from(self.taken.load(Relaxed)) < least {
            return None;
        }
        self.rate_from(now);
        Some(now + patience.write)
    }

    fn rate_from(&self, now: Instant) {
        self.taken.store(0, Relaxed);
        self.rated_since_ms.store(self.ms_at(now), Relaxed);
    }

    fn is_owing(&self) -> bool {
        self.owed.load(Relaxed) > 0
    }

    /// Notes that so many bytes of bodies are not owed any more.
    fn settle(&self, bytes: u64) {
        if self.owed.fetch_sub(bytes, Relaxed) == bytes && self.blocked_since_ms.load(Relaxed) == NONE {
            self.forget_rate();
        }
    }

    fn forget_rate(&self) {
        if self.rated_since_ms.load(Relaxed) != NONE {
            self.rated_since_ms.store(NONE, Relaxed);
        }
    }

    fn now_ms(&self) -> u64 {
        self.ms_at(Instant::now())
    }

    fn ms_at(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.opened).as_millis()).unwrap_or(NONE - 1)
    }

    /// Notes whether the socket had room for what was written to it.
    pub(crate) fn written(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let blocked_since = self.blocked_since_ms.load(Relaxed);
        match &polled {
            Poll::Pending if blocked_since == NONE => {
                let now = Instant::now();
                self.blocked_since_ms.store(self.ms_at(now), Relaxed);
                if self.rated_since_ms.load(Relaxed) == NONE {
                    self.rate_from(now);
                }
            }
            Poll::Ready(written) if blocked_since != NONE => {
                self.blocked_since_ms.store(NONE, Relaxed);
                if !self.is_owing() {
                    self.taken.fetch_add(written.as_ref().map_or(0, |written| *written as u64), Relaxed);
                }
            }
            _ => {}
        }
        polled
    }

    /// Notes that all is written that hyper wanted to write by now. The rest of a body may still wait for it: after each frame of
    /// HTTP/2, and after each part of a stream.
    pub(crate) fn flushed(&self) {
        if !self.is_owing() {
            self.forget_rate();
        }
    }

    pub(crate) fn bytes_arrived(&self) {
        if !self.is_busy() && !self.http2.load(Relaxed) && self.head_since_ms.load(Relaxed) == NONE {
            self.head_since_ms.store(self.now_ms(), Relaxed);
        }
    }
}

/// A request in progress on a connection.
#[derive(Debug)]
pub(crate) struct InProgress {
    activity: Arc<Activity>,
    /// Now, when not known.
    ended: Option<Instant>,
}

impl InProgress {
    /// Notes that so many bytes of its answer are for the client to take.
    pub(crate) fn owe(&self, bytes: u64) -> Owed {
        self.activity.owed.fetch_add(bytes, Relaxed);
        Owed { activity: Arc::clone(&self.activity), bytes }
    }

    /// Ends it, for who has just looked at the clock.
    pub(crate) fn end(mut self, now: std::time::Instant) {
        self.ended = Some(now.into());
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let ended = self.ended.unwrap_or_else(Instant::now);
        self.activity.idle_since_ms.store(self.activity.ms_at(ended), Relaxed);
        self.activity.in_progress.fetch_sub(1, Relaxed);
    }
}

/// Bytes of an answer that the client has not taken. What is dropped is not owed any more.
#[derive(Debug)]
pub(crate) struct Owed {
    activity: Arc<Activity>,
    bytes: u64,
}

impl Owed {
    /// Notes that the socket has taken so many of them.
    pub(crate) fn taken(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.activity.taken.fetch_add(bytes, Relaxed);
        self.activity.settle(bytes);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.activity.settle(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(5);
    const IDLE: Duration = Duration::from_secs(60);
    const WRITE: Duration = Duration::from_secs(30);
    const DORMANT: Duration = Duration::from_secs(1);

    fn verdict(activity: &Activity, after: Duration) -> Verdict {
        activity.verdict(
            activity.opened + after,
            Patience { header: HEADER, idle: IDLE, dormant: DORMANT, write: WRITE, least_rate: 1000 },
        )
    }

    #[test]
    fn a_client_that_takes_nothing_of_its_answer_is_stalled_until_it_does() {
        let activity = Activity::new();
        let _request = activity.begin(false);
        let (blocked, taken) = (Poll::<io::Result<usize>>::Pending, Poll::Ready(Ok(1)));
        let _ = activity.written(blocked);
        assert!(matches!(verdict(&activity, WRITE - Duration::from_secs(1)), Verdict::LookAgain(_)));
        assert_eq!(verdict(&activity, WRITE * 2), Verdict::Stalled);
        let _ = activity.written(taken);
        assert!(matches!(verdict(&activity, WRITE * 2), Verdict::LookAgain(_)));
    }

    /// Watches that progress which is too slow buys no time, and that what is over is forgotten.
    #[test]
    fn a_client_that_takes_less_than_the_least_rate_is_stalled() {
        let blocked = || Poll::<io::Result<usize>>::Pending;
        let trickle = |activity: &Activity, bytes: usize| {
            let _ = activity.written(Poll::Ready(Ok(bytes)));
            let _ = activity.written(blocked());
        };
        let seconds = WRITE.as_secs() as usize;
        for (bytes, is_slow) in [(1, true), (seconds * 900, true), (seconds * 1100, false)] {
            let activity = Activity::new();
            let _request = activity.begin(false);
            let _ = activity.written(blocked());
            trickle(&activity, bytes);
            // Blocked again just now, by the clock of the test.
            activity.blocked_since_ms.store(WRITE.as_millis() as u64, Relaxed);
            assert_eq!(verdict(&activity, WRITE) == Verdict::Stalled, is_slow, "{bytes}");
        }
        let activity = Activity::new();
        let _request = activity.begin(false);
        let _ = activity.written(blocked());
        let _ = activity.written(Poll::Ready(Ok(1)));
        activity.flushed();
        activity.blocked_since_ms.store(WRITE.as_millis() as u64, Relaxed);
        assert!(matches!(verdict(&activity, WRITE), Verdict::LookAgain(_)), "that was another answer");
    }

    /// Watches what HTTP/2 has no window for: nothing is written, and nobody is blocked.
    #[test]
    fn what_is_not_even_written_has_to_be_taken_too() {
        let activity = Activity::new();
        let request = activity.begin(true);
        let mut owed = request.owe(WRITE.as_secs() * 2000);
        drop(request);
        assert!(matches!(verdict(&activity, IDLE), Verdict::LookAgain(_)), "it is looked at from now on");
        // Answers to pings, and less than the least rate, each with a flush.
        let _ = activity.written(Poll::Ready(Ok(1 << 20)));
        owed.taken(WRITE.as_secs() * 900);
        activity.flushed();
        assert_eq!(verdict(&activity, IDLE + WRITE), Verdict::Stalled);
        owed.taken(WRITE.as_secs() * 200);
        assert!(matches!(verdict(&activity, IDLE + WRITE), Verdict::LookAgain(_)));
        assert_eq!(verdict(&activity, IDLE + WRITE * 2), Verdict::Stalled, "the next time counts for itself");
        drop(owed);
        assert_eq!(verdict(&activity, IDLE * 3), Verdict::Idle, "what is given up is not waited for");
    }

    #[test]
    fn a_connection_that_never_sends_a_whole_head_is_overdue() {
        let activity = Activity::new();
        // A byte now and then buys no time.
        activity.bytes_arrived();
        assert!(matches!(verdict(&activity, HEADER - Duration::from_millis(1)), Verdict::LookAgain(_)));
        assert_eq!(verdict(&activity, HEADER), Verdict::Overdue);
    }

    #[test]
    fn a_request_in_progress_is_never_ended_by_the_timer() {
        let activity = Activity::new();
        let request = activity.begin(false);
        assert!(matches!(verdict(&activity, IDLE * 10), Verdict::LookAgain(_)));
        drop(request);
        assert!(matches!(verdict(&activity, HEADER * 2), Verdict::Dormant(_)));
        assert_eq!(verdict(&activity, IDLE * 2), Verdict::Idle);
    }

    #[test]
    fn a_connection_between_requests_is_dormant_unless_something_is_on_its_way() {
        let activity = Activity::new();
        drop(activity.begin(false));
        assert!(matches!(verdict(&activity, DORMANT / 2), Verdict::LookAgain(_)));
        let Verdict::Dormant(until) = verdict(&activity, DORMANT * 2) else { panic!("it has buffers") };
        assert!(until >= activity.opened + IDLE);
        // An answer that the client has not taken, although its handler is done.
        let _ = activity.written(Poll::<io::Result<usize>>::Pending);
        assert!(matches!(verdict(&activity, DORMANT * 2), Verdict::LookAgain(_)));
        let _ = activity.written(Poll::Ready(Ok(1)));
        assert!(matches!(verdict(&activity, DORMANT * 2), Verdict::Dormant(_)));
        // The beginning of a head.
        activity.bytes_arrived();
        assert!(matches!(verdict(&activity, DORMANT * 2), Verdict::LookAgain(_)));
    }

    #[test]
    fn a_connection_of_http2_is_never_dormant() {
        let activity = Activity::new();
        drop(activity.begin(true));
        assert!(matches!(verdict(&activity, IDLE / 2), Verdict::LookAgain(_)));
        assert_eq!(verdict(&activity, IDLE * 2), Verdict::Idle);
    }

    #[test]
    fn the_next_head_has_the_header_deadline_but_http2_chatter_has_not() {
        for (http2, expected) in [(false, true), (true, false)] {
            let activity = Activity::new();
            drop(activity.begin(http2));
            activity.bytes_arrived();
            assert_eq!(verdict(&activity, HEADER * 2) == Verdict::Overdue, expected, "http2: {http2}");
        }
    }
}
