//! Who may use a route, asked of every row of the table itself: a new route is tested without a word.

use boxoffice_http::router::Access;
use domain::accounts::Role;
use reqwest::Method;

use crate::{
    every_route::table::{Row, table},
    support::{EventBuilder, TestServer},
};

/// The list of public routes may shrink; anyone who lets it grow does so on purpose.
#[test]
fn what_is_public_is_public_on_purpose() {
    let public: Vec<_> = table()
        .into_iter()
        .filter(|row| row.access == Access::Public)
        .map(|row| {
            let path = row.template.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
            format!("{} {}", row.method, path.collect::<Vec<_>>().join("/"))
        })
        .collect();
    assert_eq!(
        public,
        [
            "POST /api/v1/auth/register",
            "POST /api/v1/auth/verify-email",
            "POST /api/v1/auth/resend-verification",
            "POST /api/v1/auth/login",
            "POST /api/v1/auth/forgot-password",
            "POST /api/v1/auth/reset-password",
            "GET /api/v1/events",
            "GET /api/v1/events/*",
            "GET /api/v1/events/*/ticket-types",
            "GET /api/v1/events/*/availability",
            "GET /api/v1/events/*/seat-map",
            "GET /api/v1/availability",
            "GET /api/v1/categories",
            "GET /api/v1/tags",
            "GET /api/v1/venues",
            "GET /api/v1/venues/*",
            "POST /api/v1/events/*/quotes",
            "POST /api/v1/webhooks/*",
            "GET /api/v1/settings",
            "GET /problems",
            "GET /problems/*",
            "GET /",
            "GET /api/openapi.json",
            "GET /docs",
            "GET /docs/*",
            "POST /api/v1/csp-reports",
        ]
    );
}

/// Every refusal has the form of RFC 9457, wherever it comes from.
#[tokio::test]
async fn every_route_answers_nonsense_with_a_problem() {
    let server = TestServer::start().await;
    let api = server.signed_in().await;
    for Row { method, template, .. } in table() {
        if method == Method::DELETE && template == "/api/v1/sessions" {
            // It would take the caller's token away from all that follow.
            continue;
        }
        // Broken escapes for parameters, unknown query parameters, no body, no key.
        let path = template.split('/').map(|part| if part.starts_with('{') { "%ff" } else { part });
        let path = format!("{}?nonsense=1", path.collect::<Vec<_>>().join("/"));
        let answer = api.send(method.clone(), &path, None, None).await;
        if answer.status >= 400 {
            let code = answer.json()["code"].as_str().unwrap().to_owned();
            answer.problem(answer.status, &code);
            assert!(answer.status < 500, "{method} {path}: {:?}", answer.json());
        } else {
            assert!(is_page(template), "{method} {path} answered {}", answer.status);
        }
    }
    server.api.get("/api/v1/nothing").await.problem(404, "RESOURCE_001");
    let answer = server.api.send(Method::PUT, "/api/v1/events", None, None).await;
    answer.problem(405, "RESOURCE_002");
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
}

/// A page is found whatever somebody appends to its address.
fn is_page(template: &str) -> bool {
    ["/", "/docs", "/docs/{file}", "/problems", "/problems/{code}"].contains(&template)
}

/// Guards: `without_query` of each route that declares no parameter, and `Query::finish` in every other. Nothing is done: the same access
/// token serves for all of them.
#[tokio::test]
async fn every_route_refuses_a_parameter_that_it_does_not_know() {
    let server = TestServer::start().await;
    let api = server.signed_in_as(Role::Admin).await;
    for Row { method, template, path, .. } in table().into_iter().filter(|row| !is_page(row.template)) {
        let answer = api.send(method.clone(), &format!("{path}?colour=red"), None, None).await;
        let refused = ("colour".to_owned(), "UNKNOWN_PARAMETER".to_owned());
        assert!(answer.status == 422 && answer.faults().contains(&refused), "{method} {template}: {}", answer.status);
    }
}

/// More than one event may have under way is refused at once, and the retry of a refused one succeeds.
#[tokio::test]
async fn an_overloaded_event_says_when_to_come_again() {
    let server = crate::support::Settings::default().permits(1).start().await;
    let event = server.event(EventBuilder::ga(1000)).await;
    let api = server.signed_in().await;
    let body = event.places(1);
    let storm = (0..40).map(|index| {
        let (api, event, body) = (&api, &event, &body);
        async move { (index, api.book_as(event, &format!("k{index}"), body).await) }
    });
    let answers = futures_util::future::join_all(storm).await;
    let shed: Vec<_> = answers.iter().filter(|(_, answer)| answer.status == 503).collect();
    assert!(!shed.is_empty() && shed.len() < 40, "{} of 40 were refused", shed.len());
    for (index, answer) in shed {
        answer.problem(503, "SERVICE_001");
        assert!(!api.book_as(&event, &format!("k{index}"), &body).await.is_replay(), "nothing had been done");
    }
    assert_eq!(api.places(&event).await, (0, 40, 960));
    server.audit().await;
}
