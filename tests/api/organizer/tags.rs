//! Tags are changed and deleted while events get and lose them.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{OWN, admin, drafted, judged_first::perhaps_metric, organizer};
use crate::support::{TestServer, until};

/// Guards: the order (tag, event) of `tags.rs`, and that listings are refreshed at the end. Of those who meet, one waits for the other:
/// nobody is refused, and no transaction has to be run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_are_deleted_and_renamed_while_events_get_and_lose_them() {
    const ROUNDS: usize = 40;
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    // Of a revision nobody is told: a tag that is renamed moves that of its events.
    let any = api.with_header("if-match", "*");
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(format!("{OWN}/{}", drafted(&server, &api, 5).await.0));
    }
    let slugs = ["blues", "jazz", "soul"];
    let is_over = AtomicBool::new(false);
    let retag = events.iter().enumerate().map(|(of, path)| {
        let (any, is_over) = (&any, &is_over);
        async move {
            for round in of.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let tags: Vec<_> = slugs.iter().cycle().skip(round % 3).take(1 + round % 3).collect();
                let answer = any.patch(path, &json!({ "tags": tags, "title": format!("Evening {round}") })).await;
                // A tag that is not there at the moment.
                assert!(answer.status == 200 || answer.faults()[0].0 == "tags", "{answer:?}");
            }
        }
    });
    let edit = async {
        for round in 0..ROUNDS {
            let slug = slugs[round % 3];
            let body = json!({ "slug": slug, "name": slug });
            let added = boss.post("/api/v1/admin/tags", &body).await;
            assert!([201, 409].contains(&added.status), "{added:?}");
            let path = format!("/api/v1/admin/tags/{slug}");
            boss.change(&path, &json!({ "name": format!("{slug} {round}") })).await.ok();
            if round % 4 > 0 {
                assert_eq!(boss.delete(&path).await.status, 204);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(futures_util::future::join_all(retag), edit);
    let retries = perhaps_metric(&server, "boxoffice_transaction_retries_total").await;
    assert!(retries.is_none_or(|count| count < 1.0), "nobody met anybody the wrong way round: {retries:?}");
    let strays = "SELECT count(*) FROM event_listings l WHERE l.tags IS DISTINCT FROM coalesce((SELECT array_agg(t.slug ORDER BY t.slug)
        FROM event_tags x JOIN tags t ON t.id = x.tag_id WHERE x.event_id = l.event_id), '{}')";
    assert_eq!(server.db.number(strays, &[]).await, 0, "listings say what the events have");
}

/// Guards: that listings come last. The deletion of a tag has its events and waits for the first of their listings, which
/// somebody else has, when one of the events loses the tag: that waits as well, and has no listing yet.
#[tokio::test]
async fn an_event_that_loses_a_tag_which_is_being_deleted_waits_for_that() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    boss.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
    let mut events = Vec::new();
    for _ in 0..2 {
        let event = drafted(&server, &api, 5).await.0;
        api.change(&format!("{OWN}/{event}"), &json!({ "tags": ["jazz"] })).await.ok();
        events.push(event);
    }
    let mut elsewhere = server.db.connect().await;
    let reads = elsewhere.transaction().await.unwrap();
    reads.execute("SELECT 1 FROM event_listings WHERE event_id = $1 FOR UPDATE", &[&events[0]]).await.unwrap();
    let waiting = async |count: i64| {
        let statement =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("they wait", async || server.client.query_one(statement, &[]).await.unwrap().get::<_, i64>(0) == count)
            .await;
    };
    let path = format!("{OWN}/{}", events[1]);
    let (deleted, changed, ()) = tokio::join!(
        boss.delete("/api/v1/admin/tags/jazz"),
        async {
            waiting(1).await;
            api.with_header("if-match", "*").patch(&path, &json!({ "title": "Without", "tags": [] })).await
        },
        async {
            waiting(2).await;
            reads.rollback().await.unwrap();
        }
    );
    assert_eq!((deleted.status, changed.status), (204, 200), "{deleted:?} {changed:?}");
    let retries = perhaps_metric(&server, "boxoffice_transaction_retries_total").await;
    assert!(retries.is_none_or(|count| count < 1.0), "{retries:?}");
}
