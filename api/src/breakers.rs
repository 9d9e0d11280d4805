//! The circuit breakers of this server, for administrators.

pub(crate) mod endpoints;

use std::sync::Arc;

use actors::breakers::BreakerStatus;
use application::app::App;
use boxoffice_http::{problem::Problem, reply::Reply, request::Request};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// `GET /admin/breakers`
async fn list(app: Arc<App>, _: Request) -> Result<Reply, Problem> {
    Reply::ok(&BreakersJson { data: app.breakers.list().into_iter().map(BreakerJson::from).collect() })
}

#[derive(Serialize, ToSchema)]
#[schema(as = Breakers)]
struct BreakersJson {
    data: Vec<BreakerJson>,
}

/// How this server gets on with another service.
#[derive(Serialize, ToSchema)]
#[schema(as = Breaker)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BreakerJson {
    /// The service: `payment`, `email`, `redis`.
    #[schema(value_type = String)]
    name: &'static str,
    /// `CLOSED`: it is asked. `OPEN`: it fails, and is left alone. `HALF_OPEN`: one call at a time finds out whether it is back.
    #[schema(value_type = String, pattern = "^(CLOSED|OPEN|HALF_OPEN)$")]
    state: &'static str,
    /// Those of the last minute; of an open or half-open breaker those that opened it.
    failures: u32,
    /// When it entered its state.
    since: Timestamp,
    /// When an open one begins to find out whether the service is back, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_at: Option<Timestamp>,
}

impl From<BreakerStatus> for BreakerJson {
    fn from(BreakerStatus { name, state, failures, since, retry_at }: BreakerStatus) -> Self {
        Self { name, state: state.as_str(), failures, since, retry_at }
    }
}
