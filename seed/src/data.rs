//! The files in `seed/data`, in which the scenarios are written down. They are part of the program; a mistake in one is found by this
//! crate's tests, and is an error to a server all the same.

use std::{ops::Deref, sync::OnceLock};

use serde::{Deserialize, de::DeserializeOwned};

use super::SeedError;

/// A file, read when it is first asked for.
pub(super) struct DataFile<T> {
    name: &'static str,
    text: &'static str,
    read: OnceLock<Result<T, String>>,
}

impl<T: DeserializeOwned> DataFile<T> {
    pub(super) const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text, read: OnceLock::new() }
    }

    pub(super) fn get(&self) -> Result<&T, SeedError> {
        let read = self.read.get_or_init(|| serde_json::from_str(self.text).map_err(|error| error.to_string()));
        read.as_ref().map_err(|reason| SeedError::Unreadable { file: self.name, reason: reason.clone() })
    }
}

/// What one is drawn from: never empty.
#[derive(Deserialize)]
#[serde(try_from = "Vec<T>")]
pub(super) struct Choices<T>(Vec<T>);

impl<T> TryFrom<Vec<T>> for Choices<T> {
    type Error = &'static str;

    fn try_from(choices: Vec<T>) -> Result<Self, Self::Error> {
        if choices.is_empty() { Err("an empty list, from which nothing can be drawn") } else { Ok(Self(choices)) }
    }
}

impl<T> Deref for Choices<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_file_and_line() {
        let file: DataFile<Vec<Choices<String>>> = DataFile::new("words.json", "[[\"one\"],\n []]");
        let Err(error) = file.get().map(Vec::len) else { panic!("an empty list was read") };
        let told = error.to_string();
        assert!(told.contains("words.json") && told.contains("empty list") && told.contains("line 2"), "{told}");
    }
}
