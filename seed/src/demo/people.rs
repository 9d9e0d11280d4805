//! Who is there: buyers, the five promoters of the season, and one who looks after it all.

use domain::accounts::Role;
use uuid::Uuid;

use super::DOMAIN;
use crate::ids;

/// Somebody with an account.
pub(super) struct Person {
    /// Of the e-mail address, before the `@`.
    pub(super) login: &'static str,
    pub(super) name: &'static str,
    pub(super) role: Role,
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

const fn person(login: &'static str, name: &'static str, role: Role) -> Person {
    Person { login, name, role }
}

/// One of each role, for the server's first words.
pub(super) const FIRST: &[Person] = &[person("ada", "Ada Okafor", Role::User), OLIVIA, ADMIN];

const ADMIN: Person = person("admin", "Agnes Lindqvist", Role::Admin);
/// Promoter in London, Berlin and Edinburgh.
pub(super) const OLIVIA: Person = person("olivia", "Olivia Hartmann", Role::Organizer);
/// Promoter in Dublin and Paris.
pub(super) const CORMAC: Person = person("cormac", "Cormac Delaney", Role::Organizer);
/// Promoter in Gothenburg, Lisbon and Zurich.
pub(super) const INGRID: Person = person("ingrid", "Ingrid Sörensen", Role::Organizer);
/// Promoter in New York and Los Angeles.
pub(super) const MARCUS: Person = person("marcus", "Marcus Bell", Role::Organizer);
/// Promoter in Tokyo and Melbourne.
pub(super) const YUKI: Person = person("yuki", "Yuki Tanabe", Role::Organizer);

/// Everybody else.
pub(super) const OTHERS: &[Person] = &[
    CORMAC,
    INGRID,
    MARCUS,
    YUKI,
    person("amelie", "Amélie Fournier", Role::User),
    person("ben", "Ben Whitaker", Role::User),
    person("chiara", "Chiara Lombardi", Role::User),
    person("daniel", "Daniel Nowak", Role::User),
    person("elif", "Elif Yıldız", Role::User),
    person("farid", "Farid Haddad", Role::User),
    person("greta", "Greta Neumann", Role::User),
    person("hugo", "Hugo Almeida", Role::User),
    person("isla", "Isla Mackenzie", Role::User),
    person("jonas", "Jonas Lindberg", Role::User),
    person("keiko", "Keiko Mori", Role::User),
    person("liam", "Liam Byrne", Role::User),
    person("mei", "Mei Chen", Role::User),
    person("noah", "Noah Kowalski", Role::User),
    person("priya", "Priya Raman", Role::User),
    person("quentin", "Quentin Moreau", Role::User),
    person("rosa", "Rosa Delgado", Role::User),
    person("sami", "Sami Virtanen", Role::User),
    person("tomas", "Tomáš Dvořák", Role::User),
    person("zoe", "Zoë van Dijk", Role::User),
];
