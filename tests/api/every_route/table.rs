//! The server's own table of routes, for the tests that ask all of it: a new route is tested without a word.

use boxoffice_api::routes::api_routes;
use boxoffice_http::router::{Access, Ownership};
use reqwest::Method;
use uuid::Uuid;

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    /// As in the table, with parameters in braces.
    pub(crate) template: &'static str,
    /// With an id in place of each parameter; of nothing, at first.
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) ownership: Ownership,
}

impl Row {
    /// The same about this thing.
    pub(crate) fn at(&self, id: Uuid) -> Self {
        let part = |part: &str| if part.starts_with('{') { id.to_string() } else { part.to_owned() };
        let path = self.template.split('/').map(part).collect::<Vec<_>>().join("/");
        Self { path, ..self.clone() }
    }
}

/// Every row.
pub(crate) fn table() -> Vec<Row> {
    let (rows, nothing) = (api_routes(), Uuid::now_v7());
    let row = |info: &boxoffice_http::router::RouteInfo| {
        let (method, template, access, ownership) = (info.method.clone(), info.path, info.access, info.ownership);
        Row { method, template, path: template.to_owned(), access, ownership }.at(nothing)
    };
    rows.iter().map(|route| row(route.info())).collect()
}
