//! Lanes: each has a server and a database of its own, where one race is run after the other, each on an event of its own.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use boxoffice_store::postgres::store::PgStore;
use domain::accounts::Role;
use rand::Rng;
use tokio_postgres::Client;

use super::{
    operations::{self, Operation},
    points::FailPoint,
    race::{self, Plan, Raced},
    report::Report,
};
use crate::support::{Api, Buyer, Settings, TestDatabase, TestServer, accounts::add_accounts, seeded};

/// The races of one pair again: `BOXOFFICE_SEAMS_PAIR=book+cancel`.
pub(crate) const PAIR: &str = "BOXOFFICE_SEAMS_PAIR";
/// How many races there are at least; each pair has one, and then one after the other with other points and states each time.
const RACES: &str = "BOXOFFICE_SEAMS_RACES";
/// Servers of one process.
const LANES: usize = 3;
/// How often the progress of many rounds is told.
const TELL_EVERY: Duration = Duration::from_secs(20);

/// See the module's page.
pub(crate) struct Lane {
    pub(crate) server: TestServer,
    /// Holds the lock of the fail point.
    pub(crate) control: Client,
    pub(crate) watcher: Client,
    pub(crate) store: PgStore,
    pub(crate) buyer: Buyer,
    pub(crate) organizer: Buyer,
    pub(crate) buyer_api: Api,
    pub(crate) organizer_api: Api,
    /// The organizer, who asks another node on the same database.
    pub(crate) elsewhere_api: Api,
    pub(crate) admin_api: Api,
}

impl Lane {
    async fn open() -> Arc<Self> {
        crate::support::log::listen();
        let db = TestDatabase::migrated().await;
        let superuser = db.connect_as_superuser().await;
        // A dead-lock is looked for after this time: a race must not take a second.
        let soon = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''100ms''', current_database()); END $$";
        superuser.batch_execute(soon).await.unwrap();
        db.execute(include_str!("points.sql")).await;
        // Short, so that inventories are unloaded between and during races.
        let settings = Settings::default().idle_after(Duration::from_millis(300));
        let server = TestServer::on(db, &settings).await;
        let (control, watcher) = (server.db.connect().await, server.db.connect().await);
        let buyer = server.buyer().await;
        let organizer = add_accounts(&server.client, 1, Role::Organizer).await.remove(0);
        let (buyer_api, organizer_api) = (server.api.of(&buyer), server.api.of(&organizer));
        let admin_api = server.signed_in_as(Role::Admin).await;
        let elsewhere_api = another_node(&server).await.of(&organizer);
        let store = server.store(2);
        Arc::new(Self {
            store,
            server,
            control,
            watcher,
            buyer,
            organizer,
            buyer_api,
            organizer_api,
            elsewhere_api,
            admin_api,
        })
    }

    /// One race or solo in a task of its own, so that a panic ends nothing else.
    async fn guarded<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
        let done = tokio::spawn(work).await;
        let points = FailPoint { control: &self.control };
        points.disarm().await;
        points.release().await;
        done.map_err(|error| error.to_string())
    }
}

/// Another node on the server's database, as long as the test's runtime runs. It does nothing by itself: it could not cancel bookings of
/// events that the server has loaded, and would keep the work to itself for a while.
async fn another_node(server: &TestServer) -> Api {
    let running = boxoffice::serve::start(Settings::default().config(&server.db)).await.unwrap();
    let api = Api::new(running.address);
    tokio::spawn(async move {
        // The whole of it, and not its upkeep alone.
        let running = running;
        running.upkeep.stop().await;
        // All the rest of it lives on.
        std::future::pending::<()>().await;
    });
    api
}

/// A pair, and which of its rounds it is.
#[derive(Clone, Copy)]
struct Job {
    pair: [&'static Operation; 2],
    round: u64,
}

impl Job {
    fn seed(&self, seed: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (seed, self.pair.map(|operation| operation.name), self.round).hash(&mut hasher);
        hasher.finish()
    }
}

struct Work {
    jobs: Vec<Job>,
    next: AtomicUsize,
    seed: u64,
    /// How often each operation passes a fail point when nothing is in its way.
    passages: HashMap<&'static str, u32>,
    report: Mutex<Report>,
    began: Instant,
}

/// The races of one share of `of`: all pairs, or the one that the environment names.
fn jobs(share: usize, of: usize) -> Vec<Job> {
    let table = operations::table();
    let named = std::env::var(PAIR).ok();
    let is_named = |a: &Operation, b: &Operation| {
        let names = [format!("{}+{}", a.name, b.name), format!("{}+{}", b.name, a.name)];
        named.as_ref().is_none_or(|named| names.contains(named))
    };
    let pairs = (0..table.len()).flat_map(|a| (a..table.len()).map(move |b| (a, b)));
    let pairs: Vec<_> = pairs.map(|(a, b)| [table[a], table[b]]).filter(|[a, b]| is_named(a, b)).collect();
    assert!(!pairs.is_empty(), "{PAIR} names no pair: {named:?}");
    let races = std::env::var(RACES).ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    let rounds = races.div_ceil(pairs.len()).max(1) as u64;
    let own = pairs.into_iter().enumerate().filter(|(number, _)| number % of == share);
    let own: Vec<_> = own.map(|(_, pair)| pair).collect();
    (0..rounds).flat_map(|round| own.iter().map(move |pair| Job { pair: *pair, round })).collect()
}

/// Races the share's pairs, and fails with everything that was wrong.
pub(crate) async fn race_all(share: usize, of: usize) {
    race_jobs(jobs(share, of)).await;
}

/// Races these pairs so often each; not when the environment asks for something else.
pub(crate) async fn race_named(pairs: &[[&str; 2]], rounds: u64) {
    if [PAIR, RACES].iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let table = operations::table();
    let find = |name: &str| *table.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"));
    let pairs: Vec<_> = pairs.iter().map(|pair| pair.map(find)).collect();
    race_jobs((0..rounds).flat_map(|round| pairs.iter().map(move |pair| Job { pair: *pair, round })).collect()).await;
}

async fn race_jobs(jobs: Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let seed = seeded().random();
    let mut lanes = Vec::new();
    for _ in 0..LANES.min(jobs.len()) {
        lanes.push(Lane::open().await);
    }
    let mut used: Vec<_> = jobs.iter().flat_map(|job| job.pair).collect();
    used.sort_by_key(|operation| operation.name);
    used.dedup_by_key(|operation| operation.name);
    let (passages, wrong) = alone(&lanes, used).await;
    let report = Report::of(wrong);
    let began = Instant::now();
    let work = Arc::new(Work { jobs, next: AtomicUsize::new(0), seed, passages, report: Mutex::new(report), began });
    let run = lanes.iter().map(|lane| run_lane(lane.clone(), work.clone()));
    futures_util::future::join_all(run).await;
    let mut report = work.report.lock().unwrap();
    report.check_points();
    let text = report.text(work.began.elapsed());
    eprintln!("{text}");
    assert!(report.failures.is_empty(), "{text}");
}

/// Each operation by itself: how many points it passes, and what is wrong already then.
async fn alone(
    lanes: &[Arc<Lane>],
    operations: Vec<&'static Operation>,
) -> (HashMap<&'static str, u32>, BTreeMap<String, Vec<String>>) {
    let next = AtomicUsize::new(0);
    let results = Mutex::new((HashMap::new(), BTreeMap::new()));
    let run = lanes.iter().map(async |lane| {
        while let Some(operation) = operations.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let work = {
                let lane = lane.clone();
                async move { race::alone(&lane, operation).await }
            };
            let (passed, wrong) = lane.guarded(work).await.unwrap_or_else(|error| (Vec::new(), vec![error]));
            if std::env::var_os(PAIR).is_some() {
                eprintln!("{} passes: {passed:#?}", operation.name);
            }
            let mut results = results.lock().unwrap();
            results.0.insert(operation.name, u32::try_from(passed.len()).unwrap());
            if !wrong.is_empty() {
                results.1.insert(format!("{} alone", operation.name), wrong);
            }
        }
    });
    futures_util::future::join_all(run).await;
    results.into_inner().unwrap()
}

async fn run_lane(lane: Arc<Lane>, work: Arc<Work>) {
    loop {
        let number = work.next.fetch_add(1, Ordering::Relaxed);
        let Some(job) = work.jobs.get(number).copied() else { return };
        let plan = Plan::by_seed(job.pair, job.seed(work.seed), |name| work.passages.get(name).copied().unwrap_or(0));
        let race = {
            let lane = lane.clone();
            async move { race::run(&lane, &plan).await }
        };
        let raced = lane.guarded(race).await;
        let raced = raced.unwrap_or_else(|error| Raced { wrong: vec![error], is_disturbed: None });
        let pair = job.pair.map(|operation| operation.name).join("+");
        work.report.lock().unwrap().note(pair, &plan, job.round, raced);
        work.tell(number);
    }
}

impl Work {
    fn tell(&self, number: usize) {
        let every = (self.jobs.len() / 50).max(200);
        if number % every == every - 1 && self.began.elapsed() > TELL_EVERY {
            let failed = self.report.lock().unwrap().failures.len();
            eprintln!(
                "{} of {} races after {:?}, {failed} pairs failed",
                number + 1,
                self.jobs.len(),
                self.began.elapsed()
            );
        }
    }
}
