//! What becomes of a batch, and of each of its entries.

use domain::{
    ids::QuotaId,
    ledger::{Prior, Rejection},
};

/// What became of one entry.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryOutcome {
    /// It is in the ledger.
    Committed,
    /// Its key was in the ledger already; nothing was written.
    Prior(Prior),
    /// A rule of the ledger refused it; nothing was written.
    Rejected(Rejection),
}

/// Why a batch has no outcome that memory could follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchFailure {
    /// Nothing, or an unknown part, was written.
    #[error("{0}")]
    Lost(String),
    /// The memory that decided is not the ledger's state.
    #[error("memory was stale")]
    Stale,
    /// This node's session has ended.
    #[error("the session of this node has ended")]
    Fenced,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchOutcome {
    /// Each entry has an outcome, in their order, and the quotas these versions.
    Done {
        /// One an entry.
        entries: Vec<EntryOutcome>,
        /// One a quota of the batch.
        versions: Vec<(QuotaId, i64)>,
    },
    /// The inventory must start anew from the ledger.
    Failed(BatchFailure),
    /// The inventory must start anew from the ledger. Some entries were answered before.
    Partly {
        /// One an entry, as far as there is one.
        known: Vec<Option<EntryOutcome>>,
        /// What became of the others.
        failure: BatchFailure,
    },
}

impl BatchOutcome {
    /// Why the inventory must start anew, if it must.
    pub fn failure(&self) -> Option<&BatchFailure> {
        match self {
            Self::Done { .. } => None,
            Self::Failed(failure) | Self::Partly { failure, .. } => Some(failure),
        }
    }
}
