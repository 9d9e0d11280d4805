//! Texts of what may be changed: what is the same as before is not judged again.

use std::ops::RangeInclusive;

use super::{line, slug, text};
use crate::validation::FieldErrors;

impl FieldErrors {
    /// [`FieldErrors::change`] of one line with so many characters.
    pub fn line(
        &mut self,
        field: &'static str,
        said: Option<String>,
        before: Option<&String>,
        chars: RangeInclusive<usize>,
    ) -> Option<String> {
        self.change(said, before, |said| line(field, &said.unwrap_or_default(), chars))
    }

    /// [`FieldErrors::change`] of several lines, or none.
    pub fn text(&mut self, field: &'static str, said: Option<String>, before: Option<&String>) -> Option<String> {
        self.change(said, before, |said| text(field, &said.unwrap_or_default()))
    }

    /// [`FieldErrors::change`] of a slug that is made from something else unless it is said.
    pub fn slug(&mut self, said: Option<String>, before: Option<&Option<String>>) -> Option<Option<String>> {
        self.change(Some(said), before, |said| said.flatten().map(|said| slug("slug", &said)).transpose())
    }
}
