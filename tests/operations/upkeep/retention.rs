//! Rows that are over: what the sweeper deletes, and what stays.

use domain::{
    accounts::Role,
    retention::{Leftover, Retention},
};
use serde_json::json;

use crate::support::{Api, EventBuilder, TestServer, accounts, client::new_key, person::member, until};

/// Sessions of Ada and links of Bob that ended so many hours ago.
async fn end(server: &TestServer, hours: i32) {
    let statement = "WITH s AS (UPDATE sessions SET expires_at = now() - make_interval(hours => $1)
            FROM accounts a WHERE a.id = account_id AND a.email = 'ada@example.org')
        UPDATE one_time_tokens SET expires_at = now() - make_interval(hours => $1)
        FROM accounts a WHERE a.id = account_id AND a.email = 'bob@example.org'";
    server.client.execute(statement, &[&hours]).await.unwrap();
}

/// Guards: how long sessions and links are kept, and that only what is over goes.
#[tokio::test]
async fn sessions_and_links_are_deleted_a_day_after_their_end() {
    let server = TestServer::start().await;
    member(&server, "ada@example.org").await;
    let live = member(&server, "bob@example.org").await;
    let store = server.store(1);
    let swept = async || {
        let (sessions, links) = (Leftover::Sessions, Leftover::Links);
        [store.delete_leftovers(sessions, 100).await.unwrap(), store.delete_leftovers(links, 100).await.unwrap()]
    };
    end(&server, 23).await;
    assert_eq!(swept().await, [0, 0]);
    end(&server, 25).await;
    assert_eq!(swept().await, [1, 1]);
    assert_eq!(swept().await, [0, 0]);
    live.refresh().await;
}

/// Guards: the portions, which follow each other until nothing is left; `SKIP LOCKED`, without which two servers would wait for
/// each other; the age.
#[tokio::test]
async fn old_keys_of_requests_are_deleted_by_whichever_server_comes_first() {
    let server = TestServer::start().await;
    let admin = accounts::add_accounts(&server.client, 1, Role::Admin).await.remove(0);
    let add = "INSERT INTO request_keys (account_id, key, fingerprint, made_id, done, began_at)
        SELECT $1::uuid, 'old ' || n, gen_random_uuid(), gen_random_uuid(), n % 2 = 0, now() - interval '7 days 1 minute'
        FROM generate_series(1, 2500) AS n
        UNION ALL SELECT $1::uuid, 'young ' || n, gen_random_uuid(), gen_random_uuid(), n % 2 = 0, now() - interval '6 days 23 hours'
        FROM generate_series(1, 3) AS n";
    server.client.execute(add, &[&admin.id]).await.unwrap();
    // A key that somebody is using stays for now, and nobody waits for it.
    let mut other = server.db.connect().await;
    let using = other.transaction().await.unwrap();
    using.execute("SELECT FROM request_keys WHERE key = 'old 7' FOR UPDATE", &[]).await.unwrap();
    // Each looks when it starts.
    let (one, two) = tokio::join!(server.neighbour(), server.neighbour());
    let left = "SELECT count(*) FROM request_keys WHERE key LIKE 'old %'";
    until("the old keys are gone", async || server.db.number(left, &[]).await == 1).await;
    assert_eq!(server.db.number("SELECT count(*) FROM request_keys WHERE key LIKE 'young %'", &[]).await, 3);
    // The servers of a test share the process's metrics; a row is counted when its deletion is known to have been committed.
    let swept = r#"boxoffice_swept_rows_total{kind="request_keys"} 2499"#;
    until("they are counted", async || {
        let shown = Api::of_operators(server.running.operations_address).get("/metrics").await;
        String::from_utf8(shown.body.to_vec()).unwrap().contains(swept)
    })
    .await;
    using.commit().await.unwrap();
    one.0.stop().await;
    two.0.stop().await;
}

#[tokio::test]
async fn a_forgotten_key_makes_a_new_thing() {
    let server = TestServer::start().await;
    let api = server.signed_in_as(Role::Admin).await;
    let (path, key) = ("/api/v1/admin/venues", new_key());
    let venue = json!({ "name": "The Hall", "address": "1 High Street", "city": "Berlin", "country": "DE",
        "timeZone": "Europe/Berlin", "capacity": 5 });
    let make = async || api.send(reqwest::Method::POST, path, Some(&key), Some(&venue)).await;
    let first = make().await.created();
    assert_eq!(make().await.created(), first);
    server.client.execute("UPDATE request_keys SET began_at = now() - interval '8 days'", &[]).await.unwrap();
    assert_eq!(server.store(1).delete_leftovers(Leftover::RequestKeys, 100).await.unwrap(), 1);
    assert_ne!(make().await.created()["id"], first["id"]);
}

/// Guards: that holds which keep places stay, however old, and blocks among them; that others stay for their time.
#[tokio::test]
async fn holds_are_deleted_a_month_after_their_end() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(10)).await;
    let api = server.signed_in().await;
    api.hold(&event, &event.places(1)).await.created();
    for _ in 0..2 {
        let hold = api.hold(&event, &event.places(2)).await.created();
        assert_eq!(api.delete(&format!("/api/v1/holds/{}", hold["id"].as_str().unwrap())).await.status, 204);
    }
    let booked = api.hold(&event, &event.places(3)).await.created();
    api.book(&event, &json!({ "holdId": booked["id"] })).await.created();
    let store = server.store(1);
    let swept = async || store.delete_leftovers(Leftover::Holds, 100).await.unwrap();
    assert_eq!(swept().await, 0);
    // Made 31 days ago, by their ids as well; one of those that were given back was so yesterday.
    let age = "UPDATE holds SET updated_at = now() - interval '31 days', created_at = now() - interval '31 days',
        id = (lpad(to_hex((extract(epoch FROM now() - interval '31 days') * 1000)::bigint), 12, '0')
            || substr(replace(id::text, '-', ''), 13))::uuid";
    server.client.batch_execute(age).await.unwrap();
    let later = "UPDATE holds SET updated_at = now() - interval '1 day'
        WHERE id = (SELECT id FROM holds WHERE status = 'RELEASED' LIMIT 1)";
    server.client.batch_execute(later).await.unwrap();
    assert_eq!(swept().await, 2, "one that was given back, and the one that was booked");
    let statuses = "SELECT string_agg(status::text, ' ' ORDER BY status::text) FROM holds";
    let left: String = server.client.query_one(statuses, &[]).await.unwrap().get(0);
    assert_eq!(left, "ACTIVE RELEASED");
}

/// Guards: the index of each kind. A table from end to end every ten minutes would be worse than the rows.
#[tokio::test]
async fn what_is_over_is_found_by_an_index() {
    let server = TestServer::start().await;
    server.client.batch_execute("SET enable_seqscan = off").await.unwrap();
    for (table, index, condition) in [
        ("sessions", "sessions_expires_idx", "expires_at < now() ORDER BY expires_at"),
        ("one_time_tokens", "one_time_tokens_expires_idx", "expires_at < now() ORDER BY expires_at"),
        ("request_keys", "request_keys_began_idx", "began_at < now() ORDER BY began_at"),
        ("holds", "holds_pkey", "id < gen_random_uuid() AND status <> 'ACTIVE' ORDER BY id"),
    ] {
        let explain = format!("EXPLAIN SELECT 1 FROM {table} WHERE {condition} LIMIT 1000 FOR UPDATE SKIP LOCKED");
        let plan = server.client.query(&explain, &[]).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:#?}");
    }
}
