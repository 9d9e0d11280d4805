//! E-mail: what mails look like, and who hands them over.

mod format;
pub mod letter;
pub mod memory;
pub mod outbound;
pub mod pace;
mod refusal;
#[cfg(test)]
mod samples;
pub mod smtp;
pub mod templates;

use domain::{
    mail::Rank,
    outbox::{Handover, Mail, SendError, SendMail, Turns},
};

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
    fn turns(&self) -> Turns {
        match self {
            Self::Smtp(sender) => sender.turns(),
            Self::Memory(sender) => sender.turns(),
            Self::Off => Turns::UNLIMITED,
        }
    }

    fn take_turn(&self, rank: Rank) {
        if let Self::Smtp(sender) = self {
            sender.take_turn(rank);
        }
    }

    async fn send(&self, mail: &Mail, handover: &Handover) -> Result<(), SendError> {
        match self {
            Self::Smtp(sender) => sender.send(mail, handover).await,
            Self::Memory(sender) => sender.send(mail, handover).await,
            Self::Off => Err(SendError::Impossible("sending mails is turned off".to_owned())),
        }
    }
}
