//! Where the sandbox is, and whom it tells.

use std::{net::SocketAddr, time::Duration};

use secrecy::SecretString;

#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Port 0 for any free one.
    pub listen: SocketAddr,
    /// Where messages are posted to.
    pub webhook_url: String,
    /// Where a payer is sent for an action; the id of the payment attempt follows.
    pub action_url: String,
    pub secret_key: SecretString,
    pub webhook_secret: SecretString,
    /// How long the gateway's client waits for an answer.
    pub timeout: Duration,
}
