//! Health and metrics on a listener of their own.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actors::breakers::Breakers;
use boxoffice_api::operations::{Health, HealthCheck, Identity, health_routes, operations_routes};
use boxoffice_auth::tokens::TokenVerifier;
use boxoffice_http::{
    router::Router,
    server::{Server, Settings},
};
use telemetry::metrics;

use super::support::{ISSUER, keys, soon};

/// Works, fails, or never answers.
struct Database {
    fails: AtomicBool,
    hangs: AtomicBool,
}

impl HealthCheck for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    fn check(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(async {
            if self.hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if self.fails.load(Ordering::SeqCst) { Err("host db-7 is away".to_owned()) } else { Ok(()) }
        })
    }
}

struct Node {
    database: Arc<Database>,
    health: Arc<Health>,
    public: SocketAddr,
    operations: SocketAddr,
}

async fn node() -> Node {
    let metrics = metrics::install().unwrap();
    let database = Arc::new(Database { fails: AtomicBool::new(false), hangs: AtomicBool::new(false) });
    let identity = Identity {
        version: "1.2.3",
        environment: "staging".to_owned(),
        node: "box-1".to_owned(),
        database: "db-7/boxoffice".to_owned(),
    };
    let health = Health::new(identity, vec![database.clone()], Breakers::default());
    let mut addresses = Vec::new();
    for routes in [health_routes(&health), operations_routes(&health, metrics)] {
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Settings::default()).await.unwrap();
        addresses.push(server.local_addr().unwrap());
        let verifier = Arc::new(TokenVerifier::new(keys().accepted, ISSUER, Arc::default()));
        let router = Router::build(Arc::new(()), verifier, routes).unwrap();
        tokio::spawn(server.serve(Arc::new(router), std::future::pending()));
    }
    Node { database, health, public: addresses[0], operations: addresses[1] }
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    soon(async {
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
    .await
}

/// Asks until the answer has this status: results are shared for a moment.
async fn eventually(address: SocketAddr, path: &str, status: u16) -> serde_json::Value {
    soon(async {
        loop {
            let (found, text) = get(address, path).await;
            if found == status {
                break serde_json::from_str(&text).unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_node_that_works_is_ready_and_tells_operators_more() {
    let node = node().await;
    for path in ["/health", "/health/ready"] {
        let json = eventually(node.public, path, 200).await;
        assert_eq!(json["status"], "ready");
        assert_eq!(json["checks"][0]["name"], "database");
        assert!(json["checks"][0]["latencyMs"].is_number());
        assert!(json.get("node").is_none());
    }
    let json = eventually(node.operations, "/health/detailed", 200).await;
    assert_eq!(
        (&json["node"], &json["environment"], &json["version"]),
        (&"box-1".into(), &"staging".into(), &"1.2.3".into())
    );
    assert_eq!(json["database"], "db-7/boxoffice");
    assert!(json["uptimeSeconds"].is_number());
    let breakers = json["breakers"].as_array().unwrap();
    let names: Vec<_> = breakers.iter().map(|breaker| breaker["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["payment", "email", "redis"], "configured or not");
    assert!(breakers.iter().all(|breaker| breaker["state"] == "CLOSED" && breaker["failures"] == 0), "{json}");
    assert!(cfg!(not(target_os = "linux")) || json["memoryBytes"].as_u64().unwrap() > 1 << 20);
    for path in ["/health/detailed", "/metrics"] {
        assert_eq!(get(node.public, path).await.0, 404, "{path} is for operators");
    }
}

#[tokio::test]
async fn a_failing_or_hanging_dependency_makes_the_node_not_ready_but_alive() {
    let node = node().await;
    eventually(node.public, "/health/ready", 200).await;
    for flag in [&node.database.fails, &node.database.hangs] {
        flag.store(true, Ordering::SeqCst);
        let json = eventually(node.public, "/health/ready", 503).await;
        assert_eq!(json["status"], "unavailable");
        assert!(json["checks"][0].get("error").is_none(), "internals are not public: {json}");
        let json = eventually(node.operations, "/health/detailed", 503).await;
        assert!(json["checks"][0]["error"].is_string());
        assert!(json["checks"][0]["latencyMs"].as_f64().unwrap() < 1000.0);
        assert_eq!(get(node.public, "/health/live").await.0, 200);
        flag.store(false, Ordering::SeqCst);
        eventually(node.public, "/health/ready", 200).await;
    }
}

#[tokio::test]
async fn a_draining_node_is_not_ready() {
    let node = node().await;
    eventually(node.public, "/health/ready", 200).await;
    node.health.begin_draining();
    assert_eq!(eventually(node.public, "/health/ready", 503).await["status"], "draining");
    assert_eq!(get(node.public, "/health/live").await.0, 200);
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let node = node().await;
    eventually(node.public, "/health/live", 200).await;
    assert_eq!(get(node.public, "/nothing").await.0, 404);
    let (status, text) = get(node.operations, "/metrics").await;
    assert_eq!(status, 200);
    for expected in [
        r#"boxoffice_http_requests_total{route="/health/live",method="GET",status="200"}"#,
        r#"boxoffice_http_requests_total{route="unmatched",method="any",status="404"}"#,
        r#"boxoffice_http_request_duration_seconds_bucket{route="/health/live",method="GET",le="0.0005"}"#,
        "boxoffice_http_connections ",
        "boxoffice_http_requests_in_flight ",
        "process_resident_memory_bytes ",
        // At zero before the first failure: a rate misses what a series begins with.
        r#"boxoffice_http_requests_total{route="/health/live",method="GET",status="503"} 0"#,
        // Nobody asked for the health before this scrape did.
        r#"boxoffice_dependency_up{dependency="database"}"#,
        r#"boxoffice_dependency_check_seconds{dependency="database"}"#,
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}
