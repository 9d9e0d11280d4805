//! The audit of the ledger: whatever happened, its tables must tell one story.

use tokio_postgres::Client;
use uuid::Uuid;

/// Each query answers one line a contradiction, of the event `$1`, or of all events when that is NULL.
const CONTRADICTIONS: [(&str, &str); 14] = [
    (
        "a quota's counters are not what holds and bookings say, or exceed its capacity",
        "WITH places AS (
            SELECT t.quota_id, b.status = 'CONFIRMED' AS sold FROM bookings b JOIN booking_items i ON i.booking_id = b.id
                JOIN ticket_types t ON t.id = i.ticket_type_id WHERE b.status IN ('CONFIRMED', 'PENDING_PAYMENT')
            UNION ALL
            SELECT (item ->> 'quota_id')::uuid, false FROM holds h, jsonb_array_elements(h.items) AS item
                WHERE h.status = 'ACTIVE'
        ), counted AS (
            SELECT q.*, count(p.quota_id) FILTER (WHERE p.sold) AS real_sold,
                count(p.quota_id) FILTER (WHERE NOT p.sold) AS real_held
            FROM quotas q LEFT JOIN places p ON p.quota_id = q.id WHERE $1::uuid IS NULL OR q.event_id = $1 GROUP BY q.id
        )
        SELECT format('quota %s of %s places: held %s and not %s, sold %s and not %s', id, capacity, held, real_held,
            sold, real_sold)
        FROM counted WHERE held <> real_held OR sold <> real_sold OR real_held + real_sold > capacity",
    ),
    (
        "seat claims and live seats differ",
        "WITH live AS (
            SELECT b.event_id, i.seat_id, b.id AS holder_id, b.status = 'CONFIRMED' AS sold FROM bookings b
                JOIN booking_items i ON i.booking_id = b.id
                WHERE b.status IN ('CONFIRMED', 'PENDING_PAYMENT') AND i.seat_id IS NOT NULL
            UNION ALL
            SELECT h.event_id, (item ->> 'seat_id')::uuid, h.id, false FROM holds h, jsonb_array_elements(h.items) AS item
                WHERE h.status = 'ACTIVE' AND item ? 'seat_id'
        ), claimed AS (
            SELECT event_id, seat_id, holder_id, sold FROM seat_claims
        )
        SELECT 'claimed only: ' || c FROM (SELECT * FROM claimed EXCEPT ALL SELECT * FROM live) c
            WHERE $1::uuid IS NULL OR event_id = $1
        UNION ALL
        SELECT 'live only: ' || l FROM (SELECT * FROM live EXCEPT ALL SELECT * FROM claimed) l
            WHERE $1::uuid IS NULL OR event_id = $1",
    ),
    (
        "a seat is live twice",
        "SELECT format('seat %s of event %s', i.seat_id, b.event_id) FROM bookings b
            JOIN booking_items i ON i.booking_id = b.id
        WHERE b.status IN ('CONFIRMED', 'PENDING_PAYMENT') AND i.seat_id IS NOT NULL AND ($1::uuid IS NULL OR b.event_id = $1)
        GROUP BY b.event_id, i.seat_id HAVING count(*) > 1",
    ),
    (
        "a key was used twice",
        "SELECT format('%s of %s', idempotency_key, account_id) FROM bookings
            GROUP BY account_id, idempotency_key HAVING count(*) > 1 AND ($1::uuid IS NULL OR bool_or(event_id = $1))
        UNION ALL
        SELECT format('hold %s of %s', idempotency_key, account_id) FROM holds
            GROUP BY account_id, idempotency_key HAVING count(*) > 1 AND ($1::uuid IS NULL OR bool_or(event_id = $1))",
    ),
    (
        "a booking's items are not its quantity",
        "SELECT format('booking %s: %s items of %s', b.id, count(i.*), b.quantity)
        FROM bookings b LEFT JOIN booking_items i ON i.booking_id = b.id
        WHERE $1::uuid IS NULL OR b.event_id = $1
        GROUP BY b.id HAVING count(i.*) <> b.quantity",
    ),
    (
        "a booking's lines are not its total, discount, fees or tax, also when some were cancelled",
        "WITH lines AS (
            SELECT booking_id, price, discount, fee, tax FROM booking_items
            UNION ALL SELECT booking_id, price, discount, fee, tax FROM cancelled_items
        ), summed AS (
            SELECT booking_id, sum(price) AS price, coalesce(sum(discount), 0) AS discount, coalesce(sum(fee), 0) AS fees,
                coalesce(sum(tax), 0) AS tax
            FROM lines GROUP BY booking_id
        )
        SELECT format('booking %s: %s − %s + %s, tax %s, not %s', b.id, s.price, s.discount, s.fees, s.tax, to_jsonb(b))
        FROM bookings b JOIN summed s ON s.booking_id = b.id
        WHERE ($1::uuid IS NULL OR b.event_id = $1)
          AND (s.discount, s.fees, s.tax, s.price - s.discount + s.fees + CASE WHEN b.tax_included THEN 0 ELSE s.tax END)
              <> (coalesce(b.discount, 0), b.fees, b.tax, b.total)",
    ),
    (
        "a promo code is not used as often as holds and bookings have it",
        "SELECT format('code %s: %s and not %s', p.code, p.used, live.uses)
        FROM promo_codes p CROSS JOIN LATERAL (
            SELECT (SELECT count(*) FROM holds WHERE promo_code_id = p.id AND status = 'ACTIVE')
                + (SELECT count(*) FROM bookings WHERE promo_code_id = p.id AND status IN ('CONFIRMED', 'PENDING_PAYMENT'))
        ) AS live (uses)
        WHERE p.used <> live.uses AND ($1::uuid IS NULL OR p.event_id = $1)",
    ),
    (
        "a payment pays a booking that is not paid",
        "SELECT format('payment %s of booking %s, which is %s', p.id, b.id, b.status)
        FROM payments p JOIN bookings b ON b.id = p.booking_id
        WHERE p.pays_booking AND b.status IN ('PENDING_PAYMENT', 'EXPIRED') AND ($1::uuid IS NULL OR b.event_id = $1)",
    ),
    (
        "an attempt goes on, or waits for its payer, when its booking waits for no payment",
        "SELECT format('payment %s is %s, and booking %s is %s', p.id, p.state, b.id, b.status)
        FROM payments p JOIN bookings b ON b.id = p.booking_id
        WHERE (p.state = 'REQUIRES_ACTION' AND b.status <> 'PENDING_PAYMENT'
            OR p.state IN ('STARTED', 'PROCESSING') AND b.status = 'CANCELLED')
          AND ($1::uuid IS NULL OR b.event_id = $1)",
    ),
    (
        "somebody has a place that is not booked",
        "SELECT format('%s, place %s of booking %s', a.name, a.position, a.booking_id)
        FROM attendees a LEFT JOIN bookings b ON b.id = a.booking_id
        WHERE ($1::uuid IS NULL OR b.event_id = $1)
          AND NOT EXISTS (SELECT FROM booking_items i WHERE (i.booking_id, i.position) = (a.booking_id, a.position))
          AND NOT EXISTS (SELECT FROM cancelled_items i WHERE (i.booking_id, i.position) = (a.booking_id, a.position))",
    ),
    (
        "a hold was converted and has no booking, or one that was not has",
        "SELECT format('hold %s is %s with %s bookings', h.id, h.status, count(b.*))
        FROM holds h LEFT JOIN bookings b ON b.hold_id = h.id
        WHERE $1::uuid IS NULL OR h.event_id = $1
        GROUP BY h.id HAVING (h.status = 'CONVERTED')::int <> count(b.*)",
    ),
    (
        "an event that is not public yet is booked",
        "SELECT format('event %s is %s, and booking %s %s', e.id, e.status, b.id, b.status)
        FROM events e JOIN bookings b ON b.event_id = e.id
        WHERE e.status IN ('DRAFT', 'SCHEDULED') AND b.status IN ('CONFIRMED', 'PENDING_PAYMENT')
          AND ($1::uuid IS NULL OR e.id = $1)",
    ),
    (
        "a hold draws on another quota than its ticket type",
        "SELECT format('hold %s: ticket type %s, quota %s and not %s', h.id, item ->> 'ticket_type_id', item ->> 'quota_id', t.quota_id)
        FROM holds h CROSS JOIN jsonb_array_elements(h.items) AS item
            LEFT JOIN ticket_types t ON t.id = (item ->> 'ticket_type_id')::uuid
        WHERE h.status = 'ACTIVE' AND (item ->> 'quota_id')::uuid IS DISTINCT FROM t.quota_id
          AND ($1::uuid IS NULL OR h.event_id = $1)",
    ),
    (
        "a booked place is of no ticket type of its event",
        "SELECT format('booking %s, ticket type %s', b.id, i.ticket_type_id)
        FROM bookings b JOIN booking_items i ON i.booking_id = b.id
            LEFT JOIN ticket_types t ON t.id = i.ticket_type_id AND t.event_id = b.event_id
        WHERE t.id IS NULL AND ($1::uuid IS NULL OR b.event_id = $1)",
    ),
];

/// The law of the books, and what belongs to it: as `domain/src/payments/statement.rs` has it, written once more in the language of the tables.
const UNBALANCED: [(&str, &str); 6] = [
    (
        "the books of a booking do not balance",
        "WITH lines AS (
            SELECT p.booking_id, b.status <> 'CANCELLED' AS valid, i.price - coalesce(i.discount, 0) + coalesce(i.fee, 0)
                + CASE WHEN b.tax_included THEN 0 ELSE coalesce(i.tax, 0) END AS total
            FROM payments p JOIN bookings b ON b.id = p.booking_id JOIN booking_items i ON i.booking_id = b.id WHERE p.pays_booking
        ), books AS (
            SELECT b.id,
                (SELECT coalesce(sum(amount), 0) FROM payments p WHERE p.booking_id = b.id AND p.state = 'SUCCEEDED') AS charged,
                (SELECT coalesce(sum(amount), 0) FROM refunds r WHERE r.booking_id = b.id AND r.state <> 'FAILED') AS refunds,
                (SELECT coalesce(sum(amount), 0) FROM refunds r
                    WHERE r.booking_id = b.id AND r.state <> 'FAILED' AND r.cause = 'AMOUNT') AS by_amount,
                (SELECT coalesce(sum(amount), 0) FROM refunds r WHERE r.booking_id = b.id AND r.state = 'FAILED'
                    AND r.cause <> 'AMOUNT' AND r.replaced_by_id IS NULL) AS owed,
                (SELECT coalesce(sum(total), 0) FROM lines l WHERE l.booking_id = b.id AND l.valid) AS valid,
                (SELECT coalesce(sum(kept), 0) FROM cancellations c WHERE c.booking_id = b.id) AS kept,
                (SELECT coalesce(sum(cut), 0) FROM cancellations c WHERE c.booking_id = b.id) AS cut
            FROM bookings b WHERE ($1::uuid IS NULL OR b.event_id = $1)
        )
        SELECT format('booking %s: charged %s, refunds %s; valid %s, kept %s, owed %s, by amount %s, cut %s',
            id, charged, refunds, valid, kept, owed, by_amount, cut)
        FROM books WHERE charged - refunds <> valid + kept + owed - by_amount + cut",
    ),
    (
        "more goes back than was paid",
        "SELECT format('payment %s of %s: %s', p.id, p.amount, sum(r.amount)) FROM payments p JOIN refunds r ON r.payment_id = p.id
        WHERE r.state <> 'FAILED' AND ($1::uuid IS NULL OR p.event_id = $1)
        GROUP BY p.id HAVING sum(r.amount) > p.amount OR p.state <> 'SUCCEEDED'",
    ),
    (
        "a payment pays a booking that is not paid, or another amount",
        "SELECT format('payment %s of %s, booking %s %s of %s', p.id, p.amount, b.id, b.status, b.total)
        FROM payments p JOIN bookings b ON b.id = p.booking_id
        WHERE p.pays_booking AND (b.status NOT IN ('CONFIRMED', 'CANCELLED') OR b.total <> p.amount OR b.event_id <> p.event_id)
          AND ($1::uuid IS NULL OR p.event_id = $1)",
    ),
    (
        "money pays for nothing and does not go back",
        "SELECT format('payment %s of booking %s', p.id, p.booking_id) FROM payments p
        WHERE p.state = 'SUCCEEDED' AND NOT p.pays_booking AND ($1::uuid IS NULL OR p.event_id = $1)
          AND NOT EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id)",
    ),
    (
        "nobody makes a refund that is pending",
        "SELECT format('refund %s of booking %s', r.id, r.booking_id) FROM refunds r
        WHERE r.state = 'PENDING' AND ($1::uuid IS NULL OR r.event_id = $1)
          AND NOT EXISTS (SELECT FROM jobs j WHERE j.key = 'refund:' || r.id)",
    ),
    (
        "places that were paid were cancelled, and no cancellation says so, or one does that were not",
        "WITH gone AS (
            SELECT p.booking_id, i.position FROM payments p JOIN cancelled_items i ON i.booking_id = p.booking_id WHERE p.pays_booking
            UNION ALL
            SELECT p.booking_id, i.position FROM payments p JOIN bookings b ON b.id = p.booking_id
                JOIN booking_items i ON i.booking_id = b.id WHERE p.pays_booking AND b.status = 'CANCELLED'
        ), said AS (
            SELECT c.booking_id, unnest(c.positions) AS position FROM cancellations c
                JOIN payments p ON p.booking_id = c.booking_id AND p.pays_booking
        ), wrong AS (
            (SELECT * FROM gone EXCEPT ALL SELECT * FROM said) UNION ALL (SELECT * FROM said EXCEPT ALL SELECT * FROM gone)
        )
        SELECT format('booking %s, place %s', booking_id, position) FROM wrong
        WHERE $1::uuid IS NULL OR booking_id IN (SELECT id FROM bookings WHERE event_id = $1)",
    ),
];

/// Every contradiction that there is, of this event or of all.
pub(crate) async fn contradictions(client: &Client, event: Option<Uuid>) -> Vec<String> {
    let mut found = found(client, event, &CONTRADICTIONS).await;
    found.extend(self::found(client, event, &UNBALANCED).await);
    found
}

async fn found(client: &Client, event: Option<Uuid>, queries: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (what, query) in queries {
        for row in client.query(*query, &[&event]).await.unwrap() {
            found.push(format!("{what}: {}", row.get::<_, String>(0)));
        }
    }
    found
}

/// Fails with every contradiction that there is.
pub(crate) async fn audit(client: &Client) {
    let found = contradictions(client, None).await;
    assert!(found.is_empty(), "the ledger contradicts itself:\n{}", found.join("\n"));
}

/// The same without the books, for tests that make up payments of which nobody keeps any.
pub(crate) async fn audit_places(client: &Client) {
    let found = found(client, None, &CONTRADICTIONS).await;
    assert!(found.is_empty(), "the ledger contradicts itself:\n{}", found.join("\n"));
}
