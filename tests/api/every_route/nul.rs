//! A NUL character, which no text of the database can hold, in whatever a client can send: a refusal, and never a failure of the server.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, TestServer, document::document, person};

const WITH_NUL: &str = "a%00b";

/// Paths of an operation with a NUL in one of its parameters each, the others being ids of nothing.
fn paths(template: &str, described: &Value) -> Vec<String> {
    let (nothing, parts): (String, Vec<&str>) = (Uuid::now_v7().to_string(), template.split('/').collect());
    let is_parameter = |part: &str| part.starts_with('{');
    let filled = |nul: Option<usize>| {
        let part = |(index, part): (usize, &&str)| match () {
            () if nul == Some(index) => WITH_NUL.to_owned(),
            () if is_parameter(part) => nothing.clone(),
            () => (*part).to_owned(),
        };
        parts.iter().enumerate().map(part).collect::<Vec<_>>().join("/")
    };
    let in_path = parts.iter().enumerate().filter(|(_, part)| is_parameter(part)).map(|(index, _)| filled(Some(index)));
    let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
    let names = parameters.iter().map(|parameter| document().resolve(parameter));
    let queried = names
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| format!("{}?{}={WITH_NUL}", filled(None), parameter["name"].as_str().unwrap()));
    in_path.chain(queried).collect()
}

/// The body with a NUL in one of its texts each.
fn bodies(example: &Value) -> Vec<Value> {
    fn places(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| places(item, format!("{at}/{index}"), found));
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| places(member, format!("{at}/{name}"), found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    places(example, String::new(), &mut found);
    let with_nul = |place: &String| {
        let mut body = example.clone();
        *body.pointer_mut(place).unwrap() = json!("a\0b@example.org");
        body
    };
    found.iter().map(with_nul).collect()
}

/// The guards: `Query::parse`, `Request::param`, the domain's parsers of bodies, and SQLSTATE 22021 as a net. A new route is asked without
/// a word.
#[tokio::test]
async fn no_route_fails_for_a_nul_character() {
    let server = TestServer::start().await;
    let member = person::member(&server, "ada@example.org").await;
    let callers = [
        server.api.clone(),
        member.api,
        server.signed_in_as(Role::Organizer).await,
        server.signed_in_as(Role::Admin).await,
    ];
    // Those that were not registered have none to compare with.
    let hashes =
        "UPDATE accounts SET password_hash = (SELECT password_hash FROM accounts WHERE email = 'ada@example.org')";
    server.client.batch_execute(hashes).await.unwrap();
    let mut asked = 0;
    for (method, template, described) in document().operations() {
        let content = document().resolve(&described["requestBody"])["content"]["application/json"].clone();
        for api in &callers {
            let api = api.with_header("if-match", "*");
            for path in paths(template, described) {
                refused(&api, &method, &path, None).await;
                asked += 1;
            }
            let nothing = template
                .split('/')
                .map(|part| if part.starts_with('{') { Uuid::now_v7().to_string() } else { part.to_owned() });
            let path = nothing.collect::<Vec<_>>().join("/");
            for body in bodies(&content["example"]) {
                refused(&api, &method, &path, Some(&body)).await;
                asked += 1;
            }
        }
    }
    assert!(asked > 200, "only {asked} requests were made");
}

async fn refused(api: &Api, method: &Method, path: &str, body: Option<&Value>) {
    let answer = api.send(method.clone(), path, Some("a-key"), body).await;
    assert!(answer.status < 500, "{method} {path} {body:?}: {}", String::from_utf8_lossy(&answer.body));
}

#[tokio::test]
async fn a_nul_character_is_refused_as_what_it_is_part_of() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let login = json!({ "email": "a\0b@example.org", "password": "correct horse battery" });
    server.api.post("/api/v1/auth/login", &login).await.problem(401, "AUTH_005");
    let faults = admin.get("/api/v1/admin/audit-log?action=%00").await.faults();
    assert_eq!(faults, [("action".to_owned(), "INVALID".to_owned())]);
    admin.get("/api/v1/admin/tags/a%00b").await.problem(404, "RESOURCE_001");
    let change = json!({ "name": "Jazz" });
    admin.with_header("if-match", "*").patch("/api/v1/admin/tags/a%00b", &change).await.problem(404, "RESOURCE_001");
    server.api.get("/api/v1/events/a%00b").await.problem(404, "RESOURCE_001");
}
