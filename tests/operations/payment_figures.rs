//! What is counted of payments and refunds, and alerted on.

use std::time::Duration;

use domain::payments::repository::PaymentRepository as _;

use crate::support::TestDatabase;

/// Attempts and refunds, by what is wrong with them. Ids are told in the order of their making, and these are new.
const ROWS: &str = "
    CREATE FUNCTION pay(of_state payment_state, age interval, pays boolean DEFAULT false) RETURNS uuid LANGUAGE sql AS $$
        INSERT INTO payments (id, booking_id, event_id, account_id, provider, method, state, amount, currency, pays_booking,
                              idempotency_key, fingerprint, updated_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'sandbox', 'card', of_state, 26.25, 'EUR',
                pays, 'key', gen_random_uuid(), now() - age) RETURNING id
    $$;
    CREATE FUNCTION give_back(of_payment uuid, of_state refund_state, age interval) RETURNS void LANGUAGE sql AS $$
        INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, state, reason, created_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), of_payment, 26.25, 'EUR', 'UNNEEDED', of_state, 'late', now() - age)
    $$;";

#[tokio::test]
async fn what_waits_for_too_long_is_counted_and_nothing_else() {
    let database = TestDatabase::migrated().await;
    let (client, store) = (database.connect().await, database.store(1));
    let figures = async || store.payment_figures(Duration::from_secs(60)).await.unwrap();
    let none = figures().await;
    assert_eq!((none.stuck, none.paid_without_booking, none.refunds_pending), (0, 0, 0));
    assert_eq!(none.oldest_refund, Duration::ZERO);

    client.batch_execute(ROWS).await.unwrap();
    client
        .batch_execute(
            "SELECT pay('STARTED', '2 minutes'), pay('PROCESSING', '61 seconds'), pay('PROCESSING', '50 seconds'),
                    pay('REQUIRES_ACTION', '1 hour'), pay('FAILED', '1 hour');
             -- Its money pays nothing and goes nowhere.
             SELECT pay('SUCCEEDED', '1 hour');
             SELECT give_back(pay('SUCCEEDED', '3 hours'), 'PENDING', '2 hours'), give_back(pay('SUCCEEDED', '3 hours'), 'PENDING', '1 hour'),
                    give_back(pay('SUCCEEDED', '3 days'), 'SUCCEEDED', '3 days'), give_back(pay('SUCCEEDED', '2 days'), 'FAILED', '2 days')",
        )
        .await
        .unwrap();
    let counted = figures().await;
    assert_eq!((counted.stuck, counted.paid_without_booking, counted.refunds_pending), (2, 1, 2));
    let two_hours = Duration::from_secs(7200)..Duration::from_secs(7260);
    assert!(two_hours.contains(&counted.oldest_refund), "{counted:?}");
}
