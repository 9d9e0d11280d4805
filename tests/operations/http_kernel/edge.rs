//! What every answer has, and what every route refuses.

use std::time::Duration;

use boxoffice_http::edge::Hsts;
use domain::accounts::Role;

use super::support::{Answer, Kernel, post, soon, token};

/// Fails unless the answer has what all have.
#[track_caller]
fn assert_protected(answer: &Answer) {
    for (name, expected) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("api-version", "1"),
    ] {
        assert_eq!(answer.all(name), expected, "{name}: {answer:?}");
    }
    assert!(answer.header("x-request-id").is_some() && answer.header("date").is_some(), "{answer:?}");
    assert!(answer.all("content-security-policy").contains("frame-ancestors 'none'"), "{answer:?}");
}

/// The guard: answers that do not come from a handler are dressed as well.
#[tokio::test]
async fn every_answer_protects_browsers_whoever_gives_it() {
    let kernel = Kernel::with(|settings| {
        settings.body_timeout = Duration::from_millis(50);
        settings.request_timeout = Duration::from_millis(100);
    })
    .await;
    let expired = token(Role::User, Duration::from_secs(1000));
    let head = "HTTP/1.1\r\nhost: x\r\n";
    for (status, request) in [
        (200, format!("GET /api/v1/sized {head}\r\n")),
        (200, format!("GET /problems {head}accept: text/html\r\n\r\n")),
        (201, post("/api/v1/things", r#"{"items":[]}"#)),
        (204, format!("OPTIONS /api/v1/things {head}\r\n")),
        (400, post("/api/v1/things", "{")),
        (400, "GET /problems HTTP/1.1\r\n\r\n".to_owned()),
        (400, "not HTTP\r\n\r\n".to_owned()),
        (400, format!("GET /problems {head}api-version: 2\r\n\r\n")),
        (401, format!("GET /api/v1/profile {head}\r\n")),
        (401, format!("GET /api/v1/profile {head}authorization: Bearer {expired}\r\n\r\n")),
        (404, format!("GET /nothing {head}\r\n")),
        (405, format!("DELETE /problems {head}\r\n")),
        (406, format!("GET /problems {head}accept: image/png\r\n\r\n")),
        (408, format!("POST /api/v1/things {head}content-type: application/json\r\ncontent-length: 9\r\n\r\n")),
        (413, post("/api/v1/things", &" ".repeat(5000))),
        (414, format!("GET /problems?{} {head}\r\n", "q".repeat(9000))),
        (415, format!("POST /api/v1/things {head}content-encoding: gzip\r\ncontent-length: 0\r\n\r\n")),
        (422, post("/api/v1/things", "{}")),
        (431, format!("GET /problems {head}cookie: {}\r\n\r\n", "c".repeat(20_000))),
        (500, format!("GET /api/v1/panics {head}\r\n")),
        (503, format!("GET /api/v1/waits {head}\r\n")),
    ] {
        let answer = kernel.send(&request).await;
        assert_eq!(answer.status, status, "{request}");
        assert_protected(&answer);
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{request}");
            assert_eq!(answer.json()["requestId"].as_str(), answer.header("x-request-id"), "{request}");
        }
        assert!(answer.header("cache-control").is_some(), "{request}");
    }
}

#[tokio::test]
async fn pages_get_a_policy_of_their_own_that_reports() {
    let kernel = Kernel::start().await;
    let page = kernel.get_with("/problems", "accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n").await;
    let policy = page.all("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-inline"), "{policy}");
    assert!(policy.contains("report-uri /api/v1/csp-reports") && policy.contains("report-to csp"), "{policy}");
    assert_eq!(page.header("reporting-endpoints"), Some("csp=\"/api/v1/csp-reports\""));
    let data = kernel.get("/problems").await;
    assert_eq!(data.all("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    // Weights decide, not the mention.
    for json in ["text/html;q=0, application/json", "application/json, text/html;q=0.9", "*/*"] {
        let answer = kernel.get_with("/problems", &format!("accept: {json}\r\n")).await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{json}");
    }
}

#[tokio::test]
async fn https_is_demanded_of_those_who_came_by_it() {
    const HSTS: Option<&str> = Some("max-age=31536000; includeSubDomains");
    let auto = Kernel::with(|settings| settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    assert_eq!(auto.get("/problems").await.header("strict-transport-security"), None);
    // Anyone who comes without a proxy of ours says nothing about it.
    let direct = Kernel::start().await.get_with("/problems", "x-forwarded-proto: https\r\n").await;
    assert_eq!(direct.header("strict-transport-security"), None);
    for (forwarded, expected) in [("https", HSTS), ("HTTPS,http", HSTS), ("http", None), ("http, https", None)] {
        let answer = auto.get_with("/problems", &format!("x-forwarded-proto: {forwarded}\r\n")).await;
        assert_eq!(answer.header("strict-transport-security"), expected, "{forwarded}");
    }
    let always = Kernel::with(|settings| settings.edge.hsts = Hsts::Always).await;
    assert_eq!(always.get("/problems").await.header("strict-transport-security"), HSTS);
    assert_eq!(always.send("nonsense\r\n\r\n").await.header("strict-transport-security"), HSTS);
    let never = Kernel::with(|settings| settings.edge.hsts = Hsts::Never).await;
    let answer = never.get_with("/problems", "x-forwarded-proto: https\r\n").await;
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test]
async fn versions_are_told_and_unknown_ones_refused() {
    let kernel = Kernel::start().await;
    for version in ["api-version: 1\r\n", "Api-Version: v1\r\n", "api-version: 1\r\napi-version: v1\r\n"] {
        assert_eq!(kernel.get_with("/problems", version).await.status, 200, "{version}");
    }
    for version in ["2", "v2", "", "1.0", "1, 2", "latest"] {
        let answer = kernel.get_with("/problems", &format!("api-version: {version}\r\n")).await;
        let problem = answer.problem(400, "VERSION_001");
        assert!(problem["detail"].as_str().unwrap().contains("known versions are: 1"), "{problem}");
    }
    for path in ["/api/v2", "/api/v2/events", "/api/v10/x/y"] {
        let problem = kernel.get(path).await.problem(404, "RESOURCE_001");
        assert!(problem["detail"].as_str().unwrap().contains("known versions are: 1"), "{problem}");
    }
    for path in ["/api/v1/nothing", "/api/vx/events", "/api/v", "/api/version"] {
        let problem = kernel.get(path).await.problem(404, "RESOURCE_001");
        assert!(!problem["detail"].as_str().unwrap().contains("version"), "{problem}");
    }
}

#[tokio::test]
async fn who_accepts_nothing_that_there_is_gets_406_before_anything_is_done() {
    let kernel = Kernel::start().await;
    for accept in ["*/*", "application/*", "application/json", "application/problem+json", "text/html, */*;q=0.1"] {
        let answer = kernel.get_with("/api/v1/sized", &format!("accept: {accept}\r\n")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{accept}");
    }
    for refused in [
        "accept: text/html",
        "accept: application/xml",
        "accept: application/json;q=0",
        "accept: */*;q=0",
        "accept: text/event-stream",
        "accept-encoding: identity;q=0",
        "accept-encoding: *;q=0",
    ] {
        let problem = kernel.get_with("/api/v1/sized", &format!("{refused}\r\n")).await.problem(406, "REQUEST_006");
        assert!(problem["detail"].as_str().unwrap().contains("application/json"), "{problem}");
    }
    let refused = "POST /api/v1/waits HTTP/1.1\r\nhost: x\r\naccept: text/html\r\ncontent-length: 0\r\n\r\n";
    kernel.send(refused).await.problem(406, "REQUEST_006");
    assert_eq!(kernel.app.entered.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// The guard against bodies that unpack to more than memory: none is unpacked.
#[tokio::test]
async fn compressed_bodies_are_not_read() {
    let kernel = Kernel::start().await;
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "identity, gzip"] {
        let head = format!(
            "POST /api/v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-encoding: {coding}\r\n"
        );
        let answer = kernel.send(&format!("{head}content-length: 12\r\n\r\n{{\"items\":[]}}")).await;
        answer.problem(415, "REQUEST_007");
        assert_eq!(answer.header("accept-encoding"), Some("identity"), "{coding}");
    }
    let identity = "POST /api/v1/things HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-encoding: identity\r\n\
                    content-length: 12\r\n\r\n{\"items\":[]}";
    assert_eq!(kernel.send(identity).await.status, 201);
}

#[tokio::test]
async fn options_and_methods_nobody_knows_are_answered_with_what_there_is() {
    let kernel = Kernel::start().await;
    const ALL: Option<&str> = Some("DELETE, GET, HEAD, OPTIONS, POST");
    let answer = kernel.send("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!((answer.status, answer.header("allow"), answer.header("content-length")), (204, ALL, None));
    kernel.send("GET * HTTP/1.1\r\nhost: x\r\n\r\n").await.problem(400, "REQUEST_005");
    for method in ["BREW", "TRACE", "PROPFIND", "get"] {
        let answer = kernel.send(&format!("{method} /problems HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        answer.problem(405, "RESOURCE_002");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
        kernel.send(&format!("{method} /nothing HTTP/1.1\r\nhost: x\r\n\r\n")).await.problem(404, "RESOURCE_001");
    }
    let answer = kernel.send("CONNECT other.example:443 HTTP/1.1\r\nhost: other.example:443\r\n\r\n").await;
    answer.problem(405, "RESOURCE_002");
    assert_eq!(answer.header("allow"), ALL);
}

#[tokio::test]
async fn the_absolute_form_of_a_target_is_its_path() {
    let kernel = Kernel::start().await;
    let answer = kernel.send("GET http://elsewhere.example/api/v1/named/x?a=b HTTP/1.1\r\nhost: y\r\n\r\n").await;
    assert_eq!(answer.json()["name"], "x");
    // Host is demanded all the same (RFC 9112, 3.2).
    kernel.send("GET http://elsewhere.example/problems HTTP/1.1\r\n\r\n").await.problem(400, "REQUEST_005");
    let two = "GET /problems HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n";
    kernel.send(two).await.problem(400, "REQUEST_005");
}

/// The guard: a client that asks before it sends its body is told to go on only when somebody wants the body.
#[tokio::test]
async fn expect_continue_is_answered_by_continue_or_by_the_refusal() {
    let kernel = Kernel::start().await;
    let head = |path: &str, length: usize| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
             content-length: {length}\r\n\r\n"
        )
    };
    let mut wire = kernel.open().await;
    wire.write(&head("/api/v1/things", 12)).await;
    assert_eq!(wire.answer(true).await.unwrap().status, 100);
    wire.write(r#"{"items":[]}"#).await;
    assert_eq!(wire.answer(false).await.unwrap().status, 201);

    for (path, length, status) in [
        ("/api/v1/gated", 12, 503),
        ("/api/v1/profile", 12, 401),
        ("/nothing", 12, 404),
        ("/problems", 12, 405),
        ("/api/v1/things", 5000, 413),
    ] {
        let mut wire = kernel.open().await;
        wire.write(&head(path, length)).await;
        assert_eq!(wire.answer(false).await.unwrap().status, status, "{path}");
        assert!(wire.is_closed().await, "what follows could be the body: {path}");
    }
}

#[tokio::test]
async fn http2_gets_the_same_and_no_headers_of_connections() {
    let kernel = Kernel::with(|settings| settings.body_timeout = Duration::from_millis(50)).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let answer = client.get(kernel.url("/nothing")).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 404));
    assert_eq!(
        (&answer.headers()["x-frame-options"], &answer.headers()["api-version"]),
        (&"DENY".parse().unwrap(), &"1".parse().unwrap())
    );
    // A problem that would end a connection of HTTP/1.
    let never = reqwest::Body::wrap(Never);
    let slow = client.post(kernel.url("/api/v1/things")).header("content-type", "application/json").body(never);
    let answer = soon(slow.send()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("connection")), (408, None));
}

/// A body that does not come.
struct Never;

impl hyper::body::Body for Never {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}
