//! Which request this thread works for at the moment. The log reads it for each line it writes, which costs nothing on the
//! requests that log nothing; a tracing span would be formatted for every one of them.

use std::cell::RefCell;

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

thread_local! {
    static CURRENT: RefCell<Option<RequestContext>> = const { RefCell::new(None) };
}

/// Does `work`, one step of a future say, on behalf of a request. What it spawns is not.
pub fn during<T>(context: &mut Option<RequestContext>, work: impl FnOnce() -> T) -> T {
    /// Swaps back also when `work` panics.
    struct Swapped<'a>(&'a mut Option<RequestContext>);
    impl Drop for Swapped<'_> {
        fn drop(&mut self) {
            CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
        }
    }
    CURRENT.with_borrow_mut(|current| std::mem::swap(current, context));
    let _swapped = Swapped(context);
    work()
}

/// The request that this thread works for at the moment, if it does for one.
pub fn current<T>(read: impl FnOnce(&RequestContext) -> T) -> Option<T> {
    // A thread that is ending works for nobody, and may still log.
    CURRENT.try_with(|current| current.borrow().as_ref().map(read)).ok().flatten()
}
