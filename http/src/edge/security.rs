//! Security headers of every answer: content security policy, HSTS and the like. Values are made at compile time and
//! cloning one counts no references, so an answer pays a few look-ups in its table of headers.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Where browsers report what the policy of a page has stopped.
pub const REPORTS_PATH: &str = "/api/v1/csp-reports";

/// Of data: nothing may be loaded by it or run in it, and nobody frames it. A browser that is shown JSON makes a page of it.
static DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// Of our pages: what they load comes from this server, and no script stands in a page itself, where somebody else's text
/// could become one. `report-uri` is for the browsers that do not know `report-to`.
static PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /api/v1/csp-reports; report-to csp",
);
/// The group that `report-to` names.
static REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");
static REPORTS: HeaderValue = HeaderValue::from_static("csp=\"/api/v1/csp-reports\"");

static PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
static NO_PERMISSIONS: HeaderValue = HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
static OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
static SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

static NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
static DENY: HeaderValue = HeaderValue::from_static("DENY");
static REFERRER: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
/// One year.
static HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Adds what the handler has not set itself: a page may need a policy of its own, and a picture may be for other sites.
/// `secure`: the client is to come by HTTPS only from now on.
pub(super) fn dress(headers: &mut HeaderMap, secure: bool) {
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if is_page { &PAGE_POLICY } else { &DATA_POLICY };
    let mut keep_or_set = |name: HeaderName, value: &HeaderValue| {
        headers.entry(name).or_insert_with(|| value.clone());
    };
    keep_or_set(header::CONTENT_SECURITY_POLICY, policy);
    keep_or_set(header::X_CONTENT_TYPE_OPTIONS, &NO_SNIFF);
    keep_or_set(header::X_FRAME_OPTIONS, &DENY);
    keep_or_set(header::REFERRER_POLICY, &REFERRER);
    keep_or_set(PERMISSIONS_POLICY.clone(), &NO_PERMISSIONS);
    // A page elsewhere that is whitelisted for CORS may still read it: this is about requests that do not ask.
    keep_or_set(RESOURCE_POLICY.clone(), &SAME_ORIGIN);
    keep_or_set(OPENER_POLICY.clone(), &SAME_ORIGIN);
    if is_page {
        keep_or_set(REPORTING_ENDPOINTS.clone(), &REPORTS);
    }
    if secure {
        keep_or_set(header::STRICT_TRANSPORT_SECURITY, &HSTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dressed(given: &[(HeaderName, &'static str)], secure: bool) -> HeaderMap {
        let mut headers: HeaderMap =
            given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        dress(&mut headers, secure);
        headers
    }

    #[test]
    fn data_may_load_nothing_and_pages_run_no_scripts_of_their_own() {
        let json = dressed(&[(header::CONTENT_TYPE, "application/json")], false);
        assert_eq!(json[header::CONTENT_SECURITY_POLICY], DATA_POLICY);
        assert!(!json.contains_key(&REPORTING_ENDPOINTS) && !json.contains_key(header::STRICT_TRANSPORT_SECURITY));
        let page = dressed(&[(header::CONTENT_TYPE, "text/html; charset=utf-8")], true);
        let policy = page[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe") && policy.contains(&format!("report-uri {REPORTS_PATH};")), "{policy}");
        assert!(page[&REPORTING_ENDPOINTS].to_str().unwrap().contains(REPORTS_PATH));
        assert_eq!(page[header::STRICT_TRANSPORT_SECURITY], HSTS);
        for headers in [&json, &page, &dressed(&[], false)] {
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
            assert_eq!(headers[header::REFERRER_POLICY], "strict-origin-when-cross-origin");
        }
    }

    #[test]
    fn what_a_handler_has_decided_stays() {
        let own = "default-src 'none'; img-src https:";
        let headers =
            dressed(&[(header::CONTENT_SECURITY_POLICY, own), (RESOURCE_POLICY.clone(), "cross-origin")], false);
        assert_eq!(
            (&headers[header::CONTENT_SECURITY_POLICY], &headers[&RESOURCE_POLICY]),
            (&HeaderValue::from_static(own), &HeaderValue::from_static("cross-origin"))
        );
    }
}
