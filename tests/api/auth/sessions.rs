//! Sessions: refresh tokens, their theft, sign-out, and pages of other sites.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Api, Settings, TestServer,
    person::{Browser, PASSWORD, login, member, try_login},
    until,
};

const ADA: &str = "ada@example.org";
const SHOP: &str = "https://shop.example";

/// A server where a used refresh token is good for nothing at once.
async fn without_grace() -> TestServer {
    Settings::default().set("BOXOFFICE__AUTH__REFRESH_GRACE", "0s").start().await
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_strangers() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    let (pair, attributes) = browser.set_cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-boxoffice_refresh="), "{pair}");
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict");
    let secret = pair.split('.').nth(1).unwrap();
    assert_eq!(secret.len(), 64);
    // Only hashes are at rest.
    let statement = "SELECT count(*) FROM refresh_tokens t WHERE position($1 in t::text) > 0";
    assert_eq!(server.db.number(statement, &[&secret]).await, 0);
    assert_eq!(server.db.number("SELECT count(*) FROM refresh_tokens", &[]).await, 1);
}

/// Watches the rotation: each refresh gives new tokens, in the same session.
#[tokio::test]
async fn a_session_goes_on_by_refreshing() {
    let server = TestServer::start().await;
    let mut browser = member(&server, ADA).await;
    for _ in 0..3 {
        let next = browser.refresh().await;
        assert_ne!(next.cookie, browser.cookie);
        assert_eq!((&next.csrf_token, &next.user), (&browser.csrf_token, &browser.user));
        assert_eq!(next.api.get("/api/v1/profile").await.ok()["email"], ADA);
        browser = next;
    }
    let sessions = browser.api.get("/api/v1/sessions").await.ok();
    assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
}

/// Watches the family's end: anyone who uses a token again ends the session for the thief and the owner, and no access token of the
/// account is good any more.
#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_the_session() {
    let server = without_grace().await;
    let stolen = member(&server, ADA).await;
    let elsewhere = login(&server.api, ADA).await;
    let owner = stolen.refresh().await;
    let refused = stolen.try_refresh().await;
    refused.problem(401, "AUTH_007");
    assert_eq!(refused.header("set-cookie"), None, "by now the browser may have another session's");
    owner.try_refresh().await.problem(401, "AUTH_007");
    owner.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    // Other sessions only lose their access tokens.
    let elsewhere = elsewhere.refresh().await;
    assert_eq!(elsewhere.api.get("/api/v1/profile").await.ok()["email"], ADA);
    login(&server.api, ADA).await.api.get("/api/v1/profile").await.ok();
}

/// Watches the grace: an answer that was lost, and two tabs at once.
#[tokio::test]
async fn a_token_works_again_for_a_moment() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    let tabs = futures_util::future::join_all((0..4).map(|_| browser.refresh())).await;
    for tab in &tabs {
        tab.api.get("/api/v1/profile").await.ok();
    }
    // All of them have the cookie that was set last, and refresh with it.
    let last = &tabs[3];
    let next = futures_util::future::join_all((0..4).map(|_| last.refresh())).await;
    // One of the answers is lost, and the tab asks again.
    let again = last.refresh().await;
    again.refresh().await.api.get("/api/v1/profile").await.ok();
    next[0].try_refresh().await.problem(401, "AUTH_007");
}

/// Watches that successors of one token are siblings: anyone who has a copy of a token, and uses it in the same moment as its owner, is
/// noticed when the second of the two refreshes again.
#[tokio::test]
async fn of_the_successors_of_a_token_the_first_that_is_used_lives() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    let (owner, thief) = (browser.refresh().await, browser.refresh().await);
    let owner = owner.refresh().await;
    // A token within its grace still gets a successor, which is none beside the owner's next one.
    let late = browser.refresh().await;
    let owner = owner.refresh().await;
    thief.try_refresh().await.problem(401, "AUTH_007");
    for ended in [&owner, &late] {
        ended.try_refresh().await.problem(401, "AUTH_007");
        ended.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    }
    let stolen = "SELECT count(*) FROM sessions WHERE revoked_at IS NOT NULL";
    assert_eq!(server.db.number(stolen, &[]).await, 1);
}

/// The same for who comes with the older token after the newer one was used.
#[tokio::test]
async fn a_token_in_its_grace_forks_no_chain() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    let owner = browser.refresh().await.refresh().await;
    let thief = browser.refresh().await;
    let thief = thief.refresh().await;
    owner.try_refresh().await.problem(401, "AUTH_007");
    thief.try_refresh().await.problem(401, "AUTH_007");
}

/// Two who use siblings at once: the lock on the session's row, and a look at the tokens after it.
#[tokio::test]
async fn of_siblings_that_are_used_at_once_one_is_good() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    for _ in 0..4 {
        let browser = login(&server.api, ADA).await;
        let siblings = [browser.refresh().await, browser.refresh().await, browser.refresh().await];
        let answers = futures_util::future::join_all(siblings.iter().map(Browser::try_refresh)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
    }
}

/// Watches the lock on the session's row: of many who use a token at once, with no grace, one gets another.
#[tokio::test]
async fn of_many_who_use_a_token_at_once_one_gets_another() {
    let server = without_grace().await;
    let browser = member(&server, ADA).await;
    let answers = futures_util::future::join_all((0..8).map(|_| browser.try_refresh())).await;
    let rotated = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(rotated, 1);
    assert!(answers.iter().all(|answer| [200, 401].contains(&answer.status)));
}

#[tokio::test]
async fn a_session_ends_when_it_is_left_alone_and_when_it_is_old() {
    let server = TestServer::start().await;
    let (idle, other) = (member(&server, ADA).await, member(&server, "bob@example.org").await);
    let bob = "SELECT id FROM accounts WHERE email = 'bob@example.org'";
    let past = "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE account_id <> ";
    server.client.batch_execute(&format!("{past} ({bob})")).await.unwrap();
    idle.try_refresh().await.problem(401, "AUTH_007");
    let old = "UPDATE sessions SET created_at = now() - interval '29 days 23 hours' WHERE account_id =";
    server.client.batch_execute(&format!("{old} ({bob})")).await.unwrap();
    let last = other.refresh().await;
    let seconds = last.set_cookie.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap().parse::<u64>().unwrap();
    assert!((3500..=3600).contains(&seconds), "an hour is left of 30 days: {seconds}");
}

#[tokio::test]
async fn signing_out_ends_this_session_only() {
    let server = TestServer::start().await;
    let (here, there) = (member(&server, ADA).await, login(&server.api, ADA).await);
    here.api.get("/api/v1/profile").await.ok();
    let answer = here.logout().await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").unwrap().starts_with("__Host-boxoffice_refresh=; Path=/; Max-Age=0"));
    here.try_refresh().await.problem(401, "AUTH_007");
    here.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    assert_eq!(here.logout().await.status, 204, "whoever is out stays out");
    there.api.get("/api/v1/profile").await.ok();
    there.refresh().await;
    assert_eq!(server.api.send(Method::POST, "/api/v1/auth/logout", None, None).await.status, 204);
    server.api.send(Method::POST, "/api/v1/auth/refresh", None, None).await.problem(401, "AUTH_007");
}

#[tokio::test]
async fn signing_out_everywhere_takes_all_tokens_back() {
    let server = TestServer::start().await;
    let (here, there) = (member(&server, ADA).await, login(&server.api, ADA).await);
    let stranger = member(&server, "bob@example.org").await;
    assert_eq!(here.api.delete("/api/v1/sessions").await.status, 204);
    for browser in [&here, &there] {
        browser.try_refresh().await.problem(401, "AUTH_007");
        browser.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    }
    stranger.api.get("/api/v1/profile").await.ok();
    login(&server.api, ADA).await.api.get("/api/v1/profile").await.ok();
}

#[tokio::test]
async fn an_owner_sees_sessions_and_ends_them_one_by_one() {
    let server = TestServer::start().await;
    let phone = member(&server, ADA).await;
    let api = server.api.with_header("user-agent", "Lynx/2.9");
    let computer = Browser::of(&api, &try_login(&api, ADA, PASSWORD).await);
    let listed = |browser: &Browser| {
        let api = browser.api.clone();
        async move { api.get("/api/v1/sessions").await.ok()["data"].as_array().unwrap().clone() }
    };
    let sessions = listed(&computer).await;
    let shown: Vec<_> = sessions.iter().map(|session| (&session["current"], &session["userAgent"])).collect();
    assert_eq!(shown, [(&json!(true), &json!("Lynx/2.9")), (&json!(false), &Value::Null)]);
    assert_eq!(sessions[0]["address"], "127.0.0.1");

    let other = format!("/api/v1/sessions/{}", sessions[1]["id"].as_str().unwrap());
    let stranger = member(&server, "bob@example.org").await;
    stranger.api.delete(&other).await.problem(404, "RESOURCE_001");
    assert_eq!(computer.api.delete(&other).await.status, 204);
    computer.api.delete(&other).await.problem(404, "RESOURCE_001");
    phone.try_refresh().await.problem(401, "AUTH_007");
    phone.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    assert_eq!(listed(&computer).await.len(), 1);
    // The access token says by itself which session it is of.
    let program = server.api.with_token(&computer.access_token);
    assert_eq!(program.get("/api/v1/sessions").await.ok()["data"][0]["current"], true);
    computer.refresh().await;
}

/// Watches `Access::Session`: a page that is not ours can do nothing in its user's name.
#[tokio::test]
async fn a_strangers_page_can_not_use_the_cookie() {
    let server = Settings::default().set("BOXOFFICE__HTTP__CORS_ORIGINS", SHOP).start().await;
    let browser = member(&server, ADA).await;
    let page = |headers: &[(&'static str, &str)]| {
        headers.iter().fold(browser.api.clone(), |api: Api, (name, value)| api.with_header(name, value))
    };
    let strangers = [
        page(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]),
        page(&[("sec-fetch-site", "same-site"), ("origin", "https://evil.shop.example")]),
        page(&[("origin", "https://evil.example")]),
        page(&[("origin", "null")]),
        page(&[("referer", "https://evil.example/page")]),
        page(&[("sec-fetch-site", "same-site"), ("origin", SHOP)]),
        page(&[("sec-fetch-site", "same-site"), ("origin", SHOP), ("x-csrf-token", &"0".repeat(64))]),
        page(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("x-csrf-token", &browser.csrf_token),
        ]),
    ];
    for stranger in strangers {
        for path in ["/api/v1/auth/refresh", "/api/v1/auth/logout"] {
            stranger.send(Method::POST, path, None, None).await.problem(403, "AUTH_006");
        }
    }
    let shop = page(&[("sec-fetch-site", "same-site"), ("origin", SHOP), ("x-csrf-token", &browser.csrf_token)]);
    let answer = shop.send(Method::POST, "/api/v1/auth/refresh", None, None).await;
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let next = Browser::of(&shop, &answer);
    let own = next.api.with_header("sec-fetch-site", "same-origin");
    assert_eq!(own.send(Method::POST, "/api/v1/auth/logout", None, None).await.status, 204);
}

/// Watches the cookie's session: a token is good for the session it belongs to.
#[tokio::test]
async fn a_token_opens_no_other_session() {
    let server = TestServer::start().await;
    let (ada, bob) = (member(&server, ADA).await, member(&server, "bob@example.org").await);
    let (session, secret) = (ada.cookie.split('.').next().unwrap(), bob.cookie.split('.').nth(1).unwrap());
    let mixed = server.api.with_header("cookie", &format!("{session}.{secret}.{}", ada.csrf_token));
    mixed.send(Method::POST, "/api/v1/auth/refresh", None, None).await.problem(401, "AUTH_007");
    ada.refresh().await;
    bob.refresh().await;
}

/// Watches the polling of `sessions.revoked_at`: a token is good for no longer than its session, anywhere.
#[tokio::test]
async fn another_server_learns_which_sessions_have_ended() {
    let server = TestServer::start().await;
    let (_other, api) = server.neighbour().await;
    let (here, there) = (member(&server, ADA).await, login(&server.api, ADA).await);
    let [of_here, of_there] = [&here, &there].map(|browser| api.with_token(&browser.access_token));
    of_here.get("/api/v1/profile").await.ok();
    here.logout().await;
    until("the other server refuses the token", async || of_here.get("/api/v1/profile").await.status == 401).await;
    of_here.get("/api/v1/profile").await.problem(401, "AUTH_003");
    of_there.get("/api/v1/profile").await.ok();
    // And one that starts later has read it.
    let (_late, api) = server.neighbour().await;
    api.with_token(&here.access_token).get("/api/v1/profile").await.problem(401, "AUTH_003");
}

/// Watches the polling of `tokens_not_before`: what one server takes back, another refuses within a second or so.
#[tokio::test]
async fn another_server_learns_which_tokens_were_taken_back() {
    let server = TestServer::start().await;
    let (_other, api) = server.neighbour().await;
    let browser = member(&server, ADA).await;
    let there = api.with_token(&browser.access_token);
    there.get("/api/v1/profile").await.ok();
    browser.api.delete("/api/v1/sessions").await;
    until("the other server refuses the token", async || there.get("/api/v1/profile").await.status == 401).await;
    there.get("/api/v1/profile").await.problem(401, "AUTH_003");
    // And one that starts later has read it.
    let (_late, api) = server.neighbour().await;
    api.with_token(&browser.access_token).get("/api/v1/profile").await.problem(401, "AUTH_003");
}
