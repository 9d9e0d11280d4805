//! `/auth/…` and `/profile`.

mod keys;
mod overtaken;
mod passwords;
mod sessions;

use serde_json::{Value, json};

use crate::support::{Answer, Api, TestServer, client::uuid, person::mail};

const PASSWORD: &str = "correct horse battery";

fn ada() -> Value {
    json!({ "email": "Ada@Example.org", "password": PASSWORD, "name": "Ada Lovelace", "phone": "+4930123456" })
}

async fn register(api: &Api, body: &Value) -> Answer {
    api.post("/api/v1/auth/register", body).await
}

async fn login(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
}

/// `body` with one member replaced.
fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

#[tokio::test]
async fn a_person_registers_signs_in_and_sees_the_profile() {
    let server = TestServer::start().await;
    let answer = register(&server.api, &ada()).await;
    let registered = answer.created();
    assert_eq!(answer.header("location"), Some("/api/v1/profile"));
    uuid(&registered["id"]);
    for (member, expected) in [
        ("email", "ada@example.org"),
        ("name", "Ada Lovelace"),
        ("phone", "+4930123456"),
        ("role", "USER"),
        ("locale", "en"),
    ] {
        assert_eq!(registered[member], expected);
    }
    assert_eq!(registered["emailVerified"], false);
    assert!(!String::from_utf8_lossy(&answer.body).contains("assword"));

    let answer = login(&server.api, " ADA@example.org", PASSWORD).await;
    let session = answer.ok();
    assert_eq!((&session["tokenType"], &session["expiresIn"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(session["user"], registered);
    let api = server.api.with_token(session["accessToken"].as_str().unwrap());
    assert_eq!(api.get("/api/v1/profile").await.ok(), registered);
}

#[tokio::test]
async fn every_fault_of_a_registration_is_named() {
    let server = TestServer::start().await;
    for (member, value, code) in [
        ("email", json!(""), "REQUIRED"),
        ("email", json!("ada"), "INVALID_EMAIL"),
        ("email", json!("ada@localhost"), "INVALID_EMAIL"),
        ("email", json!(format!("{}@example.org", "a".repeat(260))), "INVALID_EMAIL"),
        ("password", json!("nine char"), "INVALID_PASSWORD"),
        ("password", json!("x".repeat(129)), "INVALID_PASSWORD"),
        ("password", json!("password123"), "COMMON_PASSWORD"),
        ("password", json!("ada@example.org"), "COMMON_PASSWORD"),
        ("name", json!(" A "), "INVALID_NAME"),
        ("name", json!("x".repeat(101)), "INVALID_NAME"),
        ("name", json!("Ada\u{7}"), "INVALID_NAME"),
        ("phone", json!("030 123456"), "INVALID_PHONE"),
        ("phone", json!("+0301234567"), "INVALID_PHONE"),
    ] {
        let answer = register(&server.api, &with(ada(), member, value.clone())).await;
        assert_eq!(answer.faults(), [(member.to_owned(), code.to_owned())], "{value}");
    }
    let all = json!({ "email": "ada", "password": "short", "name": "A", "phone": "1" });
    let fields: Vec<_> = register(&server.api, &all).await.faults().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["email", "password", "name", "phone"]);
    assert_eq!(server.db.number("SELECT count(*) FROM accounts", &[]).await, 0);
}

#[tokio::test]
async fn bodies_that_are_not_as_they_should_be_are_refused() {
    let server = TestServer::start().await;
    let missing = json!({ "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(register(&server.api, &missing).await.faults()[0].0, "name");
    let unknown = with(ada(), "role", json!("ADMIN"));
    assert_eq!(register(&server.api, &unknown).await.faults()[0].0, "role", "nobody makes himself an administrator");
    assert_eq!(register(&server.api, &with(ada(), "name", json!(7))).await.faults()[0].0, "name");
    let http = reqwest::Client::new();
    let url = format!("http://{}/api/v1/auth/register", server.running.address);
    let broken = http.post(&url).header("content-type", "application/json").body("{\"email\":").send().await.unwrap();
    assert_eq!(broken.status(), 400);
    assert_eq!(broken.json::<Value>().await.unwrap()["code"], "REQUEST_001");
    let form = http.post(&url).header("content-type", "text/plain").body("email=a").send().await.unwrap();
    assert_eq!(form.status(), 415);
}

/// Watches `accounts_email_key`, and that a registration tells nobody which addresses are known.
#[tokio::test]
async fn an_address_is_registered_once_and_the_second_is_told_nothing() {
    let server = TestServer::start().await;
    let shape = |answer: &Answer| {
        let json = answer.created();
        let mut members: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        members.sort_unstable();
        let mut headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        headers.sort_unstable();
        (members, headers, json["email"].clone(), json["name"].clone(), json["role"].clone())
    };
    let first = register(&server.api, &ada()).await;
    let other_name = with(with(ada(), "password", json!("another good secret")), "phone", json!("+33123456789"));
    let second = register(&server.api, &other_name).await;
    assert_eq!(shape(&first), shape(&second));
    assert_ne!(first.json()["id"], second.json()["id"]);
    login(&server.api, "ada@example.org", "another good secret").await.problem(401, "AUTH_005");
    let told = mail(&server, "ada@example.org", "You already have an account").await;
    assert!(!told["text"].as_str().unwrap().contains("Ada Lovelace"), "whoever registers first chooses the name");

    let other = with(ada(), "email", json!("grace@example.org"));
    let bodies = [other.clone(), with(other, "email", json!("GRACE@EXAMPLE.ORG"))];
    let both = futures_util::future::join_all(bodies.iter().map(|body| register(&server.api, body))).await;
    assert_eq!(both.iter().map(|answer| answer.status).collect::<Vec<_>>(), [201, 201]);
    assert_eq!(server.db.number("SELECT count(*) FROM accounts", &[]).await, 2);
}

/// Anyone who tries addresses must not learn which are registered.
#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_get_the_same_answer() {
    let server = TestServer::start().await;
    register(&server.api, &ada()).await.created();
    let shown = |answer: Answer| {
        let mut problem = answer.problem(401, "AUTH_005");
        for member in ["requestId", "timestamp"] {
            problem.as_object_mut().unwrap().remove(member);
        }
        let mut headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        headers.sort_unstable();
        (problem, headers)
    };
    let wrong = shown(login(&server.api, "ada@example.org", "battery staple").await);
    assert_eq!(wrong, shown(login(&server.api, "nobody@example.org", "battery staple").await));
    assert_eq!(wrong, shown(login(&server.api, "not an address", PASSWORD).await));
    login(&server.api, "ada@example.org", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_profile_is_changed_field_by_field() {
    let server = TestServer::start().await;
    register(&server.api, &ada()).await.created();
    let session = login(&server.api, "ada@example.org", PASSWORD).await.ok();
    let api = server.api.with_token(session["accessToken"].as_str().unwrap());
    let change = async |body: Value| api.patch("/api/v1/profile", &body).await;

    let renamed = change(json!({ "name": "  Countess Lovelace " })).await.ok();
    assert_eq!((&renamed["name"], &renamed["phone"]), (&json!("Countess Lovelace"), &json!("+4930123456")));
    assert_ne!(renamed["updatedAt"], renamed["createdAt"]);
    assert_eq!(change(json!({ "phone": null })).await.ok().get("phone"), None);
    assert_eq!(change(json!({ "phone": "+33123456789" })).await.ok()["phone"], "+33123456789");
    assert_eq!(change(json!({})).await.ok()["name"], "Countess Lovelace");

    assert_eq!(change(json!({ "locale": "de-AT" })).await.ok()["locale"], "de");

    let faults = change(json!({ "name": "", "phone": "12", "locale": "xx" })).await.faults();
    assert_eq!(faults.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["name", "phone", "locale"]);
    assert_eq!(change(json!({ "email": "other@example.org" })).await.faults()[0].0, "email");
    let shown = api.get("/api/v1/profile").await.ok();
    assert_eq!((&shown["name"], &shown["phone"]), (&json!("Countess Lovelace"), &json!("+33123456789")));
}

#[tokio::test]
async fn the_token_of_a_deleted_account_opens_nothing() {
    let server = TestServer::start().await;
    let event = server.event(crate::support::EventBuilder::ga(5)).await;
    let buyer = server.buyer().await;
    let api = server.api.of(&buyer);
    api.get("/api/v1/profile").await.ok();
    server.client.execute("DELETE FROM accounts WHERE id = $1", &[&buyer.id]).await.unwrap();
    api.get("/api/v1/profile").await.problem(404, "RESOURCE_001");
    api.book(&event, &event.places(1)).await.problem(401, "AUTH_002");
    assert_eq!(server.api.places(&event).await, (0, 0, 5), "its place is free again");
    server.audit().await;
}
