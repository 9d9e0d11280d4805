//! What must be true of money and places. The books of each booking, codes, seats and quotas are in the audit of all tests; here is what only holds
//! where everything is paid as buyers and organizers pay.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use crate::support::audit::contradictions;

/// At any commit. One line a contradiction.
const ALWAYS: [(&str, &str); 5] = [
    (
        "a booking is confirmed and not paid",
        "SELECT format('booking %s of %s', b.id, b.total) FROM bookings b
        WHERE b.status = 'CONFIRMED' AND b.total > 0
          AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id AND p.pays_booking AND p.amount = b.total)",
    ),
    (
        "money has come that pays nothing, and not all of it goes back as such",
        "SELECT format('payment %s of %s, booking %s', p.id, p.amount, p.booking_id) FROM payments p
        WHERE p.state = 'SUCCEEDED' AND NOT p.pays_booking AND p.amount <> (
            SELECT coalesce(sum(r.amount), 0) FROM refunds r
            WHERE r.payment_id = p.id AND r.cause = 'UNNEEDED' AND r.replaced_by_id IS NULL)",
    ),
    (
        "nobody looks after an attempt that is in progress",
        "SELECT format('payment %s, %s', p.id, p.state) FROM payments p
        WHERE p.state IN ('STARTED', 'PROCESSING') AND p.provider <> 'manual'
          AND NOT EXISTS (SELECT FROM jobs j WHERE j.key = 'payment:' || p.id AND j.kind = 'check_payment')",
    ),
    (
        "a message of the gateway is kept, and nobody applies it",
        "SELECT format('message %s', m.id) FROM gateway_messages m
        WHERE m.applied_at IS NULL AND NOT EXISTS (SELECT FROM jobs j WHERE j.key = 'message:' || m.provider || ':' || m.id)",
    ),
    (
        "a refund is not of its payment's booking",
        "SELECT format('refund %s', r.id) FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE r.booking_id <> p.booking_id OR r.event_id <> p.event_id OR r.currency <> p.currency",
    ),
];

/// The sandbox's own documents beside the server's tables, at any commit: the gateway is asked after, and tells before.
const SANDBOX: [(&str, &str); 4] = [
    (
        "an attempt was charged twice",
        "SELECT format('payment %s', body -> 'metadata' ->> 'payment_id') FROM sandbox_documents WHERE kind = 'intent'
        GROUP BY body -> 'metadata' ->> 'payment_id' HAVING count(*) > 1",
    ),
    (
        "more went back than was charged",
        "SELECT format('intent %s', i.id) FROM sandbox_documents i JOIN sandbox_documents r
            ON r.kind = 'refund' AND r.body ->> 'payment_intent' = i.id AND r.body ->> 'status' <> 'failed'
        WHERE i.kind = 'intent' GROUP BY i.id, i.body
        HAVING sum((r.body ->> 'amount')::bigint) > (i.body ->> 'amount')::bigint OR i.body ->> 'status' <> 'succeeded'",
    ),
    (
        "a payment succeeded that nobody charged",
        "SELECT format('payment %s', p.id) FROM payments p
        WHERE p.state = 'SUCCEEDED' AND p.provider = 'sandbox' AND NOT EXISTS (
            SELECT FROM sandbox_documents i WHERE i.kind = 'intent' AND i.id = p.reference AND i.body ->> 'status' = 'succeeded'
              AND (i.body ->> 'amount')::numeric = p.amount * 100)",
    ),
    (
        "money goes back that nobody asked for",
        "SELECT format('refund %s', d.id) FROM sandbox_documents d LEFT JOIN refunds r ON r.id::text = d.body -> 'metadata' ->> 'refund_id'
        WHERE d.kind = 'refund' AND (r.id IS NULL OR r.by_hand OR (d.body ->> 'amount')::numeric <> r.amount * 100)",
    ),
];

/// Once nothing is under way any more.
const IN_THE_END: [(&str, &str); 6] = [
    (
        "an attempt is not over",
        "SELECT format('payment %s is %s (%s)', id, state, method) FROM payments WHERE state IN ('STARTED', 'REQUIRES_ACTION', 'PROCESSING')",
    ),
    ("a refund is pending", "SELECT format('refund %s', id) FROM refunds WHERE state = 'PENDING'"),
    (
        "a job is left",
        "SELECT format('%s %s, %s after %s tries: %s', kind, key, status, attempts, last_error) FROM jobs WHERE kind <> 'notify' OR status = 'DEAD'",
    ),
    (
        "a hold or a booking still waits",
        "SELECT format('hold %s', id) FROM holds WHERE status = 'ACTIVE'
        UNION ALL SELECT format('booking %s', id) FROM bookings WHERE status = 'PENDING_PAYMENT'",
    ),
    ("a message was not applied", "SELECT format('message %s', id) FROM gateway_messages WHERE applied_at IS NULL"),
    (
        "an event is cancelled, and its bookings are not",
        "SELECT format('event %s', event_id) FROM event_cancellations WHERE finished_at IS NULL",
    ),
];

/// The sandbox's documents once nothing is under way any more.
const SANDBOX_IN_THE_END: [(&str, &str); 3] = [
    (
        "money was charged, and the server does not know",
        "SELECT format('intent %s', i.id) FROM sandbox_documents i WHERE i.kind = 'intent' AND i.body ->> 'status' = 'succeeded'
          AND NOT EXISTS (SELECT FROM payments p WHERE p.id::text = i.body -> 'metadata' ->> 'payment_id' AND p.state = 'SUCCEEDED')",
    ),
    (
        "a payment can still be made at the gateway of an attempt that is over",
        "SELECT format('intent %s is %s', i.id, i.body ->> 'status') FROM sandbox_documents i
        WHERE i.kind = 'intent' AND i.body ->> 'status' NOT IN ('succeeded', 'canceled')",
    ),
    (
        "a refund is not as the gateway has it",
        "SELECT format('refund %s is %s, and %s at the gateway', r.id, r.state, d.body ->> 'status')
        FROM refunds r JOIN payments p ON p.id = r.payment_id AND p.provider = 'sandbox'
            LEFT JOIN sandbox_documents d ON d.kind = 'refund' AND d.body -> 'metadata' ->> 'refund_id' = r.id::text
        WHERE NOT r.by_hand AND (d.id IS NULL OR upper(d.body ->> 'status') <> r.state::text)",
    ),
];

/// What these find, in one statement and so of one instant.
async fn found(client: &Client, queries: &[(&str, &str)]) -> Vec<String> {
    let parts: Vec<String> = queries
        .iter()
        .map(|(what, query)| format!("SELECT $${what}: $$ || x.line FROM ({query}) AS x (line)"))
        .collect();
    let rows = client.query(&parts.join(" UNION ALL "), &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Everything that is wrong at the moment, whatever is under way.
pub(crate) async fn broken(client: &Client, uses_sandbox: bool) -> Vec<String> {
    let mut queries = ALWAYS.to_vec();
    queries.extend(SANDBOX.iter().filter(|_| uses_sandbox));
    let mut wrong = found(client, &queries).await;
    wrong.extend(contradictions(client, None).await);
    wrong
}

/// Waits until nothing is under way any more. Everything that is wrong then.
pub(crate) async fn settled(client: &Client, uses_sandbox: bool, patience: Duration) -> Vec<String> {
    let mut queries = IN_THE_END.to_vec();
    queries.extend(SANDBOX_IN_THE_END.iter().filter(|_| uses_sandbox));
    let deadline = Instant::now() + patience;
    let mut left = found(client, &queries).await;
    while !left.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        left = found(client, &queries).await;
    }
    left.extend(broken(client, uses_sandbox).await);
    left
}
