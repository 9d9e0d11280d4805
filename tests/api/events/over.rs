//! What is over, in lists of events and in counts.

use serde_json::json;

use crate::{
    events::search::titles,
    events::walk,
    support::{EventBuilder, TestServer, events::in_seconds},
};

/// Events that are over, on, and to come; the festival has begun and goes on.
async fn past_present_and_future(server: &TestServer) {
    for (title, starts, hours) in [
        ("Long ago", -9000, 2),
        ("Over", -30, 2),
        ("Just over", -3, 2),
        ("Exhibition", -4000, 5000),
        ("Festival", -30, 60),
        ("Tonight", 3, 2),
        ("Next month", 700, 2),
    ] {
        let builder =
            EventBuilder::ga(5).title(title).starts_at(in_seconds(starts * 3600)).tag("Jazz").category("dance");
        let event = server.event(builder.city("Ulm")).await;
        let ends = "UPDATE events SET ends_at = starts_at + make_interval(hours => $2) WHERE id = $1";
        server.client.execute(ends, &[&event.id, &hours]).await.unwrap();
    }
}

/// Guards: `leaves_out_what_is_over`, and where a walk along the beginnings begins.
#[tokio::test]
async fn what_is_over_is_left_out_unless_somebody_asks_for_a_time() {
    let server = TestServer::start().await;
    past_present_and_future(&server).await;
    let now = in_seconds(0);
    let (current, all) = (
        ["Exhibition", "Festival", "Tonight", "Next month"],
        ["Long ago", "Exhibition", "Over", "Festival", "Just over", "Tonight", "Next month"],
    );
    for query in ["", "city=ulm", "category=dance", "tag=jazz", "available=false", "q=ulm&sort=startsAt", "q=jazz"] {
        assert_eq!(titles(&server.api, query).await, current, "{query}");
    }
    assert_eq!(titles(&server.api, "sort=title").await.len(), 4);
    let total = server.api.get("/api/v1/events?limit=2").await.ok()["pagination"]["total"].clone();
    assert_eq!(total, 4);
    for query in ["from=2001-01-01", "to=2999-01-01", "endsFrom=2001-01-01", "endsTo=2999-01-01"] {
        assert_eq!(titles(&server.api, query).await, all, "{query}");
    }
    // What is on now, and what a festival-goer of yesterday may still see.
    assert_eq!(titles(&server.api, &format!("endsFrom={now}&to={now}")).await, ["Exhibition", "Festival"]);
    assert_eq!(titles(&server.api, &format!("endsFrom={now}")).await, current);
    assert_eq!(titles(&server.api, &format!("endsTo={now}&sort=-startsAt")).await, ["Just over", "Over", "Long ago"]);
    let (yesterday, later) = (in_seconds(-29 * 3600), in_seconds(31 * 3600));
    assert_eq!(titles(&server.api, &format!("endsFrom={yesterday}&endsTo={now}")).await, ["Over", "Just over"]);
    assert_eq!(titles(&server.api, &format!("endsFrom={now}&endsTo={later}")).await, ["Festival", "Tonight"]);
    // By cursor the same list goes on.
    let seen = walk(&server.api, "/api/v1/events", 1, async || {}).await;
    assert_eq!(seen.iter().map(|of| of["title"].as_str().unwrap()).collect::<Vec<_>>(), current);
}

#[tokio::test]
async fn facets_count_what_is_not_over() {
    let server = TestServer::start().await;
    past_present_and_future(&server).await;
    for (list, slug) in [("categories", "dance"), ("tags", "jazz")] {
        let facets = server.api.get(&format!("/api/v1/{list}")).await.ok();
        assert_eq!((&facets["data"][0]["slug"], &facets["data"][0]["events"]), (&json!(slug), &json!(4)), "{list}");
    }
    server.db.execute("UPDATE events SET ends_at = now() - interval '1 minute' WHERE starts_at < now()").await;
    let status = "UPDATE events SET status = 'ARCHIVED' WHERE title = 'Over'; UPDATE events SET status = 'CANCELLED' WHERE title <> 'Over'";
    server.client.batch_execute(status).await.unwrap();
    assert_eq!(titles(&server.api, "status=ARCHIVED").await, ["Over"], "what is archived is over");
    assert_eq!(titles(&server.api, "status=CANCELLED").await, ["Tonight", "Next month"]);
    assert_eq!(titles(&server.api, "status=CANCELLED&from=2001-01-01").await.len(), 6);
}

/// Guards: the end in the listing, no matter who changes it and however the listing was made.
#[tokio::test]
async fn a_listing_knows_when_its_event_ends() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5).title("Before")).await;
    let differ =
        "SELECT count(*) FROM event_listings l JOIN events e ON e.id = l.event_id WHERE l.ends_at <> e.ends_at";
    for change in [
        "UPDATE events SET ends_at = ends_at + interval '1 day'",
        "UPDATE events SET ends_at = ends_at + interval '1 day', title = 'After'",
        "BEGIN; SET LOCAL boxoffice.event_listings = 'later'; UPDATE events SET ends_at = ends_at + interval '1 hour'; \
            SELECT refresh_event_listings(ARRAY(SELECT id FROM events)); COMMIT",
    ] {
        server.client.batch_execute(change).await.unwrap();
        assert_eq!(server.db.number(differ, &[]).await, 0, "{change}");
    }
    assert_eq!(server.db.number("SELECT count(*) FROM event_listings WHERE event_id = $1", &[&event.id]).await, 1);
}
