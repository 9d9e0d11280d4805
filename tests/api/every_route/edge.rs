//! What holds for every row of the table, seen from the outside.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use crate::{
    every_route::table::{Row, table},
    support::{
        EventBuilder, Settings, TestServer,
        listener::{Listener, patient_client},
    },
};

const SHOP: &str = "https://shop.example";

/// Every path of the table with its methods.
fn paths() -> BTreeMap<String, Vec<Method>> {
    let mut paths: BTreeMap<String, Vec<Method>> = BTreeMap::new();
    for Row { method, path, .. } in table() {
        paths.entry(path).or_default().push(method);
    }
    assert!(paths.len() > 10, "{paths:?}");
    paths
}

async fn server() -> TestServer {
    Settings::default().set("BOXOFFICE__HTTP__CORS_ORIGINS", SHOP).start().await
}

fn split(value: &reqwest::header::HeaderValue) -> Vec<String> {
    value.to_str().unwrap().split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_path_tells_its_methods_and_refuses_all_others() {
    let server = server().await;
    let client = patient_client();
    for (path, methods) in paths() {
        let url = format!("http://{}{path}", server.running.address);
        let send = async |method: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            client.request(method, &url).send().await.unwrap()
        };
        let options = send("OPTIONS").await;
        assert_eq!((options.status().as_u16(), options.headers().get("content-length")), (204, None), "{path}");
        let allowed = split(&options.headers()["allow"]);
        for method in &methods {
            assert!(allowed.iter().any(|name| name == method.as_str()), "{method} {path}");
        }
        assert_eq!(allowed.iter().any(|name| name == "HEAD"), methods.contains(&Method::GET), "{path}");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let answer = send(method).await;
            let is_known = allowed.iter().any(|name| name == method);
            assert_eq!(answer.status() != 405, is_known, "{method} {path}: {}", answer.status());
            assert_eq!(answer.headers().get("allow").is_some(), !is_known, "{method} {path}");
            assert_ne!(answer.status(), 500, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_path_has_a_head_like_its_get_and_all_headers_of_the_edge() {
    let server = server().await;
    let client = patient_client();
    for (path, methods) in paths() {
        let url = format!("http://{}{path}", server.running.address);
        let send = async |method: &Method| client.request(method.clone(), &url).send().await.unwrap();
        for method in &methods {
            let answer = send(method).await;
            for name in [
                "content-security-policy",
                "x-content-type-options",
                "x-frame-options",
                "referrer-policy",
                "permissions-policy",
                "cross-origin-resource-policy",
                "cross-origin-opener-policy",
                "api-version",
                "x-request-id",
                "cache-control",
                "vary",
            ] {
                assert!(answer.headers().contains_key(name), "{method} {path} has no {name}");
            }
        }
        if methods.contains(&Method::GET) {
            let (get, head) = (send(&Method::GET).await, send(&Method::HEAD).await);
            let comparable = |answer: &reqwest::Response| {
                let mut headers = answer.headers().clone();
                // Of the moment, or of this one problem: the length of a time in it may differ.
                let length = if answer.status().is_success() { "" } else { "content-length" };
                for name in ["date", "x-request-id", length] {
                    headers.remove(name);
                }
                (answer.status(), headers)
            };
            assert_eq!(comparable(&get), comparable(&head), "{path}");
            assert!(head.bytes().await.unwrap().is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn every_path_answers_preflights_of_pages_on_the_list() {
    let server = server().await;
    let client = patient_client();
    for (path, methods) in paths() {
        for method in methods {
            let preflight = |origin: &str| {
                let url = format!("http://{}{path}", server.running.address);
                let request = client.request(Method::OPTIONS, url).header("origin", origin);
                request.header("access-control-request-method", method.as_str()).send()
            };
            let answer = preflight(SHOP).await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
                (204, &SHOP.parse().unwrap())
            );
            let allowed = split(&answer.headers()["access-control-allow-methods"]);
            assert!(allowed.iter().any(|name| name == method.as_str()), "{method} {path}");
            let other = preflight("https://evil.example").await.unwrap();
            assert_eq!((other.status().as_u16(), other.headers().get("access-control-allow-origin")), (204, None));
        }
    }
}

#[tokio::test]
async fn every_path_refuses_what_it_cannot_answer_before_it_asks_for_a_token() {
    let server = server().await;
    let client = patient_client();
    for (path, methods) in paths() {
        for method in methods {
            let send = async |name: &'static str, value: &'static str| {
                let url = format!("http://{}{path}", server.running.address);
                client.request(method.clone(), url).header(name, value).send().await.unwrap().status().as_u16()
            };
            assert_eq!(send("accept", "application/x-nothing").await, 406, "{method} {path}");
            assert_eq!(send("api-version", "99").await, 400, "{method} {path}");
            assert_eq!(send("content-encoding", "gzip").await, 415, "{method} {path}");
        }
    }
}

/// The guard: a coding would hold deltas back until it has enough of them.
#[tokio::test]
async fn a_live_stream_is_never_compressed() {
    let server = server().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let request = patient_client()
        .get(format!("http://{}{}", server.running.address, event.path("availability")))
        .header("accept", "text/event-stream")
        .header("accept-encoding", "gzip, br, zstd, identity;q=0");
    let mut stream = Listener::of(request.send().await.unwrap());
    assert_eq!(stream.headers().get("content-encoding"), None);
    assert_eq!(stream.headers()["x-frame-options"], "DENY");
    assert_eq!(stream.event().await.0, "snapshot");
}

#[tokio::test]
async fn reports_of_browsers_are_taken_and_nothing_else() {
    let server = server().await;
    let client = patient_client();
    let send = async |kind: &str, body: String| {
        let url = format!("http://{}/api/v1/csp-reports", server.running.address);
        client.post(url).header("content-type", kind).body(body).send().await.unwrap().status().as_u16()
    };
    let legacy = json!({ "csp-report": {
        "document-uri": "https://x.example/a?token=b", "violated-directive": "script-src-elem",
        "effective-directive": "script-src-elem", "blocked-uri": "inline", "line-number": 7, "status-code": 200
    }});
    assert_eq!(send("application/csp-report", legacy.to_string()).await, 204);
    let modern = json!([
        { "type": "csp-violation", "age": 1, "url": "https://x.example", "user_agent": "y", "body": {
            "documentURL": "https://x.example", "effectiveDirective": "img-src", "blockedURL": "https://e.example",
            "sourceFile": null, "lineNumber": 3, "disposition": "enforce"
        }},
        { "type": "deprecation", "age": 1, "url": "https://x.example", "user_agent": "y", "body": {} },
    ]);
    assert_eq!(send("application/reports+json; charset=utf-8", modern.to_string()).await, 204);
    assert_eq!(send("application/csp-report", "[".repeat(10_000)).await, 400);
    assert_eq!(send("application/reports+json", legacy.to_string()).await, 400);
    assert_eq!(send("application/csp-report", modern.to_string()).await, 400);
    // Browsers differ, and a report that is not understood helps nobody by being refused.
    assert_eq!(send("application/csp-report", json!({ "csp-report": { "blocked-uri": 5 } }).to_string()).await, 204);
    assert_eq!(send("application/csp-report", json!({ "csp-report": [] }).to_string()).await, 204);
    assert_eq!(send("application/reports+json", json!([7, { "type": "csp-violation" }]).to_string()).await, 204);
    assert_eq!(send("application/reports+json", " ".repeat(20_000)).await, 413);
    assert_eq!(send("application/json", legacy.to_string()).await, 415);
}
