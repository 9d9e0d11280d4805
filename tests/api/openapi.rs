//! The OpenAPI document against the table of routes, and its page. That answers are as it says, the client of all tests
//! checks (`tests/support/document.rs`).

use std::collections::{BTreeMap, BTreeSet};

use application::limits::Tier;
use boxoffice::serve;
use boxoffice_api::{
    operations,
    routes::{self, api_routes},
};
use boxoffice_http::{problem_codes, router::Access};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestServer, document::document, listener::patient_client};

/// Watches that nobody adds a route without saying what it does, or leaves words about one that has gone.
#[test]
fn every_route_is_described_and_whatever_is_described_is_a_route() {
    let name = |method: &Method, path: &str| format!("{method} {path}");
    let mut routes: BTreeSet<_> = api_routes().iter().map(|row| name(&row.info().method, row.info().path)).collect();
    routes.extend(operations::health_rows().iter().map(|row| name(&row.method, row.path)));
    let written: BTreeSet<_> = document().operations().map(|(method, path, _)| name(&method, path)).collect();
    let missing: Vec<_> = routes.difference(&written).collect();
    assert!(missing.is_empty(), "say in the feature's endpoints.rs what these do: {missing:#?}");
    let described: Vec<_> = routes::described().iter().map(|(method, path)| name(method, path)).collect();
    let stray: Vec<_> = described.iter().filter(|of| !routes.contains(*of)).collect();
    assert!(stray.is_empty(), "no such routes: {stray:#?}");
    assert_eq!(described.len(), routes.len(), "something is described twice");
}

/// What is derived from a row, read back.
#[test]
fn the_document_says_what_the_table_says() {
    for row in &api_routes() {
        let row = row.info();
        let name = format!("{} {}", row.method, row.path);
        let said = &document().0["paths"][row.path][row.method.as_str().to_ascii_lowercase()];
        let security = match row.access {
            Access::Public => json!([]),
            Access::Session if row.path.ends_with("/logout") => json!([{ "sessionCookie": [] }, {}]),
            Access::Session => json!([{ "sessionCookie": [] }]),
            Access::Authenticated => json!([{ "accessToken": [] }]),
            Access::Roles(roles) => roles.iter().map(|role| json!({ "accessToken": [role.as_str()] })).collect(),
        };
        assert_eq!(said["security"], security, "{name}");
        assert_eq!(said["x-rate-limit"], row.tier.as_str(), "{name}");
        let may_answer = |status: &str| said["responses"][status].is_object();
        // A public route may have reasons of its own for these.
        assert!(may_answer("401") || matches!(row.access, Access::Public | Access::Session), "{name}");
        assert!(may_answer("403") || !matches!(row.access, Access::Roles(_) | Access::Session), "{name}");
        // Messages of gateways are limited when they fail verification.
        let limits_itself = row.path == "/api/v1/webhooks/{provider}";
        assert_eq!(may_answer("429"), row.tier != Tier::Unlimited || limits_itself, "{name}");
        let in_path: Vec<_> = said["parameters"].as_array().unwrap().iter().filter(|of| of["in"] == "path").collect();
        let names: Vec<_> = in_path.iter().map(|of| of["name"].as_str().unwrap()).collect();
        assert_eq!(names, row.params(), "{name}");
        let mut kinds: BTreeSet<&str> = BTreeSet::new();
        for response in said["responses"].as_object().unwrap().values() {
            let content = document().resolve(response)["content"].as_object();
            kinds.extend(content.into_iter().flat_map(|content| content.keys().map(String::as_str)));
        }
        // A row that answers without a body still says JSON, as all do that say nothing.
        let is_silent = kinds.len() == 1 && ["202", "204"].iter().any(|status| said["responses"][status].is_object());
        let produces: BTreeSet<&str> = row.produces.iter().copied().collect();
        assert!(kinds == produces || (is_silent && kinds.is_subset(&produces)), "{name}: {kinds:?}, row {produces:?}");
    }
}

#[test]
fn operations_have_names_of_their_own_and_answers() {
    let mut names = BTreeSet::new();
    for (method, path, said) in document().operations() {
        let id = said["operationId"].as_str().unwrap();
        assert!(names.insert(id), "{id} is twice");
        assert!(id.starts_with(char::is_lowercase) && id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        let summary = said["summary"].as_str().unwrap();
        assert!(summary.len() > 3 && !summary.ends_with('.'), "{method} {path}: {summary:?}");
        let is_success = |status: &String| status.starts_with('2');
        let answers = said["responses"].as_object().unwrap();
        assert!(answers.keys().any(is_success), "{method} {path} never succeeds");
        for (status, response) in answers.iter().filter(|(status, _)| is_success(status)) {
            let text = document().resolve(response)["description"].as_str().unwrap();
            assert!(text.ends_with('.'), "{method} {path} {status}: {text:?}");
        }
    }
}

/// Examples are what people copy.
#[test]
fn every_example_is_valid() {
    let mut seen = 0;
    let mut judge = |schema: &Value, example: &Value, place: &str| {
        seen += 1;
        let validator = document().validator(schema, true);
        let faults: Vec<_> = validator.iter_errors(example).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{place}: {faults:#?}\n{example:#}");
    };
    for (method, path, said) in document().operations() {
        let contents = said["requestBody"]["content"].as_object();
        for (kind, content) in contents.into_iter().flatten() {
            assert!(content["example"] != Value::Null, "{method} {path} needs an example of its body");
            judge(&content["schema"], &content["example"], &format!("{method} {path} {kind}"));
        }
        for parameter in said["parameters"].as_array().unwrap().iter().filter(|of| !of["example"].is_null()) {
            judge(&parameter["schema"], &parameter["example"], &format!("{method} {path}: {parameter}"));
        }
    }
    for (name, response) in document().0["components"]["responses"].as_object().unwrap() {
        let content = &response["content"]["application/problem+json"];
        for example in content["examples"].as_object().unwrap().values() {
            judge(&content["schema"], &example["value"], name);
        }
    }
    for (name, schema) in document().0["components"]["schemas"].as_object().unwrap() {
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (property, of) in properties.filter(|(_, of)| !of["example"].is_null()) {
            judge(of, &of["example"], &format!("{name}.{property}"));
        }
    }
    assert!(seen > 40, "{seen} examples");
}

/// Each code of the catalogue is one that some operation may answer with, or one that belongs to no route.
#[test]
fn every_refusal_of_the_catalogue_has_a_place() {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for response in document().0["components"]["responses"].as_object().unwrap().values() {
        for code in response["content"]["application/problem+json"]["examples"].as_object().unwrap().keys() {
            *found.entry(code).or_default() += 1;
        }
    }
    let of_no_route = ["RESOURCE_002", "REQUEST_010"];
    for entry in problem_codes::CATALOGUE {
        let is_found = found.contains_key(entry.code);
        assert!(is_found != of_no_route.contains(&entry.code), "{} {is_found}", entry.code);
    }
}

/// What balancers ask is in the document as well, and is answered as it says.
#[tokio::test]
async fn the_health_of_the_public_listener_is_described() {
    let server = TestServer::start().await;
    for (path, status) in [("/health", "ready"), ("/health/ready", "ready"), ("/health/live", "live")] {
        assert!(document().operation(&Method::GET, path).is_some(), "{path}");
        assert_eq!(server.api.get(path).await.ok()["status"], status, "{path}");
    }
    let unready = &document().0["paths"]["/health"]["get"]["responses"]["503"]["content"];
    assert!(unready["application/json"].is_object() && unready["application/problem+json"].is_object(), "{unready}");
}

#[tokio::test]
async fn the_document_is_served_with_a_validator() {
    let server = TestServer::start().await;
    let answer = server.api.get("/api/openapi.json").await;
    assert_eq!(answer.ok(), serve::api_document());
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let ask = async |name: &str, value: &str| {
        let request = server.api.http.get(format!("{}/api/openapi.json", server.api.base)).header(name, value);
        request.send().await.unwrap()
    };
    let known = ask("if-none-match", answer.header("etag").unwrap()).await;
    assert_eq!(known.status(), 304);
    assert_eq!(known.bytes().await.unwrap().len(), 0);
    let small = ask("accept-encoding", "gzip").await;
    assert_eq!((small.status().as_u16(), &small.headers()["content-encoding"]), (200, &"gzip".parse().unwrap()));
    assert!(small.bytes().await.unwrap().len() * 4 < answer.body.len());
}

/// The page runs under the policy of all pages, and loads nothing from elsewhere.
#[tokio::test]
async fn the_page_is_complete_and_keeps_to_the_policy() {
    let server = TestServer::start().await;
    let page = server.api.get("/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(!text.contains("//"), "something comes from elsewhere: {text}");
    for (name, kind, bytes) in [
        ("swagger-ui.css", "text/css; charset=utf-8", 100_000),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", 1_000_000),
        ("start.js", "text/javascript; charset=utf-8", 100),
        ("favicon-32x32.png", "image/png", 100),
    ] {
        let file = server.api.get(&format!("/docs/{name}")).await;
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)), "{name}");
        assert!(file.body.len() > bytes, "{name} has {} bytes", file.body.len());
    }
    server.api.get("/docs/index.html").await.problem(404, "RESOURCE_001");
    let with_slash = patient_client().get(format!("http://{}/docs/", server.running.address)).send().await.unwrap();
    assert_eq!((with_slash.status().as_u16(), with_slash.url().path()), (200, "/docs"));
}
