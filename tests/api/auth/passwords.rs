//! Addresses that are verified, passwords that are changed and forgotten.

use serde_json::json;

use crate::support::{
    Answer, Settings, TestServer,
    person::{Browser, PASSWORD, login, mail, member, token_of, try_login, try_register},
    until, until_some,
};

const ADA: &str = "ada@example.org";
const OTHER: &str = "an other good secret";

async fn verify(server: &TestServer, token: &str) -> Answer {
    server.api.post("/api/v1/auth/verify-email", &json!({ "token": token })).await
}

async fn forgot(server: &TestServer, email: &str) -> Answer {
    server.api.post("/api/v1/auth/forgot-password", &json!({ "email": email })).await
}

async fn reset(server: &TestServer, token: &str, password: &str) -> Answer {
    server.api.post("/api/v1/auth/reset-password", &json!({ "token": token, "password": password })).await
}

async fn change(browser: &Browser, current: &str, new: &str) -> Answer {
    let body = json!({ "currentPassword": current, "newPassword": new });
    browser.api.post("/api/v1/auth/change-password", &body).await
}

#[tokio::test]
async fn the_link_of_the_first_mail_verifies_the_address_once() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    assert_eq!(browser.user["emailVerified"], false);
    let token = token_of(&mail(&server, ADA, "Confirm your e-mail address").await);
    for wrong in ["", "x", &token[1..], &token.to_uppercase(), &"0".repeat(64)] {
        verify(&server, wrong).await.problem(422, "ACCOUNT_001");
    }
    reset(&server, &token, OTHER).await.problem(422, "ACCOUNT_001");
    assert_eq!(verify(&server, &token).await.status, 204);
    assert_eq!(browser.api.get("/api/v1/profile").await.ok()["emailVerified"], true);
    verify(&server, &token).await.problem(422, "ACCOUNT_001");
    let statement = "SELECT count(*) FROM one_time_tokens t WHERE position($1 in t::text) > 0";
    assert_eq!(server.db.number(statement, &[&token]).await, 0);
}

#[tokio::test]
async fn a_mail_is_written_in_the_language_of_the_browser() {
    let server = TestServer::start().await;
    let german = server.api.with_header("accept-language", "de-CH, en;q=0.5");
    assert_eq!(try_register(&german, ADA).await.created()["locale"], "de");
    mail(&server, ADA, "Bestätigen Sie Ihre E-Mail-Adresse").await;
}

/// As if all links had been mailed so long ago that others may follow.
async fn grow_old(server: &TestServer) {
    let old = "UPDATE one_time_tokens SET created_at = created_at - interval '6 minutes'";
    server.client.batch_execute(old).await.unwrap();
}

/// The token in a mail with this subject that is none of those `known`; it comes soon.
async fn next_token(server: &TestServer, subject: &str, known: &[String]) -> String {
    until_some("there is another link", async || {
        let token = token_of(&mail(server, ADA, subject).await);
        (!known.contains(&token)).then_some(token)
    })
    .await
}

#[tokio::test]
async fn another_link_follows_a_young_one_no_sooner_and_only_who_needs_one_gets_it() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    let first = token_of(&mail(&server, ADA, "Confirm your e-mail address").await);
    let resend = async |email: &str| {
        let answer = server.api.post("/api/v1/auth/resend-verification", &json!({ "email": email })).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0));
    };
    grow_old(&server).await;
    resend(&ADA.to_uppercase()).await;
    let count = "SELECT count(*) FROM outbox WHERE kind = 'VERIFY_EMAIL'";
    until("there is another mail", async || server.db.number(count, &[]).await == 2).await;
    // There is a young one now.
    resend(ADA).await;
    let second = next_token(&server, "Confirm your e-mail address", std::slice::from_ref(&first)).await;
    // The one that was mailed before works as well, and with it all are used up.
    assert_eq!(verify(&server, &first).await.status, 204);
    verify(&server, &second).await.problem(422, "ACCOUNT_001");
    // Nobody else gets one: neither whose address is verified, nor whom we do not know.
    resend(ADA).await;
    resend("nobody@example.org").await;
    resend("no address").await;
    // What is done after an answer is done by the time the server has stopped.
    server.running.stop().await;
    assert_eq!(server.db.number(count, &[]).await, 2);
}

/// Where addresses are verified first, registering and signing in tells nobody whether an address was known; its reader is told.
#[tokio::test]
async fn a_service_may_ask_for_the_address_first() {
    let server = Settings::default().set("BOXOFFICE__AUTH__REQUIRE_VERIFIED_EMAIL", "true").start().await;
    try_register(&server.api, ADA).await.created();
    let shown = |answer: Answer| {
        let mut problem = answer.problem(401, "AUTH_005");
        for member in ["requestId", "timestamp"] {
            problem.as_object_mut().unwrap().remove(member);
        }
        let mut headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        headers.sort_unstable();
        (problem, headers)
    };
    let unverified = shown(try_login(&server.api, ADA, PASSWORD).await);
    assert_eq!(unverified, shown(try_login(&server.api, ADA, OTHER).await));
    let token = token_of(&mail(&server, ADA, "Confirm your e-mail address").await);
    // The first mail may be lost: who signs in gets another, unless the first was sent just now.
    grow_old(&server).await;
    assert_eq!(shown(try_login(&server.api, ADA, PASSWORD).await), unverified);
    let count = "SELECT count(*) FROM outbox WHERE kind = 'VERIFY_EMAIL'";
    until("there is another mail", async || server.db.number(count, &[]).await == 2).await;
    assert_eq!(verify(&server, &token).await.status, 204);
    login(&server.api, ADA).await;
    // Somebody who tries whether the address is known.
    let body = json!({ "email": ADA, "password": OTHER, "name": "Somebody Else" });
    server.api.post("/api/v1/auth/register", &body).await.created();
    assert_eq!(shown(try_login(&server.api, ADA, OTHER).await), unverified);
}

/// Guards: what may be a mistake, or a mail that somebody else has caused, changes nothing and ends no sessions.
#[tokio::test]
async fn a_new_password_is_another_one() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    forgot(&server, ADA).await;
    let token = token_of(&mail(&server, ADA, "Choose a new password").await);
    let same = |field: &str| [(field.to_owned(), "SAME_PASSWORD".to_owned())];
    assert_eq!(reset(&server, &token, PASSWORD).await.faults(), same("password"));
    assert_eq!(change(&browser, PASSWORD, PASSWORD).await.faults(), same("newPassword"));
    browser.refresh().await.api.get("/api/v1/profile").await.ok();
    assert_eq!(reset(&server, &token, OTHER).await.status, 204, "the link is as good as before");
    let count = "SELECT count(*) FROM outbox WHERE kind = 'PASSWORD_CHANGED'";
    assert_eq!(server.db.number(count, &[]).await, 1);
}

/// Watches what a new password ends: all sessions, all access tokens, and links to choose another.
#[tokio::test]
async fn a_changed_password_ends_everything_but_the_callers_new_session() {
    let server = TestServer::start().await;
    let (browser, elsewhere) = (member(&server, ADA).await, login(&server.api, ADA).await);
    forgot(&server, ADA).await;
    let link = token_of(&mail(&server, ADA, "Choose a new password").await);

    change(&browser, OTHER, OTHER).await.problem(422, "ACCOUNT_002");
    let weak = change(&browser, PASSWORD, "ada lovelace").await.faults();
    assert_eq!(weak, [("newPassword".to_owned(), "COMMON_PASSWORD".to_owned())]);
    assert_eq!(change(&browser, PASSWORD, "short").await.faults()[0].1, "INVALID_PASSWORD");
    browser.api.get("/api/v1/profile").await.ok();

    let next = Browser::of(&server.api, &change(&browser, PASSWORD, OTHER).await);
    next.api.get("/api/v1/profile").await.ok();
    next.refresh().await;
    for old in [&browser, &elsewhere] {
        old.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
        old.try_refresh().await.problem(401, "AUTH_007");
    }
    reset(&server, &link, "yet an other secret").await.problem(422, "ACCOUNT_001");
    try_login(&server.api, ADA, PASSWORD).await.problem(401, "AUTH_005");
    Browser::of(&server.api, &try_login(&server.api, ADA, OTHER).await);
    mail(&server, ADA, "Your password was changed").await;
}

#[tokio::test]
async fn a_forgotten_password_is_chosen_anew_by_mail() {
    let server = TestServer::start().await;
    let browser = member(&server, ADA).await;
    let answer = forgot(&server, " ADA@example.org ").await;
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let token = token_of(&mail(&server, ADA, "Choose a new password").await);
    verify(&server, &token).await.problem(422, "ACCOUNT_001");
    // Anyone who chooses badly may choose again.
    assert_eq!(reset(&server, &token, "password123").await.faults()[0].1, "COMMON_PASSWORD");
    assert_eq!(reset(&server, &token, OTHER).await.status, 204);
    reset(&server, &token, "yet an other secret").await.problem(422, "ACCOUNT_001");
    browser.api.get("/api/v1/profile").await.problem(401, "AUTH_003");
    browser.try_refresh().await.problem(401, "AUTH_007");
    try_login(&server.api, ADA, PASSWORD).await.problem(401, "AUTH_005");
    let session = Browser::of(&server.api, &try_login(&server.api, ADA, OTHER).await);
    assert_eq!(session.user["emailVerified"], true, "the link proves the address as well");
    mail(&server, ADA, "Your password was changed").await;
}

/// Watches `expires_at`, and that a link ends the one before the last.
#[tokio::test]
async fn a_link_does_not_work_for_ever() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    let count = "SELECT count(*) FROM outbox WHERE kind = 'RESET_PASSWORD'";
    let mut tokens = Vec::new();
    for number in 1..=3 {
        grow_old(&server).await;
        forgot(&server, ADA).await;
        until("there is another mail", async || server.db.number(count, &[]).await == number).await;
        tokens.push(next_token(&server, "Choose a new password", &tokens).await);
    }
    let [first, second, third] = &*tokens else { panic!("three mails") };
    reset(&server, first, OTHER).await.problem(422, "ACCOUNT_001");
    assert_eq!(reset(&server, second, OTHER).await.status, 204);
    reset(&server, third, "yet an other secret").await.problem(422, "ACCOUNT_001");
    grow_old(&server).await;
    forgot(&server, ADA).await;
    until("there is another mail", async || server.db.number(count, &[]).await == 4).await;
    let last = next_token(&server, "Choose a new password", &tokens).await;
    let verification = token_of(&mail(&server, ADA, "Confirm your e-mail address").await);
    server.client.batch_execute("UPDATE one_time_tokens SET expires_at = now()").await.unwrap();
    reset(&server, &last, PASSWORD).await.problem(422, "ACCOUNT_001");
    verify(&server, &verification).await.problem(422, "ACCOUNT_001");
    Browser::of(&server.api, &try_login(&server.api, ADA, OTHER).await);
}

/// Of many who ask at once for a link of one account, one gets a mail sent.
#[tokio::test]
async fn a_storm_of_requests_sends_one_mail() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    let answers = futures_util::future::join_all((0..12).map(|_| forgot(&server, ADA))).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    server.running.stop().await;
    let count = "SELECT count(*) FROM outbox WHERE kind = 'RESET_PASSWORD'";
    assert_eq!(server.db.number(count, &[]).await, 1);
}

/// Of many who use one link at once, one sets the password.
#[tokio::test]
async fn a_link_is_used_once() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    forgot(&server, ADA).await;
    let token = token_of(&mail(&server, ADA, "Choose a new password").await);
    let passwords: Vec<_> = (0..6).map(|number| format!("{OTHER} {number}")).collect();
    let tries = passwords.iter().map(|password| reset(&server, &token, password));
    let answers = futures_util::future::join_all(tries).await;
    let set: Vec<_> = passwords.iter().zip(&answers).filter(|(_, answer)| answer.status == 204).collect();
    assert_eq!(set.len(), 1, "{answers:?}");
    Browser::of(&server.api, &try_login(&server.api, ADA, set[0].0).await);
}

/// Anyone who tries addresses learns nothing: the answers are alike, and unknown addresses get no mail.
#[tokio::test]
async fn nobody_learns_which_addresses_are_known() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    let shape = |answer: &Answer| {
        let mut headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        headers.sort_unstable();
        (answer.status, headers, answer.body.clone())
    };
    let known = shape(&forgot(&server, ADA).await);
    for unknown in ["nobody@example.org", "no address", ""] {
        assert_eq!(shape(&forgot(&server, unknown).await), known);
    }
    mail(&server, ADA, "Choose a new password").await;
    server.running.stop().await;
    let count = "SELECT count(*) FROM outbox WHERE kind = 'RESET_PASSWORD'";
    assert_eq!(server.db.number(count, &[]).await, 1);
}

/// Watches that nobody's mailbox is filled from many networks, and that its owner is refused nothing for it: who asks is not told.
#[tokio::test]
async fn mails_to_one_address_are_limited_and_its_owner_is_not() {
    let settings =
        Settings::default().set("BOXOFFICE__RATE_LIMIT__TRUSTED", "").set("BOXOFFICE__RATE_LIMIT__AUTH", "3/15m");
    let server = settings.set("BOXOFFICE__HTTP__TRUSTED_PROXIES", "127.0.0.0/8").start().await;
    let from = |host: u32| server.api.with_header("x-forwarded-for", &format!("203.0.113.{host}"));
    let body = json!({ "email": ADA });
    for host in 0..8 {
        try_register(&from(host), ADA).await.created();
        assert_eq!(from(host).post("/api/v1/auth/forgot-password", &body).await.status, 202);
        assert_eq!(from(host).post("/api/v1/auth/resend-verification", &body).await.status, 202);
    }
    from(7).post("/api/v1/auth/forgot-password", &body).await.problem(429, "RATE_001");
    let token = token_of(&mail(&server, ADA, "Choose a new password").await);
    let choose = json!({ "token": token, "password": OTHER });
    assert_eq!(from(100).post("/api/v1/auth/reset-password", &choose).await.status, 204);
    Browser::of(&server.api, &try_login(&from(100), ADA, OTHER).await);
    server.running.stop().await;
    let mails = "SELECT string_agg(kind || ' ' || count, ', ' ORDER BY kind) FROM
        (SELECT kind, count(*) FROM outbox GROUP BY kind) AS mails";
    let mails: String = server.client.query_one(mails, &[]).await.unwrap().get(0);
    assert_eq!(mails, "ALREADY_REGISTERED 2, PASSWORD_CHANGED 1, RESET_PASSWORD 1, VERIFY_EMAIL 1");
}

/// Watches `upgrade_hash`: anyone who signs in with a weak hash has a strong one afterwards.
#[tokio::test]
async fn a_weak_hash_is_replaced_at_the_next_sign_in() {
    let server = TestServer::start().await;
    member(&server, ADA).await;
    let hashes = "SELECT count(*) FROM accounts WHERE password_hash LIKE ";
    assert_eq!(server.db.number(&format!("{hashes} '$argon2id$v=19$m=8,t=1,p=1$%'"), &[]).await, 1);
    let stronger = Settings::default().set("BOXOFFICE__AUTH__ARGON2_PASSES", "2");
    let server = server.restart(&stronger).await;
    try_login(&server.api, ADA, OTHER).await.problem(401, "AUTH_005");
    assert_eq!(server.db.number(&format!("{hashes} '%m=8,t=1,p=1$%'"), &[]).await, 1);
    login(&server.api, ADA).await;
    assert_eq!(server.db.number(&format!("{hashes} '$argon2id$v=19$m=8,t=2,p=1$%'"), &[]).await, 1);
    login(&server.api, ADA).await;
}
