//! E-mail addresses.

use std::borrow::Cow;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::{
    text::{is_unseen, normalised},
    validation::FieldError,
};

/// An address of RFC 5322 without display text or domain literal, lower-cased, at most 254 bytes, with a dotted domain. An
/// internationalised domain is written as mail servers take it, in ASCII: `ada@müller.example` is `ada@xn--mller-kva.example`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Brings the text into the form of an address, and checks that.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let address = Self::normalised(text);
        if address.is_empty() {
            return Err(FieldError::new(field, "REQUIRED", "an e-mail address is required"));
        }
        let options =
            email_address::Options::default().without_display_text().without_domain_literal().with_required_tld();
        let is_shown = !address.chars().any(|c| c != ' ' && is_unseen(c));
        let domain = address.rsplit_once('@').map(|(_, domain)| domain);
        let is_valid = address.len() <= 254
            && is_shown
            && domain.is_some_and(|domain| in_ascii(domain).is_some_and(|ascii| ascii == domain))
            && email_address::EmailAddress::parse_with_options(&address, options).is_ok();
        if !is_valid {
            return Err(FieldError::new(field, "INVALID_EMAIL", "must be an e-mail address such as ada@example.org"));
        }
        Ok(Self(address))
    }

    /// The one form in which an address is stored and looked up, of any text: what is no address is found nowhere.
    pub fn normalised(text: &str) -> String {
        let text: String = normalised(text).to_lowercase().nfc().collect();
        match text.rsplit_once('@') {
            Some((local, domain)) => match in_ascii(domain) {
                Some(Cow::Owned(ascii)) => format!("{local}@{ascii}"),
                _ => text,
            },
            None => text,
        }
    }

    /// An address that is stored. It was checked when it was written, perhaps by other rules than today's.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A lower-case domain in ASCII (UTS 46); nothing for what is no domain. One that is plain stays as it is.
fn in_ascii(domain: &str) -> Option<Cow<'_, str>> {
    if domain.is_ascii() && !domain.contains("xn--") {
        return Some(Cow::Borrowed(domain));
    }
    idna::domain_to_ascii(domain).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_cased_and_strict() {
        assert_eq!(EmailAddress::parse("email", " Ada@Example.ORG ").map(|e| e.0), Ok("ada@example.org".to_owned()));
        for wrong in ["", "ada", "a@b", "Ada <ada@example.org>", "ada@[127.0.0.1]", "a b@example.org", "@example.org"] {
            assert!(EmailAddress::parse("email", wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    /// Guards: what is checked is what is stored. `İ` in lower case is a letter and a mark, which is no address.
    #[test]
    fn the_form_that_is_stored_is_checked() {
        for wrong in [
            "İpek@example.org",
            "ada\u{200b}@example.org",
            "\u{202e}ada@example.org",
            "ada@xn--a\u{301}.example",
            "ada@\u{200b}.org",
        ] {
            assert_eq!(EmailAddress::parse("email", wrong).unwrap_err().code, "INVALID_EMAIL", "{wrong:?}");
        }
        for right in ["Jürgen@example.org", "\u{212a}ai@example.org", "ΑΣ@example.org"] {
            let address = EmailAddress::parse("email", right).unwrap();
            assert_eq!(EmailAddress::parse("email", address.as_str()).unwrap(), address);
        }
    }

    /// Guards: an internationalised domain is one address, however it is written.
    #[test]
    fn a_domain_has_one_spelling() {
        for spelling in [
            "ada@müller.example",
            "ADA@MÜLLER.example",
            "ada@mu\u{308}ller.example",
            "ada@xn--mller-kva.example",
            "ada@müller。example",
        ] {
            assert_eq!(
                EmailAddress::parse("email", spelling).unwrap().as_str(),
                "ada@xn--mller-kva.example",
                "{spelling}"
            );
            assert_eq!(EmailAddress::normalised(spelling), "ada@xn--mller-kva.example");
        }
        assert_eq!(EmailAddress::normalised(" No Address "), "no address");
    }
}
