//! The page of whoever opens the server's address in a browser: what this is, and where to go on. Programs get the same as links.

pub(crate) mod endpoints;

use std::{fmt::Write, sync::Arc};

use application::{
    app::App,
    guide::{DevelopmentGuide, Guide},
};
use boxoffice_http::{openapi::schemas::RoleSchema, problem::Problem, product, reply::Reply, request::Request};
use domain::accounts::Role;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::problems::wants_html;

/// Where to go on: the names of the links, their targets, and what is there.
const LINKS: [(&str, &str, &str); 5] = [
    ("docs", "/docs", "the documentation of the API, to read and to try"),
    ("document", "/api/openapi.json", "the same as an OpenAPI 3.1 document"),
    ("events", "/api/v1/events", "what is on sale"),
    ("problems", "/problems", "every refusal, and what to do about it"),
    ("health", "/health", "whether this server is ready"),
];

async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let reply = if wants_html(&request) {
        Reply::bytes(StatusCode::OK, HeaderValue::from_static("text/html; charset=utf-8"), page(&app.guide))
    } else {
        Reply::ok(&WelcomeJson::from(&app.guide))?
    };
    Ok(reply.header(header::VARY, HeaderValue::from_static("accept")))
}

/// What this server is, and where its parts are.
#[derive(Serialize, ToSchema)]
#[schema(as = Welcome)]
#[serde(rename_all = "camelCase")]
struct WelcomeJson<'a> {
    name: &'static str,
    /// The release.
    version: &'static str,
    description: &'static str,
    links: Links,
    /// On a developer's machine only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    development: Option<DevelopmentJson<'a>>,
}

/// Where to go on, relative to the server.
#[derive(Serialize, ToSchema)]
#[schema(as = WelcomeLinks)]
struct Links {
    #[schema(format = "uri-reference")]
    docs: &'static str,
    #[schema(format = "uri-reference")]
    document: &'static str,
    #[schema(format = "uri-reference")]
    events: &'static str,
    #[schema(format = "uri-reference")]
    problems: &'static str,
    #[schema(format = "uri-reference")]
    health: &'static str,
}

/// What is there to try the server with. The password, and the token of the mails, are in the terminal in which it was started.
#[derive(Serialize, ToSchema)]
#[schema(as = WelcomeDevelopment)]
struct DevelopmentJson<'a> {
    accounts: Vec<DemoAccountJson<'a>>,
    /// Where the mails are that are sent nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mails: Option<&'a str>,
}

/// An account of the demo.
#[derive(Serialize, ToSchema)]
#[schema(as = DemoAccount)]
struct DemoAccountJson<'a> {
    email: &'a str,
    #[schema(value_type = RoleSchema)]
    role: &'static str,
}

impl<'a> From<&'a Guide> for WelcomeJson<'a> {
    fn from(guide: &'a Guide) -> Self {
        let [docs, document, events, problems, health] = LINKS.map(|(_, target, _)| target);
        Self {
            name: product::NAME,
            version: product::VERSION,
            description: product::DESCRIPTION,
            links: Links { docs, document, events, problems, health },
            development: guide.development.as_ref().map(DevelopmentJson::from),
        }
    }
}

impl<'a> From<&'a DevelopmentGuide> for DevelopmentJson<'a> {
    fn from(guide: &'a DevelopmentGuide) -> Self {
        let account = |(email, role): &'a (String, Role)| DemoAccountJson { email, role: role.as_str() };
        Self { accounts: guide.accounts.iter().map(account).collect(), mails: guide.mails.as_deref() }
    }
}

/// Our own text, addresses of the demo and of this machine: nothing that needs escaping. Writing to a String cannot fail.
fn page(guide: &Guide) -> String {
    let (name, description) = (product::NAME, product::DESCRIPTION);
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{name}</title><h1>{name}</h1><p>{description}. This is its API, release {}.<ul>",
        product::VERSION
    );
    for (_, target, what) in LINKS {
        let _ = write!(html, "<li><a href=\"{target}\">{target}</a>: {what}");
    }
    html.push_str("</ul>");
    if let Some(DevelopmentGuide { accounts, mails }) = &guide.development {
        html.push_str("<h2>On this developer's machine</h2>");
        if !accounts.is_empty() {
            html.push_str(
                "<p>Accounts of the demo. Their password is in the terminal in which the server was started.<ul>",
            );
            for (email, role) in accounts {
                let _ = write!(html, "<li>{email}: {}", role.as_str());
            }
            html.push_str("</ul>");
        }
        if let Some(mails) = mails {
            let _ = write!(
                html,
                "<p>The mails that it sends: <a href=\"{mails}\">{mails}</a>. The address with its token is in the same terminal."
            );
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_what_the_links_name_and_tells_of_development_there_only() {
        let accounts = vec![("ada@demo.boxoffice.example".to_owned(), Role::User)];
        let development = DevelopmentGuide { accounts, mails: Some("http://127.0.0.1:9090/mails".to_owned()) };
        let guide = Guide { development: Some(development) };
        let links = serde_json::to_value(WelcomeJson::from(&guide)).unwrap()["links"].clone();
        assert_eq!(links.as_object().unwrap().len(), LINKS.len());
        for (name, target, _) in LINKS {
            assert_eq!(links[name], target);
            assert!(page(&guide).contains(&format!("<a href=\"{target}\">")), "{target}");
        }
        for told in ["ada@demo.boxoffice.example", "http://127.0.0.1:9090/mails"] {
            assert!(page(&guide).contains(told) && !page(&Guide::default()).contains(told));
        }
        assert!(serde_json::to_value(WelcomeJson::from(&Guide::default())).unwrap().get("development").is_none());
        assert!(!page(&guide).contains("<script") && !page(&guide).contains("style"));
    }
}
