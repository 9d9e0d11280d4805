//! Settings of the site that admins change while it runs: known here, each with its type, bounds and default.

use serde_json::{Value, json};

use crate::{text, validation::FieldError};

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Flag,
    /// A whole number from … to ….
    Number(i64, i64),
    /// One line of so many characters.
    Line(usize, usize),
    /// Several lines, at most 10,000 characters.
    Text,
    /// An address of a web page (http or https), or an empty text.
    Url,
    /// An e-mail address, or an empty text.
    Email,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident $key:literal $kind:expr, $default:expr, $public:literal;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SettingKey {
            $($(#[$doc])* $name,)+
        }

        impl SettingKey {
            pub const ALL: &[SettingKey] = &[$(SettingKey::$name),+];

            /// Its name in JSON and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(SettingKey::$name => $key),+ }
            }

            pub fn kind(self) -> Kind {
                match self { $(SettingKey::$name => $kind),+ }
            }

            /// What it is until somebody changes it.
            pub fn default(self) -> Value {
                match self { $(SettingKey::$name => json!($default)),+ }
            }

            /// Whether everybody may know it.
            pub fn is_public(self) -> bool {
                match self { $(SettingKey::$name => $public),+ }
            }
        }
    };
}

settings! {
    /// What the site is called. Mails come from it and are signed with it.
    SiteName "siteName" Kind::Line(2, 100), "boxoffice", true;
    /// One sentence about it, below its name in mails.
    SiteTagline "siteTagline" Kind::Line(0, 200), "", true;
    /// Whom guests write to: answers to mails go there.
    SupportEmail "supportEmail" Kind::Email, "", true;
    /// The terms of the sale. Named in mails, as the next two.
    TermsUrl "termsUrl" Kind::Url, "", true;
    /// What becomes of personal data.
    PrivacyUrl "privacyUrl" Kind::Url, "", true;
    /// Who is responsible for the site.
    ImprintUrl "imprintUrl" Kind::Url, "", true;
    /// Events on a page of `GET /events` unless the request says otherwise.
    EventsPerPage "eventsPerPage" Kind::Number(1, 100), 20, true;
    /// Whether everybody may know how many places are left, or only whether there are some.
    ShowPlacesLeft "showPlacesLeft" Kind::Flag, true, true;
    /// What admins tell each other, beside the settings and nowhere else.
    AdminNotes "adminNotes" Kind::Text, "", false;
}

impl SettingKey {
    /// The setting of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.as_str() == name)
    }

    /// The value as it is kept, if the setting may have it. Texts are trimmed.
    pub fn check(self, value: &Value) -> Result<Value, FieldError> {
        let field = self.as_str();
        let fault = |code, message: String| Err(FieldError::new(field, code, message));
        let of_text = || {
            let text = value.as_str().ok_or_else(|| FieldError::new(field, "INVALID_TYPE", "must be a text"))?;
            Ok::<_, FieldError>(text::normalised(text))
        };
        match self.kind() {
            Kind::Flag if value.is_boolean() => Ok(value.clone()),
            Kind::Flag => fault("INVALID_TYPE", "must be true or false".to_owned()),
            Kind::Number(min, max) => match value.as_i64() {
                Some(number) if (min..=max).contains(&number) => Ok(json!(number)),
                Some(_) => fault("OUT_OF_RANGE", format!("must be from {min} to {max}")),
                None => fault("INVALID_TYPE", "must be a whole number".to_owned()),
            },
            Kind::Line(min, max) => Ok(json!(text::line(field, &of_text()?, min..=max)?)),
            Kind::Text => Ok(json!(text::text(field, &of_text()?)?)),
            Kind::Url => match &*of_text()? {
                "" => Ok(json!("")),
                url if is_web_address(url) => Ok(json!(url)),
                _ => fault("INVALID_URL", "must be an http or https address, or empty".to_owned()),
            },
            Kind::Email => match &*of_text()? {
                "" => Ok(json!("")),
                email => Ok(json!(crate::accounts::EmailAddress::parse(field, email)?.as_str())),
            },
        }
    }
}

/// `http` or `https`, a host, nobody's name and password before it, nothing that can't be seen, or ends an attribute or a line. Not a
/// scheme that runs something.
pub fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_plain = |c: char| !text::is_unseen(c) && !matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`');
    url.len() <= 2000
        && url.chars().all(is_plain)
        && !authority.is_empty()
        && !authority.contains('@')
        && url::Url::parse(url).is_ok_and(|parsed| parsed.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_may_be_set() {
        for key in SettingKey::ALL {
            assert_eq!(key.check(&key.default()), Ok(key.default()), "{key:?}");
            assert_eq!(SettingKey::find(key.as_str()), Some(*key));
        }
        assert_eq!(SettingKey::find("nothing"), None);
    }

    #[test]
    fn each_kind_has_its_bounds() {
        let code = |key: SettingKey, value: Value| key.check(&value).map_err(|error| error.code);
        assert_eq!(code(SettingKey::SiteName, json!(" The House ")), Ok(json!("The House")));
        for (key, value, expected) in [
            (SettingKey::SiteName, json!("A"), "TOO_SHORT"),
            (SettingKey::SiteName, json!(7), "INVALID_TYPE"),
            (SettingKey::EventsPerPage, json!(101), "OUT_OF_RANGE"),
            (SettingKey::EventsPerPage, json!(1.5), "INVALID_TYPE"),
            (SettingKey::ShowPlacesLeft, json!("true"), "INVALID_TYPE"),
            (SettingKey::TermsUrl, json!("javascript:alert(1)"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://?x"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://#x"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://:80"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://a.example:99999"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://user:pw@evil.example/"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://@evil.example/"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://a.\u{202e}example/"), "INVALID_URL"),
            (SettingKey::TermsUrl, json!("https://a\u{200b}.example/"), "INVALID_URL"),
            (SettingKey::SiteName, json!("\u{200b}\u{200b}"), "INVALID"),
            (SettingKey::TermsUrl, json!("https://a.example/\"onload="), "INVALID_URL"),
            (SettingKey::SupportEmail, json!("nobody"), "INVALID_EMAIL"),
            (SettingKey::AdminNotes, json!("x".repeat(10_001)), "TOO_LONG"),
        ] {
            assert_eq!(code(key, value.clone()), Err(expected), "{key:?} {value}");
        }
        for right in
            ["https://a.example/terms?x=1", "http://localhost:3000", "https://müller.example/@us", "https://[::1]/"]
        {
            assert_eq!(code(SettingKey::TermsUrl, json!(right)), Ok(json!(right)));
        }
    }
}
