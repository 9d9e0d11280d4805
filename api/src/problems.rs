//! The documentation that `type` of a problem points to.

pub mod endpoints;

use std::{fmt::Write, sync::Arc};

use boxoffice_http::{
    edge::negotiation,
    problem::Problem,
    problem_codes::{self, CATALOGUE, Entry},
    reply::Reply,
    request::Request,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

async fn list<S>(_: Arc<S>, request: Request) -> Result<Reply, Problem> {
    if wants_html(&request) {
        return Ok(page("Problems", CATALOGUE));
    }
    Ok(cacheable(Reply::ok(&CatalogueJson { data: CATALOGUE.iter().map(EntryJson::from).collect() })?))
}

async fn show<S>(_: Arc<S>, request: Request) -> Result<Reply, Problem> {
    let entry = problem_codes::find(&request.param("code")?).ok_or_else(Problem::not_found)?;
    if wants_html(&request) {
        return Ok(page(entry.code, std::slice::from_ref(entry)));
    }
    Ok(cacheable(Reply::ok(&EntryJson::from(entry))?))
}

/// Browsers name `text/html`; programs say `*/*`, JSON, or nothing.
pub(super) fn wants_html(request: &Request) -> bool {
    let [html, json] = ["text/html", "application/json"].map(|kind| negotiation::named(request.headers(), kind));
    html > 0 && html >= json
}

/// Every refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = Catalogue)]
struct CatalogueJson {
    data: Vec<EntryJson>,
}

/// One kind of refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = CatalogueEntry)]
struct EntryJson {
    /// As in problems.
    #[serde(rename = "type")]
    kind: String,
    code: &'static str,
    status: u16,
    title: &'static str,
    /// Why a server answers so.
    cause: &'static str,
    /// What a client can do about it.
    remedy: &'static str,
}

impl From<&'static Entry> for EntryJson {
    fn from(entry: &'static Entry) -> Self {
        Self {
            kind: format!("/problems/{}", entry.code),
            code: entry.code,
            status: entry.status.as_u16(),
            title: entry.title,
            cause: entry.cause,
            remedy: entry.remedy,
        }
    }
}

fn page(title: &str, entries: &[Entry]) -> Reply {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title} · boxoffice</title><h1>{title}</h1>"
    );
    for Entry { code, status, title, cause, remedy } in entries {
        // The catalogue is our own text without `<` or `&` (a test says so). Writing to a String cannot fail.
        let _ = write!(
            html,
            "<h2 id={code}><a href=\"/problems/{code}\">{code}</a> · {} {title}</h2>\
             <p><b>Why:</b> {cause}<p><b>What to do:</b> {remedy}",
            status.as_u16()
        );
    }
    cacheable(Reply::bytes(StatusCode::OK, HeaderValue::from_static("text/html; charset=utf-8"), html))
}

/// The text changes with a release only.
fn cacheable(reply: Reply) -> Reply {
    reply
        .header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))
        .header(header::VARY, HeaderValue::from_static("accept"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_needs_no_escaping() {
        for entry in CATALOGUE {
            let text = [entry.code, entry.title, entry.cause, entry.remedy].concat();
            assert!(!text.contains(['<', '&']), "{}", entry.code);
        }
    }
}
