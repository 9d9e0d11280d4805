//! Optimistic concurrency: the revision of a resource as `ETag`, and `If-Match` of a change.

use domain::management::{Expected, Revisions};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{
    problem::Problem, problem_codes::Code, query::Whole, reply::Reply, request::Request, response_cache::conditional,
};

/// The revision as a strong validator. The answer must not be compressed: that would make it a weak one, which no `If-Match`
/// matches (RFC 9110, 13.1.1).
pub fn tagged(reply: Reply, revision: i32) -> Reply {
    let reply = reply.header(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    match HeaderValue::from_str(&format!("\"{revision}\"")) {
        Ok(tag) => reply.header(header::ETAG, tag),
        Err(_) => reply,
    }
}

/// 304 when the client has this revision already.
pub fn unchanged(request: &Request, revision: i32) -> Option<Reply> {
    let tag = format!("\"{revision}\"");
    conditional::has(request.headers(), tag.as_bytes())
        .then(|| tagged(Reply::empty(StatusCode::NOT_MODIFIED), revision))
}

/// The revision that a change is based on; 428 without `If-Match`. `*` means whatever is there.
pub fn expected(request: &Request) -> Result<Expected, Problem> {
    perhaps_expected(request)?.ok_or_else(|| Problem::new(Code::IfMatchMissing))
}

/// The same for what may be done unseen.
pub fn perhaps_expected(request: &Request) -> Result<Option<Expected>, Problem> {
    named_in(request.headers())
}

/// 412 when a change of what has no revision is to be made to one: nothing has it. `*` is whatever there is.
pub(super) fn refuse_named(headers: &HeaderMap) -> Result<(), Problem> {
    let is_any = || matches!(named_in(headers), Ok(Some(None)));
    if !headers.contains_key(header::IF_MATCH) || is_any() {
        return Ok(());
    }
    Err(Problem::new(Code::ChangedMeanwhile).detail("what this makes or changes has no revision: leave If-Match out"))
}

fn named_in(headers: &HeaderMap) -> Result<Option<Expected>, Problem> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let texts = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags: Vec<&str> = texts.flat_map(|text| text.split(',').map(str::trim)).collect();
    match &tags[..] {
        ["*"] => Ok(Some(None)),
        // What is no revision of ours, a weak validator among it, matches nothing, and any one of the others is enough (RFC 9110, 13.1.1).
        tags => {
            let revisions = Revisions::new(tags.iter().filter_map(|tag| revision(tag)));
            revisions.map(|any| Some(Some(any))).ok_or_else(|| Problem::new(Code::ChangedMeanwhile))
        }
    }
}

/// Of a strong validator of ours.
fn revision(tag: &str) -> Option<i32> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    // One revision has one tag, and ours has no sign and no zeros before it.
    digits.parse().ok().map(|Whole(revision): Whole<u32>| revision)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tags: &[&str]) -> Result<Option<Expected>, Code> {
        let mut headers = HeaderMap::new();
        for tag in tags {
            headers.append(header::IF_MATCH, HeaderValue::from_str(tag).unwrap());
        }
        named_in(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_revision_is_read_back_from_its_tag() {
        let reply = tagged(Reply::no_content(), 42);
        let tag = reply.headers()[header::ETAG].to_str().unwrap();
        assert_eq!(read(&[tag]), Ok(Some(Revisions::new([42]))));
        assert_eq!(read(&["*"]), Ok(Some(None)));
        assert_eq!(read(&[]), Ok(None));
        let wrong =
            ["", "\"", "5", "\"x\"", "\"5f\"", "W/\"5\"", "\"\"", "\"99999999999\"", "\"+1\"", "\"01\"", "\"1\" \"2\""];
        for tag in wrong {
            assert_eq!(read(&[tag]), Err(Code::ChangedMeanwhile), "{tag}");
        }
        // One of several is enough; what matches nothing takes nothing away.
        let any = Ok(Some(Revisions::new([1, 2])));
        for tags in [&["\"1\"", "\"2\""][..], &["\"1\", W/\"7\" , \"2\""], &["\"x\",\"1\"", "", "*", "\"2\","]] {
            assert_eq!(read(tags), any, "{tags:?}");
        }
        assert!(Revisions::new([1, 2]).is_some_and(|of| of.has(1) && of.has(2) && !of.has(3)));
        assert_eq!(read(&["W/\"1\", *"]), Err(Code::ChangedMeanwhile));
        let many: Vec<String> = (0..=Revisions::MAX).map(|revision| format!("\"{revision}\"")).collect();
        assert_eq!(read(&[&many.join(",")]), Err(Code::ChangedMeanwhile));
    }

    #[test]
    fn what_has_no_revision_has_none_that_is_named() {
        let refused = |tag: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(tag.map(|tag| (header::IF_MATCH, HeaderValue::from_static(tag))));
            refuse_named(&headers).is_err()
        };
        assert!(!refused(None) && !refused(Some("*")));
        assert!(refused(Some("\"1\"")) && refused(Some("W/\"1\"")) && refused(Some("")));
    }
}
