//! Cache administration: what is cached, and clearing it.

use actors::cache::Cleared;
use domain::{
    audit::{Action, Actor, Deed},
    cache::{Change, Tag},
    repositories::Found,
};
use jiff::Timestamp;
use serde_json::json;

use super::app::App;

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

/// Deletes cached answers on all nodes, because `admin` wants it, and writes that down first.
pub async fn clear(app: &App, admin: Actor, what: Clearing) -> Found<Cleared> {
    let (kind, name, change) = match what {
        Clearing::Tag(tag) => ("tag", tag.to_string(), Change::Tags(vec![tag.slot()])),
        Clearing::Key(key) => ("key", key.clone(), Change::Key(key)),
        Clearing::Pattern(pattern) => ("pattern", pattern.clone(), Change::Pattern(pattern)),
    };
    let user = admin.account;
    let deed = Deed {
        at: Timestamp::now(),
        actor: admin,
        action: Action::CacheCleared,
        target_kind: "cache".to_owned(),
        target_id: name.clone(),
        details: json!({ "by": kind }),
    };
    app.store.write_down(deed).await?;
    let cleared = app.cache.clear(change).await;
    tracing::info!(
        userId = user.map(tracing::field::display),
        by = kind,
        what = name,
        local = cleared.local,
        shared = cleared.shared,
        "cached answers cleared by hand"
    );
    Ok(cleared)
}
