//! A start that is not over yet: what it has begun, to be taken down in order when nothing comes of it.

use std::{future::Future, sync::Arc};

use actors::{
    breakers::RunningBreakers, cache::RunningCache, engine::Engine, jobs::RunningJobs, tasks::RunningTasks,
    upkeep::RunningUpkeep,
};
use boxoffice_api::operations::Health;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    database::{Database, Pools},
    ending,
    engine::{Opening, Session},
    listeners::Listeners,
    mail::Mail,
    payments::Gateway,
    routers::Routers,
    running::{EndingTimes, Running},
};
use crate::config::Config;

/// What a start that is broken off leaves behind, to be taken down in order.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) database: Option<Database>,
    pub(super) opening: Option<Opening>,
    pub(super) session: Option<Session>,
    pub(super) engine: Option<Engine>,
    pub(super) breakers: Option<RunningBreakers>,
    pub(super) mail: Option<Mail>,
    pub(super) cache: Option<RunningCache>,
    pub(super) upkeep: Option<RunningUpkeep>,
    pub(super) gateway: Option<Gateway>,
    pub(super) jobs: Option<RunningJobs>,
    pub(super) tasks: Option<RunningTasks>,
}

impl Begun {
    /// Begins to serve: the start is over, and what it began is the running server's to take down.
    pub(super) fn serve(
        &mut self,
        config: &Config,
        listeners: Listeners,
        routers: Routers,
        health: Arc<Health>,
        pools: Pools,
    ) -> anyhow::Result<Running> {
        let Self {
            database: Some(database),
            session: Some(session),
            engine: Some(engine),
            breakers: Some(breakers),
            mail: Some(mail),
            cache: Some(cache),
            upkeep: Some(upkeep),
            gateway: Some(gateway),
            jobs: Some(jobs),
            tasks: Some(tasks),
            opening: _,
        } = std::mem::take(self)
        else {
            anyhow::bail!("the start has lost what it began");
        };
        let Listeners { api, operations, address, operations_address } = listeners;
        let (stop, mut stopping) = watch::channel(false);
        let told = async move {
            // An error means that the server was dropped: stop as well.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let api = tokio::spawn(api.serve(routers.api, told));
        // Serves to the very end, so that operators can watch a shutdown.
        let operations = tokio::spawn(operations.serve(routers.operations, std::future::pending()));
        tracing::info!(%address, operations = %operations_address, "ready");
        Ok(Running {
            address,
            operations_address,
            inventories: engine.inventories.clone(),
            outbox: mail.running.outbox.clone(),
            mails_token: mail.kept.map(|kept| kept.token),
            live: routers.app.live.clone(),
            health,
            stop,
            api,
            operations,
            engine,
            session,
            breakers,
            mail: mail.running,
            cache,
            after_answers: routers.app.background.clone(),
            upkeep,
            gateway,
            jobs,
            tasks,
            pools,
            database,
            ending: EndingTimes { lame_duck: config.http.lame_duck, whole: config.http.shutdown_timeout },
        })
    }

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
        end("jobs", self.jobs, RunningJobs::stop).await;
        end("upkeep", self.upkeep, RunningUpkeep::stop).await;
        end("opening", self.opening, Opening::give_up).await;
        end("engine", self.engine, Engine::stop).await;
        end("session", self.session, async |session| session.end().await).await;
        end("gateway", self.gateway, async |gateway| drop(gateway)).await;
        end("mail", self.mail, async |mail| mail.running.stop().await).await;
        end("cache", self.cache, RunningCache::stop).await;
        end("breakers", self.breakers, RunningBreakers::stop).await;
        end("tasks", self.tasks, RunningTasks::stop).await;
    }
}

/// Ends a part that was begun. Anyone who looks why a start takes so long to fail finds what it waited for.
async fn end<T>(name: &'static str, part: Option<T>, stop: impl AsyncFnOnce(T)) {
    if let Some(part) = part {
        stop(part).await;
        tracing::debug!(part = name, "taken down");
    }
}
