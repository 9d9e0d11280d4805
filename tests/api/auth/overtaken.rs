//! Sign-ins, refreshes and new passwords whose account changes while they are under way: what was checked is not what is there.

use std::{future::Future, pin::pin};

use domain::accounts::Role;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    Answer, TestServer,
    person::{Browser, PASSWORD, login, mail, member, token_of, try_login},
    until,
};

const ADA: &str = "ada@example.org";
const OTHER: &str = "an other good secret";

/// Ada with a session, and the hashes of two others: of another password, and another one of the same.
async fn stage() -> (TestServer, Browser) {
    let server = TestServer::start().await;
    for (email, password) in [("other@example.org", OTHER), ("same@example.org", PASSWORD)] {
        let body = json!({ "email": email, "password": password, "name": "Somebody" });
        server.api.post("/api/v1/auth/register", &body).await.created();
    }
    let browser = member(&server, ADA).await;
    (server, browser)
}

/// Until somebody waits for a lock, if it comes to that.
async fn waiting(server: &TestServer) {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until("somebody waits for the account", async || server.db.number(count, &[]).await > 0).await;
}

/// The answer to `asked`, for which this was done and not committed before, and committed once it waits.
async fn during(server: &TestServer, done: &str, asked: impl Future<Output = Answer>) -> Answer {
    let other = server.db.connect().await;
    other.batch_execute(&format!("BEGIN; {done}")).await.unwrap();
    let mut asked = pin!(asked);
    let early = tokio::select! {
        answer = &mut asked => Some(answer),
        () = waiting(server) => None,
    };
    other.batch_execute("COMMIT").await.unwrap();
    match early {
        Some(answer) => answer,
        None => asked.await,
    }
}

fn set(change: &str) -> String {
    format!("UPDATE accounts SET {change} WHERE email = '{ADA}'")
}

fn hash_of(email: &str) -> String {
    set(&format!("password_hash = (SELECT password_hash FROM accounts WHERE email = '{email}')"))
}

const SUSPENDED: &str = "status = 'SUSPENDED', tokens_not_before = now()";
const PROMOTED: &str = "role = 'ORGANIZER', tokens_not_before = now()";

/// Guards: a session begins only if what was checked is still so, in one statement that waits for a change under way.
#[tokio::test]
async fn a_sign_in_under_way_does_not_outlive_what_it_has_checked() {
    let (server, _) = stage().await;
    let sign_in = || try_login(&server.api, ADA, PASSWORD);
    let promoted = during(&server, &set(PROMOTED), sign_in()).await;
    assert_eq!(promoted.ok()["user"]["role"], "ORGANIZER", "as it is now");
    Browser::of(&server.api, &promoted).api.get("/api/v1/organizer/events").await.ok();
    // Another hash of the same password: somebody else has signed in at the same time, who made it stronger.
    during(&server, &hash_of("same@example.org"), sign_in()).await.ok();
    during(&server, &hash_of("other@example.org"), sign_in()).await.problem(401, "AUTH_005");
    server.client.batch_execute(&hash_of("same@example.org")).await.unwrap();
    during(&server, &set(SUSPENDED), sign_in()).await.problem(403, "AUTH_008");
    assert_eq!(server.db.number("SELECT count(*) FROM sessions", &[]).await, 3, "two of them, and the first");
}

/// Guards: the lock on the account while a session goes on.
#[tokio::test]
async fn a_refresh_under_way_gives_no_more_than_the_account_has() {
    let (server, browser) = stage().await;
    let promoted = during(&server, &set(PROMOTED), browser.try_refresh()).await;
    assert_eq!(promoted.ok()["user"]["role"], "ORGANIZER");
    let browser = Browser::of(&server.api, &promoted);
    browser.api.get("/api/v1/organizer/events").await.ok();
    during(&server, &set(SUSPENDED), browser.try_refresh()).await.problem(401, "AUTH_007");
}

/// Guards: a password is changed only over the hash that was checked, and a reset only of an active account.
#[tokio::test]
async fn a_new_password_under_way_does_not_overtake_another() {
    let (server, browser) = stage().await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "yet an other secret" });
    let changed = || browser.api.post("/api/v1/auth/change-password", &change);
    during(&server, &hash_of("other@example.org"), changed()).await.problem(422, "ACCOUNT_002");
    server.client.batch_execute(&hash_of("same@example.org")).await.unwrap();
    during(&server, &set("status = 'SUSPENDED'"), changed()).await.problem(403, "AUTH_008");
    server.client.batch_execute(&set("status = 'ACTIVE'")).await.unwrap();

    server.api.post("/api/v1/auth/forgot-password", &json!({ "email": ADA })).await;
    let token = token_of(&mail(&server, ADA, "Choose a new password").await);
    let body = json!({ "token": token, "password": "yet an other secret" });
    let reset = || server.api.post("/api/v1/auth/reset-password", &body);
    during(&server, &set("status = 'SUSPENDED'"), reset()).await.problem(422, "ACCOUNT_001");
    server.client.batch_execute(&set("status = 'ACTIVE'")).await.unwrap();
    login(&server.api, ADA).await;
    assert_eq!(reset().await.status, 204, "it was not used up");
    try_login(&server.api, ADA, PASSWORD).await.problem(401, "AUTH_005");
}

/// Guards: whatever ends the sessions of an account locks it first, and so sees those that are just beginning.
#[tokio::test]
async fn a_session_that_is_beginning_is_ended_like_all_others() {
    let (server, browser) = stage().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let id = browser.user["id"].as_str().unwrap();
    // As a sign-in does it.
    let begin = format!(
        "WITH account AS (SELECT id FROM accounts WHERE email = '{ADA}' FOR SHARE)
         INSERT INTO sessions (id, account_id, created_at, last_used_at, expires_at)
         SELECT gen_random_uuid(), id, now(), now(), now() + interval '1 day' FROM account"
    );
    let live = format!("SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND account_id = '{id}'");
    let everywhere = browser.api.send(Method::DELETE, "/api/v1/sessions", None, None);
    assert_eq!(during(&server, &begin, everywhere).await.status, 204);
    assert_eq!(server.db.number(&live, &[]).await, 0);

    let browser = login(&server.api, ADA).await;
    let change = json!({ "currentPassword": PASSWORD, "newPassword": OTHER });
    during(&server, &begin, browser.api.post("/api/v1/auth/change-password", &change)).await.ok();
    assert_eq!(server.db.number(&live, &[]).await, 1, "that of who has changed it");

    let user = format!("/api/v1/admin/users/{id}");
    let suspended = async { admin.change(&user, &json!({ "status": "SUSPENDED" })).await };
    during(&server, &begin, suspended).await.ok();
    assert_eq!(server.db.number(&live, &[]).await, 0);
}

/// Guards: tokens are refused as of the moment when the account is locked, and not as of the request's beginning, after which others
/// may have got some.
#[tokio::test]
async fn a_token_that_is_issued_while_a_change_waits_is_refused_with_the_older_ones() {
    let (server, browser) = stage().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let user = format!("/api/v1/admin/users/{}", browser.user["id"].as_str().unwrap());
    let other = server.db.connect().await;
    other.batch_execute(&format!("BEGIN; SELECT FROM accounts WHERE email = '{ADA}' FOR SHARE")).await.unwrap();
    let began = Timestamp::now().as_second();
    let promoted = async { admin.change(&user, &json!({ "role": "ORGANIZER" })).await };
    let meanwhile = async {
        waiting(&server).await;
        // Tokens know whole seconds.
        until("another second has begun", async || Timestamp::now().as_second() > began + 1).await;
        let late = login(&server.api, ADA).await;
        other.batch_execute("COMMIT").await.unwrap();
        late
    };
    let (promoted, late) = tokio::join!(promoted, meanwhile);
    promoted.ok();
    assert_eq!(late.user["role"], "USER");
    late.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
}

/// Guards: what of an account is remembered for its devices has a bound, and ends with its password.
#[tokio::test]
async fn devices_are_remembered_and_not_without_end() {
    let (server, browser) = stage().await;
    for _ in 0..22 {
        login(&server.api, ADA).await;
    }
    let devices = "SELECT count(*) FROM known_devices d JOIN accounts a ON a.id = d.account_id WHERE a.email = $1";
    assert_eq!(server.db.number(devices, &[&ADA]).await, 20);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": OTHER });
    let changed = browser.api.post("/api/v1/auth/change-password", &change).await;
    let device = changed.headers.get_all("set-cookie").iter().nth(1).unwrap().to_str().unwrap();
    assert!(device.starts_with("__Host-boxoffice_device="), "{device}");
    assert_eq!(server.db.number(devices, &[&ADA]).await, 1);
    // The same browser is the same device.
    let api = server.api.with_header("cookie", device.split(';').next().unwrap());
    try_login(&api, ADA, OTHER).await.ok();
    assert_eq!(server.db.number(devices, &[&ADA]).await, 1);
    // A secret is kept as its hash.
    let secret = device.split(['=', ';']).nth(1).unwrap();
    assert_eq!(
        server.db.number("SELECT count(*) FROM known_devices d WHERE position($1 in d::text) > 0", &[&secret]).await,
        0
    );
}
