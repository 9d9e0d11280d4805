//! Bodies: what is refused, how precisely, and that the client sees the answer.

use std::time::Duration;

use uuid::Uuid;

use super::support::{Kernel, post};

#[tokio::test]
async fn an_order_comes_back_with_its_place() {
    let kernel = Kernel::start().await;
    let body = format!(r#"{{"items":[{{"ticketTypeId":"{}","quantity":2}}],"promoCode":"É"}}"#, Uuid::now_v7());
    let answer = kernel.post("/api/v1/things", &body).await;
    assert_eq!((answer.status, answer.header("location")), (201, Some("/api/v1/things/1")));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(String::from_utf8_lossy(&answer.body), body);
}

#[tokio::test]
async fn malformed_json_is_400_with_line_and_column() {
    let kernel = Kernel::start().await;
    let problem = kernel.post("/api/v1/things", "{\n  \"items\": oops\n}").await.problem(400, "REQUEST_001");
    assert!(problem["detail"].as_str().unwrap().contains("line 2, column 12"), "{problem}");
    kernel.post("/api/v1/things", "").await.problem(400, "REQUEST_001");
}

#[tokio::test]
async fn json_of_another_shape_is_422_with_the_field() {
    let kernel = Kernel::start().await;
    for (body, field, code) in [
        (r"{}", "items", "REQUIRED"),
        (r#"{"items":7}"#, "items", "INVALID_TYPE"),
        (r#"{"items":[{"ticketTypeId":"nope","quantity":1}]}"#, "items[0].ticketTypeId", "INVALID"),
        (r#"{"items":[],"promoCode":5}"#, "promoCode", "INVALID_TYPE"),
        (r#"{"items":[],"promo_code":"x"}"#, "promo_code", "UNKNOWN_FIELD"),
        (r"[[]]", "", "INVALID_TYPE"),
    ] {
        let problem = kernel.post("/api/v1/things", body).await.problem(422, "VALIDATION_001");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
        assert_eq!(problem["errors"][0]["code"], code, "{body}: {problem}");
    }
}

#[tokio::test]
async fn ten_thousand_levels_are_refused_and_harmless() {
    let kernel = Kernel::start().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let body = format!("{{\"items\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
        kernel.post("/api/v1/deep", &body).await.problem(400, "REQUEST_001");
    }
    assert_eq!(kernel.get("/problems").await.status, 200);
}

#[tokio::test]
async fn too_much_is_413_by_length_and_by_count() {
    let kernel = Kernel::start().await;
    // By its announced length, before a byte of it was sent.
    let head = "POST /api/v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    kernel.send(&format!("{head}content-length: 4097\r\n\r\n")).await.problem(413, "REQUEST_003");
    // All of it sent: the client still reads the answer.
    let problem = kernel.post("/api/v1/things", &" ".repeat(12 << 20)).await.problem(413, "REQUEST_003");
    assert!(problem["detail"].as_str().unwrap().contains("4096"), "{problem}");
    // Without a length, by counting.
    let chunk = format!("400\r\n{}\r\n", " ".repeat(1024));
    let body = format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(5));
    kernel.send(&body).await.problem(413, "REQUEST_003");
    // At the limit is within it.
    let body = format!("{}{{\"items\":[]}}", " ".repeat(4096 - 12));
    assert_eq!(kernel.post("/api/v1/things", &body).await.status, 201);
}

#[tokio::test]
async fn only_json_is_read_as_json() {
    let kernel = Kernel::start().await;
    let send = async |kind: &str| {
        let kind = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
        let request =
            format!("POST /api/v1/things HTTP/1.1\r\nhost: x\r\n{kind}content-length: 12\r\n\r\n{{\"items\":[]}}");
        kernel.send(&request).await
    };
    for kind in ["", "text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonx"] {
        send(kind).await.problem(415, "REQUEST_002");
    }
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
        assert_eq!(send(kind).await.status, 201, "{kind}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let kernel = Kernel::with(|settings| settings.body_timeout = Duration::from_millis(50)).await;
    let mut wire = kernel.open().await;
    wire.write(&post("/api/v1/things", r#"{"items":[]}"#)[..100]).await;
    wire.answer(false).await.unwrap().problem(408, "REQUEST_004");
    assert!(wire.is_closed().await);
}

#[tokio::test]
async fn an_idempotency_key_is_visible_ascii() {
    let kernel = Kernel::start().await;
    let send = async |header: &str| {
        kernel.send(&format!("POST /api/v1/keyed HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n{header}\r\n")).await
    };
    let long = "k".repeat(255);
    let answer = send(&format!("idempotency-key: {long}\r\n")).await;
    assert_eq!(answer.json()["key"], long);
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    let bad = [
        String::new(),
        "idempotency-key: \r\n".to_owned(),
        "idempotency-key: a b\r\n".to_owned(),
        "idempotency-key: é\r\n".to_owned(),
        format!("idempotency-key: {long}k\r\n"),
        "idempotency-key: a\r\nidempotency-key: b\r\n".to_owned(),
    ];
    for header in bad {
        send(&header).await.problem(400, "IDEMPOTENCY_001");
    }
}
