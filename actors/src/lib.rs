//! Everything of boxoffice that runs under supervision. Knows the domain and its ports; knows no HTTP and no SQL.
//!
//! ```text
//! root                    restarts its children; gives up only when one of them keeps failing
//! ├─ writers              commit batches of decisions in groups, see `ledger::writer`
//! ├─ probe                looks up idempotency keys in groups, see `ledger::probe`
//! ├─ inventories          starts, restarts and passivates one inventory an event, see `inventories`
//! │  └─ inventory         decides for one event, see `inventory::actor`
//! ├─ leases               keeps this node's session alive, see `leases`
//! └─ sampler              compares memory with the ledger, see `sampler`
//! ```
//!
//! The `outbox`, the `jobs`, the `breakers`, the `cache`, the `upkeep` of events and the `tasks` that go on for ever are trees of their own: they may fail for as
//! long as they like, and this one goes on.
//!
//! Beside the trees, `live` has a task for each event that somebody listens to. It owns nothing but copies: when it dies, its
//! streams end, and their clients come again.

pub mod admission;
pub mod breakers;
pub mod cache;
pub mod clock;
pub mod engine;
pub mod inventories;
pub mod inventory;
pub mod jobs;
mod later;
pub mod leases;
pub mod ledger;
pub mod live;
pub mod metrics;
pub mod networks;
mod notice;
pub mod outbox;
pub mod restart;
pub mod sampler;
pub mod supervisor;
pub mod tasks;
pub mod upkeep;
mod waker;
