//! By HTTP/1.1.

use std::{io::Write, time::Duration};

use futures_util::future::join_all;
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::target::{Target, drip, read_to_end};
use crate::support::{PATIENCE, until};

const PAUSE: Duration = Duration::from_millis(50);
const LOGIN: &str = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

/// One request on a connection of its own, and all that comes back.
async fn ask(target: &Target, request: &[u8]) -> String {
    let mut stream = target.connect().await;
    // The server may have had enough before all is written.
    let _ = timeout(PATIENCE, stream.write_all(request)).await.expect("the server reads or closes");
    read_to_end(&mut stream).await
}

#[track_caller]
fn assert_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "not {status}: {answer:?}");
}

/// The guard: a head has one deadline, and no byte of it buys time.
#[tokio::test]
async fn slow_heads_are_cut_off() {
    let target = Target::start(|settings| settings).await;
    let start = b"GET /api/v1/events HTTP/1.1\r\nhost: x\r\nx-filler: ";
    let attackers = join_all((0..200).map(|_| target.connect())).await;
    for answer in join_all(attackers.into_iter().map(|stream| drip(stream, start, PAUSE))).await {
        assert_eq!(answer, "");
    }
    target.assert_unharmed().await;
}

/// The guard: a body has one deadline, and no byte of it buys time.
#[tokio::test]
async fn slow_bodies_are_refused() {
    let target = Target::start(|settings| settings).await;
    let attack = async || {
        let mut stream = target.connect().await;
        stream.write_all(format!("{LOGIN}content-length: 100000\r\n\r\n").as_bytes()).await.unwrap();
        drip(stream, b" ", PAUSE).await
    };
    for answer in join_all((0..200).map(|_| attack())).await {
        assert_status(&answer, 408);
        assert!(answer.contains("connection: close"), "{answer}");
    }
    target.assert_unharmed().await;
}

#[tokio::test]
async fn heads_without_end_are_refused() {
    let target = Target::start(|settings| settings).await;
    let one = format!("GET / HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", "c".repeat(64 << 10));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(5_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "p".repeat(64 << 10));
    for (request, status) in [(&one, 431), (&many, 431), (&long, 414)] {
        for answer in join_all((0..50).map(|_| ask(&target, request.as_bytes()))).await {
            assert_status(&answer, status);
        }
    }
    target.assert_unharmed().await;
}

/// The guard: no reader of JSON calls itself for each level.
#[tokio::test]
async fn deep_json_is_refused() {
    let target = Target::start(|settings| settings).await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [10_000, 100_000] {
            let body = format!("{{\"email\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let head = format!("{LOGIN}connection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let answer = ask(&target, format!("{head}{body}").as_bytes()).await;
            assert_status(&answer, 400);
            assert!(answer.contains("REQUEST_001"), "{answer}");
        }
    }
    target.assert_unharmed().await;
}

/// The guard: nothing is unpacked.
#[tokio::test]
async fn a_gzip_bomb_stays_packed() {
    let target = Target::start(|settings| settings).await;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(&vec![0; 1 << 20]).unwrap();
    // A file of gzip may have many parts (RFC 1952, 2.2): a GiB altogether.
    let bomb = bomb.finish().unwrap().repeat(1 << 10);
    let head = format!("{LOGIN}connection: close\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    let request = [head.as_bytes(), &bomb].concat();
    for answer in join_all((0..10).map(|_| ask(&target, &request))).await {
        assert_status(&answer, 415);
        assert!(answer.contains("accept-encoding: identity"), "{answer}");
    }
    target.assert_unharmed().await;
}

/// The guard: a client that reads nothing is not read from either, and its connection ends.
#[tokio::test]
async fn requests_without_end_and_without_reading_are_cut_off() {
    let target = Target::start(|settings| settings).await;
    let requests = "GET /problems HTTP/1.1\r\nhost: x\r\n\r\n".repeat(10_000);
    let attack = async || {
        let mut stream = target.connect().await;
        // 400 KiB each time, asking for more than 100 MiB.
        let flooding = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
        timeout(PATIENCE, flooding).await.expect("the server ends the connection");
    };
    join_all((0..8).map(|_| attack())).await;
    target.assert_unharmed().await;
}

/// The guard: a body is counted while it arrives, whatever was announced.
#[tokio::test]
async fn bodies_without_end_are_refused() {
    let target = Target::start(|settings| settings).await;
    let attack = async |framing: &str, piece: &str| {
        let mut stream = target.connect().await;
        stream.write_all(format!("{LOGIN}{framing}\r\n\r\n").as_bytes()).await.unwrap();
        // 200 MiB, if it were let.
        for _ in 0..200 {
            let written = timeout(PATIENCE, stream.write_all(piece.as_bytes())).await.expect("it reads or closes");
            if written.is_err() {
                break;
            }
        }
        read_to_end(&mut stream).await
    };
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    for answer in join_all((0..8).map(|_| attack("transfer-encoding: chunked", &chunk))).await {
        // It may have been reset after the answer.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    for length in ["209715200", "9223372036854775807"] {
        let answer = attack(&format!("content-length: {length}"), "").await;
        assert_status(&answer, 413);
    }
    target.assert_unharmed().await;
}

/// The guard: a connection that says nothing has a deadline, so places become free again.
#[tokio::test]
async fn silent_connections_over_the_limit_do_not_keep_others_out() {
    const PLACES: usize = 50;
    let target = Target::start(|settings| settings.set("BOXOFFICE__HTTP__MAX_CONNECTIONS", PLACES)).await;
    // The bystander is refused while all places are taken: that is what this attack does, for a second.
    target.pause_bystander(true);
    let mut silent: Vec<TcpStream> = join_all((0..PLACES * 2).map(|_| target.connect())).await;
    let (mut refused, mut ended) = (0, 0);
    for stream in &mut silent {
        match read_to_end(stream).await {
            answer if answer.is_empty() => ended += 1,
            answer => {
                assert_status(&answer, 503);
                assert!(answer.contains("retry-after: 1"), "{answer}");
                refused += 1;
            }
        }
    }
    assert!(refused >= PLACES / 2 && ended >= PLACES / 2, "refused {refused}, ended {ended}");
    until("there is room again", async || {
        ask(&target, b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 200")
    })
    .await;
    target.pause_bystander(false);
    target.assert_unharmed().await;
}
