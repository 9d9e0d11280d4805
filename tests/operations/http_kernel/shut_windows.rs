//! Clients of HTTP/2 that ask for much and give the server no window to send it in.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
};

use super::support::{Kernel, soon};
use crate::attacks::frames::{
    END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, WINDOW_UPDATE, begin, frame, get,
};

/// Flag of an answer to a ping.
const ACK: u8 = 1;
const LARGE: &str = "GET /api/v1/sized?bytes=100000 HTTP/1.1\r\nhost: x\r\n\r\n";

async fn opened(kernel: &Kernel) -> (OwnedReadHalf, OwnedWriteHalf) {
    begin(kernel.open().await.stream, &[(INITIAL_WINDOW_SIZE, 0)]).await
}

/// The head of a request for so many bytes.
fn ask(stream: u32, bytes: usize) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &get(&format!("/api/v1/sized?bytes={bytes}")))
}

/// Sends frames now and then and answers pings, until the connection ends. Whether the server said goodbye before.
async fn keep_busy(connection: (OwnedReadHalf, OwnedWriteHalf), mut frames: impl FnMut() -> Vec<u8>) -> bool {
    let (mut reading, mut writing) = connection;
    let (pings, mut pinged) = mpsc::unbounded_channel();
    let reader = tokio::spawn(async move {
        let (mut head, mut said_goodbye) = ([0; 9], false);
        while reading.read_exact(&mut head).await.is_ok() {
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            if reading.read_exact(&mut payload).await.is_err() {
                break;
            }
            said_goodbye |= head[3] == GOAWAY;
            if head[3] == PING && head[4] & ACK == 0 {
                pings.send(payload).unwrap();
            }
        }
        said_goodbye
    });
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    soon(async {
        while !reader.is_finished() {
            let bytes = tokio::select! {
                _ = pace.tick() => frames(),
                ping = pinged.recv() => ping.map_or_else(Vec::new, |ping| frame(PING, ACK, 0, &ping)),
            };
            if writing.write_all(&bytes).await.is_err() {
                break;
            }
        }
        reader.await.unwrap()
    })
    .await
}

/// Watches the write time-out where nothing is ever written: pings, and requests that go on, buy no time.
#[tokio::test]
async fn a_client_without_a_window_is_cut_off_however_busy_it_is() {
    let kernel = Kernel::with(|settings| {
        settings.header_timeout = Duration::from_millis(500);
        settings.write_timeout = Duration::from_secs(1);
        settings.least_rate = 0;
        settings.unsent_per_network = 150_000;
    })
    .await;
    let (reading, mut writing) = opened(&kernel).await;
    writing.write_all(&ask(1, 100_000)).await.unwrap();
    let mut next = 1;
    let said_goodbye = keep_busy((reading, writing), || {
        next += 2;
        [frame(PING, 0, 0, &[7; 8]), ask(next, 2)].concat()
    })
    .await;
    assert!(!said_goodbye, "it was idle");
    soon(async { while kernel.send(LARGE).await.status != 200 {} }).await;
}

/// Watches that frames which are flushed do not begin the time of the least rate again.
#[tokio::test]
async fn a_client_that_opens_its_window_byte_by_byte_is_cut_off() {
    let kernel = Kernel::with(|settings| {
        settings.header_timeout = Duration::from_millis(500);
        settings.write_timeout = Duration::from_secs(1);
    })
    .await;
    let (reading, mut writing) = opened(&kernel).await;
    writing.write_all(&ask(1, 100_000)).await.unwrap();
    let said_goodbye = keep_busy((reading, writing), || frame(WINDOW_UPDATE, 0, 1, &1_u32.to_be_bytes())).await;
    assert!(!said_goodbye, "it was idle");
}

/// Watches that a hundred small answers of one connection are counted: so many together are large.
#[tokio::test]
async fn small_answers_that_a_client_has_no_window_for_are_counted() {
    let kernel = Kernel::with(|settings| settings.unsent_per_network = 1 << 20).await;
    kernel.send(LARGE).await;
    let (_reading, mut writing) = opened(&kernel).await;
    for stream in 0..99 {
        writing.write_all(&ask(stream * 2 + 1, 15_000)).await.unwrap();
    }
    soon(async { while kernel.send(LARGE).await.status != 429 {} }).await;
}
