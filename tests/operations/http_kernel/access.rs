//! Who may use a route.

use std::time::Duration;

use domain::accounts::Role;

use super::support::{Answer, Kernel, token};

async fn get(kernel: &Kernel, path: &str, authorization: &str) -> Answer {
    kernel.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\r\n")).await
}

#[tokio::test]
async fn without_a_token_the_answer_is_a_challenge() {
    let kernel = Kernel::start().await;
    for answer in [
        kernel.get("/api/v1/profile").await,
        get(&kernel, "/api/v1/profile", "Basic YTpi").await,
        get(&kernel, "/api/v1/profile", "Bearer").await,
        kernel.get("/api/v1/admin").await,
    ] {
        answer.problem(401, "AUTH_001");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "));
    }
}

#[tokio::test]
async fn bad_and_expired_tokens_are_told_apart() {
    let kernel = Kernel::start().await;
    let bad = get(&kernel, "/api/v1/profile", "Bearer a.b.c").await;
    bad.problem(401, "AUTH_002");
    assert!(bad.header("www-authenticate").unwrap().contains("invalid_token"));
    let old = token(Role::User, Duration::from_secs(1000));
    let expired = get(&kernel, "/api/v1/profile", &format!("Bearer {old}")).await;
    expired.problem(401, "AUTH_003");
    assert!(expired.header("www-authenticate").unwrap().contains("expired"));
}

#[tokio::test]
async fn roles_decide_and_several_may_be_allowed() {
    let kernel = Kernel::start().await;
    for (role, profile, admin) in [(Role::User, 200, 403), (Role::Organizer, 200, 200), (Role::Admin, 200, 200)] {
        let bearer = format!("bearer {}", token(role, Duration::ZERO));
        let answer = get(&kernel, "/api/v1/profile", &bearer).await;
        assert_eq!((answer.status, &answer.json()["role"]), (profile, &role.as_str().into()));
        let answer = get(&kernel, "/api/v1/admin", &bearer).await;
        assert_eq!(answer.status, admin, "{role:?}");
        if admin == 403 {
            answer.problem(403, "AUTH_004");
            assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
        }
    }
}

#[tokio::test]
async fn a_public_route_does_not_look_at_tokens() {
    let kernel = Kernel::start().await;
    assert_eq!(get(&kernel, "/problems", "Bearer nonsense").await.status, 200);
}

#[tokio::test]
async fn a_refused_post_is_answered_although_its_body_is_unread() {
    let kernel = Kernel::start().await;
    kernel.post("/api/v1/profile", &" ".repeat(1 << 20)).await.problem(401, "AUTH_001");
}
