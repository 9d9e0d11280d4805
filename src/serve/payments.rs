//! The payment gateway: Stripe, or the sandbox, a server of its own in this process.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use application::payments::Payments;
use boxoffice_payments::{
    sandbox::{Sandbox, SandboxConfig},
    stripe::{StripeConfig, StripeGateway},
};
use boxoffice_store::postgres::{connection::RequestPool, sandbox::PgSandbox};
use domain::secrets::OpaqueToken;
use tokio::sync::Semaphore;

use crate::config::{Config, Provider};

/// For a connection to the gateway.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The gateway that is used, and the sandbox while it runs. That ends when this is dropped.
pub(super) struct Gateway {
    pub(super) payments: Payments,
    _sandbox: Option<Sandbox>,
}

impl Gateway {
    /// Asks nobody: a gateway that is away stops nobody from starting. `address` is where this server listens.
    pub(super) async fn start(config: &Config, pool: &RequestPool, address: SocketAddr) -> anyhow::Result<Self> {
        let settings = &config.payments;
        let mut payments = Payments {
            // As many as the breaker lets through.
            turns: Arc::new(Semaphore::new(config.breakers.concurrency)),
            timeout: settings.timeout,
            check_after: settings.check_after,
            stuck_after: settings.stuck_after,
            ..Payments::default()
        };
        let mut running = None;
        match settings.provider {
            Provider::None => tracing::info!("no payment gateway: priced bookings are paid by transfer or by hand"),
            Provider::Stripe => {
                let gateway =
                    StripeGateway::new(stripe(config)).context("the payment gateway is not set up rightly")?;
                payments.gateway = Some(Arc::new(gateway));
            }
            Provider::Sandbox => {
                let store = Arc::new(PgSandbox::new(pool.clone()));
                let sandbox = Sandbox::start(sandbox(config, address), store).await;
                let sandbox = sandbox.context("the sandbox of payments can't start")?;
                payments.gateway = Some(Arc::new(sandbox.gateway().context("the sandbox of payments")?));
                payments.sandbox = Some(sandbox.page());
                tracing::info!(address = %sandbox.address(), "payments go to a sandbox, which moves no money");
                running = Some(sandbox);
            }
        }
        Ok(Self { payments, _sandbox: running })
    }
}

fn stripe(config: &Config) -> StripeConfig {
    let settings = &config.payments;
    StripeConfig {
        base_url: settings.stripe_url.clone(),
        secret_key: settings.secret_key(),
        webhook_secrets: settings.webhook_secrets(),
        timeout: settings.timeout,
        connect_timeout: CONNECT_TIMEOUT.min(settings.timeout),
        default_method: None,
        methods: &[],
    }
}

/// Whoever starts with it makes its secrets: nobody but this process speaks with it, and its messages are signed as they are sent.
fn sandbox(config: &Config, address: SocketAddr) -> SandboxConfig {
    let secret = || OpaqueToken::from_random(rand::random()).expose().to_owned();
    SandboxConfig {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        webhook_url: format!("http://{}/api/v1/webhooks/sandbox", from_here(address)),
        action_url: format!("{}/sandbox/payments/", config.mail.link_origin),
        secret_key: secret().into(),
        webhook_secret: secret().into(),
        timeout: config.payments.timeout,
    }
}

/// How this machine reaches a listener of its own.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::from((ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_for_everybody_is_reached_on_this_machine() {
        for (listens, reached) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(from_here(listens.parse().unwrap()).to_string(), reached);
        }
    }
}
