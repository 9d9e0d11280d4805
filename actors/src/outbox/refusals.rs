//! Refusals in a row: one refused mail says nothing about the mail server; one mail after the other, refused, says that it has had
//! enough of us. Trying them all would use up their tries, or make dead letters of them.

use domain::{
    ids::MailId,
    outbox::{Mail, SendError},
};
use parking_lot::Mutex;

use crate::breakers::{CallOutcome, ServiceError};

/// Different mails refused in a row weigh so much at most before the mail server is left alone.
const WEIGHT_MAX: u32 = 20;
/// A refusal that is about the recipient's address. Such come in rows without anything being wrong: anybody can register with addresses
/// that do not exist.
const ADDRESS: u32 = 1;
/// Any other.
const OTHER: u32 = 4;

/// Different mails refused since one was taken, and what they weigh.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<(Vec<MailId>, u32)>);

/// Why a mail was not sent, and what that says about the mail server.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) error: SendError,
    outcome: CallOutcome,
}

impl ServiceError for Judged {
    fn outcome(&self) -> CallOutcome {
        self.outcome
    }
}

impl Judged {
    /// Whether it says something about the mail, and not about the mail server.
    pub(super) fn is_about_the_mail(&self) -> bool {
        self.outcome == CallOutcome::Answered
    }
}

impl Refusals {
    /// The mail server has taken a mail.
    pub(super) fn end(&self) {
        *self.0.lock() = (Vec::new(), 0);
    }

    pub(super) fn judge(&self, mail: &Mail, error: SendError) -> Judged {
        let outcome = match &error {
            SendError::Impossible(_) => CallOutcome::Answered,
            SendError::Unavailable(_) | SendError::Unanswered(_) => CallOutcome::Failed,
            SendError::Rejected { address: true, .. } => self.note(mail.id, ADDRESS),
            SendError::Rejected { .. } | SendError::Deferred(_) => self.note(mail.id, OTHER),
        };
        Judged { error, outcome }
    }

    fn note(&self, mail: MailId, weight: u32) -> CallOutcome {
        let mut row = self.0.lock();
        let (mails, sum) = &mut *row;
        if *sum < WEIGHT_MAX && !mails.contains(&mail) {
            mails.push(mail);
            *sum += weight;
        }
        if *sum >= WEIGHT_MAX { CallOutcome::Down } else { CallOutcome::Answered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guards: the weights, and that a mail which is taken ends the row.
    #[test]
    fn several_different_mails_refused_in_a_row_say_that_the_server_is_down_and_others_do_not() {
        let refusals = Refusals::default();
        let rounds_until_down = |weight| {
            refusals.end();
            (1..).find(|_| refusals.note(MailId::generate(), weight) == CallOutcome::Down).unwrap()
        };
        let same = MailId::generate();
        for _ in 0..50 {
            assert_eq!(refusals.note(same, OTHER), CallOutcome::Answered, "one mail says nothing about the others");
        }
        for _ in 0..20 {
            refusals.end();
            (0..2).for_each(|_| assert_eq!(refusals.note(MailId::generate(), OTHER), CallOutcome::Answered));
        }
        assert_eq!((rounds_until_down(ADDRESS), rounds_until_down(OTHER)), (20, 5));
        assert_eq!(refusals.note(same, ADDRESS), CallOutcome::Down, "until one is taken");
    }
}
