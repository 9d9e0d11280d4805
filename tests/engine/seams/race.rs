//! One race of two operations on one event.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::ids::EventId;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::Method;
use tokio::task::JoinHandle;

use super::{
    judge,
    lane::Lane,
    operations::{Operation, Told},
    points::{FailPoint, Point},
    stage::Stage,
};

/// Rows that write nothing.
const PASS_NOTHING: [&str; 4] = ["unload", "reload", "kill", "book_repeat"];

/// What the event's inventory is like when the race begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody has asked for it yet.
    Idle,
    Loaded,
    /// It has just died.
    Restarted,
    /// It is loaded, and the organizer asks another node, which can't pause it.
    Elsewhere,
}

/// Which race it is, and how it goes.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Who begins, and is disturbed.
    pub(crate) first: &'static Operation,
    pub(crate) second: &'static Operation,
    pub(crate) point: Point,
    pub(crate) state: State,
    /// Settles what does not go together.
    choice: usize,
    patience: Duration,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{} {:?} {:?}", self.first.name, self.second.name, self.state, self.point)
    }
}

impl Plan {
    /// The race of a pair by its seed; `passages` says how often each operation passes a fail point.
    pub(crate) fn by_seed(pair: [&'static Operation; 2], seed: u64, passages: impl Fn(&str) -> u32) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let [first, second] = if random.random() { pair } else { [pair[1], pair[0]] };
        let states = [State::Idle, State::Loaded, State::Loaded, State::Restarted, State::Elsewhere];
        let state = states[random.random_range(0..states.len())];
        let reach = passages(first.name);
        let point = match random.random_range(0..8) {
            _ if reach == 0 => Point::None,
            0 => Point::None,
            1 => Point::Fail(random.random_range(1..=reach), ["40001", "40P01"][random.random_range(0..2)]),
            _ => Point::Stop(random.random_range(1..=reach)),
        };
        let (choice, patience) = (random.random_range(0..2), Duration::from_millis(random.random_range(20..80)));
        Self { first, second, point, state, choice, patience }
    }
}

/// An operation under way.
struct Started {
    task: JoinHandle<Told>,
    is_done: Arc<AtomicBool>,
}

impl Started {
    fn new(operation: &'static Operation, stage: &Arc<Stage>) -> Self {
        let is_done = Arc::new(AtomicBool::new(false));
        let (stage, done) = (stage.clone(), Done(is_done.clone()));
        let task = tokio::spawn(async move {
            let _done = done;
            operation.perform(&stage).await
        });
        Self { task, is_done }
    }

    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }
}

/// Says so when it is dropped, also by a panic.
struct Done(Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Brings the event's inventory into this state.
async fn put_into(stage: &Stage, state: State) {
    if state == State::Idle {
        return;
    }
    // Also of an event that is not public: its inventory is loaded to find that out.
    stage.buyer(Method::GET, stage.event.path("availability"), None).send().await;
    match state {
        State::Restarted => stage.lane.server.running.inventories.kill(EventId(stage.event.id)),
        State::Elsewhere => stage.is_elsewhere.store(true, Ordering::Relaxed),
        State::Idle | State::Loaded => {}
    }
}

/// How a race went.
#[derive(Debug, Default)]
pub(crate) struct Raced {
    /// Everything that is wrong.
    pub(crate) wrong: Vec<String>,
    /// Whether the fail point disturbed anybody. `None` when there was none, or the first one was refused before it.
    pub(crate) is_disturbed: Option<bool>,
}

/// Runs the race.
pub(crate) async fn run(lane: &Arc<Lane>, plan: &Plan) -> Raced {
    let needs: Vec<_> = plan.first.needs.iter().chain(plan.second.needs).copied().collect();
    let stage = Arc::new(Stage::set(lane, &needs, plan.choice).await);
    let errors = crate::support::log::errors(0).len();
    let points = FailPoint { control: &lane.control };
    put_into(&stage, plan.state).await;
    points.arm(plan.point, plan.first.is_systems()).await;
    let first = Started::new(plan.first, &stage);
    if let Point::Stop(_) = plan.point {
        points.reached(|| first.is_done()).await;
        points.disarm().await;
    }
    let second = Started::new(plan.second, &stage);
    if let Point::Stop(_) = plan.point {
        points.done_or_waiting(|| second.is_done(), plan.patience).await;
        points.release().await;
    }
    let mut wrong = Vec::new();
    let mut told = Vec::new();
    for (operation, started) in [(plan.first, first), (plan.second, second)] {
        match started.task.await {
            Ok(answer) => told.push((operation, answer)),
            Err(panic) => wrong.push(format!("{}: {}", operation.name, text_of(panic))),
        }
    }
    points.disarm().await;
    let is_disturbed = match plan.point {
        Point::None => None,
        Point::Stop(_) | Point::Fail(..) => {
            let is_refused = told.first().is_none_or(|(_, told)| !told.is_done());
            let is_disturbed = points.fired().await;
            (is_disturbed || !is_refused).then_some(is_disturbed)
        }
    };
    if plan.state == State::Elsewhere {
        // It hears of the other node's change by a refusal of the ledger, or by the sampler after a while.
        stage.is_elsewhere.store(false, Ordering::Relaxed);
        lane.server.running.inventories.reload(EventId(stage.event.id));
    }
    wrong.extend(judge::judge(&stage, plan, &told).await);
    if !wrong.is_empty() {
        wrong.extend(crate::support::log::errors(errors).into_iter().take(4).map(|error| format!("logged: {error}")));
    }
    Raced { wrong, is_disturbed }
}

fn text_of(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast_ref::<&str>().map_or("a panic".to_owned(), |text| (*text).to_owned()),
        },
        Err(error) => error.to_string(),
    }
}

/// Does one operation alone, and says which points it passed.
pub(crate) async fn alone(lane: &Arc<Lane>, operation: &'static Operation) -> (Vec<String>, Vec<String>) {
    let stage = Arc::new(Stage::set(lane, operation.needs, 0).await);
    put_into(&stage, State::Loaded).await;
    let points = FailPoint { control: &lane.control };
    points.record(operation.is_systems()).await;
    let told = Started::new(operation, &stage).task.await;
    let mut passed = points.recorded().await;
    let plan = Plan {
        first: operation,
        second: operation,
        point: Point::None,
        state: State::Loaded,
        choice: 0,
        patience: Duration::ZERO,
    };
    let mut wrong = match told {
        Ok(Told::Answer(answer)) if !(200..300).contains(&answer.status) => {
            vec![format!("alone: {} {}", answer.status, String::from_utf8_lossy(&answer.body))]
        }
        Ok(Told::System(Err(error))) => vec![error],
        Ok(_) => Vec::new(),
        Err(panic) => vec![text_of(panic)],
    };
    if PASS_NOTHING.contains(&operation.name) {
        // What others wrote meanwhile.
        passed.clear();
    } else if passed.is_empty() {
        wrong.push("it passes no fail point: its races are of nothing".to_owned());
    }
    wrong.extend(judge::judge(&stage, &plan, &[]).await);
    (passed, wrong)
}
