//! Request validation: what HTTP demands of the head of a request and hyper does not check.

use http::{HeaderMap, Method, Version, header, request::Parts};

use super::present::{Field, Present};
use crate::{problem::Problem, problem_codes::Code};

/// Longest target of a request, in bytes: what RFC 9110, 4.1, asks of every server at least.
pub(crate) const TARGET_BYTES_MAX: usize = 8_000;

/// What is wrong with a head. The connection ends with the answer: where two servers may see two requests in the same
/// bytes, what follows must not be taken for one (RFC 9112, 11.2).
pub(crate) fn fault(head: &Parts, present: Present) -> Option<Problem> {
    if head.version == Version::HTTP_11 && !has_one_host(&head.headers, present) {
        return Some(bad("send one Host header"));
    }
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET_BYTES_MAX) {
        return Some(Problem::new(Code::TargetTooLong));
    }
    // The one behind must not take another for whom the one in front takes the first.
    if head.headers.len() != head.headers.keys_len()
        && head.headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some()
    {
        return Some(bad("send one Authorization header"));
    }
    if head.uri.path() == "*" && head.method != Method::OPTIONS {
        return Some(bad("only OPTIONS has the target *"));
    }
    if present.has(Field::TransferEncoding) {
        // hyper looks at the last coding of the last line only.
        let mut codings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
        if let Some(first) = codings.next()
            && (codings.next().is_some() || !first.as_bytes().eq_ignore_ascii_case(b"chunked"))
        {
            return Some(bad("the only transfer coding understood is chunked, once"));
        }
    }
    None
}

fn has_one_host(headers: &HeaderMap, present: Present) -> bool {
    // Where no field is there twice, this one is not.
    present.has(Field::Host)
        && (headers.len() == headers.keys_len() || headers.get_all(header::HOST).iter().count() == 1)
}

#[cold]
fn bad(detail: &'static str) -> Problem {
    Problem::new(Code::BadRequest).detail(detail).closing()
}
