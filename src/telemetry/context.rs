//! Which request the current task works for. The log reads it for each line it writes, which costs nothing on the
//! requests that log nothing; a tracing span would be formatted for every one of them.

use std::future::Future;

use domain::ids::AccountId;
use http::HeaderValue;

/// What a log line says about the request it belongs to.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The request's id, as in the answer's `X-Request-Id`; shared bytes, so that a clone copies nothing.
    pub request_id: HeaderValue,
    /// Who asked, when known.
    pub account: Option<AccountId>,
}

tokio::task_local! {
    static CONTEXT: RequestContext;
}

/// Runs `future` as work for a request. Tasks it spawns do not inherit that.
pub fn scope<F: Future>(context: RequestContext, future: F) -> impl Future<Output = F::Output> {
    CONTEXT.scope(context, future)
}

/// The request that the current task works for, if it is one.
pub fn current<T>(read: impl FnOnce(&RequestContext) -> T) -> Option<T> {
    CONTEXT.try_with(read).ok()
}
