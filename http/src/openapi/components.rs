//! What several operations of the document share.

use std::collections::BTreeMap;

use serde_json::Value;

/// What several operations share.
#[derive(Default)]
pub(super) struct Components {
    pub(super) schemas: BTreeMap<String, Value>,
    pub(super) responses: BTreeMap<String, Value>,
}
