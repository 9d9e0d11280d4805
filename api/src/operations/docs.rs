//! What balancers are told about the health of a node.

use boxoffice_http::openapi::operation::{Operation, Section};
use utoipa::ToSchema;

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

pub(crate) fn section() -> Section {
    Section::new("Health", "For balancers. Details and metrics are on the listener for operators.")
        .with(ready(Operation::get("/health", "getHealth", "Tell whether this node should be sent clients")))
        .with(ready(Operation::get("/health/ready", "getReadiness", "Tell the same")))
        .with(
            Operation::get("/health/live", "getLiveness", "Tell that the process answers")
                .details("And nothing of what it depends on: to restart it would not bring that back.")
                .ok::<LivenessSchema>("It does.")
                .ignores_query(),
        )
}

fn ready(operation: Operation) -> Operation {
    operation
        .ok::<HealthSchema>("It should.")
        .unready::<HealthSchema>("It should not, and `status` says why.")
        .ignores_query()
}
