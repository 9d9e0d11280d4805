//! What is forgotten, and when: rows that are over and nobody asks for any more.

use std::future::Future;

use jiff::SignedDuration;
use strum::IntoStaticStr;

use crate::{cache::WRITTEN_KEPT, repositories::Found};

/// A kind of row that would pile up for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Leftover {
    /// Sessions that have ended, with their refresh tokens.
    Sessions,
    /// Links of mails that are not good any more.
    Links,
    /// Keys of requests that created something.
    RequestKeys,
    /// Holds that were given back, turned into bookings or have expired, and blocks that were released.
    Holds,
    /// Changes that no shared cache was told of, because there is none.
    Changes,
    /// Messages of payment gateways that were applied.
    Messages,
}

impl Leftover {
    pub const ALL: [Leftover; 6] = [
        Leftover::Sessions,
        Leftover::Links,
        Leftover::RequestKeys,
        Leftover::Holds,
        Leftover::Changes,
        Leftover::Messages,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How long such a row is kept after its end.
    pub const fn kept(self) -> SignedDuration {
        match self {
            // A stolen refresh token that is used meanwhile still shows.
            Leftover::Sessions | Leftover::Links => SignedDuration::from_hours(24),
            // Clients are told a week: a request that is repeated later makes a second thing.
            Leftover::RequestKeys => SignedDuration::from_hours(7 * 24),
            // The keys of holds are in them, and what became of one is shown as long.
            Leftover::Holds => SignedDuration::from_hours(30 * 24),
            Leftover::Changes => WRITTEN_KEPT,
            // Longer than a gateway repeats a message: what comes again is known. And somebody may ask what it said.
            Leftover::Messages => SignedDuration::from_hours(30 * 24),
        }
    }
}

/// Where they are deleted. Several servers may do it at once, and none waits for another.
pub trait Retention: Send + Sync + 'static {
    /// Deletes at most `limit` of them whose time is over. How many there were.
    fn delete_leftovers(&self, kind: Leftover, limit: u32) -> impl Future<Output = Found<u64>> + Send;
}
