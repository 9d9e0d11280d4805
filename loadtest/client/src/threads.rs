//! Work on a thread of its own, so that nothing else in this program delays it.

use std::future::Future;

use anyhow::Context;
use nix::time::{ClockId, clock_gettime};
use tokio::{runtime::Builder, sync::oneshot};

/// What `work` comes to, and the CPU seconds that it took.
pub(crate) async fn on_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<(T, f64)>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let (says, said) = oneshot::channel();
    std::thread::spawn(move || {
        let done = Builder::new_current_thread().enable_all().build().map(|runtime| runtime.block_on(work()));
        let used = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
        let _ = says.send((done, used));
    });
    let (done, used) = said.await.context("a thread of the client panicked")?;
    let used = used?;
    Ok((done?, used.tv_sec() as f64 + used.tv_nsec() as f64 / 1e9))
}
