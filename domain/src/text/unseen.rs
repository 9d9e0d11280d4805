//! Characters that show nothing, or make others show elsewhere.

use unicode_normalization::char::is_combining_mark;

/// What shows nothing by itself, beside white space and control characters: format characters, fillers, variation selectors, tags
/// (Unicode's `Default_Ignorable_Code_Point`), annotations, and the Braille pattern without a dot. In order.
const UNSEEN: [(char, char); 22] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{1fffe}', '\u{1ffff}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{10fffe}', '\u{10ffff}'),
];

/// Whether a character shows nothing by itself. Many of them are needed between others: joiners in Persian, in Indic scripts and in
/// emoji, marks of direction beside Hebrew and Arabic.
pub(crate) fn is_unseen(c: char) -> bool {
    c.is_whitespace() || c.is_control() || UNSEEN.iter().any(|(from, to)| (*from..=*to).contains(&c))
}

/// Whether a character is something to see by itself. A combining mark needs another one to stand on.
pub(super) fn is_visible(c: char) -> bool {
    !is_unseen(c) && !is_combining_mark(c)
}

/// What no line has: control characters, line separators, and what makes the text around it read in another direction than it is
/// stored in (embeddings, overrides and isolates). The marks of direction (U+200E, U+200F, U+061C) only say how they read themselves.
pub(super) fn is_barred(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
