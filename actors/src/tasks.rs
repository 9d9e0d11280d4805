//! Tasks that go on for as long as the server does. Each is under supervision: one that panics, or ends by itself, begins anew, with
//! back-off, and never takes another one with it. Each gives a sign of life when it has done its work, whose age is a metric.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use metrics::{Gauge, gauge};
use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr};
use tokio::{
    task::{AbortHandle, JoinHandle},
    time::sleep,
};

use crate::{
    metrics::register_actors,
    notice::Notice,
    restart::RestartPolicy,
    supervisor::{Address, ChildSpec, Supervisor, SupervisorMessage},
};

/// How often a task without rounds gives a sign of life.
const WAITING_EVERY: Duration = Duration::from_secs(10);

/// When a task has last done its work, as seconds since 1970: a gauge whose age is alerted on. A clone is the same task's.
#[derive(Clone)]
pub struct SignOfLife(Gauge);

impl SignOfLife {
    /// Begins now: what has just started is not late. What starts again is as late as it was.
    fn of(task: &'static str) -> Self {
        let life = Self(gauge!("boxoffice_task_last_success_timestamp_seconds", "task" => task));
        life.give();
        life
    }

    /// The work is done now, and will be done again.
    pub fn give(&self) {
        self.0.set(jiff::Timestamp::now().as_millisecond() as f64 / 1000.0);
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Begin = Arc<dyn Fn(SignOfLife) -> Work + Send + Sync>;

/// Tasks that are to be started.
#[derive(Default)]
pub struct Tasks(Vec<(&'static str, Begin)>);

impl Tasks {
    /// Adds a task with rounds, which gives a sign of life after each that has succeeded. `begin` is called at each start.
    pub fn add<F>(&mut self, name: &'static str, begin: impl Fn(SignOfLife) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.push((name, Arc::new(move |life| Box::pin(begin(life)))));
    }

    /// Adds a task that waits for something to happen: it is well as long as it is there.
    pub fn add_waiting<F>(&mut self, name: &'static str, begin: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.add(name, move |life| {
            let work = begin();
            async move {
                let lives = async {
                    loop {
                        life.give();
                        sleep(WAITING_EVERY).await;
                    }
                };
                tokio::select! {
                    () = work => {}
                    () = lives => {}
                }
            }
        });
    }

    /// Starts them, in a tree of their own that never gives up for good.
    pub async fn start(self, policy: RestartPolicy) -> Result<RunningTasks, SpawnErr> {
        register_actors(self.0.iter().map(|(name, _)| *name));
        let mut addresses = Vec::with_capacity(self.0.len());
        let mut specs = Vec::with_capacity(self.0.len());
        for (name, begin) in self.0 {
            let (address, life) = (Address::default(), SignOfLife::of(name));
            addresses.push((name, address.clone()));
            specs.push(ChildSpec::new(name, address, move || (Task { begin: begin.clone(), life: life.clone() }, ())));
        }
        let (root, ended) = Actor::spawn(None, Supervisor::persistent(policy), specs).await?;
        Ok(RunningTasks { root, ended, addresses })
    }
}

/// Tasks at work.
pub struct RunningTasks {
    root: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
    addresses: Vec<(&'static str, Address<Ended>)>,
}

impl RunningTasks {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.addresses.iter().map(|(name, _)| *name)
    }

    /// Has a task end as if it had panicked, for fault tests. False when there is none of this name, or it is down just now.
    pub fn break_down(&self, name: &str) -> bool {
        let found = self.addresses.iter().find(|(of, _)| *of == name).and_then(|(_, address)| address.get());
        found.is_some_and(|task| task.cast(Ended).is_ok())
    }

    /// Ends them all, wherever they are.
    pub async fn stop(self) {
        self.root.stop(Some("shutdown".to_owned()));
        // An error means that the tree has ended by a panic; it has ended.
        let _ = self.ended.await;
    }
}

/// The work of a task is over, which it never should be.
struct Ended;

/// Watches over a task's work, which runs beside it: it has to take its messages meanwhile.
struct Task {
    begin: Begin,
    life: SignOfLife,
}

/// Work that ends with its owner.
struct Working(AbortHandle);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Actor for Task {
    type Msg = Ended;
    type State = Working;
    type Arguments = ();

    async fn pre_start(&self, myself: ActorRef<Ended>, (): ()) -> Result<Working, ActorProcessingErr> {
        let (begin, life, over) = (self.begin.clone(), self.life.clone(), Notice::new(myself, Ended));
        // Dropped by a panic as well.
        let work = async move {
            let _over = over;
            begin(life).await;
        };
        Ok(Working(tokio::spawn(work).abort_handle()))
    }

    async fn handle(&self, _: ActorRef<Ended>, Ended: Ended, _: &mut Working) -> Result<(), ActorProcessingErr> {
        Err("the task ended or panicked".into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    async fn until(what: &str, condition: impl Fn() -> bool) {
        for _ in 0..2000 {
            if condition() {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("waited in vain until {what}");
    }

    /// Watches the notice: a panic takes everything of a task with it but that.
    #[tokio::test]
    async fn a_task_that_panics_or_ends_begins_anew_and_disturbs_no_other() {
        let (panics, ends, goes_on) =
            (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut tasks = Tasks::default();
        let count = panics.clone();
        tasks.add("panics", move |life| {
            let count = count.clone();
            async move {
                life.give();
                assert!(count.fetch_add(1, Ordering::Relaxed) >= 2, "twice");
                std::future::pending().await
            }
        });
        let count = ends.clone();
        tasks.add_waiting("ends", move || {
            let count = count.clone();
            async move {
                if count.fetch_add(1, Ordering::Relaxed) >= 2 {
                    std::future::pending().await
                }
            }
        });
        let count = goes_on.clone();
        tasks.add_waiting("goes on", move || {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        });
        let running = tasks.start(RestartPolicy::default()).await.unwrap();
        until("both are back", || panics.load(Ordering::Relaxed) == 3 && ends.load(Ordering::Relaxed) == 3).await;
        assert_eq!(goes_on.load(Ordering::Relaxed), 1);
        assert!(running.break_down("goes on") && !running.break_down("nobody"));
        until("it is back", || goes_on.load(Ordering::Relaxed) == 2).await;
        assert_eq!(running.names().collect::<Vec<_>>(), ["panics", "ends", "goes on"]);
        running.stop().await;
    }

    /// Watches the end of what runs beside its actor.
    #[tokio::test]
    async fn a_stop_ends_the_work() {
        let guard = Arc::new(());
        let (held, mut tasks) = (guard.clone(), Tasks::default());
        tasks.add_waiting("holds", move || {
            let held = held.clone();
            async move {
                let _held = held;
                std::future::pending().await
            }
        });
        tasks.start(RestartPolicy::default()).await.unwrap().stop().await;
        until("nothing holds it", || Arc::strong_count(&guard) == 1).await;
    }
}
