//! The end of a server: what tells it to end, and in which order everything is taken down.

use std::{future::Future, pin::pin, time::Duration};

use boxoffice_http::server::DrainReport;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{database::Database, running::Running};

/// How long a private PostgreSQL is waited for at least, also when everything else was cut short. One that takes longer is adopted by
/// the next start.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often is looked whether all parts are there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Signal,
    /// Its session was ended by another server.
    Fenced,
    /// The tree of actors ended by itself.
    EngineDied,
    /// A listener ended by itself, or the keeper of the private PostgreSQL: nothing begins them again but another start.
    PartDied,
}

/// How the end of a server went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections were cut, or work was left undone: the time for it was over, or somebody was in a hurry.
    pub is_cut: bool,
}

/// The signals that mean "stop": SIGTERM and SIGINT. From when they are listened for on, neither ends the process by itself.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one. Nothing is lost when it is dropped.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Running {
    /// Waits until there is a reason to end.
    pub async fn wait(&mut self, signal: impl Future<Output = ()>) -> Ending {
        tokio::select! {
            () = signal => Ending::Signal,
            // An error means that nobody is left to fence.
            Ok(_) = self.engine.fenced.wait_for(|fenced| *fenced) => Ending::Fenced,
            _ = &mut self.engine.ended => Ending::EngineDied,
            () = part_died(&self.api, &self.operations, &self.database) => Ending::PartDied,
        }
    }

    /// Ends the public listener as if it had panicked, for fault tests.
    pub fn break_listener(&self) {
        self.api.abort();
    }

    /// Takes the server down in an orderly way, without a lame-duck time.
    pub async fn stop(self) -> Stopped {
        self.stop_at_once_unless_hurried(std::future::pending()).await
    }

    /// As [`Running::stop_unless_hurried`], without a lame-duck time.
    pub(super) async fn stop_at_once_unless_hurried(mut self, hurry: impl Future<Output = ()>) -> Stopped {
        self.ending.lame_duck = Duration::ZERO;
        self.stop_unless_hurried(hurry).await
    }

    /// Says that the server is not ready, goes on serving for the lame-duck time, stops accepting, lets what is in progress
    /// finish, and takes everything down in the order opposite to the start. All of it has one deadline; when that is over,
    /// or `hurry` resolves, what is left is cut.
    pub async fn stop_unless_hurried(self, hurry: impl Future<Output = ()>) -> Stopped {
        let deadline = Instant::now() + self.ending.whole;
        let cut = async {
            tokio::select! {
                () = hurry => tracing::warn!("told to stop once more: what is left is cut"),
                () = sleep_until(deadline) => tracing::warn!("the time for stopping is over: what is left is cut"),
            }
        };
        let Self {
            health, stop, live, api, after_answers, upkeep, jobs, engine, gateway, breakers, mail, cache, ..
        } = self;
        let (accepting, session) = (api.abort_handle(), &self.session);
        // May be dropped at any point, and what it has not taken down yet with it.
        let steps = async move {
            health.begin_draining();
            sleep(self.ending.lame_duck).await;
            stop.send_replace(true);
            // What the mail server has been given has all of the drain's time to be answered.
            mail.close();
            jobs.close();
            // They would go on for ever, and a drain waits for what is in progress.
            live.end();
            let is_whole = drained(api).await;
            after_answers.finish().await;
            // They ask inventories.
            jobs.stop().await;
            upkeep.stop().await;
            engine.stop().await;
            // Nobody asks it any more. What it has to tell, it tells whoever starts next.
            drop(gateway);
            // Nothing writes any more: the node that takes this one's events over need not wait for its mails.
            session.end().await;
            mail.stop().await;
            breakers.stop().await;
            cache.stop().await;
            is_whole
        };
        let finished = {
            let (orderly, cut) = (pin!(steps), pin!(cut));
            tokio::select! {
                is_whole = orderly => Some(is_whole),
                () = cut => None,
            }
        };
        if finished.is_none() {
            accepting.abort();
            session.end().await;
        }
        // Its clients are scrapers, who come again.
        self.operations.abort();
        self.tasks.stop().await;
        self.pools.close();
        drop(self.session);
        release(self.database, deadline).await;
        Stopped { is_cut: finished != Some(true) }
    }
}

/// Takes the private PostgreSQL down, until the deadline of all; and for a moment at least.
pub(super) async fn release(database: Database, deadline: Instant) {
    let deadline = deadline.max(Instant::now() + RELEASE_TIMEOUT);
    if timeout_at(deadline, database.release()).await.is_err() {
        tracing::warn!("the private PostgreSQL is left to end by itself");
    }
}

/// Resolves when something has ended by itself without which the server is of no use.
async fn part_died(api: &JoinHandle<DrainReport>, operations: &JoinHandle<DrainReport>, database: &Database) {
    loop {
        sleep(LOOK_EVERY).await;
        if api.is_finished() || operations.is_finished() || database.is_abandoned() {
            return;
        }
    }
}

/// Waits until the listener has let go of its clients; says whether nothing was cut.
async fn drained(api: JoinHandle<DrainReport>) -> bool {
    match api.await {
        Ok(report) => {
            tracing::info!(
                connections = report.connections,
                cut = report.cut,
                unfinished = report.unfinished,
                durationMs = report.took.as_millis() as u64,
                "drained"
            );
            report.cut == 0 && report.unfinished == 0
        }
        Err(error) => {
            tracing::error!(%error, "the listener panicked");
            false
        }
    }
}
