//! What was edited and when, and whether an answer may show what it shows.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    MEMORY,
    questions::{Question, Shows, TITLE},
};
use crate::verdict::Verdict;

/// How soon the other server shows an edit while both share a Redis.
const SHARED: Duration = Duration::from_secs(1);
/// What an answer on its way and a busy machine may add to the time that an answer is kept in memory.
const MARGIN: Duration = Duration::from_millis(500);
/// Digits of the numbers in a title.
const EVENT_DIGITS: usize = 2;
const VERSION_DIGITS: usize = 5;

/// The title of an edited event in this version.
pub(super) fn title(event: usize, version: usize) -> String {
    format!("{TITLE}{event:0EVENT_DIGITS$} v{version:0VERSION_DIGITS$}")
}

/// An edit that was acknowledged.
struct Edit {
    server: usize,
    at: Instant,
    /// From then on the other server shows it.
    known_by: Cell<Instant>,
    /// The longest time after it that the other server still showed the state before, in a detail and in a list.
    oldest: Cell<[Duration; 2]>,
}

/// See the module's page.
pub(super) struct Truth {
    /// Of each event: the edits that led to version 1 and those after it.
    edits: Vec<RefCell<Vec<Edit>>>,
    /// Since when the servers tell each other what they change; `None` while they can't.
    sharing: Cell<Option<Instant>>,
    /// Answers that were wrong.
    pub(super) wrong: RefCell<Verdict>,
}

impl Truth {
    pub(super) fn new(events: usize) -> Self {
        Self {
            edits: (0..events).map(|_| RefCell::default()).collect(),
            sharing: Cell::new(None),
            wrong: RefCell::default(),
        }
    }

    /// The version that the next edit of an event makes.
    pub(super) fn next(&self, event: usize) -> usize {
        self.edits[event].borrow().len() + 1
    }

    /// The next edit of an event was acknowledged by this server.
    pub(super) fn edited(&self, event: usize, server: usize) {
        let at = Instant::now();
        let within = if self.sharing.get().is_some() { SHARED } else { MEMORY + MARGIN };
        let edit = Edit { server, at, known_by: Cell::new(at + within), oldest: Cell::default() };
        self.edits[event].borrow_mut().push(edit);
    }

    /// From now on servers tell each other what they change, or can't. What they may just have been telling is then not told.
    pub(super) fn share(&self, shares: bool) {
        let now = Instant::now();
        self.sharing.set(shares.then_some(now));
        if shares {
            return;
        }
        for edits in &self.edits {
            for edit in edits.borrow().iter().filter(|edit| edit.at + SHARED > now) {
                edit.known_by.set(edit.at + MEMORY + MARGIN);
            }
        }
    }

    /// Looks at an answer of `server` to a question that was sent at `sent`.
    pub(super) fn check(&self, server: usize, question: &Question, sent: Instant, body: &[u8]) {
        let shown = shown(body);
        let is_list = !matches!(question.shows, Shows::Event(_));
        for (event, version) in &shown {
            let Some(edits) = self.edits.get(*event) else {
                self.is_wrong(format!("{} shows an event that nobody has edited", question.path));
                continue;
            };
            // The first edit that it does not show.
            if let Some(edit) = edits.borrow().get(*version) {
                self.misses(edit, server, sent, is_list, || {
                    format!("{} shows version {version} of {event}", question.path)
                });
            }
        }
        let complete = match question.shows {
            Shows::Event(event) => shown.iter().any(|(other, _)| *other == event),
            Shows::All => shown.len() == self.edits.len(),
            Shows::Anything => true,
        };
        if !complete {
            self.is_wrong(format!("{} shows {} edited events", question.path, shown.len()));
        }
    }

    fn misses(&self, edit: &Edit, server: usize, sent: Instant, is_list: bool, what: impl Fn() -> String) {
        let late = sent.saturating_duration_since(edit.at);
        if edit.server == server {
            if sent > edit.at {
                self.is_wrong(format!("{}, {late:?} after this server took the next", what()));
            }
            return;
        }
        let mut oldest = edit.oldest.get();
        let of = &mut oldest[usize::from(is_list)];
        *of = late.max(*of);
        edit.oldest.set(oldest);
        if sent > edit.known_by.get() {
            self.is_wrong(format!("{}, {late:?} after the other server took the next", what()));
        }
    }

    fn is_wrong(&self, what: String) {
        self.wrong.borrow_mut().require(false, || what);
    }

    /// Edits that were acknowledged between two moments, and how long after them the other server showed the state before, in
    /// details and in lists.
    pub(super) fn between(&self, from: Instant, until: Instant) -> (usize, [Duration; 2]) {
        let mut found = (0, [Duration::ZERO; 2]);
        for edits in &self.edits {
            for edit in edits.borrow().iter().filter(|edit| (from..until).contains(&edit.at)) {
                let [detail, list] = edit.oldest.get();
                found = (found.0 + 1, [detail.max(found.1[0]), list.max(found.1[1])]);
            }
        }
        found
    }
}

/// The edited events in a body, each with its version.
fn shown(body: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.windows(TITLE.len()).position(|window| window == TITLE.as_bytes()) {
        rest = &rest[at + TITLE.len()..];
        let number = |from: usize, digits: usize| {
            std::str::from_utf8(rest.get(from..from + digits)?).ok()?.parse::<usize>().ok()
        };
        found.extend(number(0, EVENT_DIGITS).zip(number(EVENT_DIGITS + " v".len(), VERSION_DIGITS)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(shows: Shows) -> Question {
        Question { path: "/x".to_owned(), shows }
    }

    fn answer(event: usize, version: usize) -> Vec<u8> {
        format!("{{\"title\":\"{}\"}}", title(event, version)).into_bytes()
    }

    #[tokio::test(start_paused = true)]
    async fn each_server_has_its_time() {
        let truth = Truth::new(1);
        let check = |server, version| {
            truth.check(server, &question(Shows::Event(0)), Instant::now(), &answer(0, version));
            truth.wrong.take().missed().is_empty()
        };
        let pass = async |ms| tokio::time::advance(Duration::from_millis(ms)).await;
        truth.share(true);
        truth.edited(0, 0);
        pass(1).await;
        assert!(!check(0, 0) && check(1, 0) && check(0, 1));
        pass(1000).await;
        assert!(!check(1, 0) && check(1, 1));
        truth.share(false);
        truth.edited(0, 1);
        pass(9000).await;
        assert!(check(0, 1) && !check(1, 1) && check(1, 2));
        pass(2000).await;
        assert!(!check(0, 1) && check(0, 2));
        let (edits, [detail, list]) = truth.between(Instant::now() - Duration::from_secs(60), Instant::now());
        assert_eq!((edits, detail, list), (2, Duration::from_secs(11), Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_being_told_when_redis_went_has_more_time() {
        let truth = Truth::new(1);
        truth.share(true);
        truth.edited(0, 0);
        tokio::time::advance(Duration::from_millis(900)).await;
        truth.share(false);
        tokio::time::advance(Duration::from_secs(5)).await;
        truth.check(1, &question(Shows::Event(0)), Instant::now(), &answer(0, 0));
        assert_eq!(truth.wrong.take().missed(), [""; 0]);
    }

    #[test]
    fn an_answer_that_shows_too_little_is_wrong() {
        let truth = Truth::new(2);
        truth.check(0, &question(Shows::All), Instant::now(), &[answer(0, 0), answer(1, 0)].concat());
        assert_eq!(truth.wrong.borrow().missed(), [""; 0]);
        truth.check(0, &question(Shows::All), Instant::now(), &answer(0, 0));
        truth.check(0, &question(Shows::Event(1)), Instant::now(), &answer(0, 0));
        assert_eq!(truth.wrong.borrow().missed().len(), 2);
    }
}
