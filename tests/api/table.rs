//! The server's own table of routes, for the tests that ask all of it: a new route is tested without a word.

use boxoffice::{
    presentation::{router::Access, routes::api_routes},
    serve::Installation,
};
use reqwest::Method;
use uuid::Uuid;

/// Every row, as method, path with an id of nothing in place of each parameter, and access.
pub(crate) fn table() -> Vec<(Method, String, Access)> {
    let nothing = Uuid::now_v7().to_string();
    let filled = |path: &str| {
        let parts = path.split('/').map(|part| if part.starts_with('{') { &nothing } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let rows = api_routes::<Installation>();
    rows.iter().map(|route| route.info()).map(|info| (info.method.clone(), filled(info.path), info.access)).collect()
}
