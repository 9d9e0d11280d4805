//! A cached answer: the bytes of a body, ready to be sent in each form that was ever asked for.

use std::{fmt::Write, sync::Arc, time::Instant};

use bytes::Bytes;
use domain::cache::{SharedAnswer, Tag, TagSlot};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use tokio::sync::OnceCell;

/// Bytes of a digest that name a body: enough that no two bodies ever share a name.
const ETAG_BYTES: usize = 12;
/// What an answer takes besides its body.
const OVERHEAD_BYTES: u64 = 512;

/// Most codings of a body.
pub const CODINGS: usize = 3;

/// A body in one form.
#[derive(Clone, Debug)]
pub struct Form {
    /// What is sent.
    pub body: Bytes,
    /// Its entity tag, with quotation marks: strong, and another one for each form.
    pub etag: Bytes,
}

impl Form {
    /// The form of a body whose entity tag begins with `name`.
    fn new(body: Bytes, name: &str, suffix: &str) -> Self {
        Self { body, etag: Bytes::from(format!("\"{name}{suffix}\"")) }
    }
}

/// What can be answered again: a body of JSON.
#[derive(Debug)]
pub struct Answer {
    /// Names the body.
    name: String,
    /// `Link` of a page of a list.
    links: Option<Bytes>,
    plain: Form,
    /// By the caller's numbers of codings. Empty until somebody wants it; `None` when it would not be smaller.
    coded: [OnceCell<Option<Form>>; CODINGS],
}

impl Answer {
    /// This body, and the `Link` that goes with it.
    pub fn new(body: Bytes, links: Option<Bytes>) -> Self {
        let mut name = String::with_capacity(2 * ETAG_BYTES);
        for byte in Sha256::digest(&body).iter().take(ETAG_BYTES) {
            // Writing to a String never fails.
            let _ = write!(name, "{byte:02x}");
        }
        Self { plain: Form::new(body, &name, ""), name, links, coded: [const { OnceCell::const_new() }; CODINGS] }
    }

    /// The body as it is.
    pub fn plain(&self) -> &Form {
        &self.plain
    }

    /// The value of `Link` that goes with it, if it is a page of a list.
    pub fn links(&self) -> Option<&Bytes> {
        self.links.as_ref()
    }

    /// The body in the coding with this number, if it was made already.
    pub fn coded(&self, number: usize) -> Option<Option<&Form>> {
        self.coded.get(number)?.get().map(Option::as_ref)
    }

    /// The body in the coding with this number, which `make` makes once, for all who ask meanwhile; `None` from it when the body
    /// had better go as it is. `suffix` tells the coding's entity tags from others.
    pub async fn coded_by<F>(&self, number: usize, suffix: &str, make: impl FnOnce(Bytes) -> F) -> Option<&Form>
    where
        F: Future<Output = Option<Bytes>>,
    {
        let form = self.coded.get(number)?.get_or_init(|| async {
            let smaller = make(self.plain.body.clone()).await?;
            Some(Form::new(smaller, &self.name, suffix))
        });
        form.await.as_ref()
    }

    /// Whether it says the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// What it takes in memory once all its forms are made, as good as that can be known before.
    fn bytes(&self) -> u64 {
        OVERHEAD_BYTES + 2 * self.plain.body.len() as u64
    }
}

/// What a read has found, and what that shows.
#[derive(Debug)]
pub struct Load {
    body: Option<Bytes>,
    links: Option<Bytes>,
    tags: SmallVec<[TagSlot; 4]>,
    until: Option<Instant>,
}

impl Load {
    /// An answer that shows what these tags name.
    pub fn found(body: impl Into<Bytes>, tags: &[Tag]) -> Self {
        Self { body: Some(body.into()), links: None, tags: slots(tags), until: None }
    }

    /// With the value of `Link` that goes with it.
    #[must_use]
    pub fn linked(mut self, links: impl Into<Bytes>) -> Self {
        self.links = Some(links.into());
        self
    }

    /// From this instant on it would read otherwise, though nothing changes that a tag names: it is kept until then at most.
    #[must_use]
    pub fn until(mut self, instant: Option<Instant>) -> Self {
        self.until = instant;
        self
    }

    /// What is answered, by who does not keep it.
    pub fn into_answer(self) -> Option<Arc<Answer>> {
        self.body.map(|body| Arc::new(Answer::new(body, self.links)))
    }

    /// There is no such thing, until one of these changes.
    pub fn absent(tags: &[Tag]) -> Self {
        Self { body: None, links: None, tags: slots(tags), until: None }
    }
}

fn slots(tags: &[Tag]) -> SmallVec<[TagSlot; 4]> {
    tags.iter().map(Tag::slot).collect()
}

/// An answer, or that there is none, with what decides for how long that may be said.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) answer: Option<Arc<Answer>>,
    pub(super) slots: SmallVec<[TagSlot; 4]>,
    /// The number of the last change when its read began.
    pub(super) began: u64,
    /// It may not be given from this instant on.
    pub(super) until: Option<Instant>,
}

impl Content {
    pub(super) fn of_load(load: Load, began: u64) -> Self {
        let (slots, until) = (load.tags.clone(), load.until);
        Self { answer: load.into_answer(), slots, began, until }
    }

    /// What the shared cache has given to who asked at `asked`.
    pub(super) fn of_shared(shared: SharedAnswer, began: u64, asked: Instant) -> Self {
        let until = shared.valid_for.map(|rest| asked + rest);
        let links = shared.links.map(Bytes::from);
        let answer = Answer::new(Bytes::from(shared.body), links);
        Self { answer: Some(answer.into()), slots: shared.slots.into(), began, until }
    }

    pub(super) fn to_shared(&self, now: Instant) -> Option<SharedAnswer> {
        let answer = self.answer.as_ref()?;
        let valid_for = self.until.map(|until| until.saturating_duration_since(now));
        if valid_for.is_some_and(|rest| rest.is_zero()) {
            return None;
        }
        let (body, links) = (answer.plain.body.to_vec(), answer.links.as_ref().map(|links| links.to_vec()));
        Some(SharedAnswer { body, links, slots: self.slots.to_vec(), valid_for })
    }

    /// With the forms that were made of `before`, when it says the same.
    pub(super) fn reusing(mut self, before: Option<&Self>) -> Self {
        if let (Some(new), Some(old)) = (&self.answer, before.and_then(|before| before.answer.as_ref()))
            && new.is_same(old)
        {
            self.answer = Some(old.clone());
        }
        self
    }

    pub(super) fn bytes(&self, key: &str) -> u64 {
        key.len() as u64 + self.answer.as_ref().map_or(OVERHEAD_BYTES, |answer| answer.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_form_has_an_entity_tag_of_its_own_and_is_made_once() {
        let answer = Answer::new(Bytes::from_static(b"hello"), None);
        let plain = answer.plain().etag.clone();
        assert!(plain.starts_with(b"\"") && plain.len() == 2 + 2 * ETAG_BYTES);
        assert!(answer.coded(1).is_none());
        for _ in 0..2 {
            let form = answer.coded_by(1, "-x", async |_| Some(Bytes::from_static(b"h"))).await.unwrap();
            assert_eq!((&form.body[..], form.etag.len()), (&b"h"[..], plain.len() + 2));
            assert!(answer.coded_by(2, "-y", async |_| None).await.is_none());
        }
        assert!(answer.coded(1).flatten().is_some() && answer.coded(2).is_some_and(|form| form.is_none()));
        assert!(answer.coded_by(CODINGS, "-z", async |_| None).await.is_none());
    }

    #[test]
    fn forms_are_kept_when_a_new_read_says_the_same() {
        let content = |text: &'static str| Content::of_load(Load::found(text, &[Tag::Events]), 1);
        let old = content("a");
        let is_old = |new: Content| Arc::ptr_eq(&new.answer.unwrap(), old.answer.as_ref().unwrap());
        assert!(is_old(content("a").reusing(Some(&old))));
        assert!(!is_old(content("b").reusing(Some(&old))));
    }
}
