//! Clients that ask for much and take little of it.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::AsyncReadExt;

use super::support::{Kernel, PATIENCE, Wire, soon};

const MIB: usize = 1 << 20;
/// More than the system keeps for a connection that nobody reads from.
const LARGE: &str = "GET /api/v1/sized?bytes=12582912 HTTP/1.1\r\nhost: x\r\n\r\n";
const SMALL: &str = "GET /api/v1/sized?bytes=1000 HTTP/1.1\r\nhost: x\r\n\r\n";

/// Asks for much, and reads no more than the beginning of the answer.
async fn begun(mut wire: Wire) -> Wire {
    wire.write(LARGE).await;
    let mut first = [0; 12];
    tokio::time::timeout(PATIENCE, wire.stream.read_exact(&mut first)).await.expect("an answer in time").unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    wire
}

/// Watches the budgets of what is unsent, and that bytes are given back.
#[tokio::test]
async fn who_does_not_take_its_answers_gets_no_more_and_others_do_until_the_node_is_full() {
    let kernel = Kernel::with(|settings| {
        settings.unsent_per_network = 13 * MIB;
        settings.unsent_max = 26 * MIB;
    })
    .await;
    let first = begun(kernel.open().await).await;
    kernel.send(LARGE).await.problem(429, "RATE_001");
    assert_eq!(kernel.send(SMALL).await.status, 200, "what is small is not counted");
    let _second = begun(kernel.open_from([127, 0, 0, 2]).await).await;
    let mut third = kernel.open_from([127, 0, 0, 3]).await;
    third.write(LARGE).await;
    let answer = third.answer(false).await.unwrap();
    answer.problem(503, "SERVICE_001");
    assert_eq!(answer.header("retry-after"), Some("5"));
    drop(first);
    soon(async { while kernel.send(LARGE).await.status != 200 {} }).await;
}

/// Watches that what is recorded is what is answered.
#[tokio::test]
async fn an_answer_that_the_budget_refuses_is_recorded_as_refused() {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    let recorded = recorder.handle();
    let _guard = metrics::set_default_local_recorder(recorder);
    let kernel = Kernel::with(|settings| settings.unsent_per_network = 13 * MIB).await;
    let _first = begun(kernel.open().await).await;
    kernel.send(LARGE).await.problem(429, "RATE_001");
    let text = recorded.render();
    let count = |status: u16| {
        let of_status = format!("status=\"{status}\"}} 1");
        text.lines().filter(|line| line.contains("/api/v1/sized") && line.ends_with(&of_status)).count()
    };
    assert_eq!((count(200), count(429)), (1, 1), "{text}");
    assert!(text.lines().any(|line| line.ends_with("bound=\"network\"} 1")), "{text}");
}

/// Watches the least rate: some progress now and then buys no time.
#[tokio::test]
async fn a_client_that_takes_too_little_is_cut_off() {
    let kernel = Kernel::with(|settings| {
        settings.write_timeout = Duration::from_secs(1);
        settings.least_rate = 64 << 20;
    })
    .await;
    let mut wire = kernel.open().await;
    wire.write(LARGE).await;
    let (mut taken, mut part) = (0, vec![0; 64 << 10]);
    // About 4 MiB a second at most, which makes room again and again.
    soon(async {
        while let Ok(length @ 1..) = wire.stream.read(&mut part).await {
            taken += length;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    })
    .await;
    assert!(taken < 12 * MIB, "all {taken} bytes were sent");
}
