//! Money under fire: random walks over a server with a sandbox of payments, kills at every message, crowds, and gateways that fail. What was
//! charged and given back is judged by the gateway's own books.

mod ailing;
mod bare;
mod clicks;
mod kills;
mod law;
mod outside;
mod till;
mod walk;
