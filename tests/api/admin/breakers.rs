//! `/admin/breakers`.

use actors::breakers::{BreakerState, CallError, CallOutcome, Service, ServiceError};
use domain::accounts::Role;
use serde_json::json;
use std::time::Duration;

use crate::support::{TestServer, until};

struct Fault;

impl ServiceError for Fault {
    fn outcome(&self) -> CallOutcome {
        CallOutcome::Failed
    }
}

/// Guards: that each service is listed, configured or not, and what an open breaker says.
#[tokio::test]
async fn administrators_see_each_breaker_and_its_state() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let breakers = async || admin.get("/api/v1/admin/breakers").await.ok()["data"].clone();
    let shown = breakers().await;
    let names: Vec<_> = shown.as_array().unwrap().iter().map(|of| of["name"].as_str().unwrap()).collect();
    assert!(["payment", "email", "redis"].iter().all(|name| names.contains(name)), "{shown}");
    for breaker in shown.as_array().unwrap() {
        assert_eq!((&breaker["state"], &breaker["failures"]), (&json!("CLOSED"), &json!(0)), "{breaker}");
        assert!(breaker["since"].is_string() && breaker.get("retryAt").is_none(), "{breaker}");
    }
    let payment = server.running.breakers.breakers.of(Service::Payment);
    for _ in 0..5 {
        let failed = payment.call(Duration::from_secs(1), async { Err::<(), _>(Fault) }).await;
        assert!(matches!(failed, Err(CallError::Failed(_))));
    }
    until("it is open", async || payment.state() == BreakerState::Open).await;
    let shown = breakers().await;
    let open = shown.as_array().unwrap().iter().find(|of| of["name"] == "payment").unwrap();
    assert_eq!((&open["state"], &open["failures"]), (&json!("OPEN"), &json!(5)));
    let instant = |name: &str| open[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let wait = instant("retryAt").duration_since(instant("since")).as_secs_f64();
    assert!((59.5..=63.5).contains(&wait), "{wait} s");
    server.signed_in().await.get("/api/v1/admin/breakers").await.problem(403, "AUTH_004");
}
