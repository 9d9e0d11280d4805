//! Supervision tree of the engine, started and stopped as one.

use std::{collections::HashSet, hash::RandomState, sync::Arc, time::Duration};

use domain::ledger::Ledger;
use parking_lot::Mutex;
use ractor::{Actor, ActorRef, SpawnErr};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use crate::{
    admission::AdmissionLimits,
    inventories::{Inventories, directory::Directory, supervisor::InventoriesSupervisor},
    inventory::{actor::InventorySettings, shared::SharedParts},
    leases::Leases,
    ledger::{commit::APART_MAX, probe::KeyProbe, pulse::LedgerPulse, writer::LedgerWriter},
    metrics,
    restart::RestartPolicy,
    sampler::Sampler,
    supervisor::{Address, ChildSpec, Supervisor, SupervisorMessage},
};

#[derive(Clone, Copy, Debug)]
pub struct EngineSettings {
    /// Ledger writers, each with one commit under way; an event always has the same one.
    pub writers: usize,
    /// Bounds of what is under way for one event. Too low sheds load that would have been served in time, too high lets
    /// callers wait for what will come too late.
    pub admission: AdmissionLimits,
    pub inventory: InventorySettings,
    /// Time between two comparisons of memory and ledger.
    pub sample_every: Duration,
    pub restart: RestartPolicy,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            writers: 2,
            admission: AdmissionLimits { permits: 8192, stalled_after: Duration::from_secs(1) },
            inventory: InventorySettings { batch_max: 4096, idle_after: Duration::from_secs(300) },
            sample_every: Duration::from_secs(10),
            restart: RestartPolicy::default(),
        }
    }
}

pub struct Engine {
    pub inventories: Inventories,
    /// Becomes true when this node's session has ended: it must stop.
    pub fenced: watch::Receiver<bool>,
    /// Whether the ledger answers.
    pub pulse: Arc<LedgerPulse>,
    root: ActorRef<SupervisorMessage>,
    /// Ends when the tree has ended.
    pub ended: JoinHandle<()>,
}

impl Engine {
    /// Starts the tree over `ledger`.
    pub async fn start<L: Ledger>(ledger: Arc<L>, settings: EngineSettings) -> Result<Self, SpawnErr> {
        let directory = Arc::new(Directory::new(settings.admission));
        let writers: Arc<[_]> = (0..settings.writers.max(1)).map(|_| Address::default()).collect();
        let (probe, supervisor) = (Address::default(), Address::default());
        let (fenced, watch_fenced) = watch::channel(false);
        let inventories = Inventories::new(directory.clone(), supervisor.clone(), probe.clone());

        let mut specs = Vec::new();
        let apart = Arc::new(Semaphore::new(APART_MAX));
        let (pulse, shared_parts) = (LedgerPulse::new(writers.len() + 2), SharedParts::default());
        for (place, writer) in writers.iter().enumerate() {
            let (ledger, fenced, pulse) = (ledger.clone(), fenced.clone(), pulse.caller(place));
            let apart = apart.clone();
            specs.push(ChildSpec::new("writer", writer.clone(), move || {
                let actor = LedgerWriter::new(ledger.clone(), fenced.clone());
                (actor.with_pulse(pulse.clone()).with_turns(apart.clone()), ())
            }));
        }
        let (reads, of_probe) = (ledger.clone(), pulse.caller(writers.len()));
        specs.push(ChildSpec::new("probe", probe, move || {
            (KeyProbe::new(reads.clone()).with_pulse(of_probe.clone()), ())
        }));
        let of_leases = pulse.caller(writers.len() + 1);
        let (unsettled, hasher) = (Arc::new(Mutex::new(HashSet::new())), RandomState::new());
        let (shared, found, parts) = (ledger.clone(), directory.clone(), shared_parts.clone());
        specs.push(ChildSpec::new("inventories", supervisor, move || {
            let actor = InventoriesSupervisor {
                directory: found.clone(),
                ledger: shared.clone(),
                writers: writers.clone(),
                hasher: hasher.clone(),
                settings: settings.inventory,
                policy: settings.restart,
                shared: parts.clone(),
                unsettled: unsettled.clone(),
            };
            (actor, ())
        }));
        let (session, of_all) = (ledger.clone(), directory.clone());
        specs.push(ChildSpec::new("leases", Address::default(), move || {
            let leases = Leases {
                ledger: session.clone(),
                fenced: fenced.clone(),
                directory: of_all.clone(),
                clock: shared_parts.clock.clone(),
                pulse: of_leases.clone(),
            };
            (leases, ())
        }));
        specs.push(ChildSpec::new("sampler", Address::default(), move || {
            let (directory, ledger) = (directory.clone(), ledger.clone());
            (Sampler { directory, ledger, every: settings.sample_every }, ())
        }));

        // Inventories have a supervisor of their own and are not among the specifications.
        metrics::register(specs.iter().map(|spec| spec.kind).chain(["inventory"]));
        let (root, ended) = Actor::spawn(None, Supervisor::new(settings.restart), specs).await?;
        Ok(Self { inventories, fenced: watch_fenced, pulse, root, ended })
    }

    /// Stops the tree. Call it once nobody asks any more: what is under way then is lost to those who wait for it, though
    /// never half done.
    pub async fn stop(self) {
        self.root.stop(Some("shutdown".to_owned()));
        // Anyone who has waited for its end already must not wait once more.
        if !self.ended.is_finished() {
            // An error means that the tree has ended by a panic; it has ended.
            let _ = self.ended.await;
        }
    }
}
