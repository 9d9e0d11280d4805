//! Redis keys and channels of the cache.

use uuid::Uuid;

/// The sources that this program was built from: programs of other sources may show a thing in another way, and share no answers.
const BUILD: &str = env!("BOXOFFICE_BUILD");

/// The names of one installation: others may use the same Redis.
pub(super) struct Names {
    /// What begins every key of an answer.
    pub(super) prefix: String,
    /// The hash of the changes.
    pub(super) changes: String,
    /// The index of the answers.
    pub(super) index: String,
    /// How many bytes the answers take.
    pub(super) bytes: String,
    /// Where changes are told.
    pub(super) channel: String,
}

impl Names {
    pub(super) fn of(installation: Uuid) -> Self {
        // In braces is what decides about the node of a cluster.
        let id = installation.simple();
        let key = |what: &str| format!("boxoffice:{{{id}:cache}}:{what}");
        Self {
            prefix: key(""),
            changes: key("changes"),
            index: key("index"),
            bytes: key("bytes"),
            channel: format!("boxoffice:{id}:cache"),
        }
    }

    /// The name of an answer of this build in the index; behind the prefix it is the key.
    pub(super) fn member(key: &str) -> String {
        format!("{BUILD}:{key}")
    }

    /// What the names of the answers of all builds match whose keys match `pattern`.
    pub(super) fn members(pattern: &str) -> String {
        format!("{}:{pattern}", "?".repeat(BUILD.len()))
    }

    /// The key of an answer of this build.
    pub(super) fn answer(&self, key: &str) -> String {
        format!("{}{BUILD}:{key}", self.prefix)
    }
}
