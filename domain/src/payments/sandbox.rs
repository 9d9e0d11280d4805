//! The port to the page of a payer in the sandbox.

use async_trait::async_trait;

use super::gateway::GatewayReference;

/// What a payer does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    Succeed,
    Fail,
}

/// The sandbox could not note it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the sandbox is away: {0}")]
pub struct SandboxAway(pub String);

/// Plays the page to which a gateway sends a payer.
#[async_trait]
pub trait SandboxPayer: Send + Sync + 'static {
    /// `false` when the payment waits for no action.
    async fn act(&self, payment: &GatewayReference, outcome: ActionOutcome) -> Result<bool, SandboxAway>;
}
