//! Connection guard of the ledger: a connection with a statement in flight does not go back to the pool.

use deadpool_postgres::{Object, Pool};
use tokio::runtime::Handle;

use super::super::{connection::cancel_statement, rows::StoreError};

/// A connection that goes back to its pool by [`Lease::give_back`] only. Dropped otherwise, because a deadline has passed, it is closed
/// and its statement is cancelled: nobody else waits for an answer that may never come.
pub(super) struct Lease(Option<Object>);

impl Lease {
    pub(super) async fn of(pool: &Pool) -> Result<Self, StoreError> {
        Ok(Self(Some(pool.get().await?)))
    }

    pub(super) fn client(&mut self) -> Result<&mut Object, StoreError> {
        // There until it is given back.
        self.0.as_mut().ok_or_else(|| StoreError::Row("a connection that was given back".to_owned()))
    }

    /// Nothing is on its way.
    pub(super) fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.0.take() else { return };
        let cancel = object.cancel_token();
        drop(Object::take(object));
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(cancel_statement(cancel));
        }
    }
}
