//! What a connection is doing, so that one lazy timer can end those that do nothing.
//!
//! hyper has a header deadline of its own, but it starts a boxed timer for every request, counts an idle keep-alive
//! connection as a slow header, and does not cover the detection of the protocol. This one costs two atomics a request.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};

/// Marks "no request head has begun to arrive".
const NONE: u64 = u64::MAX;

/// What one connection is doing. Orderings are relaxed: each value is only compared with the clock.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Requests whose handler has not answered, or whose answer is still being streamed.
    in_progress: AtomicU32,
    /// When the last request ended, or the connection was opened; milliseconds since `opened`.
    idle_since_ms: AtomicU64,
    /// When the first byte after that arrived, or [`NONE`].
    head_since_ms: AtomicU64,
    /// Since when the client takes nothing of what is to be written, or [`NONE`].
    blocked_since_ms: AtomicU64,
    /// In HTTP/2, bytes between requests are settings and pings, not the beginning of a head.
    http2: AtomicBool,
}

/// How long a connection may do nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// While a request head arrives.
    pub(super) header: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// While bytes wait to be taken by the client.
    pub(super) write: Duration,
}

/// What to do with a connection when its timer fires.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is overdue; look again then.
    LookAgain(Instant),
    /// A request head did not arrive in time: nobody waits for an answer, close.
    Overdue,
    /// The client takes nothing of its answer: close.
    Stalled,
    /// Nothing happened for the keep-alive time: end it politely.
    Idle,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            in_progress: AtomicU32::new(0),
            idle_since_ms: AtomicU64::new(0),
            // The head of the first request is due from the start: opening a connection and saying nothing holds a slot.
            head_since_ms: AtomicU64::new(0),
            blocked_since_ms: AtomicU64::new(NONE),
            http2: AtomicBool::new(false),
        })
    }

    /// Counts a request as in progress until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, http2: bool) -> InProgress {
        self.in_progress.fetch_add(1, Relaxed);
        self.head_since_ms.store(NONE, Relaxed);
        if http2 {
            self.http2.store(true, Relaxed);
        }
        InProgress(Arc::clone(self))
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.in_progress.load(Relaxed) > 0
    }

    pub(super) fn verdict(&self, now: Instant, patience: Patience) -> Verdict {
        let blocked_since = self.blocked_since_ms.load(Relaxed);
        if blocked_since != NONE && self.opened + Duration::from_millis(blocked_since) + patience.write <= now {
            return Verdict::Stalled;
        }
        if self.is_busy() {
            return Verdict::LookAgain(now + patience.header.min(patience.idle).min(patience.write));
        }
        let head_since = self.head_since_ms.load(Relaxed);
        if head_since != NONE {
            let due = self.opened + Duration::from_millis(head_since) + patience.header;
            return if due <= now { Verdict::Overdue } else { Verdict::LookAgain(due) };
        }
        let due = self.opened + Duration::from_millis(self.idle_since_ms.load(Relaxed)) + patience.idle;
        if due <= now {
            Verdict::Idle
        } else {
            // Not the whole wait: the head of the next request has its own, usually shorter, deadline.
            Verdict::LookAgain(due.min(now + patience.header))
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(NONE - 1)
    }

    /// Notes whether the socket had room for what was written to it.
    fn written<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let blocked_since = self.blocked_since_ms.load(Relaxed);
        match &polled {
            Poll::Pending if blocked_since == NONE => self.blocked_since_ms.store(self.now_ms(), Relaxed),
            Poll::Ready(_) if blocked_since != NONE => self.blocked_since_ms.store(NONE, Relaxed),
            _ => {}
        }
        polled
    }

    fn bytes_arrived(&self) {
        if !self.is_busy() && !self.http2.load(Relaxed) && self.head_since_ms.load(Relaxed) == NONE {
            self.head_since_ms.store(self.now_ms(), Relaxed);
        }
    }
}

/// A request in progress on a connection.
#[derive(Debug)]
pub(super) struct InProgress(Arc<Activity>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.idle_since_ms.store(self.0.now_ms(), Relaxed);
        self.0.in_progress.fetch_sub(1, Relaxed);
    }
}

/// A socket that tells its [`Activity`] when bytes arrive.
#[derive(Debug)]
pub(super) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.bytes_arrived();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.activity.written(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.activity.written(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(5);
    const IDLE: Duration = Duration::from_secs(60);
    const WRITE: Duration = Duration::from_secs(30);

    fn verdict(activity: &Activity, after: Duration) -> Verdict {
        activity.verdict(activity.opened + after, Patience { header: HEADER, idle: IDLE, write: WRITE })
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
        assert!(matches!(verdict(&activity, HEADER * 2), Verdict::LookAgain(_)));
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
