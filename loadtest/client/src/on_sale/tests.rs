//! In virtual time: what a stall of half a second does to either loop is known to the millisecond.

use std::{io, ops::Range, sync::Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{Instant, sleep, sleep_until},
};

use super::*;
use crate::requests::tests::workload;

const SERVICE: Duration = Duration::from_millis(1);

/// A server of one core that takes a millisecond a request and does nothing at all during the stall.
#[derive(Clone)]
struct Stalling {
    core: Arc<tokio::sync::Mutex<()>>,
    begin: Instant,
    stall: Range<Duration>,
    answered: Arc<Mutex<u64>>,
    body: &'static str,
}

impl Stalling {
    fn during(stall: Range<u64>) -> Self {
        let stall = Duration::from_millis(stall.start)..Duration::from_millis(stall.end);
        Self { core: Arc::default(), begin: Instant::now(), stall, answered: Arc::default(), body: "" }
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
            let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{}", self.body.len(), self.body);
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}

/// Half a second of warm-up and two of measuring.
fn plan(connections: usize, rate: Option<f64>) -> Load {
    Load::of(Scenario::HotGa, connections, rate, 0.5, 2.0)
}

async fn measure(load: Load, server: Stalling) -> OnSale {
    let workload = Rc::new(workload(load.scenario));
    load.book("", workload, move || std::future::ready(server.connect()), Sampler::start(Vec::new())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_sees_a_stall_in_every_request_that_was_due() {
    // 200 requests a second for 2 s; between 1.0 s and 1.5 s nothing is answered. A hundred requests, a quarter of all,
    // were due then and waited 250 ms on average.
    let done = measure(plan(4, Some(200.0)), Stalling::during(1000..1500)).await;
    assert_eq!(done.total.served, 500, "every request was sent, the late ones late: {done:?}");
    let latency = done.row.tally.latency;
    assert!((480.0..=520.0).contains(&latency.max), "{done:?}");
    assert!((350.0..=500.0).contains(&latency.p95), "a fifth of the stalled quarter: {done:?}");
    assert!(latency.p50 < 5.0, "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_due_before_measuring_is_not_measured() {
    let load = Load { readers: 2, read_rate: 100.0, ..plan(4, Some(200.0)) };
    let done = measure(load, Stalling::during(100..250)).await;
    for row in [&done.row, &done.reads[0], &done.reads[1]] {
        assert!(row.tally.latency.max < 10.0, "{done:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_hides_the_same_stall() {
    let done = measure(plan(4, None), Stalling::during(1000..1500)).await;
    // Four of more than a thousand requests saw it.
    let latency = done.row.tally.latency;
    assert!(latency.p99 < 10.0 && latency.max > 400.0, "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_while_others_book_sees_the_stall_as_in_an_open_loop() {
    // 100 reads a second, half of each kind, beside a closed loop that hides the stall. 50 of 200 were due during it.
    let load = Load { readers: 2, read_rate: 100.0, ..plan(2, None) };
    let done = measure(load, Stalling::during(1000..1500)).await;
    for read in &done.reads {
        assert!((99..=101).contains(&read.tally.served), "those of 2 s: {read:?}");
        let latency = read.tally.latency;
        assert!((480.0..=520.0).contains(&latency.max), "{read:?}");
        assert!((350.0..=500.0).contains(&latency.p95), "a fifth of the stalled quarter: {read:?}");
        assert!(latency.p50 < 10.0 && read.tally.unexpected() == 0, "{read:?}");
    }
    assert_eq!((done.reads[0].connections, done.row.connections), (1, 2));
    assert!(done.row.tally.latency.p99 < 10.0, "bookings are not mixed with reads: {done:?}");
    assert_eq!(done.total.unexpected(), 0, "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn reads_that_are_never_sent_count_as_late() {
    let load = Load { readers: 2, read_rate: 100.0, ..plan(1, None) };
    let done = measure(load, Stalling::during(1000..19000)).await;
    for read in &done.reads {
        let counted = read.tally.served + read.tally.unexpected() + read.tally.unsent;
        assert!((99..=101).contains(&counted), "those of 2 s: {read:?}");
        assert!(read.tally.latency.p95 > 1000.0, "{read:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_never_sent_counts_as_late() {
    // Down from 1 s until after the end of all patience: one request of each connection is under way, the rest never left.
    let done = measure(plan(4, Some(200.0)), Stalling::during(1000..19000)).await;
    let total = &done.total;
    assert_eq!(total.others["unanswered"], 4, "{done:?}");
    assert_eq!(total.served + total.unsent + 4, 500, "{done:?}");
    assert!(done.row.tally.latency.p95 > 1000.0, "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn the_window_ends_when_everything_is_sold() {
    let load = Load { scenario: Scenario::NamedSeats, warmup: 0.0, ..plan(2, None) };
    let done = measure(load, Stalling::during(0..0)).await;
    assert!(done.sold_out && done.row.seconds < 0.1, "{done:?}");
    assert_eq!(done.total.served, 4, "two houses of two seats");
}

#[tokio::test(start_paused = true)]
async fn a_paid_booking_takes_three_requests_and_each_kind_is_shown() {
    let paid = async |body| {
        let load = Load { scenario: Scenario::Priced, ..plan(2, None) };
        measure(load, Stalling { body, ..Stalling::during(0..0) }).await
    };
    let done = paid(r#"{"id":"1","status":"SUCCEEDED"}"#).await;
    let served: Vec<u64> = done.steps.iter().map(|row| row.tally.served + row.tally.held).collect();
    let names: Vec<&str> = done.steps.iter().map(|row| row.name.trim()).collect();
    assert_eq!(names, ["hold", "booking", "payment"]);
    // A request takes a millisecond of the only core: 2,000 in two seconds, a third of each kind.
    assert!(served.iter().all(|count| (660..=670).contains(count)), "{served:?}");
    assert!(done.steps.iter().all(|row| (330.0..=335.0).contains(&row.served_per_second)), "{done:?}");
    assert_eq!(done.row.tally.served, served[2], "only what is paid counts");
    assert!(done.total.held >= 2 * done.total.served, "{done:?}");
    assert_eq!((done.unsettled, done.total.unexpected()), (0, 0));

    let done = paid(r#"{"id":"1","status":"PROCESSING"}"#).await;
    assert_eq!(done.unsettled, done.total.served, "{done:?}");
}

fn judged(total: Tally, written: Option<u64>) -> bool {
    let row = Row { answers_per_second: 10.0, ..Row::default() };
    OnSale { row, total, ..OnSale::default() }.judge(written).missed().is_empty()
}

#[test]
fn reads_that_all_fail_fail_the_run() {
    let done = |served: u64| {
        let read = |served| Row { tally: Tally { served, ..Tally::default() }, ..Row::default() };
        let row = Row { answers_per_second: 10.0, ..Row::default() };
        OnSale { row, reads: vec![read(9), read(served)], ..OnSale::default() }
    };
    assert!(done(9).judge(None).missed().is_empty());
    assert!(!done(0).judge(None).missed().is_empty());
}

#[test]
fn a_ledger_that_differs_from_the_answers_fails_the_run() {
    let total = Tally { served: 10, ..Tally::default() };
    assert!(judged(total.clone(), Some(10)) && !judged(total.clone(), Some(9)) && !judged(total.clone(), Some(11)));
    // An answer that never came may be a booking, but makes none disappear.
    let unknown = Tally { unknown: 1, ..total };
    assert!(judged(unknown.clone(), Some(10)) && judged(unknown.clone(), Some(11)));
    assert!(!judged(unknown.clone(), Some(12)) && !judged(unknown, Some(9)));
}
