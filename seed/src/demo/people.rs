//! Who is there: buyers, the promoters of the season, and one who looks after it all.

use domain::accounts::Role;
use serde::Deserialize;
use uuid::Uuid;

use super::DOMAIN;
use crate::{SeedError, data::DataFile, ids};

static PEOPLE: DataFile<People> = DataFile::new("people.json", include_str!("../../data/people.json"));

/// Everybody with an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct People {
    /// One of each role, for the server's first words.
    pub(super) first: Vec<Person>,
    others: Vec<Person>,
}

impl People {
    pub(super) fn read() -> Result<&'static Self, SeedError> {
        PEOPLE.get()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Person> {
        self.first.iter().chain(&self.others)
    }

    pub(super) fn named(&self, login: &str) -> Result<&Person, SeedError> {
        let undefined = || SeedError::Undefined { kind: "person", name: login.to_owned() };
        self.all().find(|person| person.login == login).ok_or_else(undefined)
    }
}

/// Somebody with an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    /// Of the e-mail address, before the `@`.
    login: String,
    pub(super) name: String,
    #[serde(default = "user")]
    pub(super) role: Role,
}

fn user() -> Role {
    Role::User
}

impl Person {
    pub(super) fn email(&self) -> String {
        format!("{}@{DOMAIN}", self.login)
    }

    /// The id of the account.
    pub(super) fn id(&self) -> Uuid {
        ids::stable("account", &self.email())
    }
}
