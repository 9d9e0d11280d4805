//! Authorization: who may use what, as the endpoints name it.

use boxoffice_http::{endpoint::Scope, router::Access};
use domain::accounts::Role;

/// Administrators only.
pub(crate) const ADMINISTRATORS: Access = Access::Roles(&[Role::Admin]);
/// Organizers, and administrators who organise as well.
pub(crate) const ORGANIZERS: Access = Access::Roles(&[Role::Organizer, Role::Admin]);

/// What organizers do with their own.
pub(crate) const OWN: Scope = Scope { prefix: "/api/v1/organizer", word: "Own", access: ORGANIZERS, own: true };
/// The same for administrators, with everybody's.
pub(crate) const ANY: Scope = Scope { prefix: "/api/v1/admin", word: "Any", access: ADMINISTRATORS, own: false };

/// Media types of what is a page for browsers and JSON for everything else.
pub(crate) const PAGES: &[&str] = &["application/json", "application/problem+json", "text/html"];
