//! What is no request that can be read, and what could be read as two.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{Kernel, LOOKALIKE, PATIENCE, post, soon};

const GET: &str = "GET /problems HTTP/1.1\r\nhost: x\r\n\r\n";

/// The guard: hyper would answer with a bare status.
#[tokio::test]
async fn what_is_not_http_is_told_so_in_the_form_of_all_problems() {
    let kernel = Kernel::start().await;
    for nonsense in [
        "nonsense\r\n\r\n",
        "GET /problems\r\n\r\n",
        "GET /problems HTTP/9.9\r\nhost: x\r\n\r\n",
        "GET /pro blems HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /problems HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
        "GET /problems HTTP/1.1\r\nhost: x\r\nname : value\r\n\r\n",
        "GET /problems HTTP/1.1\r\nhost: x\r\n folded: value\r\n\r\n",
        "G\u{0}T /problems HTTP/1.1\r\nhost: x\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}",
    ] {
        let mut wire = kernel.open().await;
        wire.write(nonsense).await;
        let answer = wire.answer(false).await.unwrap_or_else(|| panic!("no answer to {nonsense:?}"));
        let problem = answer.problem(400, "REQUEST_005");
        assert_eq!(problem["instance"], format!("urn:uuid:{}", problem["requestId"].as_str().unwrap()));
        assert_eq!((answer.header("connection"), answer.header("x-frame-options")), (Some("close"), Some("DENY")));
        assert!(wire.is_closed().await, "{nonsense:?}");
    }
}

#[tokio::test]
async fn after_good_requests_a_bad_one_is_told_so_and_ends_the_connection() {
    let kernel = Kernel::start().await;
    let mut wire = kernel.open().await;
    // All in one packet: answers, then the refusal.
    wire.write(&format!("{GET}{GET}nonsense\r\n\r\n{GET}")).await;
    for _ in 0..2 {
        assert_eq!(wire.answer(false).await.unwrap().status, 200);
    }
    wire.answer(false).await.unwrap().problem(400, "REQUEST_005");
    assert!(wire.is_closed().await, "what follows nonsense is not read as a request");
}

#[tokio::test]
async fn a_target_that_is_too_long_is_414_wherever_that_is_noticed() {
    let kernel = Kernel::start().await;
    // At the limit; above it; longer than any head may be.
    let get = |length: usize| format!("GET /problems?{} HTTP/1.1\r\nhost: x\r\n\r\n", "q".repeat(length - 10));
    assert_eq!(kernel.send(&get(8_000)).await.status, 200);
    kernel.send(&get(8_001)).await.problem(414, "REQUEST_008");
    kernel.send(&get(70_000)).await.problem(414, "REQUEST_008");
    let roomy = Kernel::with(|settings| settings.header_limit = 256 << 10).await;
    roomy.send(&get(70_000)).await.problem(414, "REQUEST_008");
}

/// The guard: a socket that is closed with unread bytes resets the connection, and the answer is lost.
#[tokio::test]
async fn the_client_sees_a_refusal_although_it_is_still_sending() {
    let kernel = Kernel::start().await;
    let mut wire = kernel.open().await;
    let head = format!("GET /problems HTTP/1.1\r\nhost: x\r\ncookie: {}", "c".repeat(64 << 10));
    // The server may stop reading in the middle.
    let _ = tokio::time::timeout(PATIENCE, wire.stream.write_all(head.as_bytes())).await;
    wire.answer(false).await.unwrap().problem(431, "REQUEST_009");
}

/// The guard: hyper's own answers are known by their form, so one must be told from an answer's body that looks like it.
#[tokio::test]
async fn a_body_that_looks_like_a_refusal_is_sent_as_it_is() {
    let kernel = Kernel::start().await;
    let mut wire = kernel.open().await;
    // In HTTP/1.0 parts of a stream are written as they are.
    wire.write("GET /api/v1/lookalike HTTP/1.0\r\n\r\n").await;
    let mut all = String::new();
    soon(wire.stream.read_to_string(&mut all)).await.unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert_eq!(body, LOOKALIKE.repeat(3));
}

/// Request smuggling (RFC 9112, 11.2): whatever a proxy in front may take for the end of the first request, nothing that
/// follows a head which can be read in two ways is answered.
#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_never_makes_two_requests() {
    let kernel = Kernel::start().await;
    let order = r#"{"items":[]}"#;
    let chunked = format!("c\r\n{order}\r\n0\r\n\r\n");
    for (framing, body, status) in [
        // Two lengths; none; more than there are; nonsense.
        ("content-length: 12\r\ncontent-length: 13", order, 400),
        ("content-length: 12, 13", order, 400),
        ("content-length: -1", "", 400),
        ("content-length: +12", order, 400),
        ("content-length: 0x0c", order, 400),
        ("content-length: 99999999999999999999999", "", 400),
        ("content-length: 18446744073709551615", "", 413),
        ("content-length: 9223372036854775807", "", 413),
        // Both framings: the length is not looked at, and the connection ends (RFC 9112, 6.1).
        ("content-length: 3\r\ntransfer-encoding: chunked", &chunked, 201),
        ("transfer-encoding: chunked\r\ncontent-length: 3", &chunked, 201),
        // Codings that one may know and the other not.
        ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", &chunked, 400),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity", &chunked, 400),
        ("transfer-encoding: identity\r\ntransfer-encoding: chunked", &chunked, 400),
        ("transfer-encoding: gzip, chunked", &chunked, 400),
        ("transfer-encoding: xchunked", &chunked, 400),
        ("transfer-encoding : chunked", &chunked, 400),
        ("transfer-encoding:\u{b}chunked", &chunked, 400),
        // Chunks that are not.
        ("transfer-encoding: chunked", "0c;\n\r\n", 400),
        ("transfer-encoding: chunked", "-1\r\n", 400),
        ("transfer-encoding: chunked", "fffffffffffffffff\r\n", 400),
        ("transfer-encoding: chunked", "c\r\n{\"items\":[]}X\r\n0\r\n\r\n", 400),
    ] {
        let mut wire = kernel.open().await;
        let head =
            format!("POST /api/v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n");
        wire.write(&format!("{head}{body}{GET}")).await;
        let answer = wire.answer(false).await.unwrap_or_else(|| panic!("no answer to {framing:?}"));
        assert_eq!(answer.status, status, "{framing:?}: {:?}", String::from_utf8_lossy(&answer.body));
        assert!(wire.is_closed().await, "{framing:?} was followed by another answer");
    }
    // The same length twice is one (RFC 9110, 8.6).
    let twice = post("/api/v1/things", order).replace("content-length: 12", "content-length: 12\r\ncontent-length: 12");
    assert_eq!(soon(kernel.send(&twice)).await.status, 201);
    let http10 = format!("POST /api/v1/things HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n{chunked}");
    kernel.send(&http10).await.problem(400, "REQUEST_005");
}
