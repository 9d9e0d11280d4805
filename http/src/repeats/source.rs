//! What a reply from the cache was made of.

use std::sync::Arc;

use actors::cache::{Answer, Cache, Key};

use crate::edge::negotiation::Coding;

/// What a reply was made of.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) cache: Cache,
    pub(crate) key: Key,
    pub(crate) answer: Arc<Answer>,
    /// The form of its body.
    pub(crate) coding: Option<Coding>,
}
