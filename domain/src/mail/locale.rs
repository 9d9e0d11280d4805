//! The languages in which mails are written.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// A language that every mail is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Locale {
    /// English, for all who have not asked for another one that there is.
    #[default]
    En,
    De,
    Fr,
}

impl Locale {
    pub const ALL: [Locale; 3] = [Locale::En, Locale::De, Locale::Fr];

    /// The tag: the primary language of BCP 47.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The language of a BCP 47 tag such as `de-AT`, if there is one.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|locale| locale.as_str().eq_ignore_ascii_case(primary))
    }

    /// What a client likes best of what there is, by its `Accept-Language` (RFC 9110, 12.5.4).
    pub fn preferred(accept_language: &str) -> Self {
        /// More are not looked at.
        const RANGES_MAX: usize = 32;
        let mut best = (0.0, Self::default());
        for range in accept_language.split(',').take(RANGES_MAX) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
            let locale = if tag.trim() == "*" { Some(Self::default()) } else { Self::of_tag(tag) };
            // Of those that are liked equally, the first.
            if let (Some(weight), Some(locale)) = (weight, locale)
                && weight > best.0
            {
                best = (weight, locale);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_its_primary_language() {
        for (tag, locale) in [("de", Locale::De), ("DE-at", Locale::De), ("fr_CA", Locale::Fr), ("en-GB", Locale::En)] {
            assert_eq!(Locale::of_tag(tag), Some(locale), "{tag}");
        }
        for tag in ["", "deu", "pt-BR", "-de", "*"] {
            assert_eq!(Locale::of_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn the_best_liked_language_that_there_is_wins() {
        for (header, locale) in [
            ("de-CH, fr;q=0.9, en;q=0.8", Locale::De),
            ("pt-BR, en;q=0.5, fr;q=0.7", Locale::Fr),
            ("fr;q=0, de;q=0.1", Locale::De),
            ("de;q=0.5, fr;q=0.5", Locale::De),
            ("pt, *;q=0.1", Locale::En),
            ("fr ; q=x, de;q=0.2", Locale::De),
            ("", Locale::En),
            (";;;,,,q=", Locale::En),
            ("de;q=NaN", Locale::En),
        ] {
            assert_eq!(Locale::preferred(header), locale, "{header:?}");
        }
    }
}
