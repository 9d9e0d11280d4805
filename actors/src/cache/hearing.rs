//! Cache invalidation, receiving: what this node hears of changes by others.

use std::time::{Duration, Instant};

use domain::cache::{Change, HearChanges};

use super::Cache;

impl HearChanges for Cache {
    fn heard(&self, change: &Change) {
        self.0.book.totals.changes_elsewhere.up();
        self.0.local.note(change);
    }

    fn may_have_missed(&self) {
        self.0.book.totals.changes_missed.up();
        self.0.local.note(&Change::Everything);
    }

    fn may_have_gone_back(&self) {
        self.0.book.totals.changes_missed.up();
        self.take_over(Change::Everything);
        self.hint();
    }
}

impl Cache {
    /// Notes a change that somebody else has made and nobody may have told: this node tells it.
    pub(super) fn take_over(&self, change: Change) {
        if self.0.shared.is_some() {
            self.0.untold.note(change.clone());
        }
        self.0.local.note(&change);
    }

    /// Notes that this node has seen which changes nobody has told, and says how long ago it had before.
    pub(super) fn note_looked(&self) -> Option<Duration> {
        let mut looked = self.0.looked.lock();
        let before = looked.replace(Instant::now());
        before.map(|before| before.elapsed())
    }

    /// How long ago this node saw which changes nobody has told; `None` before the first time.
    pub(super) fn looked_ago(&self) -> Option<Duration> {
        self.0.looked.lock().map(|looked| looked.elapsed())
    }
}
