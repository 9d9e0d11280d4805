//! Buyers who book all through a fault, and remember what they were told and when.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{TestEvent, TestServer, client::uuid, retry::Stubborn, until, wire::Told as Answered};

/// Refusals must end so soon after their cause; asked for by `make bench-faults` only.
const REFUSALS_MAX: Duration = Duration::from_millis(1500);
/// Set by `make bench-faults`: the times are reported and judged.
const REPORT: &str = "BOXOFFICE_FAULTS_REPORT";

#[derive(Default)]
struct Told {
    booked: Vec<(Instant, Uuid)>,
    refused: Vec<Instant>,
    slowest: Duration,
}

/// See the module's page.
pub(crate) struct Watch {
    buyers: JoinSet<()>,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Told>>,
    event: Uuid,
}

impl Watch {
    /// So many buyers book one place after the other of the event's first ticket type.
    pub(crate) async fn begin(server: &TestServer, event: &TestEvent, buyers: usize) -> Self {
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Told::default())));
        let mut tasks = JoinSet::new();
        for buyer in server.buyers(buyers).await {
            let mut client = Stubborn::new(server.running.address, &buyer);
            let (stop, told, event) = (stop.clone(), told.clone(), event.clone());
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    one(&mut client, &event, &told).await;
                }
            });
        }
        Self { buyers: tasks, stop, told, event: event.id }
    }

    fn told<T>(&self, look: impl FnOnce(&Told) -> T) -> T {
        look(&self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many were booked so far.
    pub(crate) fn booked(&self) -> usize {
        self.told(|told| told.booked.len())
    }

    /// How many answers were refusals so far.
    pub(crate) fn refused(&self) -> usize {
        self.told(|told| told.refused.len())
    }

    /// How long somebody waited for a booking, its refusals included.
    pub(crate) fn slowest(&self) -> Duration {
        self.told(|told| told.slowest)
    }

    /// Waits for so many further bookings.
    pub(crate) async fn goes_on(&self, bookings: usize) {
        let enough = self.booked() + bookings;
        until("bookings go on", async || self.booked() >= enough).await;
    }

    /// Says how long after the end of the cause somebody was served, and the last one refused.
    pub(crate) fn tell(&self, fault: &str, ended: Instant) {
        let since = |at: Instant| at.saturating_duration_since(ended);
        let (first, last) = self.told(|told| {
            let first = told.booked.iter().map(|(at, _)| *at).filter(|at| *at > ended).min();
            (first.map(since), told.refused.iter().max().copied().map(since).unwrap_or_default())
        });
        let refused = self.refused();
        eprintln!(
            "{fault}: {refused} refusals; first success {first:.0?}, last refusal {last:.0?} after the end of its cause"
        );
        if std::env::var_os(REPORT).is_some() {
            assert!(last <= REFUSALS_MAX, "{fault}: the last refusal came {last:?} after the end of its cause");
        }
    }

    /// Ends it, when everybody has an answer that stands; what was acknowledged is what is written.
    pub(crate) async fn end(self, server: &TestServer) {
        self.stop.store(true, Ordering::Relaxed);
        let Self { buyers, told, event, .. } = self;
        buyers.join_all().await;
        let mut booked: Vec<_> = told.lock().unwrap().booked.iter().map(|(_, id)| *id).collect();
        booked.sort_unstable();
        let rows =
            server.client.query("SELECT id FROM bookings WHERE event_id = $1 ORDER BY id", &[&event]).await.unwrap();
        let written: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(written.len(), booked.len(), "one booking a request");
        assert_eq!(written, booked, "what was acknowledged is what is written");
        server.audit().await;
    }
}

/// One booking, asked for with its key until it is made.
async fn one(client: &mut Stubborn, event: &TestEvent, told: &Mutex<Told>) {
    let (key, body, began) = (Uuid::now_v7().to_string(), event.places(1), Instant::now());
    loop {
        let answer = client.try_book(event.id, &key, &body).await;
        if note(answer, began, told) {
            return;
        }
        assert!(began.elapsed() < crate::support::PATIENCE, "no answer that stands");
        tokio::time::sleep(Duration::from_millis(rand::random_range(5..50))).await;
    }
}

/// Whether it is booked.
fn note(answer: Option<Answered>, began: Instant, told: &Mutex<Told>) -> bool {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    match answer {
        Some(answer) if answer.status == 201 => {
            told.booked.push((Instant::now(), uuid(&answer.json()["id"])));
            told.slowest = told.slowest.max(began.elapsed());
            return true;
        }
        Some(answer) => {
            assert_eq!(answer.status, 503, "{:?}", answer.json());
            told.refused.push(Instant::now());
        }
        None => told.refused.push(Instant::now()),
    }
    false
}
