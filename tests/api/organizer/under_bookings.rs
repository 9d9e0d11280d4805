//! An organizer's change against a booking that is under way: the versions move first, then the change looks, then it writes. Each test
//! lets a commit of another node be on its way, in the order of `ledger_commit`, when the change comes: the change waits, and sees it.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::{OWN, drafted, organizer, places, published, seat_maps::layout, seated::Seated};
use crate::support::{Answer, Api, TestServer, until};

/// What a commit of another node writes before it is through: one place of `kind`, held or booked by nobody in particular.
struct Written {
    event: Uuid,
    kind: Uuid,
    is_hold: bool,
}

async fn write(commit: &Transaction<'_>, written: &Written) -> Uuid {
    let Written { event, kind, is_hold } = written;
    let id = Uuid::now_v7();
    let account: Uuid = commit.query_one("SELECT id FROM accounts ORDER BY id DESC LIMIT 1", &[]).await.unwrap().get(0);
    let column = if *is_hold { "held" } else { "sold" };
    let counted = format!(
        "UPDATE quotas SET {column} = {column} + 1, version = version + 1 WHERE id = (SELECT quota_id FROM ticket_types WHERE id = $1)"
    );
    commit.execute(&counted, &[kind]).await.unwrap();
    commit.execute("UPDATE ticket_types SET ever_taken = true WHERE id = $1", &[kind]).await.unwrap();
    let key = id.to_string();
    if *is_hold {
        let hold = "INSERT INTO holds (id, event_id, account_id, status, items, total, currency, idempotency_key, fingerprint,
                expires_at, created_at, updated_at)
            SELECT $1, $2, $3, 'ACTIVE', jsonb_build_array(jsonb_build_object('ticket_type_id', id, 'quota_id', quota_id, 'price', '0')),
                0, 'EUR', $5, $1, now() + interval '10 minutes', now(), now() FROM ticket_types WHERE id = $4";
        commit.execute(hold, &[&id, event, &account, kind, &key]).await.unwrap();
        return id;
    }
    let booking =
        "INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency, idempotency_key,
            fingerprint, created_at, updated_at)
        VALUES ($1, $2, $3, 'CONFIRMED', 1, 0, 0, 0, 'EUR', $4, $1, now(), now())";
    commit.execute(booking, &[&id, event, &account, &key]).await.unwrap();
    let item = "INSERT INTO booking_items (booking_id, position, ticket_type_id, price) VALUES ($1, 0, $2, 0)";
    commit.execute(item, &[&id, kind]).await.unwrap();
    id
}

/// The change's answer, when the commit lands while it waits.
async fn under(server: &TestServer, written: Written, change: impl Future<Output = Answer>) -> Answer {
    let mut elsewhere = server.db.connect().await;
    let commit = elsewhere.transaction().await.unwrap();
    write(&commit, &written).await;
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let lands = async {
        until("the change waits", async || server.client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1)
            .await;
        commit.commit().await.unwrap();
    };
    tokio::join!(change, lands).0
}

async fn changed(api: &Api, method: Method, path: String, body: Value) -> Answer {
    let body = Some(&body).filter(|body| !body.is_null());
    api.send_with(method, &path, &[("if-match", "*")], body).await
}

/// Guards: `move_versions` before the look, in each change of a ticket type. Without it, the type moves to a quota that then sells
/// what its former one has sold.
#[tokio::test]
async fn a_type_that_is_taken_at_the_same_moment_stays_with_its_quota() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    for is_hold in [false, true] {
        let (event, _, kind) = published(&server, &api, 10).await;
        let path = format!("{OWN}/{event}");
        let other = api.post(&format!("{path}/quotas"), &json!({ "name": "Other", "capacity": 10 })).await.created();
        let body = json!({ "quotaId": other["id"] });
        let change = changed(&api, Method::PATCH, format!("{path}/ticket-types/{kind}"), body);
        under(&server, Written { event, kind, is_hold }, change).await.problem(409, "RESOURCE_005");
    }
    server.audit().await;
}

/// Guards: the same in the deletion, where a hold could not be booked any more.
#[tokio::test]
async fn a_type_that_is_taken_at_the_same_moment_is_not_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    for is_hold in [false, true] {
        let (event, quota, kind) = published(&server, &api, 10).await;
        let types = format!("{OWN}/{event}/ticket-types");
        // The last one of a published event would stay anyway.
        let price = json!({ "amount": "0", "currency": "EUR" });
        api.post(&types, &json!({ "name": "Child", "quotaId": quota, "price": price })).await.created();
        let change = changed(&api, Method::DELETE, format!("{types}/{kind}"), Value::Null);
        under(&server, Written { event, kind, is_hold }, change).await.problem(409, "RESOURCE_005");
    }
    server.audit().await;
}

/// Guards: the same in the steps. No booking is ever one of a draft.
#[tokio::test]
async fn an_event_that_is_booked_at_the_same_moment_is_not_unpublished() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    for is_hold in [false, true] {
        let (event, _, kind) = published(&server, &api, 10).await;
        let change = changed(&api, Method::POST, format!("{OWN}/{event}/unpublish"), Value::Null);
        under(&server, Written { event, kind, is_hold }, change).await.problem(409, "EVENT_001");
    }
}

/// Guards: that a cancelled event counts its bookings under the versions that have moved.
#[tokio::test]
async fn a_booking_of_the_same_moment_is_cancelled_with_its_event() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 10).await;
    let change = changed(&api, Method::POST, format!("{OWN}/{event}/cancel"), Value::Null);
    let cancelled = under(&server, Written { event, kind, is_hold: false }, change).await.ok();
    assert_eq!(cancelled["cancellation"]["total"], 1);
    until("it is cancelled", async || api.get(&format!("{OWN}/{event}")).await.ok()["cancellation"]["done"] == 1).await;
    assert_eq!(places(&server.api, event).await, (0, 0, 0), "nothing is taken, and nothing can be bought");
    server.audit().await;
}

/// Guards: the same for capacity.
#[tokio::test]
async fn capacity_does_not_fall_below_what_is_taken_at_the_same_moment() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, kind) = published(&server, &api, 10).await;
    let path = format!("{OWN}/{event}/quotas/{quota}");
    let change = changed(&api, Method::PATCH, path, json!({ "capacity": 0 }));
    under(&server, Written { event, kind, is_hold: false }, change).await.problem(409, "EVENT_002");
}

/// Guards: the same for drafts, which have blocks.
#[tokio::test]
async fn a_draft_that_is_blocked_at_the_same_moment_is_not_deleted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = drafted(&server, &api, 10).await;
    let change = changed(&api, Method::DELETE, format!("{OWN}/{event}"), Value::Null);
    under(&server, Written { event, kind, is_hold: true }, change).await.problem(409, "EVENT_001");
    server.audit().await;
}

/// Guards: the triggers behind all of that. Anyone who writes past the repository is refused as well.
#[tokio::test]
async fn the_database_keeps_what_was_taken_where_it_is_counted() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let of = Seated::of(&server, &api, &layout(&[("Stalls", "A", 2), ("Balcony", "A", 2)])).await;
    let seat = of.seats(&api).await["Stalls/A/1"].0;
    of.ask(&server.signed_in().await, "bookings", 0, seat).await.created();
    let (taken, free) = (of.kinds[0], of.kinds[1]);
    let refused = async |statements: String| {
        let error = server.client.batch_execute(&statements).await.expect_err(&statements);
        server.client.batch_execute("ROLLBACK").await.unwrap();
        error.as_db_error().unwrap().constraint().unwrap_or_default().to_owned()
    };
    let sections = |of: Uuid| format!("(SELECT section_id FROM ticket_type_sections WHERE ticket_type_id = '{of}')");
    let given = format!("INSERT INTO ticket_type_sections SELECT '{taken}', section_id FROM {} AS s", sections(free));
    assert_eq!(refused(given).await, "ticket_type_sections_taken_check");
    let lost = format!("DELETE FROM ticket_type_sections WHERE ticket_type_id = '{taken}'");
    assert_eq!(refused(lost).await, "ticket_type_sections_taken_check");
    let other = format!(
        "INSERT INTO quotas (id, event_id, name, capacity) SELECT '{}', id, 'Other', 10 FROM events",
        Uuid::now_v7()
    );
    server.db.execute(&other).await;
    let moved =
        format!("UPDATE ticket_types SET quota_id = (SELECT id FROM quotas WHERE name = 'Other') WHERE id = '{taken}'");
    assert_eq!(refused(moved).await, "ticket_types_taken_check");
    assert_eq!(refused(format!("DELETE FROM ticket_types WHERE id = '{taken}'")).await, "booking_items_ticket_type_id");
    assert_eq!(refused("UPDATE events SET seat_map_version_id = NULL".to_owned()).await, "events_taken_map_check");
    assert_eq!(refused("DELETE FROM events".to_owned()).await, "bookings_event_id");
    // What was never taken goes where it likes, and a taken one loses a section with its version.
    server.db.execute(&format!("DELETE FROM ticket_type_sections WHERE ticket_type_id = '{free}'")).await;
    server.audit().await;
}
