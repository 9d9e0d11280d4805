//! HTTP: from the listening socket to a handler, and back as JSON or as a problem.
//!
//! A handler is one `async fn(Arc<S>, Request) -> Result<Reply, Problem>` and one row of a table:
//!
//! ```
//! use std::sync::Arc;
//! use boxoffice::presentation::{problem::Problem, reply::Reply, request::Request, router::{Access, Route}};
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

pub mod accounts;
pub mod audit;
mod authorization;
pub mod body;
pub mod bookings;
mod browsing;
pub mod cache;
pub mod catalogue;
mod client_address;
mod connection;
pub mod csp_reports;
mod cursor;
mod dispatch;
pub mod edge;
pub mod events;
mod filters;
mod handler;
mod instants;
pub mod json;
mod limits;
pub mod mails;
mod manage;
mod measures;
mod moved;
pub mod openapi;
pub mod operations;
mod pagination;
pub mod problem;
pub mod problems;
pub mod query;
pub mod reference;
mod repeats;
pub mod reply;
mod repository;
pub mod request;
mod revisions;
pub mod router;
pub mod routes;
pub mod server;
mod session_cookie;
mod unsent;
pub mod venues;
pub mod welcome;
