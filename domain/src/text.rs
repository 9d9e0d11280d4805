//! Texts that people write, and the names that stand in addresses.

use std::ops::RangeInclusive;

use crate::validation::FieldError;

/// Most characters of a text (H9).
pub const TEXT_MAX: usize = 10_000;

/// One line: trimmed, without control characters, of so many characters.
pub fn line(field: &'static str, text: &str, chars: RangeInclusive<usize>) -> Result<String, FieldError> {
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 && *chars.start() > 0 {
        return Err(FieldError::new(field, "REQUIRED", "is required"));
    }
    if !chars.contains(&count) {
        let (min, max) = (chars.start(), chars.end());
        let code = if count < *min { "TOO_SHORT" } else { "TOO_LONG" };
        return Err(FieldError::new(field, code, format!("must have {min} to {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldError::new(field, "INVALID", "must not have control characters"));
    }
    Ok(text.to_owned())
}

/// Several lines: trimmed, at most [`TEXT_MAX`] characters, no control characters but line ends and tabs. What is in it is
/// text: whoever puts it into a page escapes it.
pub fn text(field: &'static str, text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    if text.chars().count() > TEXT_MAX {
        return Err(FieldError::new(field, "TOO_LONG", "must have at most 10,000 characters"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(field, "INVALID", "must not have control characters"));
    }
    Ok(text.to_owned())
}

/// A name in addresses: 2 to 100 of a-z, 0-9 and single hyphens within. Never an id, for ids and slugs share their place.
pub fn slug(field: &'static str, text: &str) -> Result<String, FieldError> {
    let text = text.trim();
    let is_formed = (2..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if !is_formed || text.parse::<uuid::Uuid>().is_ok() {
        let message = "must have 2 to 100 of a-z, 0-9 and single hyphens within, and be no id";
        return Err(FieldError::new(field, "INVALID_SLUG", message));
    }
    Ok(text.to_owned())
}

/// A slug made from a title: what is neither letter nor digit becomes a hyphen, Latin letters lose their accents. `tail`, some
/// characters that nobody else has, keeps it unique.
pub fn slug_of(title: &str, tail: &str) -> String {
    const TITLE_BYTES_MAX: usize = 80;
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        match plain(c) {
            Some(letters) => slug.push_str(letters),
            None if c.is_ascii_alphanumeric() => slug.push(c),
            None if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            None => {}
        }
        if slug.len() >= TITLE_BYTES_MAX {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { tail.to_owned() } else { format!("{slug}-{tail}") }
}

fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' | 'æ' => "ae",
        'ö' | 'ø' | 'œ' => "oe",
        'ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' | 'å' => "a",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' => "o",
        'ù' | 'ú' | 'û' => "u",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(line("title", " An Evening ", 2..=100).unwrap(), "An Evening");
        let code = |text: &str| line("title", text, 2..=100).unwrap_err().code;
        assert_eq!([code(" "), code("A"), code("a\nb")], ["REQUIRED", "TOO_SHORT", "INVALID"]);
        assert_eq!(code(&"a".repeat(101)), "TOO_LONG");
        assert_eq!(text("description", " a\nb ").unwrap(), "a\nb");
        assert!(text("description", &"ü".repeat(TEXT_MAX)).is_ok());
        assert_eq!(text("description", &"ü".repeat(TEXT_MAX + 1)).unwrap_err().code, "TOO_LONG");
        assert_eq!(text("description", "a\0b").unwrap_err().code, "INVALID");
    }

    #[test]
    fn slugs_are_for_addresses() {
        for right in ["an-evening", "42", "a1-b2"] {
            assert_eq!(slug("slug", right).unwrap(), right);
        }
        for wrong in ["", "a", "-a", "a-", "a--b", "A-b", "ä-b", "a b", "a/b", "018f6b2e-0000-7000-8000-000000000000"]
        {
            assert!(slug("slug", wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(slug_of("Così fan tutte — Große Oper!", "x1y2"), "cosi-fan-tutte-grosse-oper-x1y2");
        for title in ["東京", "  ", "ÄÖÜ", &"very long ".repeat(50)] {
            let made = slug_of(title, "x1y2z3");
            assert_eq!(slug("slug", &made).unwrap(), made, "{title}");
        }
    }
}
