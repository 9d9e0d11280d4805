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

use super::templates::{Rendered, Templates, one_line};

/// Who mails come from.
#[derive(Clone, Debug)]
pub struct Author {
    /// What receivers see. Empty: what the site is called.
    pub name: String,
    /// Where answers and failures go.
    pub address: EmailAddress,
}

pub struct Letters {
    templates: Templates,
    from: Author,
    address: Address,
}

/// Why no letters can be written at all.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// A template is not well-formed.
    #[error("a template of mails is broken")]
    Template(#[from] minijinja::Error),
    /// The sender's address is none.
    #[error("mail.from can't be used as a sender")]
    From(#[from] lettre::address::AddressError),
}

impl Letters {
    /// From that sender, with links to that origin.
    pub fn new(from: Author, link_origin: &str) -> Result<Self, LettersError> {
        let address: Address = from.address.as_str().parse()?;
        Ok(Self { templates: Templates::new(link_origin)?, from, address })
    }

    /// The mail in words.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, SendError> {
        // Of no use to try again with the same program.
        self.templates
            .render(&mail.message, &mail.site)
            .map_err(|error| SendError::Impossible(format!("it can't be put into words: {error}")))
    }

    /// The mail with its headers. Nothing that people call themselves gets into a header; titles of events and what the site is
    /// called do.
    pub fn write(&self, mail: &Mail) -> Result<Message, SendError> {
        let Rendered { subject, text, html, .. } = self.render(mail)?;
        let unusable = |error: &dyn std::fmt::Display| SendError::Impossible(format!("can't be written: {error}"));
        let to: Address = mail.message.to.as_str().parse().map_err(|_| unusable(&"the address is not usable"))?;
        let name = if self.from.name.is_empty() { &mail.site.name } else { &self.from.name };
        let from = Mailbox::new(Some(one_line(name)).filter(|name| !name.is_empty()), self.address.clone());
        let support = mail.site.support_email.as_ref().and_then(|email| email.as_str().parse::<Address>().ok());
        let parts = MultiPart::alternative().boundary(mail.id.0.simple().to_string());
        let builder = Message::builder().from(from);
        let builder = match support {
            Some(support) => builder.reply_to(Mailbox::new(None, support)),
            None => builder,
        };
        let mut message = builder
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(SystemTime::from(mail.queued_at))
            .message_id(Some(format!("<{}@{}>", mail.id, self.address.domain())))
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
    use domain::mail::{Locale, Site};

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

    /// Guards: the settings `siteName` and `supportEmail`.
    #[test]
    fn a_letter_comes_from_the_site_and_answers_go_to_its_support() {
        let from = |name: &str| Author {
            name: name.to_owned(),
            address: EmailAddress::parse("from", "no-reply@tickets.example.org").unwrap(),
        };
        let letters = |name| Letters::new(from(name), "https://tickets.example.org").unwrap();
        let mut mail = mail(Locale::En, all("Ada", "Rigoletto").remove(0));
        let support_email = EmailAddress::parse("email", "help@example.org").ok();
        mail.site = Site { name: "The House".to_owned(), support_email, ..Site::default() }.into();
        let written = |name, mail: &Mail| headers(&letters(name).write(mail).unwrap().formatted());
        let has = |headers: &[String], line: &str| headers.iter().any(|of| of == line);
        let headers = written("", &mail);
        assert!(has(&headers, "From: \"The House\" <no-reply@tickets.example.org>"), "{headers:#?}");
        assert!(has(&headers, "Reply-To: help@example.org"), "{headers:#?}");
        let headers = written("Box", &mail);
        assert!(
            has(&headers, "From: Box <no-reply@tickets.example.org>"),
            "what operators say comes first: {headers:#?}"
        );
        mail.site = Site::default().into();
        assert!(!written("", &mail).iter().any(|line| line.starts_with("Reply-To")));
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
