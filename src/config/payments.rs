//! Payments.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{
    Environment,
    declare::{hours, minutes, ms, s},
    sources::{Layers, Section},
};

/// Where Stripe is.
const STRIPE_URL: &str = "https://api.stripe.com";
const STRIPE_URL_RIGHT: &str =
    "an https origin such as https://api.stripe.com, or http://127.0.0.1:12111 for one on this machine";

/// Who takes the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Nobody: priced bookings can only be paid by bank transfer and by hand.
    None,
    Sandbox,
    Stripe,
}

impl Provider {
    /// The default comes first.
    fn choices(environment: Environment, has_key: bool) -> [(&'static str, Self); 3] {
        let (none, sandbox, stripe) = (("none", Self::None), ("sandbox", Self::Sandbox), ("stripe", Self::Stripe));
        match environment {
            _ if has_key => [stripe, sandbox, none],
            Environment::Development => [sandbox, stripe, none],
            Environment::Staging | Environment::Production => [none, stripe, sandbox],
        }
    }
}

settings! {
    /// Payments
    "payments" PaymentsConfig(environment: Environment, request_timeout: Duration) {
        /// Secret: the key by which Stripe knows this server, sk_live_… or rk_live_…; sk_test_… for its test mode.
        stripe_secret_key: Option<SecretString> = secret(None, |text| is_key(text, &["sk_", "rk_"]));
        /// Secret: by which Stripe signs what it tells https://…/api/v1/webhooks/stripe, whsec_….
        stripe_webhook_secret: Option<SecretString> = secret(None, |text| is_key(text, &["whsec_"]));
        /// Secret: another one, which is taken as well while they are rotated.
        stripe_webhook_other_secret: Option<SecretString> = secret(None, |text| is_key(text, &["whsec_"]));
        /// Where Stripe is, or something else that speaks like it.
        stripe_url: String = alias(None, STRIPE_URL.to_owned(), gateway_url, STRIPE_URL_RIGHT);
        /// Who takes the money: stripe (the default with its key), sandbox (the default in development; moves no money, refused in
        /// production), or none: then priced bookings are paid by bank transfer and by hand only.
        provider: Provider = choice(Provider::choices(environment, stripe_secret_key.is_some()));
        /// For the gateway to answer a request. Too high: buyers wait for a gateway that hangs. Too low: payments that would have been
        /// answered are asked about later.
        timeout: Duration = duration_within(s(8), ms(100)..=minutes(2), (request_timeout, "http.request_timeout"));
        /// After how long without an end an attempt is asked about. Too high: who has paid waits, when the answer was lost. Too low: the
        /// gateway is asked about what it is at.
        check_after: Duration = duration(s(10), ms(100)..=hours(1));
        /// After how long in progress an attempt counts as stuck: listed, and alerted on.
        stuck_after: Duration = duration(minutes(1), s(1)..=hours(24));
    }
}

impl PaymentsConfig {
    /// Whether money can be taken as the settings say.
    pub(super) fn check(&self, environment: Environment, section: &mut Section<'_, '_>) {
        let is_production = environment == Environment::Production;
        match self.provider {
            Provider::Sandbox if is_production => {
                section.fault_of("provider", "sandbox gives tickets away for nothing; give stripe, or none");
            }
            Provider::Stripe => {
                if self.stripe_secret_key.is_none() {
                    section.fault_of("stripe_secret_key", "is required by the provider stripe");
                }
                if self.stripe_webhook_secret.is_none() {
                    let problem =
                        "is required by the provider stripe: without it nobody is told what became of a payment";
                    section.fault_of("stripe_webhook_secret", problem);
                }
                if is_production && !self.stripe_url.starts_with("https://") {
                    section.fault_of("stripe_url", "is without encryption, and the secret key is sent there");
                }
            }
            Provider::Sandbox | Provider::None => {}
        }
    }

    pub fn webhook_secrets(&self) -> Vec<SecretString> {
        [&self.stripe_webhook_secret, &self.stripe_webhook_other_secret].into_iter().flatten().cloned().collect()
    }
}

fn is_key(text: &str, prefixes: &[&str]) -> Result<(), String> {
    let is_right = prefixes.iter().any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 8))
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_right { Ok(()) } else { Err(format!("is none of Stripe's, which begins with {}", prefixes.join(" or "))) }
}

/// Without encryption on this machine only.
fn gateway_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let host = url.host()?;
    let is_here = match host {
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
        url::Host::Domain(name) => name == "localhost",
    };
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_here;
    let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    (is_safe && is_origin && is_anonymous).then(|| text.trim_end_matches('/').to_owned())
}

impl PaymentsConfig {
    /// For the client of Stripe; without a key there is none.
    pub fn secret_key(&self) -> SecretString {
        let key = self.stripe_secret_key.as_ref().map(|key| key.expose_secret().to_owned());
        SecretString::from(key.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_elsewhere_is_reached_with_encryption() {
        for right in ["https://api.stripe.com", "http://127.0.0.1:12111/", "http://localhost:8420", "http://[::1]:1"] {
            assert_eq!(gateway_url(right).as_deref(), Some(right.trim_end_matches('/')));
        }
        for wrong in [
            "",
            "api.stripe.com",
            "http://api.stripe.com",
            "http://10.0.0.1",
            "https://api.stripe.com/v1",
            "https://key@api.stripe.com",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(gateway_url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_told_from_another_secret_and_never_repeated() {
        for right in ["sk_live_12345678", "rk_test_12345678"] {
            assert_eq!(is_key(right, &["sk_", "rk_"]), Ok(()));
        }
        for wrong in ["", "sk_", "pk_live_12345678", "whsec_12345678", "sk_live 12345678"] {
            let problem = is_key(wrong, &["sk_", "rk_"]).unwrap_err();
            assert!(!problem.contains("12345678"), "{problem}");
        }
    }
}
