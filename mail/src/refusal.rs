//! What a mail server's refusal means: for the mail, or for all mails.
//!
//! The reply code says how sure the server is (RFC 5321, 4.2.1), the enhanced status code what it is about (RFC 3463). A refusal for
//! good that is about the server itself, its policy, the sender or a mailbox that is full is not for good: an operator who mends that
//! wants the mails sent.

use std::error::Error as _;

use domain::{
    mail::masked,
    outbox::{Mail, SendError},
};
use lettre::transport::smtp::Error;

/// Longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 300;

/// What a refusal is about: subject and detail of the enhanced status code.
type About = Option<(u16, u16)>;

/// A failure before the mail was named, or when its sender was: nothing that concerns this mail only.
pub(super) fn of_server(error: &Error, mail: &Mail) -> SendError {
    SendError::Unavailable(reason(error, mail))
}

/// A failure when the recipient was named, or the text announced or given.
pub(super) fn of_mail(error: &Error, mail: &Mail) -> SendError {
    let reason = reason(error, mail);
    let Some(code) = error.status().map(u16::from) else {
        // A connection that broke, or an answer that is none.
        return SendError::Unavailable(reason);
    };
    judge(code, about(error), reason)
}

fn judge(code: u16, about: About, reason: String) -> SendError {
    match (code, about) {
        // The server closes (421), or wants us to sign in first (530, RFC 4954).
        (421 | 530, _) => SendError::Unavailable(reason),
        (..500, _) => SendError::Deferred(reason),
        // The network's, the mail system's, a policy's or the sender's matter, or a mailbox that is full.
        (_, Some((3 | 4 | 7, _) | (1, 7 | 8) | (2, 2))) => SendError::Deferred(reason),
        (_, about) => SendError::Rejected { reason, address: matches!(about, Some((1 | 2, _))) },
    }
}

/// The enhanced status code, which stands first in the text of a reply.
fn about(error: &Error) -> About {
    parse(&error.source()?.to_string())
}

fn parse(text: &str) -> About {
    let mut parts = text.split_whitespace().next()?.split('.');
    let (class, subject, detail) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (matches!(class, "2" | "4" | "5") && parts.next().is_none()).then_some((subject, detail))
}

/// What the server said, on one line, without the recipient's address, which servers like to repeat.
pub(super) fn reason(error: &Error, mail: &Mail) -> String {
    let mut text = error.to_string();
    if let Some(source) = error.source() {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    clean(&text, mail)
}

fn clean(text: &str, mail: &Mail) -> String {
    let (address, hidden) = (mail.message.to.as_str(), masked(&mail.message.to));
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_ignoring_case(rest, address) {
        clean.push_str(&rest[..at]);
        clean.push_str(&hidden);
        rest = &rest[at + address.len()..];
    }
    clean.push_str(rest);
    let one_line = clean.chars().map(|c| if c.is_control() { ' ' } else { c });
    one_line.take(REASON_CHARS_MAX).collect::<String>().trim().to_owned()
}

fn find_ignoring_case(text: &str, address: &str) -> Option<usize> {
    let same = |part: &str| part.eq_ignore_ascii_case(address);
    text.char_indices().map(|(at, _)| at).find(|at| text.get(*at..at + address.len()).is_some_and(same))
}

#[cfg(test)]
mod tests {
    use domain::mail::Locale;

    use super::{
        super::samples::{all, mail},
        *,
    };

    /// Guards: the masking in `clean`.
    #[test]
    fn a_reason_is_one_short_line_without_the_address() {
        let mail = mail(Locale::En, all("Ada", "x").remove(0));
        let said = "550 <Ada@Example.org>: no such\r\nuser ada@example.org in ü";
        assert_eq!(clean(said, &mail), "550 <a***@example.org>: no such  user a***@example.org in ü");
        assert_eq!(clean(&"ü".repeat(1000), &mail).chars().count(), REASON_CHARS_MAX);
    }

    #[test]
    fn a_status_stands_first_and_has_three_numbers() {
        assert_eq!(parse("5.7.1 Sender address rejected"), Some((7, 1)));
        assert_eq!(parse("4.2.2\nmailbox full"), Some((2, 2)));
        for none in ["", "no such user", "5.7", "5.7.1.2 x", "7.1.1 x", "5.x.1", "see 5.7.1"] {
            assert_eq!(parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn what_may_pass_is_no_refusal_for_good() {
        let kind = |code, text| match judge(code, parse(text), text.to_owned()) {
            SendError::Unavailable(_) => "unavailable",
            SendError::Deferred(_) => "deferred",
            SendError::Rejected { address: true, .. } => "address",
            SendError::Rejected { address: false, .. } => "rejected",
            other => panic!("{other:?}"),
        };
        for (code, text, expected) in [
            (421, "4.3.2 closing", "unavailable"),
            (530, "5.7.0 authentication required", "unavailable"),
            (450, "4.2.0 greylisted", "deferred"),
            (452, "too many recipients", "deferred"),
            (550, "5.1.1 no such user", "address"),
            (550, "5.2.1 mailbox disabled", "address"),
            (552, "5.2.2 mailbox full", "deferred"),
            (553, "5.1.8 sender's domain does not exist", "deferred"),
            (550, "5.7.1 relaying denied", "deferred"),
            (554, "5.3.0 over quota", "deferred"),
            (550, "5.4.4 no route to the domain", "deferred"),
            (554, "4.7.1 try later", "deferred"),
            (554, "5.6.0 broken content", "rejected"),
            (550, "no such user", "rejected"),
        ] {
            assert_eq!(kind(code, text), expected, "{code} {text}");
        }
    }
}
