//! By HTTP/2.

use tokio::io::AsyncWriteExt;

use super::{
    frames::{
        CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, PING, RST_STREAM, SETTINGS, begin,
        field, flood, frame, get, listen,
    },
    target::Target,
};

const ENHANCE_YOUR_CALM: u32 = 0xb;

/// The identifier of a client's stream.
fn stream(number: usize) -> u32 {
    u32::try_from(number * 2 + 1).unwrap()
}

/// CVE-2023-44487: each request is taken back at once, so no limit of streams is ever reached. The guard: resets of requests
/// that nobody has looked at yet are counted.
#[tokio::test]
async fn rapid_resets_end_the_connection() {
    const RESETS: usize = 100_000;
    let target = Target::start(|settings| settings).await;
    let (reading, mut writing) = begin(target.connect().await, &[]).await;
    let listening = tokio::spawn(listen(reading));
    let request = get("/api/v1/events");
    let sent = flood(&mut writing, RESETS, |number| {
        let head = frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &request);
        [head, frame(RST_STREAM, 0, stream(number), &8_u32.to_be_bytes())].concat()
    })
    .await;
    let heard = listening.await.unwrap();
    assert!(sent < RESETS, "the server took all of them");
    assert_eq!(heard.goaway, Some(ENHANCE_YOUR_CALM), "{heard:?}");
    target.assert_unharmed().await;
}

/// CVE-2024-27316 and its like: a head that never ends. The guard: the size of a head is limited before it is complete.
#[tokio::test]
async fn a_head_without_end_ends_the_connection() {
    const FRAMES: usize = 100_000;
    let target = Target::start(|settings| settings).await;
    for piece in [field("x-filler", &"f".repeat(100)).repeat(100), Vec::new()] {
        let (reading, mut writing) = begin(target.connect().await, &[]).await;
        let listening = tokio::spawn(listen(reading));
        writing.write_all(&frame(HEADERS, END_STREAM, 1, &get("/"))).await.unwrap();
        // More than a GiB, or frames of nothing.
        let sent = flood(&mut writing, FRAMES, |_| frame(CONTINUATION, 0, 1, &piece)).await;
        let heard = listening.await.unwrap();
        assert!(sent < FRAMES, "the server took all of them");
        assert!(heard.goaway.is_some(), "{heard:?}");
    }
    target.assert_unharmed().await;
}

/// The guard: answers to pings wait for the client to take them, and one that takes none is cut off.
#[tokio::test]
async fn pings_and_settings_of_a_client_that_reads_nothing_end_the_connection() {
    let target = Target::start(|settings| settings).await;
    for frames in [frame(PING, 0, 0, &[7; 8]).repeat(1_000), frame(SETTINGS, 0, 0, &[]).repeat(1_000)] {
        // Kept, so that the connection is open: nobody reads from it.
        let (_reading, mut writing) = begin(target.connect().await, &[]).await;
        // After a request the connection is one in use, which may talk between requests.
        writing.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &get("/problems"))).await.unwrap();
        let sent = flood(&mut writing, 1_000_000, |_| frames.clone()).await;
        assert!(sent < 1_000_000, "the server took all of them");
    }
    target.assert_unharmed().await;
}

#[tokio::test]
async fn pings_of_a_client_that_reads_keep_nobody_else_waiting() {
    let target = Target::start(|settings| settings).await;
    let pings = frame(PING, 0, 0, &[7; 8]).repeat(1_000);
    let attack = async || {
        let (reading, mut writing) = begin(target.connect().await, &[]).await;
        let listening = tokio::spawn(listen(reading));
        flood(&mut writing, 500, |_| pings.clone()).await;
        drop(writing);
        listening.await.unwrap()
    };
    for heard in futures_util::future::join_all((0..4).map(|_| attack())).await {
        assert!(heard.frames[usize::from(PING)] > 0, "{heard:?}");
    }
    target.assert_unharmed().await;
}

/// The guard: requests over the limit of streams are refused, however many come.
#[tokio::test]
async fn requests_over_the_limit_of_streams_are_refused() {
    let target = Target::start(|settings| settings).await;
    // Answers that may not be sent: their streams stay open.
    let (reading, mut writing) = begin(target.connect().await, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let listening = tokio::spawn(listen(reading));
    let request = get("/problems");
    flood(&mut writing, 2_000, |number| frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &request)).await;
    // The server ends what does not go on.
    let heard = listening.await.unwrap();
    assert!(heard.frames[usize::from(HEADERS)] <= 100, "{heard:?}");
    assert!(heard.frames[usize::from(RST_STREAM)] > 0 || heard.goaway.is_some(), "{heard:?}");
    target.assert_unharmed().await;
}

/// A bomb of HPACK: one large field in the table of the connection, named ten thousand times in one byte each. The guard: the
/// size of a head is that of what it unpacks to.
#[tokio::test]
async fn a_head_that_unpacks_to_much_is_refused() {
    let target = Target::start(|settings| settings).await;
    let (reading, mut writing) = begin(target.connect().await, &[]).await;
    let listening = tokio::spawn(listen(reading));
    // A literal that is indexed (0x40), of 3,000 bytes; then its index, 62, again and again.
    let value = 3_000 - 127;
    let large = [&[0x40, 1, b'a', 0x7f, (value & 0x7f) as u8 | 0x80, (value >> 7) as u8][..], &[b'b'; 3_000]].concat();
    let bomb = [get("/problems"), large, vec![0xbe; 10_000]].concat();
    flood(&mut writing, 100, |number| frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &bomb)).await;
    // Told, or cut off.
    writing.write_all(&frame(GOAWAY, 0, 0, &[0; 8])).await.ok();
    drop(writing);
    let heard = listening.await.unwrap();
    assert!(
        heard.frames[usize::from(HEADERS)] + heard.frames[usize::from(RST_STREAM)] > 0 || heard.goaway.is_some(),
        "{heard:?}"
    );
    target.assert_unharmed().await;
}
