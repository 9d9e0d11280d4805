//! A mail as it goes over the wire (RFC 5322).
//!
//! Two tries to send the same mail make the same bytes: the id, the date and the boundary follow from the queued mail. So a
//! receiver that gets it twice can tell.

use std::time::SystemTime;

use domain::{
    accounts::EmailAddress,
    outbox::{Mail, SendError},
};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::templates::{Rendered, Templates};

/// Who mails come from.
#[derive(Clone, Debug)]
pub struct Author {
    /// What receivers see.
    pub name: String,
    /// Where answers and failures go.
    pub address: EmailAddress,
}

/// Writes letters.
pub struct Letters {
    templates: Templates,
    from: Mailbox,
}

/// Why no letters can be written at all.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// A template is not well-formed.
    #[error("a template of mails is broken: {0}")]
    Template(#[from] minijinja::Error),
    /// The sender's address is none.
    #[error("mail.from can't be used as a sender: {0}")]
    From(#[from] lettre::address::AddressError),
}

impl Letters {
    /// From that sender, with links to that origin.
    pub fn new(from: Author, link_origin: &str) -> Result<Self, LettersError> {
        let address: Address = from.address.as_str().parse()?;
        let name = (!from.name.is_empty()).then_some(from.name);
        Ok(Self { templates: Templates::new(link_origin)?, from: Mailbox::new(name, address) })
    }

    /// The mail in words.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, SendError> {
        // Of no use to try again with the same program.
        self.templates
            .render(&mail.message)
            .map_err(|error| SendError::Permanent(format!("it can't be put into words: {error}")))
    }

    /// The mail with its headers. Nothing that people call themselves gets into a header; titles of events do.
    pub fn write(&self, mail: &Mail) -> Result<Message, SendError> {
        let Rendered { subject, text, html, .. } = self.render(mail)?;
        let unusable = |error: &dyn std::fmt::Display| SendError::Permanent(format!("can't be written: {error}"));
        let to: Address = mail.message.to.as_str().parse().map_err(|_| unusable(&"the address is not usable"))?;
        let parts = MultiPart::alternative().boundary(mail.id.0.simple().to_string());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::from(mail.queued_at))
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .multipart(parts.singlepart(SinglePart::plain(text)).singlepart(SinglePart::html(html)))
            .map_err(|error| unusable(&error))?;
        // No out-of-office answers (RFC 3834).
        let headers = [("Auto-Submitted", "auto-generated"), ("Content-Language", mail.message.locale.as_str())];
        for (name, value) in headers {
            let name = HeaderName::new_from_ascii_str(name);
            message.headers_mut().insert_raw(HeaderValue::new(name, value.to_owned()));
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use domain::mail::Locale;

    use super::{
        super::samples::{all, mail},
        *,
    };

    fn letters() -> Letters {
        let from = Author {
            name: "Box, Office \"ü\"".to_owned(),
            address: EmailAddress::parse("from", "no-reply@tickets.example.org").unwrap(),
        };
        Letters::new(from, "https://tickets.example.org").unwrap()
    }

    /// The names of the headers, before the first empty line.
    fn headers(bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        unfolded.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_letter_has_its_headers_and_both_parts() {
        let mail = mail(Locale::De, all("Ada Lovelace", "Rigoletto").remove(0));
        let bytes = letters().write(&mail).unwrap().formatted();
        let headers = headers(&bytes);
        let of = |name: &str| {
            let found: Vec<_> = headers.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect();
            assert_eq!(found.len(), 1, "{name}: {headers:#?}");
            found[0].to_owned()
        };
        assert_eq!(of("To"), "ada@example.org");
        assert!(of("From").ends_with("<no-reply@tickets.example.org>"));
        assert_eq!(of("Message-ID"), format!("<{}@tickets.example.org>", mail.id));
        assert_eq!(of("Auto-Submitted"), "auto-generated");
        assert_eq!(of("Content-Language"), "de");
        assert_eq!(of("MIME-Version"), "1.0");
        assert!(of("Date").starts_with("Mon, 01 Jun 2026 12:00:00"));
        assert!(of("Content-Type").starts_with("multipart/alternative"));
        let text = String::from_utf8(bytes).unwrap();
        let place = |kind: &str| text.find(kind).unwrap_or_else(|| panic!("{kind}: {text}"));
        assert!(place("text/plain") < place("text/html"), "the best part is the last");
    }

    #[test]
    fn a_second_try_makes_the_same_letter() {
        let first = mail(Locale::Fr, all("Ada", "Rigoletto").remove(5));
        let second = Mail { attempt: 2, ..first.clone() };
        let letters = letters();
        assert_eq!(letters.write(&first).unwrap().formatted(), letters.write(&second).unwrap().formatted());
    }

    /// Whatever people and organizers write, no header is added.
    #[test]
    fn line_breaks_add_no_header() {
        let break_out = "x\r\nBcc: all@example.org\r\n\r\nbody\0\u{2028}\u{85}";
        let names = |bytes: &[u8]| -> Vec<String> {
            headers(bytes).iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
        };
        for (evil, good) in all(break_out, break_out).into_iter().zip(all("Ada", "Rigoletto")) {
            let evil = letters().write(&mail(Locale::En, evil)).unwrap().formatted();
            let good = letters().write(&mail(Locale::En, good)).unwrap().formatted();
            assert_eq!(names(&evil), names(&good));
            assert!(!names(&evil).iter().any(|name| name.eq_ignore_ascii_case("bcc")));
        }
    }
}
