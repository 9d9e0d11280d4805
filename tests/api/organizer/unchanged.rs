//! What is sent as it is stored is not judged by the rules of today, and what was never said is not said by a copy.

use jiff::Timestamp;
use serde_json::json;

use super::{OWN, admin, drafted, organizer, series::series};
use crate::support::{TestServer, events::in_seconds};

/// A text that is refused, because nobody can see it.
const UNSEEN: &str = "\u{200b}\u{200b}";

/// Guards: `FieldErrors::line`, where a tag is renamed and where texts of a series are changed.
#[tokio::test]
async fn stored_texts_that_are_sent_unchanged_stay() {
    let server = TestServer::start().await;
    let (api, boss) = (organizer(&server).await, admin(&server).await);
    for (list, table) in [("tags", "tags"), ("categories", "categories")] {
        let list = format!("/api/v1/admin/{list}");
        boss.post(&list, &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
        server.db.execute(&format!("UPDATE {table} SET name = '{UNSEEN}' WHERE slug = 'jazz'")).await;
        let rename = async |name: &str| boss.change(&format!("{list}/jazz"), &json!({ "name": name })).await;
        assert_eq!(rename(UNSEEN).await.ok()["name"], UNSEEN, "{list}");
        assert_eq!(rename(&format!("{UNSEEN}\u{200b}")).await.faults()[0].0, "name", "{list}");
    }
    let (path, events) = series(&server, &api, 2).await;
    server.db.execute(&format!("UPDATE events SET title = '{UNSEEN}', category = 'x'")).await;
    let path = format!("{path}/occurrences/{}", events[0]);
    let change = json!({ "title": UNSEEN, "summary": "In short" });
    let any = api.with_header("if-match", "*");
    assert_eq!(any.patch(&path, &change).await.ok()["occurrences"][1]["outcome"], "CHANGED");
    for event in events {
        let shown = api.get(&format!("{OWN}/{event}")).await.ok();
        assert_eq!((&shown["title"], &shown["summary"]), (&json!(UNSEEN), &json!("In short")));
    }
    assert_eq!(any.patch(&path, &json!({ "title": "\u{200b}\u{200b}\u{200b}" })).await.faults()[0].0, "title");
}

/// Guards: `at_once`. A sale that has begun at some date, and is then said to begin at once, has no date that a copy could shift.
#[tokio::test]
async fn a_sale_that_is_said_to_begin_at_once_does_so_in_copies() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, ..) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let at_once = api.change(&path, &json!({ "saleStartsAt": null })).await.ok();
    let again = api.change(&path, &json!({ "saleStartsAt": null })).await.ok();
    assert_eq!(again["updatedAt"], at_once["updatedAt"], "it is so already");
    let before = Timestamp::now();
    let copy = api.post(&format!("{path}/duplicate"), &json!({ "startsAt": in_seconds(90 * 86_400) })).await.created();
    let opens: Timestamp = copy["saleStartsAt"].as_str().unwrap().parse().unwrap();
    assert!(before.as_second() <= opens.as_second() && opens <= Timestamp::now(), "{opens} {before}");
}
