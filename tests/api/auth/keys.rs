//! Keys of access tokens: Ed25519, and a change of keys that signs nobody out.

use jsonwebtoken::Algorithm;

use crate::support::{
    Settings, TestServer,
    accounts::JWT_SECRET,
    person::{Browser, login, member},
};

const ADA: &str = "ada@example.org";
const NEW_SECRET: &str = "a-newer-secret-of-the-tests-0123456789";
// Made for this test, by `openssl genpkey -algorithm ed25519`.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIKfRj+jRvGJPASTqaO3vOH+QnCEhOnr2L1moecgi9Xjy\n\
    -----END PRIVATE KEY-----\n";

/// By what, and by which key, the access token is signed.
fn signed_by(browser: &Browser) -> (Algorithm, String) {
    let header = jsonwebtoken::decode_header(&browser.access_token).unwrap();
    (header.alg, header.kid.unwrap())
}

fn hs256(key: &str) -> (Algorithm, String) {
    (Algorithm::HS256, key.to_owned())
}

/// The same browser, asking another start of the server.
fn at(server: &TestServer, browser: &Browser) -> Browser {
    let api = server.api.with_token(&browser.access_token).with_header("cookie", &browser.cookie);
    Browser { api, ..browser.clone() }
}

#[tokio::test]
async fn keys_are_changed_without_signing_anybody_out() {
    let server = TestServer::start().await;
    let before = member(&server, ADA).await;
    assert_eq!(signed_by(&before), hs256("k1"));

    // First both keys, of which the old one signs; then exchanged; then the old one is gone.
    let announced = Settings::default()
        .set("BOXOFFICE__AUTH__JWT_OTHER_KID", "k2")
        .set("BOXOFFICE__AUTH__JWT_OTHER_SECRET", NEW_SECRET);
    let exchanged =
        Settings::default().set("BOXOFFICE__AUTH__JWT_SECRET", NEW_SECRET).set("BOXOFFICE__AUTH__JWT_KID", "k2");
    let both = exchanged
        .clone()
        .set("BOXOFFICE__AUTH__JWT_OTHER_KID", "k1")
        .set("BOXOFFICE__AUTH__JWT_OTHER_SECRET", JWT_SECRET);

    let server = server.restart(&announced).await;
    let during = login(&server.api, ADA).await;
    assert_eq!(signed_by(&during), hs256("k1"));
    let server = server.restart(&both).await;
    let after = at(&server, &before).refresh().await;
    assert_eq!(signed_by(&after), hs256("k2"));
    for browser in [&before, &during, &after] {
        at(&server, browser).api.get("/api/v1/profile").await.ok();
    }
    let server = server.restart(&exchanged).await;
    at(&server, &after).api.get("/api/v1/profile").await.ok();
    at(&server, &during).api.get("/api/v1/profile").await.problem(401, "AUTH_002");
    // Sessions do not depend on keys.
    at(&server, &during).refresh().await.api.get("/api/v1/profile").await.ok();
}

#[tokio::test]
async fn tokens_are_signed_by_ed25519_when_there_is_a_private_key() {
    let ed25519 = Settings::default()
        .set("BOXOFFICE__AUTH__JWT_SECRET", "")
        .set("BOXOFFICE__AUTH__JWT_PRIVATE_KEY", PRIVATE_KEY)
        .set("BOXOFFICE__AUTH__JWT_KID", "ed");
    let server = ed25519.clone().start().await;
    let browser = member(&server, ADA).await;
    assert_eq!(signed_by(&browser), (Algorithm::EdDSA, "ed".to_owned()));
    browser.api.get("/api/v1/profile").await.ok();
    // From a secret to a private key: the old tokens are good as long as they are accepted.
    let old = crate::support::accounts::token(
        server.buyer().await.id,
        domain::accounts::Role::User,
        std::time::Duration::ZERO,
    );
    server.api.with_token(&old).get("/api/v1/profile").await.problem(401, "AUTH_002");
    let both = ed25519.set("BOXOFFICE__AUTH__JWT_OTHER_KID", "k1").set("BOXOFFICE__AUTH__JWT_OTHER_SECRET", JWT_SECRET);
    let server = server.restart(&both).await;
    server.api.with_token(&old).get("/api/v1/profile").await.ok();
    at(&server, &browser).api.get("/api/v1/profile").await.ok();
}
