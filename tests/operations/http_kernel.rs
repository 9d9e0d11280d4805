//! The HTTP kernel from the outside: a real server on a free port, spoken to over TCP.

mod access;
mod bodies;
mod compression;
mod connections;
mod cors;
mod dormant;
mod edge;
mod operations;
mod refusals;
mod routing;
mod shut_windows;
mod slow_readers;
mod support;
