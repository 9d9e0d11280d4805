//! Methods of payment of the sandbox: each is one thing that can become of a payment.

/// What is to become of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxMethod {
    Success,
    Declined,
    /// The payer is sent to another page first.
    Action,
    /// Settles after two seconds.
    Slow,
    /// Settles after its booking has expired.
    Late,
    /// Succeeds, and never answers nor tells.
    Timeout,
    /// Succeeds; what is given back does not arrive.
    RefundFails,
}

impl SandboxMethod {
    const ALL: [Self; 7] =
        [Self::Success, Self::Declined, Self::Action, Self::Slow, Self::Late, Self::Timeout, Self::RefundFails];

    /// The names of all.
    pub const NAMES: [&'static str; 7] = {
        let (mut names, mut at) = ([""; 7], 0);
        while at < Self::ALL.len() {
            names[at] = Self::ALL[at].as_str();
            at += 1;
        }
        names
    };

    /// The name in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "sandbox_success",
            Self::Declined => "sandbox_declined",
            Self::Action => "sandbox_action",
            Self::Slow => "sandbox_slow",
            Self::Late => "sandbox_late",
            Self::Timeout => "sandbox_timeout",
            Self::RefundFails => "sandbox_refund_fails",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}
