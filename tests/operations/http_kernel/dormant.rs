//! Connections between two requests give their buffers back; clients do not notice.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Kernel, Wire, post, soon, until};

const AT_ONCE: Duration = Duration::from_millis(1);
const GET: &str = "GET /problems HTTP/1.1\r\nhost: x\r\n\r\n";

/// A recorder of this test alone: install it before the kernel starts.
fn recorder() -> (&'static PrometheusRecorder, PrometheusHandle) {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    let handle = recorder.handle();
    (recorder, handle)
}

fn dormant(handle: &PrometheusHandle) -> Option<usize> {
    let text = handle.render();
    let line = text.lines().find_map(|line| line.strip_prefix("boxoffice_http_dormant_connections "));
    line.map(|count| count.parse().unwrap())
}

async fn ask(wire: &mut Wire, request: &str) -> u16 {
    wire.write(request).await;
    wire.answer(false).await.unwrap().status
}

/// Lets a connection of its own become dormant, some times over: whatever was due before has been done by then.
async fn let_time_pass(kernel: &Kernel, handle: &PrometheusHandle) {
    let before = dormant(handle).unwrap();
    let mut wire = kernel.open().await;
    for _ in 0..5 {
        assert_eq!(ask(&mut wire, GET).await, 200);
        until(|| dormant(handle) == Some(before + 1)).await;
    }
    drop(wire);
    until(|| dormant(handle) == Some(before)).await;
}

#[tokio::test]
async fn a_dormant_connection_serves_on_and_ends_with_its_client_or_the_server() {
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(recorder);
    let kernel = Kernel::with(|settings| settings.dormant_after = AT_ONCE).await;
    let mut wire = kernel.open().await;
    let body = r#"{"items":[]}"#;
    for request in [GET, &post("/api/v1/things", body), &post("/api/v1/things", "{"), GET] {
        let status = ask(&mut wire, request).await;
        assert!([200, 201, 400].contains(&status), "{status}");
        until(|| dormant(&handle) == Some(1)).await;
    }
    let mut gone = kernel.open().await;
    assert_eq!(ask(&mut gone, GET).await, 200);
    until(|| dormant(&handle) == Some(2)).await;
    drop(gone);
    until(|| dormant(&handle) == Some(1)).await;

    // A head that comes byte by byte.
    let mut slow = kernel.open().await;
    assert_eq!(ask(&mut slow, GET).await, 200);
    until(|| dormant(&handle) == Some(2)).await;
    for byte in GET.as_bytes() {
        slow.stream.write_all(&[*byte]).await.unwrap();
    }
    assert_eq!(slow.answer(false).await.unwrap().status, 200);

    let served = kernel.begin_shutdown();
    for mut wire in [wire, slow] {
        assert!(wire.is_closed().await, "a shutdown ends it at once");
    }
    assert_eq!(soon(served).await.unwrap().cut, 0);
    assert_eq!(dormant(&handle), Some(0));
}

#[tokio::test]
async fn a_dormant_connection_is_closed_when_it_has_been_idle_for_too_long() {
    let kernel = Kernel::with(|settings| {
        settings.dormant_after = AT_ONCE;
        settings.idle_timeout = Duration::from_millis(50);
    })
    .await;
    let mut wire = kernel.open().await;
    assert_eq!(ask(&mut wire, GET).await, 200);
    assert!(wire.is_closed().await);
}

/// The guard: only hyper knows whether a request's body is complete. Bytes of a body that were taken for a request would be
/// requests of somebody else behind a proxy (request smuggling).
#[tokio::test]
async fn the_rest_of_a_body_that_comes_after_its_answer_is_never_taken_for_a_request() {
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(recorder);
    let kernel = Kernel::with(|settings| settings.dormant_after = AT_ONCE).await;
    let mut wire = kernel.open().await;
    // Refused without a token, before its body is there.
    let request = post("/api/v1/profile", GET);
    let head = request.strip_suffix(GET).unwrap();
    assert_eq!(ask(&mut wire, head).await, 401);
    let_time_pass(&kernel, &handle).await;
    wire.write(GET).await;
    assert!(wire.is_closed().await, "the connection ends with the body");
}

/// The guard: a connection is not dormant while its client has not taken all of an answer.
#[tokio::test]
async fn answers_that_are_taken_late_are_complete() {
    const REQUESTS: usize = 1_000;
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(recorder);
    let kernel = Kernel::with(|settings| settings.dormant_after = AT_ONCE).await;
    let mut wire = kernel.open().await;
    // More than the sockets' buffers hold: the server can't write on until the client reads.
    wire.write(&GET.repeat(REQUESTS)).await;
    let_time_pass(&kernel, &handle).await;
    for number in 0..REQUESTS {
        let answer = wire.answer(false).await;
        assert_eq!(answer.map(|answer| answer.status), Some(200), "answer {number}");
    }
}

/// The guard: what hyper has read of the next request goes with the connection.
#[tokio::test]
async fn the_beginning_of_the_next_head_is_kept_and_its_rest_has_a_deadline() {
    let (recorder, handle) = recorder();
    let _guard = metrics::set_default_local_recorder(recorder);
    let kernel = Kernel::with(|settings| {
        settings.dormant_after = AT_ONCE;
        settings.header_timeout = Duration::from_millis(500);
    })
    .await;
    let (start, rest) = GET.split_at(8);
    let mut wire = kernel.open().await;
    assert_eq!(ask(&mut wire, &[GET, start].concat()).await, 200);
    let_time_pass(&kernel, &handle).await;
    assert_eq!(ask(&mut wire, &[rest, start].concat()).await, 200);
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn the_preface_of_http2_is_known_however_it_is_cut() {
    let kernel = Kernel::start().await;
    let mut wire = kernel.open().await;
    wire.stream.set_nodelay(true).unwrap();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
        wire.stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    // An empty frame of settings is answered by the server's own.
    wire.stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut frame = [0; 9];
    soon(wire.stream.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}
