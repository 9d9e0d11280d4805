//! The HTTP kernel from the outside: a real server on a free port, spoken to over TCP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up fails where it stands")]

#[path = "http_kernel/access.rs"]
mod access;
#[path = "http_kernel/bodies.rs"]
mod bodies;
#[path = "http_kernel/compression.rs"]
mod compression;
#[path = "http_kernel/connections.rs"]
mod connections;
#[path = "http_kernel/cors.rs"]
mod cors;
#[path = "http_kernel/dormant.rs"]
mod dormant;
#[path = "http_kernel/edge.rs"]
mod edge;
#[path = "attacks/frames.rs"]
#[allow(dead_code, reason = "shared with the attacks")]
mod frames;
#[path = "http_kernel/operations.rs"]
mod operations;
#[path = "http_kernel/refusals.rs"]
mod refusals;
#[path = "http_kernel/routing.rs"]
mod routing;
#[path = "http_kernel/shut_windows.rs"]
mod shut_windows;
#[path = "http_kernel/slow_readers.rs"]
mod slow_readers;
#[path = "http_kernel/support.rs"]
mod support;
