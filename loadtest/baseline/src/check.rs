//! What the ledger holds after a run, and whether it contradicts itself.

use std::collections::BTreeMap;

use boxoffice::{config::Config, serve::database::Database};

/// Each finds what must not be there.
const RULES: [(&str, &str); 9] = [
    ("a quota holds and sold more than it has", "SELECT count(*) FROM quotas WHERE held + sold > capacity OR held < 0"),
    (
        "a quota's counter differs from its booked places",
        "SELECT count(*) FROM quotas q LEFT JOIN ( \
             SELECT t.quota_id, count(*) AS places FROM bookings b JOIN booking_items i ON i.booking_id = b.id \
             JOIN ticket_types t ON t.id = i.ticket_type_id WHERE b.status = 'CONFIRMED' GROUP BY t.quota_id \
         ) s ON s.quota_id = q.id WHERE q.sold <> coalesce(s.places, 0)",
    ),
    (
        "a quota's counter differs from its held places",
        "SELECT count(*) FROM quotas q LEFT JOIN ( \
             SELECT quota_id, count(*) AS places FROM ( \
                 SELECT (i ->> 'quota_id')::uuid AS quota_id FROM holds, jsonb_array_elements(items) AS i WHERE status = 'ACTIVE' \
                 UNION ALL SELECT t.quota_id FROM bookings b JOIN booking_items i ON i.booking_id = b.id \
                 JOIN ticket_types t ON t.id = i.ticket_type_id WHERE b.status = 'PENDING_PAYMENT' \
             ) held GROUP BY quota_id \
         ) h ON h.quota_id = q.id WHERE q.held <> coalesce(h.places, 0)",
    ),
    (
        "a seat is sold twice",
        "SELECT count(*) FROM (SELECT FROM bookings b JOIN booking_items i ON i.booking_id = b.id \
         WHERE b.status = 'CONFIRMED' AND i.seat_id IS NOT NULL GROUP BY b.event_id, i.seat_id HAVING count(*) > 1) AS x",
    ),
    (
        "a sold seat is not claimed",
        "SELECT count(*) FROM bookings b JOIN booking_items i ON i.booking_id = b.id \
         LEFT JOIN seat_claims c ON c.event_id = b.event_id AND c.seat_id = i.seat_id AND c.holder_id = b.id AND c.sold \
         WHERE b.status = 'CONFIRMED' AND i.seat_id IS NOT NULL AND c.seat_id IS NULL",
    ),
    (
        "a booking has fewer or more items than it says",
        "SELECT count(*) FROM (SELECT FROM bookings b LEFT JOIN booking_items i ON i.booking_id = b.id \
         GROUP BY b.id HAVING count(i.booking_id) <> b.quantity) AS x",
    ),
    (
        "a booking is confirmed and not paid, or paid and not confirmed, or paid with another amount",
        // One that was cancelled keeps the payment that it once had.
        "SELECT count(*) FROM bookings b \
         FULL JOIN (SELECT booking_id, amount FROM payments WHERE pays_booking AND state = 'SUCCEEDED') AS p ON p.booking_id = b.id \
         WHERE b.id IS NULL OR p.amount <> b.total \
         OR b.status <> 'CANCELLED' AND (b.status = 'CONFIRMED' AND b.total > 0) <> (p.booking_id IS NOT NULL)",
    ),
    (
        "the sandbox has charged what nobody knows of, or not what is believed, or another amount",
        // In cents: the load test sells in euros.
        "SELECT count(*) FROM ( \
             SELECT id, (body ->> 'amount')::numeric / 100 AS amount FROM sandbox_documents \
             WHERE kind = 'intent' AND body ->> 'status' = 'succeeded' \
         ) AS s FULL JOIN (SELECT reference, amount FROM payments WHERE provider = 'sandbox' AND state = 'SUCCEEDED') AS p \
         ON p.reference = s.id WHERE s.id IS NULL OR p.reference IS NULL OR p.amount <> s.amount",
    ),
    (
        "money pays nothing and does not go back",
        "SELECT count(*) FROM payments p WHERE p.state = 'SUCCEEDED' AND NOT p.pays_booking \
         AND NOT EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id)",
    ),
];

/// Bookings that are paid, and payments whose end is not known yet. What the gateway has surely not begun waits for its buyer only.
const MONEY: &str = "SELECT count(*) FILTER (WHERE pays_booking), \
    count(*) FILTER (WHERE state IN ('STARTED', 'PROCESSING') AND NOT refused) FROM payments";

/// The version of every event that anything was done with, as its availability shows it.
const VERSIONS: &str =
    "SELECT event_id::text, sum(version)::int8 FROM quotas GROUP BY event_id HAVING sum(version) > 0";

/// Prints the count of bookings and of those that are paid, every broken rule, and versions.
#[expect(clippy::print_stdout, reason = "the result of the command")]
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let database = Database::borrow(config).await?;
    let client = database.connect(config).await?;
    let mut faults = Vec::new();
    for (rule, query) in RULES {
        let count: i64 = client.query_one(query, &[]).await?.get(0);
        if count > 0 {
            faults.push(format!("{rule} ({count})"));
        }
    }
    let bookings: i64 = client.query_one("SELECT count(*) FROM bookings", &[]).await?.get(0);
    let money = client.query_one(MONEY, &[]).await?;
    let (paid, open): (i64, i64) = (money.get(0), money.get(1));
    let version: String = client.query_one("SHOW server_version", &[]).await?.get(0);
    let versions = client.query(VERSIONS, &[]).await?;
    let versions: BTreeMap<String, i64> = versions.iter().map(|row| (row.get(0), row.get(1))).collect();
    let money = serde_json::json!({ "paidBookings": paid, "open": open });
    println!(
        "{}",
        serde_json::json!({ "bookings": bookings, "money": money, "faults": faults, "versions": versions, "serverVersion": version })
    );
    drop(client);
    database.release().await;
    Ok(())
}
