//! Reads that a client may keep and ask about again (H10, RFC 9110 13.1.2).

use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::{problem::Problem, reply::Reply};

/// A 200 with the `ETag` of its bytes, or 304 for a client that has just these. It may be kept, and must be asked about each
/// time: nobody is shown yesterday's programme.
pub(super) fn revalidated(request: &HeaderMap, reply: Reply) -> Result<Reply, Problem> {
    let Some(body) = reply.full_body().filter(|_| reply.status() == StatusCode::OK) else { return Ok(reply) };
    let digest = Sha256::digest(body);
    let tag: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let known = request.get_all(header::IF_NONE_MATCH).iter().any(|value| names(value, &tag));
    let reply = if known { without_body(&reply) } else { reply };
    let tag = HeaderValue::from_str(&format!("\"{tag}\"")).map_err(Problem::internal)?;
    Ok(reply.header(header::ETAG, tag).header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}

/// A 304 has the headers that a 200 would have, but for those of the body.
fn without_body(reply: &Reply) -> Reply {
    let link = reply.headers().get(header::LINK).cloned();
    let not_modified = Reply::empty(StatusCode::NOT_MODIFIED);
    match link {
        Some(link) => not_modified.header(header::LINK, link),
        None => not_modified,
    }
}

/// Whether a list of tags has this one, strong or weak: compression weakens it on the way.
fn names(value: &HeaderValue, tag: &str) -> bool {
    let listed = value.to_str().unwrap_or_default().split(',').map(str::trim);
    listed.into_iter().any(|one| {
        let opaque = one.strip_prefix("W/").unwrap_or(one);
        one == "*" || opaque.strip_prefix('"').and_then(|one| one.strip_suffix('"')) == Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &'static str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        revalidated(&headers, Reply::ok("jazz").unwrap()).unwrap()
    }

    #[test]
    fn only_who_has_the_same_bytes_is_told_so() {
        let fresh = revalidated(&HeaderMap::new(), Reply::ok("jazz").unwrap()).unwrap();
        assert_eq!(fresh.status(), StatusCode::OK);
        assert_eq!(fresh.headers()[header::ETAG], "\"05f9034aae29d7e851cc1c6b\"");
        let known = ["\"05f9034aae29d7e851cc1c6b\"", "\"x\", W/\"05f9034aae29d7e851cc1c6b\"", "*"];
        for value in known {
            assert_eq!(asked(value).status(), StatusCode::NOT_MODIFIED, "{value}");
        }
        for value in ["\"x\"", "05f9034aae29d7e851cc1c6b", ""] {
            assert_eq!(asked(value).status(), StatusCode::OK, "{value}");
        }
    }
}
