//! `/admin/audit-log`.

use domain::{
    accounts::{Account, Registration, Role},
    audit::Actor,
    mail::Locale,
    repositories::AccountRepository as _,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Api, EventBuilder, TestServer, accounts::add_accounts, client::uuid, person::member, until};

const LOG: &str = "/api/v1/admin/audit-log";

async fn entries(admin: &Api, query: &str) -> Vec<Value> {
    admin.get(&format!("{LOG}?{query}")).await.ok()["data"].as_array().unwrap().clone()
}

async fn verification(admin: &Api) -> Value {
    admin.get(&format!("{LOG}/verification")).await.ok()
}

/// An administrator with so many entries in the log, all of one account.
async fn log(server: &TestServer, count: usize) -> (Api, String) {
    let admin = server.api.of(&add_accounts(&server.client, 1, Role::Admin).await[0]).with_header("if-match", "*");
    let user = add_accounts(&server.client, 1, Role::User).await[0].id.to_string();
    for number in 0..count {
        let role = ["ORGANIZER", "USER"][number % 2];
        admin.patch(&format!("/api/v1/admin/users/{user}"), &json!({ "role": role })).await.ok();
    }
    (admin, user)
}

#[tokio::test]
async fn who_did_what_to_whom_from_where_is_written_down() {
    let server = TestServer::start().await;
    let admin = add_accounts(&server.client, 1, Role::Admin).await.remove(0);
    let api = server.api.of(&admin).with_header("if-match", "*").with_header("x-request-id", "a-request");
    let user = member(&server, "ada@example.org").await.user["id"].clone();
    let path = format!("/api/v1/admin/users/{}", user.as_str().unwrap());
    api.patch(&path, &json!({ "role": "ORGANIZER", "status": "SUSPENDED" })).await.ok();
    api.patch(&path, &json!({ "role": "ORGANIZER" })).await.ok();

    let found = entries(&api, "").await;
    assert_eq!(found.len(), 2, "what changes nothing is no deed: {found:?}");
    for (entry, (action, details)) in found.iter().zip([
        ("ACCOUNT_SUSPENDED", json!({ "from": "ACTIVE", "to": "SUSPENDED" })),
        ("ROLE_CHANGED", json!({ "from": "USER", "to": "ORGANIZER" })),
    ]) {
        assert_eq!((&entry["action"], &entry["details"]), (&json!(action), &details));
        assert_eq!((&entry["targetKind"], &entry["targetId"]), (&json!("account"), &user));
        assert_eq!(entry["actorId"], admin.id.to_string());
        assert_eq!((&entry["address"], &entry["requestId"]), (&json!("127.0.0.1"), &json!("a-request")));
    }
    assert_eq!(entries(&api, "action=ROLE_CHANGED").await, found[1..]);
    for (entry, (member, from, to)) in
        found.iter().zip([("status", "ACTIVE", "SUSPENDED"), ("role", "USER", "ORGANIZER")])
    {
        let changes = entry["changes"].as_array().unwrap();
        let of_account = changes.iter().find(|change| change["kind"] == "account").unwrap();
        assert_eq!((&of_account["before"], &of_account["after"]), (&json!({ member: from }), &json!({ member: to })));
        let ends_sessions = changes.iter().any(|change| change["kind"] == "session");
        assert_eq!(ends_sessions, member == "status", "{entry}");
    }
    assert_eq!(entries(&api, &format!("actorId={}&targetKind=account", admin.id)).await, found);
    assert_eq!(entries(&api, "targetId=nobody").await, [Value::Null; 0]);
    let faults = api.get(&format!("{LOG}?actorId=me&seq=1&cursor=%2B1")).await.faults();
    assert_eq!(faults.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["actorId", "cursor", "seq"]);
}

#[tokio::test]
async fn the_log_is_paged_and_verified() {
    let server = TestServer::start().await;
    let (admin, _) = log(&server, 7).await;
    let first = entries(&admin, "limit=3").await;
    let page = admin.get(&format!("{LOG}?limit=3")).await.ok();
    let cursor = page["pagination"]["nextCursor"].as_str().unwrap();
    let second = entries(&admin, &format!("limit=3&cursor={cursor}")).await;
    let numbers: Vec<_> = first.iter().chain(&second).map(|entry| entry["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2]);
    let right = json!({ "intact": true, "entries": 7, "lastHash": first[0]["hash"] });
    assert_eq!(verification(&admin).await, right);
}

/// Watches the trigger, and the chain where somebody has got past it.
#[tokio::test]
async fn what_is_written_is_not_changed_unseen() {
    let server = TestServer::start().await;
    let (admin, _) = log(&server, 5).await;
    for statement in [
        "UPDATE audit_log SET actor_id = NULL WHERE seq = 3",
        "DELETE FROM audit_log WHERE seq = 3",
        "TRUNCATE audit_log",
    ] {
        let refused = server.client.batch_execute(statement).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("append-only"), "{refused}");
    }
    let past_the_trigger = |statement: &str| {
        format!("ALTER TABLE audit_log DISABLE TRIGGER ALL; {statement}; ALTER TABLE audit_log ENABLE TRIGGER ALL")
    };
    server.db.execute(&past_the_trigger("UPDATE audit_log SET details = '{}' WHERE seq = 3")).await;
    let broken = verification(&admin).await;
    assert_eq!((&broken["intact"], &broken["brokenAt"], &broken["entries"]), (&json!(false), &json!(3), &json!(2)));
}

/// Watches the lock: many who write at once make one chain. Accounts that are made take no other lock.
#[tokio::test]
async fn many_at_once_make_one_chain() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let store = server.store(8);
    let accounts: Vec<_> = (0..20)
        .map(|number| {
            let email = format!("admin-{number}@example.org");
            let registration = Registration::parse(&email, "correct horse battery", "An Admin", None).unwrap();
            Account::new(&registration, Role::Admin, Locale::En, Timestamp::now())
        })
        .collect();
    let nobody = Actor::default();
    let made = accounts.iter().map(|account| store.create_account(account, "!", &nobody));
    futures_util::future::try_join_all(made).await.unwrap();
    let verified = verification(&admin).await;
    assert_eq!((&verified["intact"], &verified["entries"]), (&json!(true), &json!(20)));
}

/// Guards: `write_down_later`. What the ledger has done is done, also when the log can't be written just then; the entry follows.
#[tokio::test]
async fn what_is_done_is_answered_so_though_the_log_fails_and_the_entry_follows() {
    let server = TestServer::start().await;
    let api = server.signed_in_as(Role::Admin).await;
    let event = server.event(EventBuilder::ga(5)).await;
    let booking = api.book(&event, &event.places(1)).await.created();
    let path = format!("/api/v1/bookings/{}", uuid(&booking["id"]));
    let hold = api.hold(&event, &event.places(1)).await.created();
    let fail =
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the log fails'; END $$;
        CREATE TRIGGER fail BEFORE INSERT ON audit_log EXECUTE FUNCTION fail()";
    server.client.batch_execute(fail).await.unwrap();
    let ids = [booking["id"].as_str().unwrap(), hold["id"].as_str().unwrap()];
    assert_eq!(api.delete(&path).await.ok()["status"], "CANCELLED");
    assert_eq!(api.delete(&format!("/api/v1/holds/{}", ids[1])).await.status, 204);
    server.client.batch_execute("DROP TRIGGER fail ON audit_log").await.unwrap();
    for id in ids {
        let written = async || entries(&api, &format!("action=DELETED&targetId={id}")).await.len();
        until("the entry is written", async || written().await == 1).await;
    }
    assert_eq!(verification(&api).await["intact"], true);
}
