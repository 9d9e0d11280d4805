//! In virtual time: what a stall of half a second does to either loop is known to the millisecond.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::report::ReadReport;
use crate::workload::{Scenario, tests::workload};

const SERVICE: Duration = Duration::from_millis(1);

/// A server of one core that takes a millisecond a request and does nothing at all during the stall.
#[derive(Clone)]
struct Server {
    core: Arc<tokio::sync::Mutex<()>>,
    begin: Instant,
    stall: std::ops::Range<Duration>,
    answered: Arc<Mutex<u64>>,
}

impl Server {
    fn stalling(stall: std::ops::Range<u64>) -> Self {
        let stall = Duration::from_millis(stall.start)..Duration::from_millis(stall.end);
        Self { core: Arc::default(), begin: Instant::now(), stall, answered: Arc::default() }
    }

    fn connect(&self) -> io::Result<DuplexStream> {
        let (client, server) = duplex(4096);
        tokio::task::spawn_local(self.clone().serve(server));
        Ok(client)
    }

    async fn serve(self, mut stream: DuplexStream) {
        let mut request = [0; 2048];
        while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
            let _core = self.core.lock().await;
            sleep(SERVICE).await;
            if self.stall.contains(&self.begin.elapsed()) {
                sleep_until(self.begin + self.stall.end).await;
            }
            *self.answered.lock().unwrap() += 1;
            let _ = stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
        }
    }
}

fn plan(mode: Mode, connections: usize) -> Plan {
    Plan {
        connections,
        mode,
        reads: None,
        warmup: Duration::from_millis(500),
        measured: Duration::from_secs(2),
        patience: Duration::from_secs(1),
        watched: Vec::new(),
    }
}

async fn measure(plan: Plan, scenario: Scenario, server: Server) -> Report {
    run(plan, Rc::new(workload(scenario)), move || std::future::ready(server.connect())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_sees_a_stall_in_every_request_that_was_due() {
    // 200 requests a second for 2 s; between 1.0 s and 1.5 s nothing is answered. A hundred requests, a quarter of all,
    // were due then and waited 250 ms on average.
    let server = Server::stalling(1000..1500);
    let report = measure(plan(Mode::Open(200.0), 4), Scenario::HotGa, server).await;
    assert_eq!(report.total.bookings, 500, "every request was sent, the late ones late: {report:?}");
    assert!((480.0..=520.0).contains(&report.latency.max), "{report:?}");
    assert!((350.0..=500.0).contains(&report.latency.p95), "a fifth of the stalled quarter: {report:?}");
    assert!(report.latency.p50 < 5.0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_due_before_measuring_is_not_measured() {
    let mut plan = plan(Mode::Open(200.0), 4);
    plan.reads = Some(Reads { connections: 2, rate: 100.0 });
    let report = measure(plan, Scenario::HotGa, Server::stalling(100..250)).await;
    let reads = report.reads.as_ref().unwrap();
    for latency in [&report.latency, &reads.availability.latency, &reads.event.latency] {
        assert!(latency.max < 10.0, "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_hides_the_same_stall() {
    let report = measure(plan(Mode::Closed, 4), Scenario::HotGa, Server::stalling(1000..1500)).await;
    // Four of more than a thousand requests saw it.
    assert!(report.latency.p99 < 10.0 && report.latency.max > 400.0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_while_others_book_sees_the_stall_as_in_an_open_loop() {
    // 100 reads a second, half of each kind, beside a closed loop that hides the stall. 50 of 200 were due during it.
    let mut plan = plan(Mode::Closed, 2);
    plan.reads = Some(Reads { connections: 2, rate: 100.0 });
    let report = measure(plan, Scenario::HotGa, Server::stalling(1000..1500)).await;
    let reads = report.reads.as_ref().unwrap();
    for read in [&reads.availability, &reads.event] {
        assert_eq!(read.statuses, [(201, 125)].into(), "all of 2.5 s: {reads:?}");
        assert!((99..=101).contains(&read.answers), "those of 2 s: {reads:?}");
        assert!((480.0..=520.0).contains(&read.latency.max), "{reads:?}");
        assert!((350.0..=500.0).contains(&read.latency.p95), "a fifth of the stalled quarter: {reads:?}");
        assert!(read.latency.p50 < 10.0 && read.unanswered == 0, "{reads:?}");
    }
    assert_eq!((reads.connections, report.connections), (2, 2));
    assert!(report.latency.p99 < 10.0, "bookings are not mixed with reads: {report:?}");
    assert_eq!(report.total.statuses, [(201, report.total.bookings)].into(), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn reads_that_are_never_sent_count_as_late() {
    let mut plan = plan(Mode::Closed, 1);
    plan.reads = Some(Reads { connections: 2, rate: 100.0 });
    let report = measure(plan, Scenario::HotGa, Server::stalling(1000..9000)).await;
    let reads = report.reads.unwrap();
    let counted = |read: &ReadReport| read.statuses.values().sum::<u64>() + read.unanswered;
    assert_eq!((counted(&reads.availability), counted(&reads.event)), (125, 125), "{reads:?}");
    assert!(reads.event.latency.p95 > 1000.0 && reads.availability.latency.p95 > 1000.0, "{reads:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_never_sent_counts_as_late() {
    // Down from 1 s until after the end of all patience: one request of each connection is under way, the rest never left.
    let report = measure(plan(Mode::Open(200.0), 4), Scenario::HotGa, Server::stalling(1000..9000)).await;
    let total = &report.total;
    assert_eq!(total.unanswered - total.unsent, 4, "{report:?}");
    assert_eq!(total.bookings + total.unanswered, 500, "{report:?}");
    assert!(report.latency.p95 > 1000.0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn the_window_ends_when_everything_is_sold() {
    let mut plan = plan(Mode::Closed, 2);
    plan.warmup = Duration::ZERO;
    let report = measure(plan, Scenario::NamedSeats, Server::stalling(0..0)).await;
    assert!(report.sold_out && report.seconds < 0.1, "{report:?}");
    assert_eq!(report.total.bookings, 4, "two houses of two seats");
}
