//! The endpoints of settings.

use application::app::App;
use boxoffice_http::{endpoint::Section, openapi::operation::Operation, router::Access};
use domain::lists::declared;
use serde_json::json;

use super::{ChangeJson, SettingsChange, SettingsJson};
use crate::scopes::ADMINISTRATORS;

/// What administrators do with them.
pub(crate) fn administered(section: Section<App>) -> Section<App> {
    section
        .with(
            Operation::get("/api/v1/admin/settings", "listSettings", "List settings")
                .versioned()
                .ok::<SettingsJson>("All of them, each with its bounds and default.")
                .served(ADMINISTRATORS, super::list),
        )
        .with(
            Operation::patch("/api/v1/admin/settings", "updateSettings", "Change settings")
                .versioned()
                .body::<SettingsChange>(json!({ "siteName": "The House", "termsUrl": null }))
                .ok::<SettingsJson>("All of them as they are now.")
                .served(ADMINISTRATORS, super::update)
                .conditional(),
        )
        .with(
            Operation::get("/api/v1/admin/settings/changes", "listSettingChanges", "List changes of settings")
                .page_of::<ChangeJson<'_>>(&declared::SETTING_CHANGES, "The latest first.")
                .served(ADMINISTRATORS, super::changes),
        )
}

pub(crate) fn section() -> Section<App> {
    let shown = json!({ "type": "object", "description": "A value a setting.", "additionalProperties": true });
    Section::new("Settings", "What everybody may know of the site's settings.").with(
        Operation::get("/api/v1/settings", "getSettings", "Show the public settings")
            .cacheable()
            .ok_as("application/json", shown, "The settings.")
            .served(Access::Public, super::public),
    )
}
