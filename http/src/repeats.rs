//! Response cache, in front of routing: who asks the same of the same address gets the same head and body, but for what
//! differs each time. Reading an address and making a head costs several times as much as finding both.
//!
//! Whether an answer may be shown is the cache's affair alone: what is kept here belongs to one answer, and is good for nothing
//! when the cache has another one, or none. And it is heads only, so the cache alone decides which bodies are in memory.

pub(super) mod source;

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Instant,
};

use actors::cache::{Answer, Cache, Form, Key};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use quick_cache::Equivalent;

use super::{
    body::Body,
    edge::{
        Manner,
        negotiation::Coding,
        present::{Field, Present},
    },
    request_id::REQUEST_ID,
    response_cache::conditional,
};
pub(super) use source::Source;

/// Addresses, in the manners in which they were asked; each takes some 5 KiB.
const ENTRIES_MAX: usize = 1024;
/// Longer addresses are searches that nobody repeats.
const TARGET_BYTES_MAX: usize = 512;

/// What is asked: an address with its query, in some manner.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Wanted<'a> {
    pub(super) target: &'a str,
    pub(super) manner: Manner,
}

/// A [`Wanted`] that is kept: hashed in the same order.
#[derive(Debug, Hash, PartialEq, Eq)]
struct Kept {
    target: Box<str>,
    manner: Manner,
}

impl Equivalent<Kept> for Wanted<'_> {
    fn equivalent(&self, kept: &Kept) -> bool {
        *self.target == *kept.target && self.manner == kept.manner
    }
}

/// The heads of an answer's replies, as they were sent to the first client.
#[derive(Debug)]
struct Heads {
    /// The row of the table that answered.
    row: usize,
    cache: Cache,
    key: Key,
    answer: Weak<Answer>,
    coding: Option<Coding>,
    ok: OnceLock<HeaderMap>,
    not_modified: OnceLock<HeaderMap>,
}

impl Heads {
    fn of(&self, status: StatusCode) -> Option<&OnceLock<HeaderMap>> {
        match status {
            StatusCode::OK => Some(&self.ok),
            StatusCode::NOT_MODIFIED => Some(&self.not_modified),
            _ => None,
        }
    }

    fn is_of(&self, answer: &Arc<Answer>) -> bool {
        // The address is not given to another answer as long as there is somebody who remembers this one.
        std::ptr::eq(self.answer.as_ptr(), Arc::as_ptr(answer))
    }

    fn form<'a>(&self, answer: &'a Answer) -> Option<&'a Form> {
        match self.coding {
            Some(coding) => answer.coded(coding as usize)?,
            None => Some(answer.plain()),
        }
    }
}

/// An answer that can be given again.
#[derive(Debug)]
pub(super) struct Repeat {
    heads: Arc<Heads>,
    answer: Arc<Answer>,
}

impl Repeat {
    /// The row of the table that it came from.
    pub(super) fn row(&self) -> usize {
        self.heads.row
    }

    /// Counts that it was given again.
    pub(super) fn note(&self) {
        self.heads.cache.note_repeat(&self.heads.key);
    }

    /// What it is for a client with these headers. Where answers differ each time, it says what another client was told. `None`
    /// when nobody was answered like that yet.
    pub(super) fn response(&self, headers: &HeaderMap, present: Present) -> Option<Response<Body>> {
        let form = self.heads.form(&self.answer)?;
        let (status, body) = if present.has(Field::IfNoneMatch) && conditional::has(headers, &form.etag) {
            (StatusCode::NOT_MODIFIED, Body::default())
        } else {
            (StatusCode::OK, Body::full(form.body.clone()))
        };
        let head = self.heads.of(status)?.get()?;
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = head.clone();
        Some(response)
    }
}

#[derive(Debug)]
pub(super) struct Repeats(quick_cache::sync::Cache<Kept, Arc<Heads>>);

impl Default for Repeats {
    fn default() -> Self {
        Self(quick_cache::sync::Cache::new(ENTRIES_MAX))
    }
}

impl Repeats {
    /// The answer that was given to this, if the cache still gives it to everybody.
    pub(super) fn find(&self, wanted: Wanted<'_>, now: Instant) -> Option<Repeat> {
        let heads = self.0.get(&wanted)?;
        let answer = heads.cache.fresh(&heads.key, now)?;
        heads.is_of(&answer).then_some(Repeat { heads, answer })
    }

    /// Keeps the head of the answer that a row has just given to this.
    pub(super) fn keep(&self, wanted: Wanted<'_>, row: usize, source: Source, response: &Response<Body>) {
        let Wanted { target, manner } = wanted;
        if target.len() > TARGET_BYTES_MAX {
            return;
        }
        let is_same = |heads: &Arc<Heads>| heads.is_of(&source.answer) && heads.coding == source.coding;
        let heads = self.0.get(&wanted).filter(is_same).unwrap_or_else(|| {
            let Source { cache, key, answer, coding } = source;
            let answer = Arc::downgrade(&answer);
            let (ok, not_modified) = (OnceLock::new(), OnceLock::new());
            let heads = Arc::new(Heads { row, cache, key, answer, coding, ok, not_modified });
            self.0.insert(Kept { target: target.into(), manner }, heads.clone());
            heads
        });
        if let Some(head) = heads.of(response.status()) {
            head.get_or_init(|| {
                let mut head = response.headers().clone();
                // Which request it was concerns nobody else: an empty value keeps the place, and costs nothing to copy.
                head.insert(REQUEST_ID.clone(), HeaderValue::from_static(""));
                head
            });
        }
    }
}
