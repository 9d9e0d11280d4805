//! HTTP: from the listening socket to a handler, and back as JSON or as a problem.
//!
//! A handler is one `async fn(Arc<S>, Request) -> Result<Reply, Problem>` and one row of a table:
//!
//! ```
//! use std::sync::Arc;
//! use boxoffice_http::{problem::Problem, reply::Reply, request::Request, router::{Access, Route}};
//!
//! struct App;
//!
//! async fn show(_app: Arc<App>, request: Request) -> Result<Reply, Problem> {
//!     Reply::ok(&serde_json::json!({ "id": request.caller()?.account }))
//! }
//!
//! let table = [Route::get("/api/v1/profile", Access::Authenticated, show)];
//! # let _: [Route<App>; 1] = table;
//! ```

pub mod authorization;
pub mod body;
mod client_address;
mod connection;
pub mod cursor;
mod dispatch;
pub mod edge;
pub mod endpoint;
pub mod filters;
mod handler;
pub mod json;
pub mod lists;
mod measures;
pub mod openapi;
pub mod problem;
pub mod problem_codes;
pub mod product;
pub mod query;
pub mod rate_limits;
pub mod redirects;
pub mod refusals;
mod repeats;
pub mod reply;
mod repository;
pub mod request;
mod request_id;
pub mod response_cache;
pub mod revisions;
mod route_info;
pub mod router;
pub mod server;
pub mod session_cookie;
mod settings;
mod unsent;
