//! Venues, categories, tags and settings, as admins change them.

use std::future::Future;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{Changed, Expected, Manager};
use crate::{
    ids::{AccountId, VenueId},
    repositories::{Found, Page, PageRequest},
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
    /// For people.
    pub name: String,
    /// How many events have it.
    pub events: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
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
pub trait CatalogueManagement {
    /// A venue with its revision.
    fn managed_venue(&self, id: VenueId) -> impl Future<Output = Found<Option<(Venue, i32)>>> + Send;

    /// Adds a venue. Does nothing when it is there already.
    fn add_venue(&self, by: &Manager, id: VenueId, fields: &VenueFields) -> impl Future<Output = Changed> + Send;

    /// Changes a venue.
    fn update_venue(
        &self,
        by: &Manager,
        id: VenueId,
        expected: Expected,
        fields: &VenueFields,
    ) -> impl Future<Output = Changed> + Send;

    /// Deletes a venue that no event and no seat map needs.
    fn delete_venue(&self, by: &Manager, id: VenueId, expected: Expected) -> impl Future<Output = Changed> + Send;

    /// A page of words, by slug.
    fn terms(&self, of: Vocabulary, page: &PageRequest<String>) -> impl Future<Output = Found<Page<Term>>> + Send;

    /// One word.
    fn term(&self, of: Vocabulary, slug: &str) -> impl Future<Output = Found<Option<Term>>> + Send;

    /// Adds a word. Does nothing when the request with this id has added it already.
    fn add_term(
        &self,
        by: &Manager,
        of: Vocabulary,
        id: Uuid,
        slug: &str,
        name: &str,
    ) -> impl Future<Output = Changed> + Send;

    /// Gives a word another name.
    fn rename_term(
        &self,
        by: &Manager,
        of: Vocabulary,
        slug: &str,
        expected: Expected,
        name: &str,
    ) -> impl Future<Output = Changed> + Send;

    /// Deletes a word. A category that events have stays; a tag is taken from them.
    fn delete_term(
        &self,
        by: &Manager,
        of: Vocabulary,
        slug: &str,
        expected: Expected,
    ) -> impl Future<Output = Changed> + Send;
}

/// A change of a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    /// Counted upwards.
    pub number: i64,
    /// Which setting.
    pub key: String,
    /// What it was; nothing for the default.
    pub from: Option<Value>,
    /// What it is from then on; nothing for the default.
    pub to: Option<Value>,
    /// Who.
    pub account: AccountId,
    /// When.
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

/// Settings of the site.
pub trait SettingsRepository {
    /// All that are stored.
    fn settings(&self) -> impl Future<Output = Found<StoredSettings>> + Send;

    /// Sets some, or with `None` takes them back to their defaults.
    fn change_settings(
        &self,
        by: &Manager,
        expected: Expected,
        changes: &[(SettingKey, Option<Value>)],
    ) -> impl Future<Output = Changed> + Send;

    /// What was changed, latest first.
    fn setting_changes(&self, page: &PageRequest<i64>) -> impl Future<Output = Found<Page<SettingChange>>> + Send;
}
