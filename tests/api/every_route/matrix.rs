//! Who may use a route, asked of every row of the table itself by everybody there is: a new route is asked without a word, and
//! fails here if it is about somebody's own things and nothing is known about whose.

use std::time::Duration;

use boxoffice_http::router::{Access, Ownership};
use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    every_route::table::{Row, table},
    payments::pay,
    support::{Answer, Api, EventBuilder, TestServer, accounts, client::new_key, person, until},
};

/// Everybody who may ask.
struct Callers {
    nobody: Api,
    user: Api,
    other_user: Api,
    organizer: Api,
    other_organizer: Api,
    admin: Api,
    suspended: Api,
    expired: Api,
    tampered: Api,
}

impl Callers {
    async fn of(server: &TestServer) -> Self {
        let expired = accounts::token(server.buyer().await.id, Role::Admin, Duration::from_secs(2 * 3600));
        let mut tampered = accounts::token(server.buyer().await.id, Role::Admin, Duration::ZERO);
        tampered.truncate(tampered.len() - 3);
        // Of the highest role, so that nothing but the suspension is in the way.
        let suspended = accounts::add_accounts(&server.client, 1, Role::Admin).await.remove(0);
        let admin = server.signed_in_as(Role::Admin).await;
        let body = serde_json::json!({ "status": "SUSPENDED" });
        let path = format!("/api/v1/admin/users/{}", suspended.id);
        admin.with_header("if-match", "*").patch(&path, &body).await.ok();
        Self {
            nobody: server.api.clone(),
            user: server.signed_in().await,
            other_user: server.signed_in().await,
            organizer: server.signed_in_as(Role::Organizer).await,
            other_organizer: server.signed_in_as(Role::Organizer).await,
            admin,
            suspended: server.api.of(&suspended),
            expired: server.api.with_token(&expired),
            tampered: server.api.with_token(&tampered),
        }
    }

    /// Those with a good token, and their roles.
    fn with_roles(&self) -> [(&Api, Role); 5] {
        [
            (&self.user, Role::User),
            (&self.other_user, Role::User),
            (&self.organizer, Role::Organizer),
            (&self.other_organizer, Role::Organizer),
            (&self.admin, Role::Admin),
        ]
    }
}

async fn ask(api: &Api, row: &Row) -> Answer {
    // What needs none ignores it.
    let key = (row.method == Method::POST).then(new_key);
    let body = row.template.ends_with("/actions").then(|| json!({ "outcome": "succeed" }));
    api.send(row.method.clone(), &row.path, key.as_deref(), body.as_ref()).await
}

/// Watches the one place that decides about access.
#[tokio::test]
async fn every_route_lets_in_whom_its_row_names_and_nobody_else() {
    let server = TestServer::start().await;
    let callers = Callers::of(&server).await;
    for row in table() {
        let name = format!("{} {}", row.method, row.path);
        // Anyone who ends all sessions would be refused for it by all rows that follow.
        if row.method == Method::DELETE && row.path == "/api/v1/sessions" {
            continue;
        }
        let roles: &[Role] = match row.access {
            Access::Public | Access::Session => {
                for api in [&callers.nobody, &callers.suspended, &callers.expired, &callers.tampered] {
                    let status = ask(api, &row).await.status;
                    let wants_session = row.path == "/api/v1/auth/refresh";
                    assert!(wants_session || ![401, 403].contains(&status), "{name}: {status}");
                }
                continue;
            }
            Access::Authenticated => &[Role::User, Role::Organizer, Role::Admin],
            Access::Roles(roles) => roles,
        };
        for (api, code) in [
            (&callers.nobody, "AUTH_001"),
            (&callers.tampered, "AUTH_002"),
            (&callers.expired, "AUTH_003"),
            (&callers.suspended, "AUTH_003"),
        ] {
            let answer = ask(api, &row).await;
            answer.problem(401, code);
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "), "{name}");
        }
        for (api, role) in callers.with_roles() {
            let answer = ask(api, &row).await;
            if roles.contains(&role) {
                assert!(![401, 403].contains(&answer.status), "{name} as {role:?}: {}", answer.status);
            } else {
                answer.problem(403, "AUTH_004");
            }
        }
    }
}

/// Something of one caller that a route is about.
struct Thing {
    owner: Api,
    id: Uuid,
}

/// A booking that waits for its payment, and whose it is.
async fn unpaid(server: &TestServer) -> (Api, Value) {
    let event = server.event(EventBuilder::ga(5).price("12.50")).await;
    let owner = server.signed_in().await;
    let booking = owner.book(&event, &event.places(1)).await.created();
    (owner, booking)
}

/// What the route of a row is about, made again: a route may delete it. Panics for a row that nobody has thought of.
async fn thing(server: &TestServer, path: &str) -> Thing {
    let event = server.event(EventBuilder::ga(5)).await;
    let id = |answer: Answer| crate::support::client::uuid(&answer.created()["id"]);
    match path {
        "/api/v1/bookings/{id}/receipt" => {
            let (owner, booking) = unpaid(server).await;
            let paid = "INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency,
                    pays_booking, idempotency_key, fingerprint)
                SELECT id, id, event_id, account_id, 'manual', 'cash', 'SUCCEEDED', total, currency, true, id::text, id FROM bookings
                WHERE id = $1";
            let id = crate::support::client::uuid(&booking["id"]);
            server.client.execute(paid, &[&id]).await.unwrap();
            Thing { id, owner }
        }
        "/api/v1/bookings/{id}" | "/api/v1/bookings/{id}/cancellations" | "/api/v1/bookings/{id}/refunds" => {
            let owner = server.signed_in().await;
            Thing { id: id(owner.book(&event, &event.places(1)).await), owner }
        }
        "/api/v1/holds/{id}" | "/api/v1/holds/{id}/extensions" => {
            let owner = server.signed_in().await;
            Thing { id: id(owner.hold(&event, &event.places(1)).await), owner }
        }
        "/api/v1/bookings/{id}/payments" => {
            let (owner, booking) = unpaid(server).await;
            Thing { id: crate::support::client::uuid(&booking["id"]), owner }
        }
        "/api/v1/payments/{id}" | "/api/v1/sandbox/payments/{id}/actions" => {
            let (owner, booking) = unpaid(server).await;
            Thing { id: id(pay(&owner, &booking, "sandbox_action").await), owner }
        }
        "/api/v1/sessions/{id}" => {
            let owner = person::member(server, &format!("{}@example.org", Uuid::now_v7())).await.api;
            let sessions = owner.get("/api/v1/sessions").await.ok();
            Thing { id: crate::support::client::uuid(&sessions["data"][0]["id"]), owner }
        }
        other => panic!("{other} is about somebody's own things: say here how to make one, or that it is shared"),
    }
}

/// Watches the use cases: what is another's is not found, by nobody but its owner.
#[tokio::test]
async fn what_is_anothers_is_not_found() {
    let server = TestServer::start().await;
    let callers = Callers::of(&server).await;
    // Those of organizers need bodies and revisions: `manage/ownership.rs` asks them.
    let is_asked_here = |row: &Row| row.ownership == Ownership::Own && !row.template.starts_with("/api/v1/organizer/");
    let rows: Vec<_> = table().into_iter().filter(is_asked_here).collect();
    let of_one_thing: Vec<_> = rows.iter().filter(|row| row.template.contains('{')).collect();
    assert!(of_one_thing.len() >= 5, "{of_one_thing:?}");
    for row in of_one_thing {
        let thing = thing(&server, row.template).await;
        let row = row.at(thing.id);
        for (api, role) in callers.with_roles() {
            let answer = ask(api, &row).await;
            answer.problem(404, "RESOURCE_001");
            assert_eq!(answer.status, 404, "{row:?} as {role:?}");
        }
        let status = ask(&thing.owner, &row).await.status;
        // It is asked without a body; who misses one has seen whose it is.
        assert!((200..300).contains(&status) || status == 415, "{row:?} of its owner: {status}");
    }
}

/// Whatever needs an account and names something in its path says whose it is about, unless only administrators may use it.
#[test]
fn every_route_to_one_thing_says_whose_it_is() {
    for row in table() {
        let admin_only = row.access == Access::Roles(&[Role::Admin]);
        let takes_places = ["/api/v1/events/{id}/holds", "/api/v1/events/{id}/bookings"].contains(&row.template);
        let is_shared = ["/api/v1/organizer/categories", "/api/v1/organizer/tags"].contains(&row.template);
        if matches!(row.access, Access::Authenticated | Access::Roles(_)) && !admin_only && !takes_places && !is_shared
        {
            assert_eq!(row.ownership, Ownership::Own, "{row:?}");
        }
    }
}

/// A suspension, seen by the rows that were asked before it.
#[tokio::test]
async fn ending_all_sessions_is_the_callers_own_business() {
    let server = TestServer::start().await;
    let (user, other) = (server.signed_in().await, server.signed_in().await);
    server.api.delete("/api/v1/sessions").await.problem(401, "AUTH_001");
    assert_eq!(user.delete("/api/v1/sessions").await.status, 204);
    until("the caller's token is refused", async || user.get("/api/v1/profile").await.status == 401).await;
    other.get("/api/v1/profile").await.ok();
}
