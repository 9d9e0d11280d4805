//! Sends mails into a folder in memory, where a developer reads them.

use std::sync::Arc;

use application::mails::{KeptMail, MailFolder};
use domain::outbox::{Handover, Mail, SendError, SendMail};
use jiff::Timestamp;

use super::{letter::Letters, templates::Rendered};

pub struct MemorySender {
    letters: Letters,
    folder: Arc<MailFolder>,
}

impl MemorySender {
    pub fn new(letters: Letters, folder: Arc<MailFolder>) -> Self {
        Self { letters, folder }
    }
}

impl SendMail for MemorySender {
    async fn send(&self, mail: &Mail, _: &Handover) -> Result<(), SendError> {
        // Fails for what could not be sent over the wire either.
        self.letters.write(mail)?;
        let Rendered { subject, text, html, links } = self.letters.render(mail)?;
        let (to, sent_at) = (mail.message.to.as_str().to_owned(), Timestamp::now());
        self.folder.keep(KeptMail { id: mail.id, sent_at, to, subject, text, html, links });
        Ok(())
    }
}
