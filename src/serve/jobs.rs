//! Jobs: what is done after a commit and outside of the database.

use std::{sync::Arc, time::Duration};

use actors::{
    jobs::{JobSettings, KindSettings, RunningJobs, watch_jobs},
    tasks::Tasks,
};
use anyhow::Context;
use application::{
    app::App,
    jobs::JobHandler,
    notices::rounds::{confirm, remind},
};
use boxoffice_store::postgres::{connection::RequestPool, jobs::PgJobQueue};

/// Starts to do what is queued, and to tell buyers of their bookings. It may be a lot after an outage, and nothing waits for it.
pub(super) async fn start(
    settings: &JobSettings,
    app: &Arc<App>,
    pool: &RequestPool,
    background: &mut Tasks,
) -> anyhow::Result<RunningJobs> {
    let queue = Arc::new(PgJobQueue::new(pool.clone()));
    let counted = queue.clone();
    background.add("jobs", move |life| watch_jobs(counted.clone(), life));
    app.store.set_booking_mails(app.booking_mails).await.context("mails about bookings can't begin")?;
    if app.booking_mails {
        let (confirming, reminding) = (app.clone(), app.clone());
        background.add("confirmations", move |life| confirm(confirming.clone(), life));
        background.add("reminders", move |life| remind(reminding.clone(), life));
    }
    let handler = Arc::new(JobHandler::new(app.clone()));
    let settings = within_the_gateways_time(settings.clone(), app.payments.timeout);
    RunningJobs::start(app.jobs.clone(), queue, handler, &settings).await.context("the jobs can't start")
}

/// A try to give money back asks the gateway up to three times, after it has waited for its turn as long as for an answer. One that is cut
/// before the gateway's own time is over never learns what that says, and nor does the breaker.
fn within_the_gateways_time(mut settings: JobSettings, timeout: Duration) -> JobSettings {
    for kind in ["refund", "close_payment"] {
        let usual = settings.of(kind);
        let time_limit = usual.time_limit.max(timeout * 4 + Duration::from_secs(1));
        settings.kinds.insert(kind, KindSettings { time_limit, ..usual });
    }
    settings
}
