//! Where the server runs.

use std::str::FromStr;

/// Where the server runs; chooses the configuration file and how forgiving the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine: secrets are made up, the log is readable.
    Development,
    /// Like production, for rehearsals.
    Staging,
    /// The real thing: nothing is made up.
    Production,
}

impl Environment {
    /// As in `BOXOFFICE_ENV` and in the name of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Development, Self::Staging, Self::Production]
            .into_iter()
            .find(|environment| environment.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not right; give development, staging or production"))
    }
}
