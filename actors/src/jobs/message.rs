//! What a worker is told.

#[derive(Debug)]
pub(super) enum JobMessage {
    /// Somebody has queued a job.
    Hint,
    /// It is time to look without a hint.
    Poll,
    /// The look at the queue is over.
    Looked(JobLook),
    /// A job is over, so there is a free slot, and the next one of its key may begin.
    Free,
}

/// What a look at the queue has found.
#[derive(Clone, Copy, Debug)]
pub(super) enum JobLook {
    /// As many jobs as there was room for: perhaps there are more.
    Full,
    /// All that could be claimed.
    Rest,
    /// Nothing that could be told.
    Failed,
}
