//! What is not public yet tells other people nothing, and keeps nothing from them.

use domain::{
    accounts::Role,
    management::{events::DRAFTS_MAX, seat_maps::SEATS_OF_ORGANIZER_MAX},
};
use serde_json::json;
use uuid::Uuid;

use super::{OWN, account, act, admin, draft, organizer, published};
use crate::support::{TestServer, client::uuid};

async fn tag(server: &TestServer, slug: &str) {
    let insert = "INSERT INTO tags (id, slug, name) VALUES (gen_random_uuid(), $1, $1)";
    server.client.execute(insert, &[&slug]).await.unwrap();
}

/// Guards: that only words of public events are learnt for other spellings.
#[tokio::test]
async fn the_words_of_a_draft_are_no_spelling_until_it_is_public() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let known = "SELECT count(*) FROM search_terms WHERE term LIKE 'zorbla%'";
    let (event, ..) = published(&server, &api, 10).await;
    let before = server.api.get("/api/v1/events?limit=1&q=evening%20or%20zorblaxib").await.ok();

    tag(&server, "zorblatag").await;
    let mut body = draft(&server).await;
    body["title"] = json!("Zorblaxia Evening");
    body["tags"] = json!(["zorblatag"]);
    let made = api.post(OWN, &body).await.created();
    assert_eq!(server.db.number(known, &[]).await, 0, "a draft's words");
    let after = server.api.get("/api/v1/events?limit=1&q=evening%20or%20zorblaxib").await.ok();
    assert_eq!(before["pagination"], after["pagination"]);

    let publish = "UPDATE events SET status = 'PUBLISHED' WHERE id = $1";
    server.client.execute(publish, &[&uuid(&made["id"])]).await.unwrap();
    assert_eq!(server.db.number(known, &[]).await, 2, "a public event's words");
    // So are those that come later.
    let rename = "UPDATE events SET title = 'Zorblamania' WHERE id = $1";
    server.client.execute(rename, &[&event]).await.unwrap();
    assert_eq!(server.db.number(known, &[]).await, 3);
}

/// Guards: that an organizer counts no drafts but the own.
#[tokio::test]
async fn the_numbers_of_events_say_nothing_of_other_peoples_drafts() {
    let server = TestServer::start().await;
    let (mine, other, admin) = (organizer(&server).await, organizer(&server).await, admin(&server).await);
    tag(&server, "secret-tour").await;
    let mut body = draft(&server).await;
    body["tags"] = json!(["secret-tour"]);
    mine.post(OWN, &body).await.created();
    for (list, slug) in [("tags", "secret-tour"), ("categories", "concert")] {
        let mut counted = Vec::new();
        for (api, prefix) in [(&mine, "organizer"), (&other, "organizer"), (&admin, "admin")] {
            let words = api.get(&format!("/api/v1/{prefix}/{list}?limit=100")).await.ok();
            let found = words["data"].as_array().unwrap().iter().find(|word| word["slug"] == slug).unwrap().clone();
            counted.push(found["events"].as_u64().unwrap());
        }
        assert_eq!(counted, [1, 0, 1], "{list}");
    }
}

/// Guards: `check_drafts`. A copy and a series make drafts as well.
#[tokio::test]
async fn an_organizer_has_so_many_drafts_and_no_more() {
    let server = TestServer::start().await;
    let me = account(&server, Role::Organizer).await;
    let api = server.api.of(&me);
    let made = api.post(OWN, &draft(&server).await).await.created();
    let many = "INSERT INTO events (id, slug, organizer_id, venue_id, title, summary, description, category, starts_at, ends_at,
            time_zone, currency, sale_starts_at, sale_ends_at)
        SELECT gen_random_uuid(), 'many-' || n, organizer_id, venue_id, title, summary, description, category, starts_at,
            ends_at, time_zone, currency, sale_starts_at, sale_ends_at
        FROM events, generate_series(2, $1::bigint) AS n WHERE slug NOT LIKE 'many-%'";
    server.client.batch_execute("SET boxoffice.event_listings = 'later'").await.unwrap();
    server.client.execute(many, &[&DRAFTS_MAX]).await.unwrap();
    let too_many = [(String::new(), "TOO_MANY_DRAFTS".to_owned())];
    let body = draft(&server).await;
    assert_eq!(api.post(OWN, &body).await.faults(), too_many);
    let copy = json!({ "startsAt": body["startsAt"] });
    let copies = format!("{OWN}/{}/duplicate", made["id"].as_str().unwrap());
    assert_eq!(api.post(&copies, &copy).await.faults(), too_many);
    let drafts = "SELECT count(*) FROM events WHERE organizer_id = $1";
    assert_eq!(server.db.number(drafts, &[&me.id]).await, DRAFTS_MAX);
    // Somebody else's are not counted, nor is what is public.
    organizer(&server).await.post(OWN, &body).await.created();
    server.client.execute("UPDATE events SET status = 'PUBLISHED' WHERE slug = 'many-2'", &[]).await.unwrap();
    api.post(OWN, &body).await.created();
}

/// Guards: `check_seats`, over all versions of all maps.
#[tokio::test]
async fn an_organizer_draws_so_many_seats_and_no_more() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let venue = uuid(&draft(&server).await["venueId"]);
    let map = |name: &str| {
        let rows = json!([{ "label": "1", "seats": [{ "label": "1" }, { "label": "2" }] }]);
        json!({ "name": name, "venueId": venue, "layout": { "sections": [{ "name": "Floor", "rows": rows }] } })
    };
    const MAPS: &str = "/api/v1/organizer/seat-maps";
    let made = api.post(MAPS, &map("First")).await.created();
    let row = "SELECT r.id FROM seat_rows r JOIN sections c ON c.id = r.section_id WHERE c.seat_map_version_id = $1";
    let row: Uuid = server.client.query_one(row, &[&uuid(&made["id"])]).await.unwrap().get(0);
    let many = "INSERT INTO seats (id, row_id, label, position) SELECT gen_random_uuid(), $1, n::text, n
        FROM generate_series(3, $2::int) AS n";
    let all = i32::try_from(SEATS_OF_ORGANIZER_MAX).unwrap();
    server.client.execute(many, &[&row, &(all - 2)]).await.unwrap();
    api.post(MAPS, &map("Second")).await.created();
    let too_many = [("sections".to_owned(), "TOO_MANY_SEATS".to_owned())];
    assert_eq!(api.post(MAPS, &map("Third")).await.faults(), too_many);
    organizer(&server).await.post(MAPS, &map("Somebody else's")).await.created();
}

/// A step that makes an event public is remembered: printed links go on leading to it.
#[tokio::test]
async fn what_was_public_once_keeps_its_names() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = published(&server, &api, 10).await;
    act(&api, event, "unpublish").await.ok();
    for slug in ["first-name", "second-name"] {
        server.client.execute("UPDATE events SET slug = $2 WHERE id = $1", &[&event, &slug]).await.unwrap();
    }
    assert_eq!(server.db.number("SELECT count(*) FROM former_event_slugs WHERE slug = 'first-name'", &[]).await, 1);
}
