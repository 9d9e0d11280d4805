//! A start that is not over yet: what it has begun, to be taken down in order when nothing comes of it.

use std::future::Future;

use actors::{cache::RunningCache, engine::Engine, tasks::RunningTasks, upkeep::RunningUpkeep};
use tokio::time::{Instant, sleep_until};

use super::{
    database::Database,
    ending,
    engine::{Opening, Session},
    mail::Mail,
};

/// What a start that is broken off leaves behind, to be taken down in order.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) database: Option<Database>,
    pub(super) opening: Option<Opening>,
    pub(super) session: Option<Session>,
    pub(super) engine: Option<Engine>,
    pub(super) mail: Option<Mail>,
    pub(super) cache: Option<RunningCache>,
    pub(super) upkeep: Option<RunningUpkeep>,
    pub(super) tasks: Option<RunningTasks>,
}

impl Begun {
    /// Takes everything down in the order opposite to the start, until the deadline or `hurry`. Says whether all was taken down.
    pub(super) async fn take_down(mut self, deadline: Instant, hurry: impl Future<Output = ()>) -> bool {
        let database = self.database.take();
        let steps = async {
            self.take_steps().await;
            if let Some(database) = database {
                ending::release(database, deadline).await;
            }
        };
        let late = async {
            sleep_until(deadline).await;
            tracing::warn!("the time for stopping is over: what is left is cut");
        };
        tokio::select! {
            () = steps => true,
            () = hurry => false,
            () = late => false,
        }
    }

    async fn take_steps(self) {
        if let Some(upkeep) = self.upkeep {
            upkeep.stop().await;
            told("upkeep");
        }
        if let Some(opening) = self.opening {
            opening.give_up().await;
            told("opening");
        }
        if let Some(engine) = self.engine {
            engine.stop().await;
            told("engine");
        }
        if let Some(session) = self.session {
            session.end().await;
            told("session");
        }
        if let Some(mail) = self.mail {
            mail.running.stop().await;
            told("mail");
        }
        if let Some(cache) = self.cache {
            cache.stop().await;
            told("cache");
        }
        if let Some(tasks) = self.tasks {
            tasks.stop().await;
            told("tasks");
        }
    }
}

/// Anyone who looks why a start takes so long to fail finds what it waited for.
fn told(part: &'static str) {
    tracing::debug!(part, "taken down");
}
