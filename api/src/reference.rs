//! The API's documentation: the OpenAPI document, and a page to read it and to try it on this server.
//!
//! The page is Swagger UI, compiled in: nothing comes from another host. It keeps to the policy of all our pages
//! (`edge/security.rs`) without an exception.

mod assets;
pub(crate) mod endpoints;

use std::sync::{Arc, LazyLock, OnceLock};

use application::app::App;
use boxoffice_http::{
    problem::Problem,
    reply::Reply,
    request::Request,
    router::{Access, Route},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use utoipa_swagger_ui::Config;

use self::assets::Asset;

/// Where the document is.
const DOCUMENT_PATH: &str = "/api/openapi.json";

/// The page: all it does is load its parts.
const PAGE: &str = include_str!("reference/page.html");
/// Tells Swagger UI where the document is; the page's policy lets no script stand in the page itself.
const START: &str = include_str!("reference/start.js");

/// Files of the page that Swagger UI brings, and what they are.
const FILES: [(&str, &str); 3] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("favicon-32x32.png", "image/png"),
];

async fn document(of_api: fn() -> Value, request: Request) -> Result<Reply, Problem> {
    // The table of routes is the same whatever the adapters are.
    static DOCUMENT: OnceLock<Asset> = OnceLock::new();
    let asset = DOCUMENT
        .get_or_init(|| Asset::new(HeaderValue::from_static("application/json"), of_api().to_string().into_bytes()));
    Ok(asset.reply(request.headers()).await)
}

async fn show(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    static ASSET: LazyLock<Asset> =
        LazyLock::new(|| Asset::new(HeaderValue::from_static("text/html; charset=utf-8"), PAGE));
    Ok(ASSET.reply(request.headers()).await)
}

/// Leads to the page whoever writes its address with a slash. No endpoint of the API: the document does not name it.
pub fn slash_route() -> Route<App> {
    Route::get("/docs/", Access::Public, |_, _| async {
        let location = HeaderValue::from_static("/docs");
        Ok(Reply::empty(StatusCode::PERMANENT_REDIRECT).header(header::LOCATION, location))
    })
    .produces(&["text/html"])
}

async fn file(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    static ASSETS: LazyLock<Vec<(&str, Asset)>> = LazyLock::new(assets);
    let name = request.param("file")?;
    let (_, asset) = ASSETS.iter().find(|(of, _)| *of == name).ok_or_else(Problem::not_found)?;
    Ok(asset.reply(request.headers()).await)
}

fn assets() -> Vec<(&'static str, Asset)> {
    let config = Arc::new(Config::new([DOCUMENT_PATH]));
    let brought = FILES.into_iter().filter_map(|(name, kind)| {
        let found = utoipa_swagger_ui::serve(name, config.clone()).ok().flatten()?;
        Some((name, Asset::new(HeaderValue::from_static(kind), found.bytes.into_owned())))
    });
    let start = Asset::new(HeaderValue::from_static("text/javascript; charset=utf-8"), START);
    brought.chain([("start.js", start)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A release of Swagger UI may rename its files.
    #[test]
    fn whatever_the_page_loads_is_there() {
        let names: Vec<&str> = assets().into_iter().map(|(name, _)| name).collect();
        let loaded: Vec<&str> = PAGE.split("\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(loaded.len(), 4, "{PAGE}");
        assert!(loaded.iter().all(|name| names.contains(name)), "{loaded:?} of {names:?}");
        assert!(START.contains(DOCUMENT_PATH));
    }
}
