//! Handler isolation: a handler belongs to a request, its panic ends nothing else, and it finishes what it has begun.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use telemetry::context::{self, RequestContext};
use tokio::{runtime, sync::OwnedSemaphorePermit};
use tokio_util::task::TaskTracker;

use super::{problem::Problem, reply::Reply, router::HandlerFuture};

/// The handler panicked; the hook has logged where, with the request's id.
#[derive(Debug)]
pub(super) struct Panicked;

/// A handler and what it holds while it runs.
pub(super) struct Running {
    context: Option<RequestContext>,
    answer: HandlerFuture,
    _permit: OwnedSemaphorePermit,
}

impl Running {
    pub(super) fn new(context: RequestContext, answer: HandlerFuture, permit: OwnedSemaphorePermit) -> Self {
        Self { context: Some(context), answer, _permit: permit }
    }
}

impl Future for Running {
    type Output = Result<Result<Reply, Problem>, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { context, answer, .. } = &mut *self;
        // Unwind safety: a handler that panicked is dropped and its shared state is behind locks and actors of its own.
        let polled = catch_unwind(AssertUnwindSafe(|| context::during(context, || answer.as_mut().poll(cx))));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

/// Runs a handler within the task of its connection, which costs neither a task nor a wake-up. When it is dropped before it
/// has finished, because its client has gone or its deadline has passed, the handler moves into a task of its own: half a
/// booking is worse than one nobody waits for.
pub(super) struct Detaching {
    handler: Option<Running>,
    /// Which a shutdown waits for.
    detached: TaskTracker,
}

impl Detaching {
    pub(super) fn new(handler: Running, detached: &TaskTracker) -> Self {
        Self { handler: Some(handler), detached: detached.clone() }
    }
}

impl Future for Detaching {
    type Output = Result<Result<Reply, Problem>, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(handler) = &mut self.handler else { return Poll::Ready(Err(Panicked)) };
        let outcome = ready!(Pin::new(handler).poll(cx));
        self.handler = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Detaching {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and so is the handler.
        if let (Some(handler), Ok(_)) = (self.handler.take(), runtime::Handle::try_current()) {
            self.detached.spawn(handler);
        }
    }
}

/// The handler has not answered in time.
#[derive(Debug)]
pub(super) struct Overdue;

/// Waits for `work` for so long. What is done at its first step, as an answer from memory is, pays for no timer.
pub(super) async fn within<T>(limit: Duration, mut work: impl Future<Output = T> + Unpin) -> Result<T, Overdue> {
    if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(Pin::new(&mut work).poll(cx))).await {
        return Ok(done);
    }
    let mut timer = pin!(tokio::time::sleep(limit));
    // It has just been asked, and will wake this task.
    let mut is_asked = true;
    poll_fn(|cx| {
        if !std::mem::take(&mut is_asked)
            && let Poll::Ready(done) = Pin::new(&mut work).poll(cx)
        {
            return Poll::Ready(Ok(done));
        }
        timer.as_mut().poll(cx).map(|()| Err(Overdue))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_waited_for_until_the_limit_and_no_longer() {
        let second = Duration::from_secs(1);
        assert_eq!(within(second, std::future::ready(1)).await.ok(), Some(1));
        for (millis, expected) in [(1, true), (999, true), (1001, false)] {
            let work = async {
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(millis)).await;
            };
            assert_eq!(within(second, Box::pin(work)).await.is_ok(), expected, "{millis} ms");
        }
    }
}
