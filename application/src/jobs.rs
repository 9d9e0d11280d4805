//! What is done for each kind of job.

use std::sync::Arc;

use async_trait::async_trait;
use domain::jobs::{HandleJob, Job, JobError, JobPayload};

use super::{app::App, payments::jobs as payments};

/// Does jobs with the use cases of the application.
pub struct JobHandler {
    app: Arc<App>,
}

impl JobHandler {
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

#[async_trait]
impl HandleJob for JobHandler {
    async fn handle(&self, job: &Job) -> Result<(), JobError> {
        let app = &self.app;
        match &job.payload {
            JobPayload::CheckPayment { payment_id } => payments::check_payment(app, *payment_id).await,
            JobPayload::ClosePayment { payment_id } => payments::close_payment(app, *payment_id).await,
            JobPayload::ApplyMessage { provider, message_id } => {
                payments::apply_message(app, provider, message_id).await
            }
            JobPayload::Refund { refund_id } => payments::refund(app, *refund_id, job.attempt > 1).await,
            // TODO-merge: mails of bookings.
            JobPayload::Notify { .. } => Ok(()),
        }
    }
}
