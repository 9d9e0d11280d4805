//! Site settings that decide how requests are answered.

use std::{sync::Arc, time::Duration};

use domain::{
    management::catalogue::{SettingsRepository, StoredSettings},
    repositories::Found,
    settings::SettingKey,
};

use super::memo::Memo;

/// A setting that another node has changed is seen after this time.
const AGE_MAX: Duration = Duration::from_secs(1);

/// What the settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteRules {
    /// Whether everybody may know how many places are left, or only whether there are some.
    pub shows_places_left: bool,
    /// Events on a page unless a request says otherwise.
    pub events_per_page: u32,
}

impl From<&StoredSettings> for SiteRules {
    fn from(settings: &StoredSettings) -> Self {
        let per_page = settings.value(SettingKey::EventsPerPage).as_u64();
        Self {
            shows_places_left: settings.value(SettingKey::ShowPlacesLeft).as_bool().unwrap_or(true),
            events_per_page: per_page.and_then(|number| u32::try_from(number).ok()).unwrap_or(20),
        }
    }
}

#[derive(Debug)]
pub struct SiteSettings(Memo<(), SiteRules>);

impl Default for SiteSettings {
    fn default() -> Self {
        Self(Memo::new(AGE_MAX, 1))
    }
}

impl SiteSettings {
    /// What the settings say.
    pub async fn rules(&self, store: &dyn SettingsRepository) -> Found<Arc<SiteRules>> {
        self.0.get((), async { Ok(SiteRules::from(&store.settings().await?)) }).await
    }

    /// Call it after the commit of a change.
    pub fn forget(&self) {
        self.0.forget();
    }
}
