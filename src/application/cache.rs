//! The cache as people look at it and clear it (O7).

use actors::cache::Cleared;
use domain::{
    cache::{Change, Tag},
    ids::AccountId,
};

use super::app::{Adapters, App};

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clearing {
    /// All answers that show this.
    Tag(Tag),
    /// The answer under this key.
    Key(String),
    /// All answers whose key matches.
    Pattern(String),
}

/// Deletes cached answers on all nodes, because `admin` wants it.
pub async fn clear<A: Adapters>(app: &App<A>, admin: AccountId, what: Clearing) -> Cleared {
    let (kind, name, change) = match what {
        Clearing::Tag(tag) => ("tag", tag.to_string(), Change::Tags(vec![tag.slot()])),
        Clearing::Key(key) => ("key", key.clone(), Change::Key(key)),
        Clearing::Pattern(pattern) => ("pattern", pattern.clone(), Change::Pattern(pattern)),
    };
    let cleared = app.cache.clear(change).await;
    tracing::info!(
        userId = %admin,
        by = kind,
        what = name,
        local = cleared.local,
        shared = cleared.shared,
        "cached answers cleared by hand"
    );
    cleared
}
