//! The bookings of an event, for its organizer.

use reqwest::Method;
use serde_json::{Value, json};

use super::{OWN, book, organizer, published};
use crate::{
    events::{assert_parameters_are_checked, walk},
    support::TestServer,
};

#[tokio::test]
async fn bookings_are_found_by_reference_name_and_address() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 50).await;
    let buyers = server.buyers(3).await;
    let mut booked = Vec::new();
    for buyer in &buyers {
        booked.push(book(&server.api.of(buyer), event, kind, 2).await.created());
    }
    let rename = "UPDATE profiles SET name = 'Grace_Hopper' WHERE account_id = $1";
    server.client.execute(rename, &[&buyers[1].id]).await.unwrap();
    server.api.of(&buyers[2]).delete(&format!("/api/v1/bookings/{}", booked[2]["id"].as_str().unwrap())).await.ok();
    let list = format!("{OWN}/{event}/bookings");
    let found = async |query: &str| {
        let page = api.get(&format!("{list}?{query}")).await.ok();
        let entries = page["data"].as_array().unwrap();
        assert_eq!(page["pagination"]["total"], entries.len(), "{query}");
        entries.iter().map(|of| of["reference"].clone()).collect::<Vec<_>>()
    };
    let reference = |index: usize| booked[index]["reference"].clone();
    assert_eq!(found("").await, [reference(2), reference(1), reference(0)], "newest first");
    assert_eq!(found("q=grace_h").await, [reference(1)]);
    assert_eq!(found(&format!("q={}%40tests", buyers[0].id)).await, [reference(0)]);
    assert_eq!(found(&format!("q={}", reference(2).as_str().unwrap().to_lowercase())).await, [reference(2)]);
    assert_eq!(found("status=CANCELLED").await, [reference(2)]);
    assert_eq!(found("status=CANCELLED&q=grace").await, [] as [Value; 0]);
    let page = api.get(&format!("{list}?q=grace")).await.ok();
    let expected = json!({ "name": "Grace_Hopper", "email": format!("{}@tests.example", buyers[1].id) });
    assert_eq!((&page["data"][0]["guest"], &page["data"][0]["items"].as_array().unwrap().len()), (&expected, &2));
    assert_eq!(walk(&api, &list, 2, async || {}).await.len(), 3);
    assert_parameters_are_checked(&api, &list, "00").await;
    assert_eq!(api.get(&format!("{list}?status=NEW")).await.faults()[0].0, "status");
}

/// Guards: the portions of `export`, its quoting, and its refusal of formulas.
#[tokio::test]
async fn all_bookings_come_as_csv() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, _, kind) = published(&server, &api, 5000).await;
    let buyer = server.buyer().await;
    let mine = book(&server.api.of(&buyer), event, kind, 2).await.created();
    let rename = "UPDATE profiles SET name = $2 WHERE account_id = $1";
    server.client.execute(rename, &[&buyer.id, &"=cmd(\"x\"), Ada"]).await.unwrap();
    // More than two portions, as the ledger would have them.
    let many =
        "WITH made AS (INSERT INTO bookings (id, event_id, account_id, status, quantity, fees, tax, total, currency,
            idempotency_key, fingerprint, created_at, updated_at)
        SELECT gen_random_uuid(), $1, $2, 'CONFIRMED', 1, 0, 0, 0, 'EUR', n::text, gen_random_uuid(), now(), now()
        FROM generate_series(1, 1100) AS n RETURNING id)
        INSERT INTO booking_items (booking_id, position, ticket_type_id, price) SELECT id, 0, $3, 0 FROM made";
    server.client.execute(many, &[&event, &buyer.id, &kind]).await.unwrap();
    let path = format!("{OWN}/{event}/bookings");
    let csv = async |path: &str| api.send_with(Method::GET, path, &[("accept", "text/csv")], None).await;
    let answer = csv(&path).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("text/csv"));
    assert!(answer.header("content-disposition").unwrap().contains(".csv"));
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!((lines.len(), lines[lines.len() - 1]), (1 + 1102 + 1, ""));
    assert!(lines[0].starts_with("reference,status,created_at,name,email,ticket_type"));
    let own: Vec<_> = lines.iter().filter(|line| line.starts_with(&format!("{},", mine["reference"]))).collect();
    assert_eq!(own.len(), 2, "one line a place");
    assert!(own[0].contains(",\"'=cmd(\"\"x\"\"), Ada\","), "{}", own[0]);
    assert!(own[0].contains(r#","Adult","","","","0.00","EUR","#), "every field is quoted: {}", own[0]);
    let unique: std::collections::HashSet<&&str> = lines[1..lines.len() - 1].iter().collect();
    assert_eq!(unique.len(), 1101, "none twice but the two places of one booking");
    let cancelled = csv(&format!("{path}?status=CANCELLED")).await;
    assert_eq!(String::from_utf8_lossy(&cancelled.body).lines().count(), 1);
    csv(&format!("{path}?limit=5")).await.faults();
    assert_eq!(api.send_with(Method::GET, &path, &[("accept", "image/png")], None).await.status, 406);
}
