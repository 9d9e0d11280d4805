//! Sent mails for developers.

use std::{collections::VecDeque, sync::Arc};

use domain::ids::MailId;
use jiff::Timestamp;
use parking_lot::Mutex;

/// A mail as its receiver would see it, kept for a developer.
#[derive(Clone, Debug)]
pub struct KeptMail {
    /// Its id in the outbox.
    pub id: MailId,
    pub sent_at: Timestamp,
    pub to: String,
    pub subject: String,
    /// The part in plain text.
    pub text: String,
    /// The part in HTML.
    pub html: String,
    pub links: Vec<String>,
}

/// The newest mails of a server that has no mail server. In memory: they hold one-time tokens.
#[derive(Debug, Default)]
pub struct MailFolder(Mutex<VecDeque<Arc<KeptMail>>>);

impl MailFolder {
    /// Mails kept; the oldest make room.
    pub const MAILS_MAX: usize = 200;

    pub fn keep(&self, mail: KeptMail) {
        let mut mails = self.0.lock();
        mails.truncate(Self::MAILS_MAX - 1);
        mails.push_front(Arc::new(mail));
    }

    /// All of them, newest first.
    pub fn list(&self) -> Vec<Arc<KeptMail>> {
        self.0.lock().iter().cloned().collect()
    }

    pub fn find(&self, id: MailId) -> Option<Arc<KeptMail>> {
        self.0.lock().iter().find(|mail| mail.id == id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> KeptMail {
        let text = String::new;
        KeptMail {
            id: MailId::generate(),
            sent_at: Timestamp::UNIX_EPOCH,
            to: text(),
            subject: text(),
            text: text(),
            html: text(),
            links: Vec::new(),
        }
    }

    #[test]
    fn the_oldest_mails_make_room() {
        let folder = MailFolder::default();
        let mails: Vec<_> = (0..MailFolder::MAILS_MAX + 5).map(|_| mail()).collect();
        mails.iter().for_each(|mail| folder.keep(mail.clone()));
        let kept: Vec<_> = folder.list().iter().map(|mail| mail.id).collect();
        let expected: Vec<_> = mails.iter().rev().take(MailFolder::MAILS_MAX).map(|mail| mail.id).collect();
        assert_eq!(kept, expected);
        assert!(folder.find(mails[4].id).is_none() && folder.find(mails[5].id).is_some());
    }
}
