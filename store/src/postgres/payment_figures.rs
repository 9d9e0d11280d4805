//! How many payments are not as they should be.

use std::time::Duration;

use domain::payments::repository::PaymentRepository as _;
use metrics::gauge;

use super::{connection::RequestPool, store::PgStore};

/// How often they are counted.
const EVERY: Duration = Duration::from_secs(15);

/// Publishes how many there are, for ever, and says `done` each time.
pub async fn watch(pool: RequestPool, stuck_after: Duration, done: impl Fn()) {
    let store = PgStore::new(pool);
    let mut interval = tokio::time::interval(EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // A database that is away is told of by its health check.
        match store.payment_figures(stuck_after).await {
            Ok(figures) => {
                gauge!("boxoffice_payments_stuck").set(figures.stuck as f64);
                gauge!("boxoffice_paid_without_booking").set(figures.paid_without_booking as f64);
                gauge!("boxoffice_refunds_pending").set(figures.refunds_pending as f64);
                gauge!("boxoffice_refunds_oldest_seconds").set(figures.oldest_refund.as_secs_f64());
                if figures.paid_without_booking > 0 {
                    let count = figures.paid_without_booking;
                    tracing::error!(count, "somebody has paid, and has neither a booking nor a refund");
                }
                done();
            }
            Err(error) => tracing::debug!(%error, "payments can't be counted"),
        }
    }
}
