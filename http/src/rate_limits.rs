//! Limits on the way in, and how a client stands with them on the way out (C3): the fields `RateLimit` and
//! `RateLimit-Policy` (IETF draft ratelimit-headers), and 429 with `Retry-After`.

use std::{net::IpAddr, sync::Arc, time::Instant};

use application::limits::{Client, Counted, LimitRequests, Limited, Standing, Tier};
use domain::{ids::AccountId, rate_limit::Rate};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{problem::Problem, problem_codes::Code, request::Request, request_id::RequestId, route_info::RouteInfo};

static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The limits of a table of routes.
pub(super) struct Limits {
    port: Arc<dyn LimitRequests>,
    /// `RateLimit-Policy` of each limited tier, made once.
    policies: [HeaderValue; Tier::LIMITED.len()],
}

impl Limits {
    pub(super) fn new(port: Arc<dyn LimitRequests>) -> Self {
        let policies =
            Tier::LIMITED.map(|tier| port.rate(tier).map_or(HeaderValue::from_static(""), |rate| policy(tier, rate)));
        Self { port, policies }
    }

    /// Counts a request of `client` on a route of this tier.
    pub(super) fn count(&self, tier: Tier, client: Client, now: Instant) -> Counted {
        self.port.count(tier, client, now)
    }

    /// What came of counting a request that is served without further ado, and what its answer says about it; without any
    /// fields it is not limited.
    pub(super) fn admitted(&self, tier: Tier, counted: &Counted) -> Option<Option<Fields<'_>>> {
        match counted {
            Counted::Exempt => Some(None),
            Counted::Known(standing) if standing.outcome.is_ok() => Some(self.fields(tier, *standing)),
            Counted::Known(_) | Counted::Asked(_) => None,
        }
    }

    /// What came of counting a request: whether it is served, and what its answer says about it.
    pub(super) async fn settle(
        &self,
        asker: impl FnOnce() -> Asker,
        tier: Tier,
        counted: Counted,
    ) -> (Option<Fields<'_>>, Result<(), Problem>) {
        let Some(standing) = known(counted).await else { return (None, Ok(())) };
        let result = standing.outcome.map_err(|limited| {
            if limited.first {
                log(&asker(), tier, limited);
            }
            Problem::from(limited)
        });
        (self.fields(tier, standing), result)
    }

    /// Whether a request would be admitted by what is known here; nothing is counted.
    pub(super) fn has_left(&self, tier: Tier, client: Client, now: Instant) -> bool {
        self.port.standing(tier, client, now).is_none_or(|standing| standing.remaining > 0)
    }

    /// Counts a request if there is one left. One that finds none is not held against its client.
    pub(super) async fn admits(&self, tier: Tier, client: Client, now: Instant) -> bool {
        self.has_left(tier, client, now)
            && known(self.port.count(tier, client, now)).await.is_none_or(|standing| standing.outcome.is_ok())
    }

    /// Gives one of `bookings` back for one of `api`, as far as there are any. What answers say about it then.
    pub(super) async fn exchange(&self, client: Client) -> Option<Option<Fields<'_>>> {
        if !self.admits(Tier::Api, client, Instant::now()).await {
            return None;
        }
        self.give_back(Tier::Bookings, client).await
    }

    /// Gives one back that was counted and admitted. What answers say about it then; `None` when it is not limited.
    pub(super) async fn give_back(&self, tier: Tier, client: Client) -> Option<Option<Fields<'_>>> {
        let standing = self.port.give_back(tier, client, Instant::now())?.await;
        Some(self.fields(tier, standing))
    }

    /// What an answer says about a limit that it was not counted by.
    pub(super) fn standing(&self, tier: Tier, client: Client) -> Option<Fields<'_>> {
        self.fields(tier, self.port.standing(tier, client, Instant::now())?)
    }

    fn fields(&self, tier: Tier, standing: Standing) -> Option<Fields<'_>> {
        let policy = self.policies.get(tier.index()?)?;
        Some(Fields { tier, policy, standing })
    }
}

/// How a client stands, once others have been asked; `None` when it is not limited.
async fn known(counted: Counted) -> Option<Standing> {
    match counted {
        Counted::Exempt => None,
        Counted::Known(standing) => Some(standing),
        Counted::Asked(answer) => Some(answer.await),
    }
}

/// Who asks for what, for the log.
pub(super) struct Asker {
    id: RequestId,
    account: Option<AccountId>,
    address: IpAddr,
    /// `None`: for nothing that there is.
    route: Option<Arc<RouteInfo>>,
}

impl Asker {
    pub(super) fn of(request: &Request, account: Option<AccountId>) -> Self {
        let (id, route) = (request.request_id().clone(), Arc::clone(request.route()));
        Self { id, account, address: request.client_address(), route: Some(route) }
    }

    /// Somebody who asks for what no row answers.
    pub(super) fn unmatched(id: &RequestId, address: IpAddr) -> Self {
        Self { id: id.clone(), account: None, address, route: None }
    }
}

/// A violation, once: what follows while the client goes on is in the metrics.
#[cold]
fn log(asker: &Asker, tier: Tier, limited: Limited) {
    tracing::warn!(
        requestId = asker.id.as_str(),
        userId = asker.account.map(tracing::field::display),
        client = %asker.address,
        limit = tier.as_str(),
        method = asker.route.as_deref().map(|route| route.method.as_str()),
        route = asker.route.as_deref().map(|route| route.path),
        waitMs = limited.retry_after.as_millis() as u64,
        "limit exceeded"
    );
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        Self::new(Code::RateLimited).retry_after(limited.retry_after)
    }
}

/// `"public";q=200;w=900`: so many in so many seconds.
fn policy(tier: Tier, rate: Rate) -> HeaderValue {
    let seconds = rate.window().as_millis().div_ceil(1000);
    let text = format!("\"{}\";q={};w={seconds}", tier.as_str(), rate.count());
    // Letters, digits and quotes are a header value; the fallback only avoids a panic path.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// What an answer says about its client's limit.
pub(super) struct Fields<'a> {
    tier: Tier,
    policy: &'a HeaderValue,
    standing: Standing,
}

impl Fields<'_> {
    /// Says it, instead of what was said to somebody else.
    pub(super) fn set(&self, headers: &mut HeaderMap) {
        if headers.insert(RATE_LIMIT.clone(), self.rate_limit()).is_none() {
            headers.insert(RATE_LIMIT_POLICY.clone(), self.policy.clone());
        }
    }

    /// Takes away what was said to somebody who is limited.
    pub(super) fn clear(headers: &mut HeaderMap) {
        headers.remove(&RATE_LIMIT);
        headers.remove(&RATE_LIMIT_POLICY);
    }

    /// `"public";r=150;t=30`: so many are left, and after so many seconds none will be missing.
    fn rate_limit(&self) -> HeaderValue {
        let wait = self.standing.full_after;
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let mut text = Text::default();
        text.push(b"\"").push(self.tier.as_str().as_bytes()).push(b"\";r=");
        text.push_number(self.standing.remaining.into()).push(b";t=").push_number(seconds);
        HeaderValue::from_bytes(text.as_bytes()).unwrap_or(HeaderValue::from_static(""))
    }
}

/// A short text, written without allocating; what does not fit is left out.
struct Text {
    bytes: [u8; 64],
    length: usize,
}

impl Default for Text {
    fn default() -> Self {
        Self { bytes: [0; 64], length: 0 }
    }
}

impl Text {
    fn push(&mut self, part: &[u8]) -> &mut Self {
        if let Some(room) = self.bytes.get_mut(self.length..self.length + part.len()) {
            room.copy_from_slice(part);
            self.length += part.len();
        }
        self
    }

    fn push_number(&mut self, number: u64) -> &mut Self {
        self.push(itoa::Buffer::new().format(number).as_bytes())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn fields_have_the_form_of_the_draft() {
        let policy = policy(Tier::Public, Rate::new(200, Duration::from_secs(900)).unwrap());
        assert_eq!(policy, "\"public\";q=200;w=900");
        for (remaining, millis, right) in [
            (150, 29_001, "\"public\";r=150;t=30"),
            (0, 0, "\"public\";r=0;t=0"),
            (u32::MAX, u64::MAX, "\"public\";r=4294967295;t=18446744073709552"),
        ] {
            let full_after = Duration::from_millis(millis);
            let standing = Standing { outcome: Ok(()), remaining, full_after };
            let fields = Fields { tier: Tier::Public, policy: &policy, standing };
            assert_eq!(fields.rate_limit(), right);
        }
    }

    #[test]
    fn a_limit_shorter_than_a_second_has_a_window_of_one() {
        let rate = Rate::new(5, Duration::from_millis(1)).unwrap();
        assert_eq!(policy(Tier::Auth, rate), "\"auth\";q=5;w=1");
    }
}
