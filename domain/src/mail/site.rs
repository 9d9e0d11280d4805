//! What mails tell of the site that they come from, as its administrators have set it.

use serde_json::Value;

use crate::{accounts::EmailAddress, management::catalogue::StoredSettings, settings::SettingKey};

/// See the module's page. Texts that are not set are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// What the site is called: who signs the mails, and who they come from.
    pub name: String,
    /// One sentence about it, below its name.
    pub tagline: String,
    /// Where answers go.
    pub support_email: Option<EmailAddress>,
    /// Who is responsible for it.
    pub imprint_url: String,
    /// The terms of the sale.
    pub terms_url: String,
    /// What becomes of personal data.
    pub privacy_url: String,
}

impl Site {
    /// As the settings say.
    pub fn of(settings: &StoredSettings) -> Self {
        let text = |key| match settings.value(key) {
            Value::String(text) => text,
            _ => String::new(),
        };
        Self {
            name: text(SettingKey::SiteName),
            tagline: text(SettingKey::SiteTagline),
            support_email: EmailAddress::parse("supportEmail", &text(SettingKey::SupportEmail)).ok(),
            imprint_url: text(SettingKey::ImprintUrl),
            terms_url: text(SettingKey::TermsUrl),
            privacy_url: text(SettingKey::PrivacyUrl),
        }
    }
}

impl Default for Site {
    /// As nobody has set anything.
    fn default() -> Self {
        Self::of(&StoredSettings::default())
    }
}
