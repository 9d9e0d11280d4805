//! E-mail (L11): what mails look like, and who hands them over.

mod format;
pub mod letter;
pub mod memory;
#[cfg(test)]
mod samples;
pub mod smtp;
pub mod templates;

use domain::outbox::{Mail, SendError, SendMail};

use self::{memory::MemorySender, smtp::SmtpSender};

/// How this server sends mails.
pub enum Sender {
    /// Over a mail server.
    Smtp(Box<SmtpSender>),
    /// Into a folder in memory, for a developer.
    Memory(Box<MemorySender>),
    /// Not at all: every mail becomes a dead letter, which can be sent once there is a mail server.
    Off,
}

impl SendMail for Sender {
    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        match self {
            Self::Smtp(sender) => sender.send(mail).await,
            Self::Memory(sender) => sender.send(mail).await,
            Self::Off => Err(SendError::Permanent("sending mails is turned off".to_owned())),
        }
    }
}
