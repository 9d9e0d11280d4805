//! What is done of each job. A job may be done twice, so each of these bears it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::jobs::{HandleJob, Job, JobError, JobPayload};

use super::{app::App, notices};

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
            JobPayload::Refund { .. }
            | JobPayload::ClosePayment { .. }
            | JobPayload::CheckPayment { .. }
            | JobPayload::ApplyMessage { .. } => Err(unknown(job)),
        }
    }
}

/// A job for a later version, or for a part that this server does not have.
fn unknown(job: &Job) -> JobError {
    let reason = format!("this server does no jobs of kind {}", job.payload.kind());
    JobError::Postponed { reason, wait: Duration::from_secs(60) }
}
