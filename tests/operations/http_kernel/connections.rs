//! Limits, deadlines, hang-ups and the end.

use std::{sync::atomic::Ordering, time::Duration};

use super::support::{Kernel, Wire, post, soon, until};

const WAIT: &str = "GET /api/v1/waits HTTP/1.1\r\nhost: x\r\n\r\n";
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_detached_handler_finishes_after_its_client_has_gone() {
    let kernel = Kernel::start().await;
    let mut wire = kernel.open().await;
    wire.write(&post("/api/v1/waits", "")).await;
    until(|| kernel.app.entered.load(Ordering::SeqCst) == 1).await;
    drop(wire);
    // A second connection has been served completely, so the server has had its turn to notice the hang-up.
    assert_eq!(kernel.get("/problems").await.status, 200);
    kernel.app.gate.add_permits(1);
    until(|| kernel.app.finished.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_read_is_dropped_with_its_client() {
    let kernel = Kernel::with(|settings| settings.handler_concurrency = 1).await;
    let mut wire = kernel.open().await;
    wire.write(WAIT).await;
    until(|| kernel.app.entered.load(Ordering::SeqCst) == 1).await;
    drop(wire);
    // Its place is free again although nobody opened the gate.
    soon(async { while kernel.get("/problems").await.status != 200 {} }).await;
    assert_eq!(kernel.app.finished.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn handlers_over_the_limit_are_told_to_come_back() {
    let kernel = Kernel::with(|settings| settings.handler_concurrency = 1).await;
    let mut wire = kernel.open().await;
    wire.write(WAIT).await;
    until(|| kernel.app.entered.load(Ordering::SeqCst) == 1).await;
    let answer = kernel.get("/problems").await;
    answer.problem(503, "SERVICE_001");
    assert_eq!(answer.header("retry-after"), Some("1"));
    kernel.app.gate.add_permits(1);
    assert_eq!(wire.answer(false).await.unwrap().status, 204);
    assert_eq!(kernel.get("/problems").await.status, 200);
}

#[tokio::test]
async fn a_handler_over_its_deadline_is_503_and_a_detached_one_goes_on() {
    let kernel = Kernel::with(|settings| settings.request_timeout = SHORT).await;
    for request in [WAIT.to_owned(), post("/api/v1/waits", "")] {
        let answer = kernel.send(&request).await;
        answer.problem(503, "SERVICE_002");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    kernel.app.gate.add_permits(2);
    until(|| kernel.app.finished.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn connections_over_the_limit_are_told_and_closed() {
    let kernel = Kernel::with(|settings| settings.max_connections = 2).await;
    let (mut first, mut second) = (kernel.open().await, kernel.open().await);
    for wire in [&mut first, &mut second] {
        wire.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(wire.answer(false).await.unwrap().status, 200);
    }
    let mut third = kernel.open().await;
    let answer = third.answer(false).await.unwrap();
    answer.problem(503, "SERVICE_001");
    assert_eq!((answer.header("connection"), answer.header("retry-after")), (Some("close"), Some("1")));
    assert!(third.is_closed().await);
    drop(first);
    // Its place becomes free.
    soon(async {
        loop {
            let mut wire = kernel.open().await;
            wire.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
            if wire.answer(false).await.is_some_and(|answer| answer.status == 200) {
                break;
            }
        }
    })
    .await;
}

/// Watches the cap of each network, that places are given back, and who is exempt.
#[tokio::test]
async fn one_network_has_so_many_connections_and_leaves_the_others_theirs() {
    let ask = async |wire: &mut Wire| {
        wire.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
        wire.answer(false).await
    };
    let kernel = Kernel::with(|settings| settings.connections_per_network = 2).await;
    let (mut first, mut second) = (kernel.open().await, kernel.open().await);
    for wire in [&mut first, &mut second] {
        assert_eq!(ask(wire).await.unwrap().status, 200);
    }
    let mut third = kernel.open().await;
    let answer = third.answer(false).await.unwrap();
    answer.problem(429, "RATE_001");
    assert_eq!((answer.header("connection"), answer.header("retry-after")), (Some("close"), Some("5")));
    assert!(third.is_closed().await);
    let mut other = kernel.open_from([127, 0, 0, 2]).await;
    assert_eq!(ask(&mut other).await.unwrap().status, 200);
    drop(first);
    soon(async { while ask(&mut kernel.open().await).await.is_none_or(|answer| answer.status != 200) {} }).await;

    let trusting = Kernel::with(|settings| {
        settings.connections_per_network = 1;
        settings.trusted = vec!["127.0.0.1".parse().unwrap()];
        settings.trusted_proxies = vec!["127.0.0.2".parse().unwrap()];
    })
    .await;
    for address in [[127, 0, 0, 1], [127, 0, 0, 2]] {
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut wire = trusting.open_from(address).await;
            assert_eq!(ask(&mut wire).await.unwrap().status, 200);
            open.push(wire);
        }
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let kernel = Kernel::with(|settings| settings.header_timeout = SHORT).await;
    // Nothing; the beginning of HTTP/2's preface; of a head; of a second head.
    for start in ["", "PRI * HTTP/2.0\r\n", "GET /problems HTTP/1.1\r\nho"] {
        let mut wire = kernel.open().await;
        wire.write(start).await;
        assert!(wire.is_closed().await, "{start:?}");
    }
    let mut wire = kernel.open().await;
    wire.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(wire.answer(false).await.unwrap().status, 200);
    wire.write("GET /prob").await;
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let kernel = Kernel::with(|settings| {
        settings.header_timeout = SHORT;
        settings.idle_timeout = SHORT;
    })
    .await;
    let (mut idle, mut busy) = (kernel.open().await, kernel.open().await);
    busy.write(WAIT).await;
    until(|| kernel.app.entered.load(Ordering::SeqCst) == 1).await;
    idle.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(idle.answer(false).await.unwrap().status, 200);
    assert!(idle.is_closed().await);
    kernel.app.gate.add_permits(1);
    assert_eq!(busy.answer(false).await.unwrap().status, 204);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let kernel = Kernel::start().await;
    let head = format!("GET /problems HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", "c".repeat(100_000));
    kernel.send(&head).await.problem(431, "REQUEST_009");
    let head = format!("GET /problems HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
    kernel.send(&head).await.problem(431, "REQUEST_009");
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish_and_refuses_new_ones() {
    let kernel = Kernel::start().await;
    let (address, app) = (kernel.address, kernel.app.clone());
    let (mut attached, mut detached, mut idle) = (kernel.open().await, kernel.open().await, kernel.open().await);
    attached.write(WAIT).await;
    detached.write(&post("/api/v1/waits", "")).await;
    until(|| app.entered.load(Ordering::SeqCst) == 2).await;
    idle.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(idle.answer(false).await.unwrap().status, 200);
    // One whose client has gone counts as well.
    let mut gone = kernel.open().await;
    gone.write(&post("/api/v1/waits", "")).await;
    until(|| app.entered.load(Ordering::SeqCst) == 3).await;
    drop(gone);

    let served = kernel.begin_shutdown();
    assert!(idle.is_closed().await, "an idle connection is closed at once");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(!served.is_finished());
    app.gate.add_permits(3);
    for wire in [&mut attached, &mut detached] {
        let answer = wire.answer(false).await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (204, Some("close")));
    }
    let report = soon(served).await.unwrap();
    assert_eq!((report.cut, report.unfinished), (0, 0), "{report:?}");
    assert_eq!(app.finished.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let kernel = Kernel::with(|settings| settings.drain_timeout = SHORT).await;
    let mut wire = kernel.open().await;
    wire.write(&post("/api/v1/waits", "")).await;
    until(|| kernel.app.entered.load(Ordering::SeqCst) == 1).await;
    let report = soon(kernel.begin_shutdown()).await.unwrap();
    assert_eq!((report.connections, report.cut, report.unfinished), (1, 1, 1));
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn a_shutdown_waits_for_handlers_whose_clients_have_gone() {
    let kernel = Kernel::start().await;
    let (address, app) = (kernel.address, kernel.app.clone());
    let mut wire = kernel.open().await;
    wire.write(&post("/api/v1/waits", "")).await;
    until(|| app.entered.load(Ordering::SeqCst) == 1).await;
    drop(wire);
    let served = kernel.begin_shutdown();
    soon(async { while tokio::net::TcpStream::connect(address).await.is_ok() {} }).await;
    // Turns enough for a shutdown that has nothing to wait for.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(!served.is_finished());
    app.gate.add_permits(1);
    assert_eq!(soon(served).await.unwrap().unfinished, 0);
    assert_eq!(app.finished.load(Ordering::SeqCst), 1);
}
