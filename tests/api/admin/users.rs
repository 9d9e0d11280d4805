//! `/admin/users`.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Api, TestServer,
    person::{Browser, PASSWORD, login, mail, member, token_of, try_login},
};

const ADA: &str = "ada@example.org";

fn path(id: &Value) -> String {
    format!("/api/v1/admin/users/{}", id.as_str().unwrap())
}

/// Changes an account as it is now.
async fn change(admin: &Api, id: &Value, body: Value) -> Answer {
    let shown = admin.get(&path(id)).await;
    let tag = shown.header("etag").unwrap().to_owned();
    admin.with_header("if-match", &tag).patch(&path(id), &body).await
}

async fn listed(admin: &Api, query: &str) -> Vec<String> {
    let page = admin.get(&format!("/api/v1/admin/users?{query}")).await.ok();
    page["data"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_administrator_searches_filters_and_pages() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    for email in ["ada@example.org", "adam_1@example.org", "adamx1@example.org", "bob@example.net"] {
        member(&server, email).await;
    }
    assert_eq!(listed(&admin, "q=ADAM").await, ["adamx1@example.org", "adam_1@example.org"]);
    assert_eq!(listed(&admin, "q=m_1").await, ["adam_1@example.org"], "no pattern of SQL");
    assert_eq!(listed(&admin, "q=%25").await, [""; 0]);
    assert_eq!(listed(&admin, "q=lovelace&limit=1").await, ["bob@example.net"]);
    assert_eq!(listed(&admin, "role=ORGANIZER").await, [""; 0]);
    assert_eq!(listed(&admin, "role=ADMIN").await.len(), 1);
    assert_eq!(listed(&admin, "status=SUSPENDED").await, [""; 0]);
    assert_eq!(listed(&admin, "verified=true").await, [""; 0]);

    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/v1/admin/users?limit=2&q=example{cursor}")).await.ok();
        assert_eq!(page["pagination"]["total"], 5);
        all.extend(page["data"].as_array().unwrap().iter().map(|user| user["email"].clone()));
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all.len(), 5, "{all:?}");

    let faults =
        admin.get("/api/v1/admin/users?role=KING&status=GONE&verified=maybe&limit=0&colour=red").await.faults();
    let fields: Vec<_> = faults.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["role", "status", "verified", "limit", "colour"]);
}

/// Watches `tokens_not_before`: a role is another one at once, and the session goes on with it.
#[tokio::test]
async fn a_new_role_is_effective_at_once() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let browser = member(&server, ADA).await;
    let changed = change(&admin, &browser.user["id"], json!({ "role": "ADMIN" })).await;
    assert_eq!(changed.ok()["role"], "ADMIN");
    browser.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    let next = browser.refresh().await;
    assert_eq!(next.user["role"], "ADMIN");
    next.api.get("/api/v1/admin/users").await.ok();
    change(&admin, &browser.user["id"], json!({ "role": "USER" })).await.ok();
    next.api.get("/api/v1/admin/users").await.problem(401, "AUTH_003");
    next.refresh().await.api.get("/api/v1/admin/users").await.problem(403, "AUTH_004");
}

#[tokio::test]
async fn who_is_suspended_is_out_until_reinstated() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let browser = member(&server, ADA).await;
    let id = browser.user["id"].clone();
    assert_eq!(change(&admin, &id, json!({ "status": "SUSPENDED" })).await.ok()["status"], "SUSPENDED");
    browser.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    browser.try_refresh().await.problem(401, "AUTH_007");
    try_login(&server.api, ADA, PASSWORD).await.problem(403, "AUTH_008");
    try_login(&server.api, ADA, "a wrong password").await.problem(401, "AUTH_005");
    let forgot = server.api.post("/api/v1/auth/forgot-password", &json!({ "email": ADA })).await;
    assert_eq!(forgot.status, 202);
    mail(&server, ADA, "Your account was suspended").await;
    assert_eq!(listed(&admin, "status=SUSPENDED").await, [ADA]);

    assert_eq!(change(&admin, &id, json!({ "status": "ACTIVE" })).await.ok()["status"], "ACTIVE");
    browser.try_refresh().await.problem(401, "AUTH_007");
    let back: Browser = login(&server.api, ADA).await;
    back.api.get("/api/v1/profile").await.ok();
    server.running.stop().await;
    let resets = "SELECT count(*) FROM outbox WHERE kind = 'RESET_PASSWORD'";
    assert_eq!(server.db.number(resets, &[]).await, 0, "a suspended account gets no link");
}

/// Watches `If-Match`: nobody undoes what another administrator has just done.
#[tokio::test]
async fn a_change_is_made_to_what_was_seen_only() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let path = path(&member(&server, ADA).await.user["id"]);
    let body = json!({ "role": "ORGANIZER" });
    admin.patch(&path, &body).await.problem(428, "RESOURCE_004");
    let seen = admin.get(&path).await.header("etag").unwrap().to_owned();
    let one = admin.with_header("if-match", &seen);
    assert_eq!(one.patch(&path, &body).await.ok()["role"], "ORGANIZER");
    one.patch(&path, &json!({ "status": "SUSPENDED" })).await.problem(412, "RESOURCE_003");
    for wrong in ["\"0\"", "W/\"0\"", "nonsense"] {
        admin.with_header("if-match", wrong).patch(&path, &body).await.problem(412, "RESOURCE_003");
    }
    let any = admin.with_header("if-match", "*");
    let first = any.patch(&path, &json!({ "role": "USER" })).await;
    let again = any.patch(&path, &json!({ "role": "USER" })).await;
    assert_eq!(first.header("etag"), again.header("etag"), "no change, no new version");
    let faults = any.patch(&path, &json!({ "role": "KING", "status": "" })).await.faults();
    assert_eq!(faults.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["role", "status"]);
    assert_eq!(any.patch(&path, &json!({ "email": "x" })).await.faults()[0].0, "email");
    any.patch("/api/v1/admin/users/018f6b2e-0000-7000-8000-000000000000", &body).await.problem(404, "RESOURCE_001");
}

/// Guards: that each statement which changes an account or its profile moves the revision on; signing in changes neither.
#[tokio::test]
async fn whatever_is_shown_of_an_account_is_of_its_revision() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let browser = member(&server, ADA).await;
    let path = path(&browser.user["id"]);
    let tag = async || admin.get(&path).await.etag();
    assert_eq!(tag().await, "\"1\"");
    login(&server.api, ADA).await;
    assert_eq!(tag().await, "\"1\"");
    browser.api.patch("/api/v1/profile", &json!({ "name": "Ada King" })).await.ok();
    assert_eq!(tag().await, "\"2\"");
    let verify = json!({ "token": token_of(&mail(&server, ADA, "Confirm your e-mail address").await) });
    server.api.post("/api/v1/auth/verify-email", &verify).await;
    assert_eq!(tag().await, "\"3\"");
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another horse battery" });
    browser.api.post("/api/v1/auth/change-password", &body).await.ok();
    assert_eq!(tag().await, "\"4\"");
    assert_eq!(change(&admin, &browser.user["id"], json!({ "role": "ORGANIZER" })).await.etag(), "\"5\"");
}

/// Watches the lock of administrators: of the last two, one stays, no matter who takes them.
#[tokio::test]
async fn the_last_administrator_stays_one() {
    let server = TestServer::start().await;
    for _ in 0..10 {
        server.db.execute("UPDATE accounts SET role = 'USER'").await;
        let admins = crate::support::accounts::add_accounts(&server.client, 2, Role::Admin).await;
        let api = server.api.of(&admins[0]).with_header("if-match", "*");
        let bodies = [json!({ "role": "USER" }), json!({ "status": "SUSPENDED" })];
        let both = admins.iter().zip(&bodies).map(|(admin, body)| {
            let (api, path) = (&api, format!("/api/v1/admin/users/{}", admin.id));
            async move { api.patch(&path, body).await.status }
        });
        let mut statuses = futures_util::future::join_all(both).await;
        statuses.sort_unstable();
        // Who is none any more may not take another one.
        assert!([[200, 401], [200, 409]].contains(&[statuses[0], statuses[1]]), "{statuses:?}");
        let left = "SELECT count(*) FROM accounts WHERE role = 'ADMIN' AND status = 'ACTIVE'";
        assert_eq!(server.db.number(left, &[]).await, 1);
    }
}

#[tokio::test]
async fn an_account_shows_no_secret() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let id = member(&server, ADA).await.user["id"].clone();
    let shown = admin.send(Method::GET, &path(&id), None, None).await;
    let text = String::from_utf8_lossy(&shown.body).into_owned();
    assert!(!text.contains("argon2") && !text.contains("hash"), "{text}");
    assert_eq!(shown.header("cache-control"), Some("no-store, no-transform"));
}
