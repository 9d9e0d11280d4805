//! A handler at work: it belongs to a request, its panics end nothing else, and it finishes what it has begun.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{runtime, sync::OwnedSemaphorePermit};
use tokio_util::task::TaskTracker;

use super::{problem::Problem, reply::Reply, router::Answer};
use crate::telemetry::context::{self, RequestContext};

/// The handler panicked; the hook has logged where, with the request's id.
#[derive(Debug)]
pub(super) struct Panicked;

/// A handler and what it holds while it runs.
pub(super) struct Running {
    context: Option<RequestContext>,
    answer: Answer,
    _permit: OwnedSemaphorePermit,
}

impl Running {
    pub(super) fn new(context: RequestContext, answer: Answer, permit: OwnedSemaphorePermit) -> Self {
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
