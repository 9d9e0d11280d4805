//! Addresses, methods, identification, parameters.

use uuid::Uuid;

use super::support::{Kernel, post, soon};

#[tokio::test]
async fn unknown_addresses_are_problems() {
    let kernel = Kernel::start().await;
    let id = Uuid::now_v7();
    for path in ["/", "/nothing", "/api/v1/things/", &format!("/api/v1/things/{id}/"), "/api/v1/things/not-an-id"] {
        let problem = kernel.get(path).await.problem(404, "RESOURCE_001");
        assert_eq!(problem["instance"], path);
    }
    // One thing has one address.
    kernel.get(&format!("/api/v1/things/{}", id.simple())).await.problem(404, "RESOURCE_001");
    assert_eq!(kernel.get(&format!("/api/v1/things/{id}")).await.status, 200);
}

#[tokio::test]
async fn a_known_address_tells_its_methods() {
    let kernel = Kernel::start().await;
    let path = format!("/api/v1/things/{}", Uuid::now_v7());
    let answer = kernel.post(&path, "{}").await;
    answer.problem(405, "RESOURCE_002");
    assert_eq!(answer.header("allow"), Some("DELETE, GET, HEAD, OPTIONS"));
    let answer = kernel.send(&format!("OPTIONS {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("DELETE, GET, HEAD, OPTIONS")));
    assert_eq!(answer.header("content-length"), None);
}

#[tokio::test]
async fn head_is_get_without_the_body_and_the_connection_lives_on() {
    let kernel = Kernel::start().await;
    let path = format!("/api/v1/things/{}", Uuid::now_v7());
    let length = kernel.get(&path).await.body.len();
    let mut wire = kernel.open().await;
    wire.write(&format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    let answer = wire.answer(true).await.unwrap();
    assert_eq!(answer.header("content-length"), Some(length.to_string().as_str()));
    // Had a body followed, this answer would not parse.
    wire.write(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    assert_eq!(wire.answer(false).await.unwrap().body.len(), length);
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let kernel = Kernel::start().await;
    let answer = kernel.send("GET /nothing HTTP/1.1\r\nhost: x\r\nx-request-id: order-17\r\n\r\n").await;
    assert_eq!(answer.header("x-request-id"), Some("order-17"));
    let answer = kernel.send("GET /nothing HTTP/1.1\r\nhost: x\r\nx-request-id: {\"a\"}\r\n\r\n").await;
    let made: Uuid = answer.header("x-request-id").unwrap().parse().unwrap();
    assert_eq!(made.get_version_num(), 7);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn path_and_query_are_decoded_and_checked() {
    let kernel = Kernel::start().await;
    assert_eq!(kernel.get("/api/v1/named/caf%C3%A9%2Fbar+1").await.json()["name"], "café/bar+1");
    kernel.get("/api/v1/named/%ff").await.problem(404, "RESOURCE_001");
    let path = format!("/api/v1/things/{}", Uuid::now_v7());
    assert_eq!(kernel.get(&format!("{path}?limit=7")).await.json()["limit"], 7);
    let problem = kernel.get(&format!("{path}?limit=1000&colour=red")).await.problem(422, "VALIDATION_001");
    assert_eq!(problem["errors"][0]["field"], "limit");
    assert_eq!(problem["errors"][1]["field"], "colour");
    assert_eq!(problem["errors"][1]["code"], "UNKNOWN_PARAMETER");
}

#[tokio::test]
async fn a_request_without_host_is_refused() {
    let kernel = Kernel::start().await;
    kernel.send("GET /nothing HTTP/1.1\r\n\r\n").await.problem(400, "REQUEST_005");
}

/// Guards: `syntax::fault`. The first one used to be taken, whatever the second said.
#[tokio::test]
async fn a_request_with_two_authorizations_is_refused() {
    let kernel = Kernel::start().await;
    let one = "authorization: Bearer x\r\n";
    kernel.send(&format!("GET /nothing HTTP/1.1\r\nhost: x\r\n{one}\r\n")).await.problem(404, "RESOURCE_001");
    kernel.send(&format!("GET /nothing HTTP/1.1\r\nhost: x\r\n{one}{one}\r\n")).await.problem(400, "REQUEST_005");
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_connection_lives_on() {
    let kernel = Kernel::start().await;
    let mut wire = kernel.open().await;
    for request in ["GET /api/v1/panics HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), post("/api/v1/panics", "")] {
        wire.write(&request).await;
        let answer = wire.answer(false).await.unwrap();
        answer.problem(500, "INTERNAL_001");
        assert!(!String::from_utf8_lossy(&answer.body).contains("purpose"), "internals leaked");
    }
    wire.write("GET /problems HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(wire.answer(false).await.unwrap().status, 200);
}

#[tokio::test]
async fn every_problem_is_documented_at_its_type() {
    let kernel = Kernel::start().await;
    let kind = kernel.get("/nothing").await.json()["type"].as_str().unwrap().to_owned();
    let answer = kernel.get(&kind).await;
    assert_eq!(answer.json()["code"], "RESOURCE_001");
    assert!(answer.json()["remedy"].is_string());
    let answer = kernel.send(&format!("GET {kind} HTTP/1.1\r\nhost: x\r\naccept: text/html,*/*;q=0.8\r\n\r\n")).await;
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert!(String::from_utf8_lossy(&answer.body).contains("RESOURCE_001"));
    kernel.get("/problems/NOPE_001").await.problem(404, "RESOURCE_001");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let kernel = Kernel::start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = kernel.url("/api/v1/things");
    let order = serde_json::json!({ "items": [{ "ticketTypeId": Uuid::now_v7(), "quantity": 2 }], "promoCode": null });
    let calls = (0..20).map(|_| client.post(&url).json(&order).send());
    for answer in soon(futures_util::future::join_all(calls)).await {
        let answer = answer.unwrap();
        assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 201));
        assert_eq!(answer.headers()["location"], "/api/v1/things/1");
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), order);
    }
    let answer = client.head(kernel.url("/problems")).send().await.unwrap();
    assert!(answer.content_length().unwrap() > 1000 && answer.bytes().await.unwrap().is_empty());
}
