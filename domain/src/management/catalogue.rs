//! Venues, categories, tags and settings, as admins change them.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{Changed, Expected, Manager};
use crate::{
    ids::{AccountId, VenueId},
    lists::{ListQuery, Page},
    repositories::Found,
    settings::SettingKey,
    venues::{Venue, VenueFields},
};

/// A word by which events are found, or the kind of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its id: that of the request that made it.
    pub id: Uuid,
    /// By what it is named everywhere; never changes.
    pub slug: String,
    pub name: String,
    /// How many events have it.
    pub events: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Grows with each change.
    pub revision: i32,
}

/// Which list of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// The kinds of events; an event has one.
    Categories,
    /// An event has any number of them.
    Tags,
}

/// Venues, categories and tags. Writers are admins.
#[async_trait]
pub trait CatalogueManagement: Send + Sync {
    /// A venue with its revision.
    async fn managed_venue(&self, id: VenueId) -> Found<Option<(Venue, i32)>>;

    /// Adds a venue. Does nothing when it is there already.
    async fn add_venue(&self, by: &Manager, id: VenueId, fields: &VenueFields) -> Changed;

    async fn update_venue(&self, by: &Manager, id: VenueId, expected: Expected, fields: &VenueFields) -> Changed;

    /// Deletes a venue that no event and no seat map needs.
    async fn delete_venue(&self, by: &Manager, id: VenueId, expected: Expected) -> Changed;

    /// A page of words, by slug. Of events that are not public yet it counts those that `by` may see.
    async fn terms(&self, by: &Manager, of: Vocabulary, query: &ListQuery) -> Found<Page<Term>>;

    async fn term(&self, of: Vocabulary, slug: &str) -> Found<Option<Term>>;

    /// Adds a word. Does nothing when the request with this id has added it already.
    async fn add_term(&self, by: &Manager, of: Vocabulary, id: Uuid, slug: &str, name: &str) -> Changed;

    /// Gives a word another name.
    async fn rename_term(&self, by: &Manager, of: Vocabulary, slug: &str, expected: Expected, name: &str) -> Changed;

    /// Deletes a word. A category that events have stays; a tag is taken from them.
    async fn delete_term(&self, by: &Manager, of: Vocabulary, slug: &str, expected: Expected) -> Changed;
}

#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// Counted upwards.
    pub number: i64,
    pub key: String,
    /// What it was; nothing for the default.
    pub from: Option<Value>,
    /// What it is from then on; nothing for the default.
    pub to: Option<Value>,
    pub account: AccountId,
    pub at: Timestamp,
}

/// All settings that differ from their defaults.
#[derive(Clone, Debug, Default)]
pub struct StoredSettings {
    /// Keys, perhaps of another version, with their values.
    pub values: Vec<(String, Value)>,
    /// Grows with each change.
    pub revision: i32,
    /// When one last changed.
    pub updated_at: Option<Timestamp>,
}

impl StoredSettings {
    /// What a setting is: what is stored, if this version still takes it; otherwise the default.
    pub fn value(&self, key: SettingKey) -> Value {
        let found = self.values.iter().find(|(name, _)| name == key.as_str());
        found.and_then(|(_, value)| key.check(value).ok()).unwrap_or_else(|| key.default())
    }
}

/// Settings of the site.
#[async_trait]
pub trait SettingsRepository: Send + Sync {
    /// All that are stored.
    async fn settings(&self) -> Found<StoredSettings>;

    /// Sets some, or with `None` takes them back to their defaults.
    async fn change_settings(
        &self,
        by: &Manager,
        expected: Expected,
        changes: &[(SettingKey, Option<Value>)],
    ) -> Changed;

    /// What was changed, latest first.
    async fn setting_changes(&self, query: &ListQuery) -> Found<Page<SettingChange>>;
}
