//! Where Stripe is, and with which keys.

use std::time::Duration;

use secrecy::SecretString;

/// The version of the API that requests and answers have here. The webhook endpoint in Stripe's dashboard has to have it too.
pub const API_VERSION: &str = "2026-04-22.dahlia";

#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// `https://api.stripe.com`, or where something else speaks like it.
    pub base_url: String,
    pub secret_key: SecretString,
    /// Of the webhook endpoint. Two while they are rotated.
    pub webhook_secrets: Vec<SecretString>,
    /// Too short: payments that would have been answered wait for reconciliation. Too long: buyers wait for a gateway that hangs.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    /// The method of requests that name none or `card`; without one the payer's page asks.
    pub default_method: Option<String>,
    /// Methods that requests may name beside `card`.
    pub methods: &'static [&'static str],
}
