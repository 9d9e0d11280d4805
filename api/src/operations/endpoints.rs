//! The endpoints of health checks, for load balancers.

use std::sync::Arc;

use actors::breakers::Breakers;
use application::limits::Tier;
use boxoffice_http::{
    endpoint::{Described, Section},
    openapi::operation::Operation,
    reply::Reply,
    router::Access,
};
use utoipa::ToSchema;

use super::{Health, Identity};

/// What a node says of its health.
#[derive(ToSchema)]
#[schema(as = Health, rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct HealthSchema {
    status: ReadinessSchema,
    checks: Vec<CheckSchema>,
}

/// Whether a node should be sent clients.
#[derive(ToSchema)]
#[schema(as = Readiness, rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum ReadinessSchema {
    /// It should.
    Ready,
    /// It stops, and ends what it has begun.
    Draining,
    /// Something that it needs does not work.
    Unavailable,
}

/// Something that a node works with.
#[derive(ToSchema)]
#[schema(as = HealthCheck, rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct CheckSchema {
    name: String,
    /// Whether the node is not ready without it.
    required: bool,
    ok: bool,
    latency_ms: f64,
}

/// That the process answers.
#[derive(ToSchema)]
#[schema(as = Liveness)]
#[expect(dead_code, reason = "only its schema is used")]
struct LivenessSchema {
    #[schema(pattern = "^live$")]
    status: String,
}

/// `/health`, `/health/live` and `/health/ready` of a node.
pub(crate) fn section<S: Send + Sync + 'static>(health: &Arc<Health>) -> Section<S> {
    let ready = |operation: Operation| {
        let health = Arc::clone(health);
        operation
            .ok::<HealthSchema>("It should.")
            .unready::<HealthSchema>("It should not, and `status` says why.")
            .ignores_query()
            .served(Access::Public, move |_, _| {
                let health = Arc::clone(&health);
                async move { health.reply(false).await }
            })
            .limit(Tier::Unlimited)
    };
    Section::new("Health", "For balancers. Details and metrics are on the listener for operators.")
        .with(ready(Operation::get("/health", "getHealth", "Tell whether this node should be sent clients")))
        .with(ready(Operation::get("/health/ready", "getReadiness", "Tell the same")))
        .with(
            Operation::get("/health/live", "getLiveness", "Tell that the process answers")
                .details("And nothing of what it depends on: to restart it would not bring that back.")
                .ok::<LivenessSchema>("It does.")
                .ignores_query()
                .served(Access::Public, |_, _| async { Reply::ok(&serde_json::json!({ "status": "live" })) })
                .limit(Tier::Unlimited),
        )
}

/// What clients are told of them: without a node.
pub(crate) fn described() -> Described {
    section::<()>(&Health::new(Identity::default(), Vec::new(), Breakers::default())).into_described()
}
