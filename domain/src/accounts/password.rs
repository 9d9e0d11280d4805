//! Passwords as they are typed.

use std::{borrow::Cow, fmt};

use unicode_normalization::{UnicodeNormalization, is_nfkc};

use crate::validation::FieldError;

/// How much of a password is looked at when its strength is estimated: what follows can only make it stronger.
const STRENGTH_CHARS_MAX: usize = 64;

/// What is longer, however its 128 characters are written, is no password.
const BYTES_MAX: usize = 4096;

/// A password in the form in which it is hashed: 10 to 128 characters. Never shown, never logged.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// The form in which a password is hashed and compared (Unicode's NFKC): keyboards write one letter in several ways, composed,
    /// decomposed, or as wide as an ideograph. What is longer than any password stays as it is: one letter may become eighteen.
    pub fn normalised(text: &str) -> Cow<'_, str> {
        if text.len() > BYTES_MAX || text.is_ascii() || is_nfkc(text) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.nfkc().collect())
    }

    /// Brings it into its one form and checks the length of that; a password is never trimmed.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, FieldError> {
        let text = Self::normalised(text);
        if !(10..=128).contains(&text.chars().count()) {
            return Err(FieldError::new(field, "INVALID_PASSWORD", "must have 10 to 128 characters"));
        }
        Ok(Self(text.into_owned()))
    }

    /// Refuses a password that a program guesses within a million tries: common ones, keyboard rows, and what is made of the
    /// account's own words. Computes for a millisecond, and for hundreds of them if somebody has chosen the password for it: not
    /// on a thread that others wait for.
    pub fn check_strength(&self, field: &'static str, own_words: &[&str]) -> Result<(), FieldError> {
        let head: String = self.0.chars().take(STRENGTH_CHARS_MAX).collect();
        // Whole, and in parts: names are run together in passwords.
        let parts = own_words.iter().flat_map(|words| words.split(|c: char| !c.is_alphanumeric()));
        let own_words: Vec<&str> = own_words.iter().copied().chain(parts).collect();
        if zxcvbn::zxcvbn(&head, &own_words).score() >= zxcvbn::Score::Two {
            return Ok(());
        }
        Err(FieldError::new(
            field,
            "COMMON_PASSWORD",
            "is easy to guess: take several words that do not belong together",
        ))
    }

    /// The secret itself, for the hasher.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_easily_guessed_is_refused() {
        let own_words = ["ada.lovelace@example.org", "Ada Lovelace"];
        let check = |text: &str| Password::parse("password", text).unwrap().check_strength("password", &own_words);
        for common in ["password123", "1234567890", "qwertyuiop", "aaaaaaaaaaaa", "adalovelace", "iloveyou1234"] {
            let error = check(common).unwrap_err();
            assert_eq!((&*error.field, error.code), ("password", "COMMON_PASSWORD"), "{common}");
        }
        for good in ["correct horse battery", "tr0ubad0ur&violet", "жираф猫と庭のсад"] {
            assert!(check(good).is_ok(), "{good}");
        }
    }

    /// Guards: one password, however its letters were typed, and no common one in a wide disguise.
    #[test]
    fn one_password_has_one_form() {
        let expose = |text: &str| Password::parse("password", text).unwrap().expose().to_owned();
        assert_eq!(expose("Crème brûlée"), expose("Cre\u{300}me bru\u{302}le\u{301}e"));
        let wide = Password::parse("password", "Passw\u{ff4f}rd123").unwrap();
        assert_eq!(wide.check_strength("password", &[]).unwrap_err().code, "COMMON_PASSWORD");
        assert!(Password::parse("password", &"e\u{301}".repeat(9)).is_err(), "nine letters are nine");
        assert!(Password::parse("password", &"\u{fdfa}".repeat(8)).is_err(), "what is hashed is counted");
    }

    #[test]
    fn a_password_never_shows() {
        let password = Password::parse("password", "correct horse battery").unwrap();
        assert!(!format!("{password:?}").contains("horse"));
    }
}
