//! What is done of each job. A job may be done twice, so each of these bears it.

use std::sync::Arc;

use async_trait::async_trait;
use domain::jobs::{HandleJob, Job, JobError, JobPayload};

use super::{app::App, notices, payments::jobs as payments, refunds};

/// Does the jobs of the application.
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
            JobPayload::Notify { booking_id, notice } => notices::tell(app, job, *booking_id, notice).await,
            JobPayload::EventChanged { event_id, was, after } => {
                notices::tell_of_change(app, job, *event_id, was, *after).await
            }
            JobPayload::Refund { refund_id } => refunds::make(app, *refund_id).await,
            JobPayload::CheckPayment { payment_id } => payments::check_payment(app, *payment_id).await,
            JobPayload::ClosePayment { payment_id } => payments::close_payment(app, *payment_id).await,
            JobPayload::ApplyMessage { provider, message_id } => {
                payments::apply_message(app, provider, message_id).await
            }
        }
    }
}
