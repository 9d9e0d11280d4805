//! The files in `seed/data`, in which the scenarios are written down. They are part of the program; a mistake in one is found by this
//! crate's tests, and is an error to a server all the same.

use std::sync::OnceLock;

use serde::de::DeserializeOwned;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_file_and_line() {
        let file: DataFile<Vec<u8>> = DataFile::new("people.json", "[1,\n 256]");
        let Err(error) = file.get().map(Vec::len) else { panic!("it was read") };
        let told = error.to_string();
        assert!(told.contains("people.json") && told.contains("line 2"), "{told}");
    }
}
