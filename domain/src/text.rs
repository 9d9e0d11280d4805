//! Texts that people write, and the names that stand in addresses.
//!
//! There is one way to take one in: it is brought into the form in which it will be stored, and that form is checked. So what is
//! accepted is accepted again as it was stored, and means the same whether its accents were typed composed or decomposed. What is
//! read from the database is not judged again.

mod fields;
mod instants;
mod slugs;
mod unseen;

use std::{borrow::Cow, ops::RangeInclusive};

use jiff::civil::Date;
use unicode_normalization::{UnicodeNormalization, is_nfc};

pub(crate) use self::unseen::is_unseen;
use self::unseen::{is_barred, is_visible};
pub use self::{
    instants::{NoInstant, instant},
    slugs::{slug, slug_of},
};
use crate::validation::FieldError;

/// Most characters of a text.
pub const TEXT_MAX: usize = 10_000;

/// What is wrong with a text: a code for programs, and a sentence for people.
pub(crate) type Fault = (&'static str, Cow<'static, str>);

const BARRED: &str =
    "must not have control characters, line separators, or characters that turn the direction of writing";

/// The form in which texts are stored and compared: composed (Unicode's NFC), without white space around it.
pub fn normalised(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        return Cow::Borrowed(text.trim());
    }
    let composed: String = text.nfc().collect();
    Cow::Owned(composed.trim().to_owned())
}

/// One line of so many characters: normalised, with something to see in it, without control characters, line separators and characters
/// that turn the direction of writing. Of the least number, only characters count that show something.
pub fn line(field: &'static str, text: &str, chars: RangeInclusive<usize>) -> Result<String, FieldError> {
    let text = normalised(text);
    match check_line(&text, chars) {
        Ok(()) => Ok(text.into_owned()),
        Err((code, message)) => Err(FieldError::new(field, code, message)),
    }
}

/// The rules of [`line`] for a text that is normalised.
pub(crate) fn check_line(text: &str, chars: RangeInclusive<usize>) -> Result<(), Fault> {
    let (min, max) = (*chars.start(), *chars.end());
    if text.is_empty() {
        return if min == 0 { Ok(()) } else { Err(("REQUIRED", "is required".into())) };
    }
    let bounds = || format!("must have {min} to {max} characters").into();
    if text.chars().count() > max {
        return Err(("TOO_LONG", bounds()));
    }
    if text.chars().any(is_barred) {
        return Err(("INVALID", BARRED.into()));
    }
    if !text.chars().any(is_visible) {
        return Err(("INVALID", "must have something to see in it".into()));
    }
    if text.chars().filter(|c| *c == ' ' || !is_unseen(*c)).count() < min {
        return Err(("TOO_SHORT", bounds()));
    }
    Ok(())
}

/// Several lines, or none: normalised, at most [`TEXT_MAX`] characters, without control characters but line ends and tabs, and without
/// characters that turn the direction of writing; unless it is empty, with something to see in it. What is in it is text: anyone who puts
/// it into a page escapes it.
pub fn text(field: &'static str, text: &str) -> Result<String, FieldError> {
    const LINE_ENDS: [char; 5] = ['\n', '\r', '\t', '\u{2028}', '\u{2029}'];
    let text = normalised(text);
    if text.chars().count() > TEXT_MAX {
        return Err(FieldError::new(field, "TOO_LONG", "must have at most 10,000 characters"));
    }
    if text.chars().any(|c| is_barred(c) && !LINE_ENDS.contains(&c)) {
        return Err(FieldError::new(field, "INVALID", BARRED));
    }
    if !text.is_empty() && !text.chars().any(is_visible) {
        return Err(FieldError::new(field, "INVALID", "must have something to see in it"));
    }
    Ok(text.into_owned())
}

/// What somebody looks for: normalised, at most so many characters, perhaps none.
pub fn sought(field: &'static str, text: &str, chars_max: usize) -> Result<String, FieldError> {
    let text = normalised(text);
    if text.chars().any(is_barred) {
        return Err(FieldError::new(field, "INVALID", BARRED));
    }
    if text.chars().count() > chars_max {
        return Err(FieldError::new(field, "TOO_LONG", format!("must have at most {chars_max} characters")));
    }
    Ok(text.into_owned())
}

/// A day as `YYYY-MM-DD`, and nothing beside it: the calendar's own parser passes over times, offsets and zones.
pub fn day(text: &str) -> Option<Date> {
    let is_formed = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    text.parse().ok().filter(|_| is_formed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        line("title", text, 2..=100).unwrap_err().code
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(line("title", " An Evening ", 2..=100).unwrap(), "An Evening");
        assert_eq!([code(" "), code("A"), code("a\nb")], ["REQUIRED", "TOO_SHORT", "INVALID"]);
        assert_eq!(code(&"a".repeat(101)), "TOO_LONG");
        assert_eq!(text("description", " a\nb ").unwrap(), "a\nb");
        assert!(text("description", &"ü".repeat(TEXT_MAX)).is_ok());
        assert_eq!(text("description", &"ü".repeat(TEXT_MAX + 1)).unwrap_err().code, "TOO_LONG");
        assert_eq!(text("description", "a\0b").unwrap_err().code, "INVALID");
    }

    /// Guards: names that nobody can see, or that read backwards, and that those stay that need their joiners.
    #[test]
    fn a_text_can_be_seen_and_reads_as_it_is_stored() {
        let unseen = [
            "\u{200b}\u{200b}",
            "\u{200b}\u{2060}",
            "\u{3164}\u{115f}",
            "\u{ad}\u{ad}",
            "\u{2800}\u{2800}",
            "\u{301}\u{302}",
        ];
        let turned = ["Ada\u{202e}nimdA", "\u{2066}Ada\u{2069}", "a\u{2028}b", "a\u{2029}b", "a\u{7f}b"];
        for wrong in unseen.iter().chain(&turned) {
            assert_eq!(code(wrong), "INVALID", "{wrong:?}");
        }
        for wrong in unseen.iter().chain(&turned[..2]) {
            assert_eq!(text("description", wrong).unwrap_err().code, "INVALID", "{wrong:?}");
        }
        assert_eq!(code("A\u{200b}\u{200b}"), "TOO_SHORT");
        for right in [
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "👩\u{200d}👩\u{200d}👧 🏴\u{e0067}\u{e0062}\u{e007f}",
            "שלום\u{200f}!",
            "❤\u{fe0f}❤",
        ] {
            assert_eq!(line("title", right, 2..=100).unwrap(), right);
            assert_eq!(text("description", right).unwrap(), right);
        }
    }

    /// Guards: composed and decomposed letters are one text, and are counted as what is stored.
    #[test]
    fn accents_are_composed_before_anything_is_checked() {
        assert_eq!(line("title", "Mu\u{308}nchen", 2..=7).unwrap(), "München");
        assert_eq!(text("description", &"u\u{308}".repeat(TEXT_MAX)).unwrap().chars().count(), TEXT_MAX);
        assert_eq!(sought("q", " Zoe\u{308}", 3).unwrap(), "Zoë");
        assert_eq!(sought("q", "a\u{7}b", 3).unwrap_err().code, "INVALID");
    }

    #[test]
    fn a_day_is_a_day_and_nothing_else() {
        assert_eq!(day("2031-03-20"), Some(Date::constant(2031, 3, 20)));
        for wrong in [
            "",
            "20310320",
            "2031-3-20",
            "2031-02-29",
            "2031-03-20T00",
            "2031-03-20 01:00:00+05:00",
            "2031-03-20Z",
            "2031-03-20[Europe/Paris]",
            "2031-04-05T23:00:00-10:00",
            "+02031-3-2",
        ] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
