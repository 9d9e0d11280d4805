//! Who may use a route.

use application::access::{Caller, TokenError, VerifyAccess};
use http::{HeaderMap, HeaderValue, header, request::Parts};

use super::{
    edge::Edge,
    problem::Problem,
    problem_codes::Code,
    request_id::RequestId,
    route_info::{Access, RouteInfo},
};

/// The one place that decides who may use a route (O8).
pub(super) fn authorise(
    edge: &Edge,
    verifier: &dyn VerifyAccess,
    route: &RouteInfo,
    head: &Parts,
    id: &RequestId,
) -> Result<Option<Caller>, Problem> {
    match route.access {
        Access::Public => return Ok(None),
        Access::Session => {
            let refused = |_: &Problem| tracing::warn!(requestId = id.as_str(), "access refused: page of another site");
            return edge.check_page(head).inspect_err(refused).map(|()| None);
        }
        Access::Authenticated | Access::Roles(_) => {}
    }
    let Some(token) = bearer(&head.headers) else {
        return Err(challenge(Code::NoToken, HeaderValue::from_static("Bearer realm=\"boxoffice\"")));
    };
    let caller = verifier.verify(token).map_err(|error| refused_token(error, route, id))?;
    if let Access::Roles(roles) = route.access
        && !roles.contains(&caller.role)
    {
        tracing::warn!(
            requestId = id.as_str(),
            userId = %caller.account,
            role = caller.role.as_str(),
            method = %route.method,
            route = route.path,
            "access refused: insufficient rights"
        );
        return Err(forbidden());
    }
    Ok(Some(caller))
}

/// The refusal of somebody who is known and may not do this.
pub(super) fn forbidden() -> Problem {
    let scheme = HeaderValue::from_static("Bearer realm=\"boxoffice\", error=\"insufficient_scope\"");
    challenge(Code::Forbidden, scheme)
}

/// The credentials of the `Bearer` scheme, whose name is case-insensitive (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Why a token is refused, for the client; and for the log, where it is worth a line.
fn refused_token(error: TokenError, route: &RouteInfo, id: &RequestId) -> Problem {
    let (code, scheme) = match error {
        TokenError::Bad => (Code::BadToken, "Bearer realm=\"boxoffice\", error=\"invalid_token\""),
        TokenError::Expired => {
            (Code::ExpiredToken, "Bearer realm=\"boxoffice\", error=\"invalid_token\", error_description=\"expired\"")
        }
        TokenError::Revoked => {
            (Code::ExpiredToken, "Bearer realm=\"boxoffice\", error=\"invalid_token\", error_description=\"revoked\"")
        }
    };
    // A token that has run out is everyday life; any other is a mistake or an attack.
    if error != TokenError::Expired {
        tracing::warn!(
            requestId = id.as_str(),
            method = %route.method,
            route = route.path,
            reason = %error,
            "access refused"
        );
    }
    challenge(code, HeaderValue::from_static(scheme))
}

fn challenge(code: Code, scheme: HeaderValue) -> Problem {
    Problem::new(code).header(header::WWW_AUTHENTICATE, scheme)
}
