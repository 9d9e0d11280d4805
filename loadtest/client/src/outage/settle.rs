//! Afterwards: everything that is open is asked again, and everything that was acknowledged once more.

use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use onsale::flow::{self, Pace, Plan};
use serde::Serialize;
use tokio::time::sleep;

use super::journal::Journal;
use crate::load::connect;

const CONNECTIONS: usize = 128;
/// How long one round may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rounds, a second apart: a server that has just got its database back may still refuse.
const ROUNDS_MAX: u32 = 30;

/// What stands in the end.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settled {
    /// Requests that had no answer that stands when the flow was over.
    pub(super) asked_again: u64,
    /// Those without one in the end.
    pub(super) left_open: u64,
    /// Requests that have booked.
    pub(super) made: u64,
    /// Requests whose seat a rival has.
    pub(super) taken: u64,
    /// Bookings that a server which was started since has not given again under the same key.
    pub(super) unconfirmed: u64,
    /// Answers that contradict earlier ones.
    pub(super) faults: Vec<String>,
}

/// Asks what is open again, under the same keys, until every request has an answer that stands.
pub(super) async fn settle(address: SocketAddr, journal: &Rc<Journal>) -> anyhow::Result<Settled> {
    journal.end();
    let asked_again = journal.open().len() as u64;
    repeat(address, journal, |journal| journal.open()).await;
    let (made, taken) = journal.standing();
    let left_open = journal.open().len() as u64;
    Ok(Settled { asked_again, left_open, made, taken, ..Settled::default() })
}

/// Asks for every booking again: the answer must be the first one.
pub(super) async fn confirm(address: SocketAddr, journal: &Rc<Journal>, settled: &mut Settled) -> anyhow::Result<()> {
    journal.confirm();
    repeat(address, journal, |journal| journal.unconfirmed()).await;
    settled.unconfirmed = journal.unconfirmed().len() as u64;
    settled.faults = journal.faults();
    Ok(())
}

async fn repeat(address: SocketAddr, journal: &Rc<Journal>, which: impl Fn(&Journal) -> Vec<u64>) {
    for _ in 0..ROUNDS_MAX {
        let numbers = which(journal);
        if numbers.is_empty() {
            return;
        }
        let pace = Pace::List(numbers);
        let plan = Plan { connections: CONNECTIONS, greeting: None, pace, patience: PATIENCE, stop: Arc::default() };
        flow::flow(plan, Rc::clone(journal), move || connect(address), |_| {}).await;
        if !which(journal).is_empty() {
            sleep(Duration::from_secs(1)).await;
        }
    }
}
