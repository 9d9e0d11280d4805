//! Names that stand in addresses.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::normalised;
use crate::validation::FieldError;

/// A name in addresses: 2 to 100 of a-z, 0-9 and single hyphens within. Never an id, for ids and slugs share their place.
pub fn slug(field: &'static str, text: &str) -> Result<String, FieldError> {
    let text = normalised(text);
    let is_formed = (2..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if !is_formed || text.parse::<uuid::Uuid>().is_ok() {
        let message = "must have 2 to 100 of a-z, 0-9 and single hyphens within, and be no id";
        return Err(FieldError::new(field, "INVALID_SLUG", message));
    }
    Ok(text.into_owned())
}

/// A slug made from a title: letters of European alphabets are written with a-z, what else is no digit becomes a hyphen. `tail`, some
/// characters that nobody else has, keeps it unique.
pub fn slug_of(title: &str, tail: &str) -> String {
    const TITLE_BYTES_MAX: usize = 80;
    let mut slug = String::new();
    for c in title.nfkc().flat_map(char::to_lowercase).nfc() {
        match plain(c) {
            Some(letters) => {
                slug.extend(letters.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()))
            }
            None if c.is_ascii_alphanumeric() => slug.push(c),
            None if is_combining_mark(c) => {}
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

/// How a letter beyond a-z is written with these: as German does, and otherwise without its accent. Letters of scripts that are not
/// alphabets have no one reading: 東京 is no `dong jing` in Japan.
fn plain(c: char) -> Option<&'static str> {
    match c {
        'ä' | 'æ' => Some("ae"),
        'ö' | 'ø' | 'œ' => Some("oe"),
        'ü' => Some("ue"),
        _ if c.is_ascii() || !c.is_alphabetic() || is_combining_mark(c) => None,
        // Latin, Greek, Cyrillic, and their extensions.
        '\u{80}'..'\u{530}' | '\u{1d00}'..'\u{2000}' | '\u{2c60}'..'\u{2c80}' | '\u{a720}'..'\u{a800}' => {
            deunicode::deunicode_char(c)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for title in ["東京", "  ", "ÄÖÜ", &"very long ".repeat(50), &"Щ".repeat(100), "\u{301}"] {
            let made = slug_of(title, "x1y2z3");
            assert_eq!(slug("slug", &made).unwrap(), made, "{title}");
        }
    }

    /// Guards: letters that no table of a few languages has, and accents that are characters of their own.
    #[test]
    fn a_word_is_not_torn_at_its_accents() {
        for (title, made) in [
            ("Łódź Festival", "lodz-festival-x"),
            ("Škoda Žižkov", "skoda-zizkov-x"),
            ("München", "muenchen-x"),
            ("Mu\u{308}nchen", "muenchen-x"),
            ("İstanbul Gecesi", "istanbul-gecesi-x"),
            ("Ødegård & Đorđe", "oedegard-dorde-x"),
            ("Việt Nam", "viet-nam-x"),
            ("Q\u{323}uiz", "quiz-x"),
            ("ＪＡＺＺ №5", "jazz-no5-x"),
            ("Жизель", "zhizel-x"),
            ("東京 Jazz", "jazz-x"),
            ("2 × 3", "2-3-x"),
        ] {
            assert_eq!(slug_of(title, "x"), made, "{title}");
        }
    }
}
