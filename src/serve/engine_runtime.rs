//! The engine's own threads, apart from those that serve HTTP.
//!
//! In an overload the runtime that serves HTTP has hundreds of connections that are ready at any moment, most of them to be
//! refused, and a task that becomes ready waits for its turn behind all of them. A commit takes several turns, so it became
//! slower with every refusal, until most of the goodput was gone. Apart, decisions and commits compete with refusals for
//! cores only, and those the kernel shares out fairly.

use std::{future::Future, io};

use anyhow::Context;
use tokio::runtime::{Builder, Handle, Runtime};

/// Runs until it is dropped; what still runs on it then ends at its next pause.
pub(super) struct EngineRuntime(Option<Runtime>);

impl EngineRuntime {
    /// With so many threads.
    pub(super) fn new(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name("engine").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    /// For work that others start there.
    pub(super) fn handle(&self) -> anyhow::Result<Handle> {
        Ok(self.0.as_ref().context("the engine's runtime has ended")?.handle().clone())
    }

    /// Runs `work` there. Whatever it spawns stays there.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.0.as_ref().context("the engine's runtime has ended")?.spawn(work).await.context("the engine panicked")
    }
}

impl Drop for EngineRuntime {
    fn drop(&mut self) {
        // Not waited for: this may be dropped where nobody may block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
