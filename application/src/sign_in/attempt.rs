//! Brute-force protection: what is counted against attempts to sign in.

use std::net::IpAddr;

use domain::{secrets::OpaqueToken, unpaid::NetworkId};

use crate::{
    app::App,
    limits::{Limited, Rule},
};

/// An attempt that was counted before it is judged, so that many at once are counted as well. One that succeeds is given back.
pub(super) struct Attempt {
    counted: Vec<(Rule, String)>,
    from: IpAddr,
}

impl Attempt {
    /// Counts it, or refuses. `hash` is that of the account's password: with a new password nobody has failed yet.
    pub(super) async fn count(
        app: &App,
        email: &str,
        hash: Option<&str>,
        known: Option<&OpaqueToken>,
        from: IpAddr,
    ) -> Result<Self, Limited> {
        let account = format!("{email} {}", hash.unwrap_or_default());
        let counts = match known {
            Some(device) => vec![(Rule::SignIn, format!("{account} device {}", device.expose()))],
            None => vec![
                (Rule::SignIn, format!("{account} network {:?}", NetworkId::of(from))),
                (Rule::SignInAccount, account),
            ],
        };
        let mut attempt = Self { counted: Vec::with_capacity(counts.len()), from };
        for (rule, subject) in counts {
            if let Err(limited) = app.limits.attempt(rule, &subject, from).await {
                // It is not made, so it is no failure.
                attempt.give_back(app).await;
                return Err(limited);
            }
            attempt.counted.push((rule, subject));
        }
        Ok(attempt)
    }

    /// It was none of those that are limited.
    pub(super) async fn give_back(self, app: &App) {
        for (rule, subject) in &self.counted {
            app.limits.forgive(*rule, subject, self.from).await;
        }
    }
}
