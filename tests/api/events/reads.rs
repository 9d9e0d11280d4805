//! Reads of the catalogue: what is not sent again, and how often the database is asked.

use uuid::Uuid;

use crate::support::{EventBuilder, TestServer, client::uuid, events::in_seconds};

/// What has not changed is not sent again.
#[tokio::test]
async fn a_read_that_is_asked_about_again_is_answered_without_a_body() {
    let server = TestServer::start().await;
    let event = server.event(EventBuilder::ga(5).tag("Jazz")).await;
    let http = reqwest::Client::new();
    let kept = "public, max-age=5";
    for (path, cache_control) in [
        ("/api/v1/events".to_owned(), kept),
        // What is left changes with every booking.
        ("/api/v1/events?available=true".to_owned(), "no-cache"),
        (format!("/api/v1/events/{}", event.id), kept),
        ("/api/v1/venues".to_owned(), kept),
        (format!("/api/v1/venues/{}", event.venue), kept),
        ("/api/v1/categories".to_owned(), kept),
        ("/api/v1/tags".to_owned(), kept),
        ("/api/v1/settings".to_owned(), kept),
    ] {
        let fresh = server.api.get(&path).await;
        let tag = fresh.header("etag").unwrap_or_else(|| panic!("{path} has no ETag")).to_owned();
        assert_eq!(fresh.header("cache-control"), Some(cache_control), "{path}");
        let ask = async |tag: &str| {
            let url = format!("http://{}{path}", server.running.address);
            http.get(url).header("if-none-match", tag).send().await.unwrap()
        };
        let again = ask(&tag).await;
        assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, &*tag), "{path}");
        assert_eq!(again.bytes().await.unwrap().len(), 0);
        assert_eq!(ask("\"another\"").await.status(), 200, "{path}");
    }
}

/// No N+1: however long a page is, so many statements.
#[tokio::test]
async fn a_request_asks_the_database_a_fixed_number_of_times() {
    let server = TestServer::start().await;
    let mut last = None;
    for hour in 1..=30 {
        let builder = EventBuilder::ga(5).tag("Jazz").tag("Late").and_ga("Dear", 5).starts_at(in_seconds(hour * 3600));
        last = Some(server.event(builder).await);
    }
    let event = last.unwrap();
    let (series, repeated) = (Uuid::now_v7(), server.event(EventBuilder::ga(5)).await.id);
    let statement = "UPDATE events SET series_id = $1 WHERE id = $2 OR starts_at < now() + interval '20 hours'";
    server.client.execute(statement, &[&series, &repeated]).await.unwrap();
    let statistics = server.db.connect_as_superuser().await;
    statistics.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await.unwrap();
    let ids: Vec<String> = {
        let page = server.api.get("/api/v1/events").await.ok();
        page["data"].as_array().unwrap().iter().map(|event| uuid(&event["id"]).to_string()).collect()
    };
    assert_eq!(ids.len(), 20);
    for (path, statements) in [
        // When the next one ends, for what is kept; the page, which tells its total.
        ("/api/v1/events?limit=100".to_owned(), 2),
        // And the count.
        ("/api/v1/events?limit=2".to_owned(), 3),
        ("/api/v1/events?limit=20&q=evening&sort=price&tag=jazz&minPrice=0&maxPrice=9&available=true".to_owned(), 2),
        // The count; other spellings, the count of these, the page.
        ("/api/v1/events?limit=100&q=evenign".to_owned(), 5),
        ("/api/v1/events?limit=100&q=evening".to_owned(), 3),
        // The event with its venue and tags, its ticket types.
        (format!("/api/v1/events/{}", event.id), 2),
        (format!("/api/v1/events/{}", event.slug), 2),
        // And the next occurrences of its series, however many.
        (format!("/api/v1/events/{repeated}"), 3),
        (format!("/api/v1/events?limit=100&seriesId={series}"), 2),
        (format!("/api/v1/availability?eventIds={}", ids.join(",")), 1),
        ("/api/v1/venues?limit=100".to_owned(), 1),
        (format!("/api/v1/venues/{}", event.venue), 1),
        ("/api/v1/categories".to_owned(), 2),
        ("/api/v1/tags".to_owned(), 2),
    ] {
        statistics.batch_execute("SELECT pg_stat_statements_reset()").await.unwrap();
        server.api.get(&path).await.ok();
        // What the engine and the outbox ask meanwhile is about other tables; who compares counters with rows, about one of these.
        let count =
            "SELECT coalesce(sum(calls), 0)::int8 FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
             WHERE d.datname = current_database() AND query ~ '(event_listings|search_terms|venues|ticket_types|tags)'
                AND query !~ 'counted_held'";
        let asked: i64 = statistics.query_one(count, &[]).await.unwrap().get(0);
        assert_eq!(asked, statements, "{path}");
    }
}
