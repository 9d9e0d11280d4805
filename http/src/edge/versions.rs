//! API versioning: the version in the path, and the header `api-version` of clients that want to be sure.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{problem::Problem, problem_codes::Code};

/// Names the version that a request is meant for, and the one that answered.
pub(super) static API_VERSION: HeaderName = HeaderName::from_static("api-version");
pub(super) static CURRENT: HeaderValue = HeaderValue::from_static("1");

/// Whether a request is meant for a version that there is: 400 `VERSION_001` otherwise.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    let is_known = |value: &HeaderValue| value == "1" || value == "v1";
    if headers.get_all(&API_VERSION).into_iter().all(is_known) { Ok(()) } else { Err(unknown()) }
}

#[cold]
fn unknown() -> Problem {
    Problem::new(Code::UnknownVersion).detail("the known versions are: 1")
}

/// 404 for a path that no row has, which says so when it is one of another version.
pub(crate) fn not_found(path: &str) -> Problem {
    let version = path.strip_prefix("/api/v").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if version.is_empty() || version == "1" || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Problem::not_found();
    }
    Problem::not_found().detail("the API has no such version; the known versions are: 1, at /api/v1")
}
