//! Pages of other sites.

use super::support::{Answer, Kernel};

const SHOP: &str = "https://shop.example";
const ORIGIN: &str = "access-control-allow-origin";

async fn kernel() -> Kernel {
    Kernel::with(|settings| settings.edge.cors_origins = vec![SHOP.to_owned(), "http://localhost:3000".to_owned()])
        .await
}

/// Fails if a page of another site could read the answer, or send more than a form.
#[track_caller]
fn assert_closed(answer: &Answer) {
    let open: Vec<_> = answer.headers.iter().filter(|(name, _)| name.starts_with("access-control-")).collect();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn pages_on_the_list_may_read_answers_refusals_included() {
    let kernel = kernel().await;
    for origin in [SHOP, "http://localhost:3000"] {
        for (path, status) in [("/problems", 200), ("/nothing", 404), ("/api/v1/profile", 401), ("/api/v1/panics", 500)]
        {
            let answer = kernel.get_with(path, &format!("origin: {origin}\r\n")).await;
            assert_eq!((answer.status, answer.all(ORIGIN)), (status, origin.to_owned()), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{path}");
            assert!(answer.all("vary").split(", ").any(|name| name == "origin"), "{path}");
            let exposed = answer.header("access-control-expose-headers").unwrap();
            for name in ["location", "retry-after", "ratelimit", "etag", "x-request-id", "idempotent-replayed"] {
                assert!(exposed.split(", ").any(|other| other == name), "{name}: {exposed}");
            }
        }
    }
}

#[tokio::test]
async fn other_pages_may_read_nothing_and_caches_know_the_difference() {
    let kernel = kernel().await;
    for origin in ["https://evil.example", "https://shop.example.evil.example", "null", "http://shop.example", "*"] {
        let answer = kernel.get_with("/problems", &format!("origin: {origin}\r\n")).await;
        assert_eq!(answer.status, 200, "CORS is no access control");
        assert_closed(&answer);
        assert!(answer.all("vary").contains("origin"), "{origin}");
        let preflight = format!(
            "OPTIONS /problems HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\naccess-control-request-method: GET\r\n\r\n"
        );
        let answer = kernel.send(&preflight).await;
        assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
        assert_closed(&answer);
    }
    let answer = kernel.get("/problems").await;
    assert_closed(&answer);
    assert!(answer.all("vary").contains("origin"));
}

#[tokio::test]
async fn a_preflight_needs_no_token_and_tells_what_may_be_sent() {
    let kernel = kernel().await;
    for (path, methods) in [("/api/v1/profile", "GET, HEAD, OPTIONS, POST"), ("/api/v1/things", "OPTIONS, POST")] {
        let answer = kernel
            .send(&format!(
                "OPTIONS {path} HTTP/1.1\r\nhost: x\r\norigin: {SHOP}\r\naccess-control-request-method: POST\r\n\
                 access-control-request-headers: authorization,idempotency-key\r\n\r\n"
            ))
            .await;
        assert_eq!((answer.status, answer.body.len(), answer.all(ORIGIN)), (204, 0, SHOP.to_owned()));
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("access-control-max-age"), Some("7200"));
        let accepted = answer.header("access-control-allow-headers").unwrap();
        for name in ["authorization", "content-type", "idempotency-key", "if-match", "api-version", "last-event-id"] {
            assert!(accepted.split(", ").any(|other| other == name), "{name}: {accepted}");
        }
    }
    let nowhere =
        format!("OPTIONS /nothing HTTP/1.1\r\nhost: x\r\norigin: {SHOP}\r\naccess-control-request-method: GET\r\n\r\n");
    kernel.send(&nowhere).await.problem(404, "RESOURCE_001");
    // No preflight, though from a page.
    let plain = format!("OPTIONS /problems HTTP/1.1\r\nhost: x\r\norigin: {SHOP}\r\n\r\n");
    assert_eq!(kernel.send(&plain).await.header("access-control-allow-methods"), None);
}

#[tokio::test]
async fn without_a_list_no_page_of_another_site_is_let_in() {
    let kernel = Kernel::start().await;
    let answer = kernel.get_with("/api/v1/profile", &format!("origin: {SHOP}\r\n")).await;
    assert_closed(&answer);
    assert_eq!(answer.header("vary"), None);
}
