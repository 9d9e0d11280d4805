//! The books of an event, and receipts.

use serde_json::{Value, json};

use super::{OWN, Stage, euros, items, own};

fn amounts<'a>(statement: &'a Value, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| statement[*name]["amount"].as_str().unwrap()).collect()
}

/// Guards: each number of the statement, and that its file has the same by bookings.
#[tokio::test]
async fn an_organizer_sees_what_an_event_has_earned() {
    let stage = Stage::at("100.00").await;
    let fee = json!({ "name": "Service", "kind": "FIXED_PER_TICKET", "value": "2.00" });
    let terms =
        json!({ "taxRate": "0.10", "taxIncluded": false, "fees": [fee], "cancellation": { "feePercent": "0.20" } });
    stage.terms(terms).await;
    let empty = stage.statement().await;
    assert_eq!(amounts(&empty, &["gross", "charged", "net"]), ["0.00", "0.00", "0.00"]);
    // 112.20 each.
    let paid = stage.paid(2).await;
    let given = stage.booked(1).await;
    stage.organize(&given, "/payments", &json!({ "method": "complimentary" })).await.created();
    stage.booked(1).await;
    let path = format!("{}/cancellations", own(&paid));
    let body = json!({ "itemIds": items(&paid, &[1]) });
    let key = crate::support::client::new_key();
    stage.buyer.send(reqwest::Method::POST, &path, Some(&key), Some(&body)).await.ok();
    stage.organize(&paid, "/refunds", &json!({ "amount": "10.00", "reason": "x" })).await.created();
    let statement = stage.statement().await;
    assert_eq!(amounts(&statement, &["gross", "discounts", "fees", "tax"]), ["300.00", "0.00", "6.00", "30.60"]);
    assert_eq!(amounts(&statement, &["charged", "complimentary", "valid"]), ["336.60", "112.20", "224.40"]);
    // 22.44 of 112.20 are kept.
    assert_eq!(
        amounts(&statement, &["refunds", "refundsByAmount", "kept", "cut"]),
        ["99.76", "10.00", "22.44", "0.00"]
    );
    assert_eq!(amounts(&statement, &["owed", "disputes", "net"]), ["0.00", "0.00", "124.64"]);
    let csv = stage.organizer.with_header("accept", "text/csv").get(&format!("{OWN}/{}/statement", stage.event)).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].starts_with("reference,status,created_at,currency,gross,"), "{text}");
    let reference = paid["reference"].as_str().unwrap();
    let of_paid = lines.iter().find(|line| line.contains(reference)).unwrap();
    let sums = "200.00,0.00,4.00,20.40,224.40,0.00,112.20,99.76,10.00,22.44,0.00,0.00,0.00,124.64";
    assert!(
        of_paid.contains(&format!("\"CONFIRMED\",\"{}\",\"EUR\",{sums},", paid["createdAt"].as_str().unwrap())),
        "{of_paid}"
    );
    let other = stage.server.signed_in().await;
    other.get(&format!("{OWN}/{}/statement", stage.event)).await.problem(403, "AUTH_004");
    stage.server.audit().await;
}

/// Guards: numbers without gaps, given once, and that what people are called can't become markup.
#[tokio::test]
async fn a_paid_booking_has_a_receipt_with_a_number() {
    let stage = Stage::at("119.00").await;
    stage.terms(json!({ "taxRate": "0.19" })).await;
    stage.server.db.execute("UPDATE profiles SET name = '<b>Ada & Co</b>'").await;
    let (first, second, unpaid) = (stage.paid(2).await, stage.paid(1).await, stage.booked(1).await);
    let receipt = async |booking: &Value| {
        let answer = stage.buyer.get(&format!("{}/receipt", own(booking))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let page = receipt(&second).await;
    assert!(page.contains("<h1>Receipt 1</h1>"), "{page}");
    let page = receipt(&first).await;
    for part in ["<h1>Receipt 2</h1>", "238.00 EUR", "19 %", "200.00 EUR", "38.00 EUR", "&lt;b&gt;Ada &amp; Co"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<b>Ada"), "{page}");
    assert_eq!(receipt(&first).await, page, "the same number, the same page");
    stage.buyer.get(&format!("{}/receipt", own(&unpaid))).await.problem(409, "PAYMENT_009");
    let stranger = stage.server.signed_in().await;
    stranger.get(&format!("{}/receipt", own(&first))).await.problem(404, "RESOURCE_001");
    stage.buyer.delete(&own(&first)).await.ok();
    let page = receipt(&first).await;
    assert!(page.contains("Given back") && page.contains("238.00 EUR"), "{page}");
    assert_eq!(stage.statement().await["refunds"], euros("238.00"));
}
