//! CSRF protection: wherever a cookie proves who is asking, the request must come from a page of ours.
//!
//! Three guards, each of which would do: the cookie is `SameSite=Strict`; the browser must say that the page is of this origin, or
//! of one on the list; and from the list it must also show that it could read an answer.

use http::{HeaderMap, HeaderName, Uri, header, uri::Authority};
use subtle::ConstantTimeEq as _;

use super::cors::Cors;
use crate::{problem::Problem, problem_codes::Code, session_cookie::SessionCookie};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static X_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// Where the page is that makes the request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Here; or there is none: a program, a bookmark.
    Own,
    Other,
}

/// Refuses a request with a cookie of ours from a page that is not. Without a cookie there is nothing to guard.
/// `target` is that of the request, whose authority counts more than `Host` (RFC 9112, 3.2.2); in HTTP/2 there is often no other.
pub(super) fn check(cors: &Cors, target: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(cookie) = SessionCookie::of(headers) else { return Ok(()) };
    if page(target, headers) == Page::Own {
        return Ok(());
    }
    let refused = |detail| Err(Problem::new(Code::CrossSite).detail(detail));
    if cors.origin(headers).is_none() {
        return refused("the page that asks is of an origin that may not use this API");
    }
    let shown = headers.get(&X_CSRF_TOKEN).map(|value| value.as_bytes()).unwrap_or_default();
    if !bool::from(shown.ct_eq(cookie.csrf.expose().as_bytes())) {
        return refused("send the csrfToken of the last answer to login or refresh as X-CSRF-Token");
    }
    Ok(())
}

pub(super) fn page(target: &Uri, headers: &HeaderMap) -> Page {
    // Browsers do not let pages write this one, and they know best what the request's origin is.
    if let Some(site) = headers.get(&SEC_FETCH_SITE) {
        return if site == "same-origin" || site == "none" { Page::Own } else { Page::Other };
    }
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    let Some(origin) = text(header::ORIGIN).or_else(|| text(header::REFERER)) else { return Page::Own };
    // A proxy may have taken HTTPS off, so the scheme says nothing here.
    let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
    match (authority, target.authority().map(Authority::as_str).or_else(|| text(header::HOST))) {
        (Some(page), Some(own)) if page.as_str().eq_ignore_ascii_case(own) => Page::Own,
        _ => Page::Other,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_browser_says_whose_page_asks_and_older_ones_by_origin_or_referer() {
        let own = [
            &[("sec-fetch-site", "same-origin")][..],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://box.example"), ("host", "box.example")],
            &[("referer", "https://box.example/a?b"), ("host", "BOX.example")],
            &[("origin", "http://localhost:8080"), ("host", "localhost:8080")],
            &[("host", "box.example")],
        ];
        let other = [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "https://box.example"), ("host", "box.example")],
            &[("sec-fetch-site", "nonsense")],
            &[("origin", "https://evil.example"), ("host", "box.example")],
            &[("origin", "https://box.example.evil.example"), ("host", "box.example")],
            &[("origin", "https://box.example:444"), ("host", "box.example")],
            &[("origin", "null"), ("host", "box.example")],
            &[("referer", "https://evil.example/box.example"), ("host", "box.example")],
            &[("origin", "https://box.example")],
        ];
        for pairs in own {
            assert_eq!(page(&Uri::from_static("/"), &headers(pairs)), Page::Own, "{pairs:?}");
        }
        for pairs in other {
            assert_eq!(page(&Uri::from_static("/"), &headers(pairs)), Page::Other, "{pairs:?}");
        }
    }

    /// HTTP/2 has the authority instead of `Host`, and older browsers say nothing of the site.
    #[test]
    fn the_authority_of_the_target_is_the_own_one() {
        let of =
            |target: &'static str, pairs: &[(&'static str, &str)]| page(&Uri::from_static(target), &headers(pairs));
        let (own, other) = (("origin", "https://box.example"), ("origin", "https://evil.example"));
        assert_eq!(of("https://box.example/api/v1/auth/refresh", &[own]), Page::Own);
        assert_eq!(of("https://box.example/api/v1/auth/refresh", &[other]), Page::Other);
        assert_eq!(of("https://box.example/", &[other, ("host", "evil.example")]), Page::Other);
        assert_eq!(of("https://evil.example/", &[own, ("host", "box.example")]), Page::Other);
        assert_eq!(of("/", &[own]), Page::Other, "neither says where this is");
    }

    #[test]
    fn another_origin_needs_the_list_and_the_token() {
        let cors = Cors::new(&["https://shop.example".to_owned()]);
        let (session, secret, csrf) = (uuid::Uuid::now_v7(), "a7".repeat(32), "b8".repeat(32));
        let cookie = format!("__Host-boxoffice_refresh={session}.{secret}.{csrf}");
        let check = |origin: &str, token: Option<&str>| {
            let mut pairs = vec![("cookie", cookie.as_str()), ("sec-fetch-site", "same-site"), ("origin", origin)];
            pairs.extend(token.map(|token| ("x-csrf-token", token)));
            super::check(&cors, &Uri::from_static("/"), &headers(&pairs)).is_ok()
        };
        assert!(check("https://shop.example", Some(&csrf)));
        for wrong in [None, Some(""), Some(&csrf[1..]), Some(secret.as_str())] {
            assert!(!check("https://shop.example", wrong), "{wrong:?}");
        }
        assert!(!check("https://evil.example", Some(&csrf)));
        let nothing_to_guard = headers(&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]);
        assert!(super::check(&cors, &Uri::from_static("/"), &nothing_to_guard).is_ok());
    }
}
