//! Fail points between the statements of an operation. They are in the test's database (`points.sql`), not in the product: a trigger
//! before and after each statement on the tables of a sale.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

/// What the upkeep does every second of its own accord. Only the rows of `system.rs` are stopped in it.
const UPKEEP: &str = "publish_at <= now|finished_at IS NULL AND lease_until|after_booking_id = ";
/// Matches no statement.
const NONE: &str = "^$";
/// For an operation to reach its point, or to end without.
const ARRIVAL: Duration = Duration::from_secs(20);

/// Where an operation is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Nowhere: both begin at the same moment.
    None,
    /// The first one stops at its `n`th passage, counted from 1, until the other is done or waits.
    Stop(u32),
    /// The `n`th passage of the first that comes fails once, with this SQLSTATE.
    Fail(u32, &'static str),
}

/// The fail point of one database. One at a time.
pub(crate) struct FailPoint<'a> {
    pub(crate) control: &'a Client,
}

impl FailPoint<'_> {
    /// Arms it; an operation of the system's own is stopped in the statements of the upkeep, too.
    pub(crate) async fn arm(&self, point: Point, is_systems: bool) {
        let (n, action) = match point {
            Point::None => return,
            Point::Stop(n) => (n, "stop"),
            Point::Fail(n, sqlstate) => (n, sqlstate),
        };
        if action == "stop" {
            self.control.execute("SELECT pg_advisory_lock(77, 77)", &[]).await.unwrap();
        }
        self.insert(n, action, is_systems).await;
    }

    async fn insert(&self, n: u32, action: &str, is_systems: bool) {
        let ignored = if is_systems { NONE } else { UPKEEP };
        let n = i32::try_from(n).unwrap();
        self.control.execute("SELECT setval('seams.fired', 1, false)", &[]).await.unwrap();
        self.control.execute("INSERT INTO seams.point VALUES ($1, $2, $3)", &[&n, &action, &ignored]).await.unwrap();
    }

    /// Nobody is disturbed from now on; who is stopped stays so.
    pub(crate) async fn disarm(&self) {
        self.control.execute("DELETE FROM seams.point", &[]).await.unwrap();
    }

    /// Lets go of who is stopped.
    pub(crate) async fn release(&self) {
        self.control.execute("SELECT pg_advisory_unlock_all()", &[]).await.unwrap();
    }

    /// Waits until somebody has stopped, or `is_done`. Whether somebody has.
    pub(crate) async fn reached(&self, is_done: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        loop {
            // In this order: who is done has stopped before, or not at all.
            let done = is_done() || began.elapsed() > ARRIVAL;
            let stopped = "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 77 AND NOT l.granted)";
            if self.control.query_one(stopped, &[]).await.unwrap().get(0) {
                return true;
            }
            if done {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Whether somebody has come to the point since it was armed.
    pub(crate) async fn fired(&self) -> bool {
        self.control.query_one("SELECT is_called FROM seams.fired", &[]).await.unwrap().get(0)
    }

    /// Waits until `is_done`, or somebody waits for a lock of the other one, at most for `patience`: what waits in the server's memory
    /// can't be seen from here.
    pub(crate) async fn done_or_waiting(&self, is_done: impl Fn() -> bool, patience: Duration) {
        let began = Instant::now();
        let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity a JOIN pg_locks l USING (pid)
            WHERE a.datname = current_database() AND NOT l.granted AND (l.locktype <> 'advisory' OR l.classid <> 77))";
        while !is_done() && began.elapsed() < patience {
            if self.control.query_one(waiting, &[]).await.unwrap().get(0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Notes what passes from now on.
    pub(crate) async fn record(&self, is_systems: bool) {
        self.control.execute("DELETE FROM seams.passage", &[]).await.unwrap();
        self.insert(0, "record", is_systems).await;
    }

    /// The most that one transaction passed since [`FailPoint::record`], with the names of its points.
    pub(crate) async fn recorded(&self) -> Vec<String> {
        self.disarm().await;
        let longest = "SELECT label FROM seams.passage
            WHERE tx = (SELECT tx FROM seams.passage GROUP BY tx ORDER BY count(*) DESC LIMIT 1) ORDER BY n";
        self.control.query(longest, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }
}
