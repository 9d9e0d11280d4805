//! What is known of a route without its handler, and what a request says in its path.

use std::sync::Arc;

use application::limits::Tier;
use domain::accounts::Role;
use http::Method;

/// Most parameters in one path; two levels of hierarchy need two.
pub(super) const PARAMS_MAX: usize = 4;

/// What a route answers with unless its row says otherwise.
pub const JSON: &[&str] = &["application/json", "application/problem+json"];

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody. A token is not looked at, so a stale one does not lock anyone out of a public page.
    Public,
    /// Anyone who has a session cookie; the handler asks for it. The page that sends it has to be ours, or on the list.
    Session,
    /// Any account.
    Authenticated,
    /// Accounts with one of these roles.
    Roles(&'static [Role]),
}

/// Whose things a route is about, among those who may use it. The use case sees to it: it knows whose they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    Shared,
    /// The caller's own. Another's are not found, so that nobody learns what there is.
    Own,
}

/// What is known about a route without its handler.
#[derive(Debug)]
pub struct RouteInfo {
    /// Its method. A `GET` also answers `HEAD`.
    pub method: Method,
    /// Its path with parameters in braces, as in `/api/v1/events/{id}`; the `route` of metrics and logs.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Whose things it is about, among those who may use it.
    pub ownership: Ownership,
    pub tier: Tier,
    /// Most bytes of a body, when not the server's default.
    pub body_limit: Option<usize>,
    /// Whether its handler judges `If-Match`.
    pub is_conditional: bool,
    /// Whether it runs to its end when the client hangs up.
    pub detached: bool,
    /// Whether its handler reads the query string. For any other, every parameter is an unknown one.
    pub reads_query: bool,
    /// Media types it can answer with; a client that accepts none of them gets a 406.
    pub produces: &'static [&'static str],
    pub(super) params: Vec<&'static str>,
}

impl RouteInfo {
    /// The names of the parameters in its path, in their order.
    pub fn params(&self) -> &[&'static str] {
        &self.params
    }
}

/// The row of a request and where its parameters lie in the path: no parameter is copied.
#[derive(Debug)]
pub struct Matched {
    pub(super) route: Arc<RouteInfo>,
    /// Its place in the table.
    pub(super) row: usize,
    pub(super) places: [(u16, u16); PARAMS_MAX],
}

impl Matched {
    pub(super) fn param<'a>(&self, name: &str, path: &'a str) -> Option<&'a str> {
        let index = self.route.params.iter().position(|param| *param == name)?;
        let (start, end) = *self.places.get(index)?;
        path.get(usize::from(start)..usize::from(end))
    }
}

/// The parameters in the path of a request that nobody has looked at yet.
pub struct Params<'a> {
    pub(super) matched: &'a Matched,
    pub(super) path: &'a str,
}

impl Params<'_> {
    /// A parameter as it was sent, percent-encoded.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.matched.param(name, self.path)
    }
}
