//! What browsers report that the policy of a page has stopped (L8): a fault in a page of ours, or somebody else's script.
//!
//! Anybody can send reports, so they are evidence for people and nothing else: each is one line of the log, of which the log
//! lets a few a second through, and is counted.

pub(super) mod docs;

use std::{borrow::Cow, sync::Arc};

use http::header;
use metrics::counter;
use serde::Deserialize;

use super::{
    catalogue::Code,
    edge::security::REPORTS_PATH,
    problem::Problem,
    reply::Reply,
    request::Request,
    router::{Access, Route},
};

/// A report has a few hundred bytes, and a browser sends several at once.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Reports of one request that are looked at.
const REPORTS_MAX: usize = 20;
/// Characters of one value that are logged.
const VALUE_CHARS_MAX: usize = 200;

/// `POST /api/v1/csp-reports`
pub fn route<S: Send + Sync + 'static>() -> Route<S> {
    Route::post(REPORTS_PATH, Access::Public, receive).body_limit(BODY_BYTES_MAX).attached()
}

/// A report as `report-uri` sends it (CSP 3, 5.3).
#[derive(Deserialize)]
struct Legacy<'a> {
    #[serde(borrow, rename = "csp-report")]
    report: Violation<'a>,
}

/// A report as `report-to` sends it (Reporting API, 2.3); pages report other things in the same way.
#[derive(Deserialize)]
struct Modern<'a> {
    #[serde(rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: Violation<'a>,
}

/// What both say, each in names of its own.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Violation<'a> {
    #[serde(borrow, alias = "document-uri", alias = "documentURL")]
    document: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "effective-directive", alias = "effectiveDirective")]
    directive: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "blocked-uri", alias = "blockedURL")]
    blocked: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "source-file", alias = "sourceFile")]
    source: Option<Cow<'a, str>>,
    #[serde(alias = "line-number", alias = "lineNumber")]
    line: Option<u64>,
}

async fn receive<S>(_: Arc<S>, mut request: Request) -> Result<Reply, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let bytes = match &*kind {
        "application/csp-report" | "application/reports+json" => request.bytes().await?,
        _ => {
            return Err(Problem::new(Code::UnsupportedMediaType)
                .detail("reports are application/csp-report or application/reports+json"));
        }
    };
    let violations = if kind == "application/csp-report" {
        serde_json::from_slice(&bytes).map(|Legacy { report }| vec![report])
    } else {
        serde_json::from_slice(&bytes).map(|reports: Vec<Modern<'_>>| {
            reports.into_iter().filter(|report| report.kind == "csp-violation").map(|report| report.body).collect()
        })
    };
    let violations = violations.map_err(|error| {
        let detail = format!("no report, wrong at line {}, column {}", error.line(), error.column());
        Problem::new(Code::MalformedJson).detail(detail)
    })?;
    for violation in violations.iter().take(REPORTS_MAX) {
        record(violation);
    }
    Ok(Reply::no_content())
}

fn record(violation: &Violation<'_>) {
    counter!("boxoffice_csp_reports_total").increment(1);
    // As text with escapes: a line break in a report must not become one in the log.
    tracing::warn!(
        document = ?shown(violation.document.as_deref()),
        directive = ?shown(violation.directive.as_deref()),
        blocked = ?shown(violation.blocked.as_deref()),
        source = ?shown(violation.source.as_deref()),
        line = violation.line,
        "a browser reports that the policy of a page was violated"
    );
}

/// The beginning of a value. What follows the path of an address may be somebody's token.
fn shown(value: Option<&str>) -> Cow<'_, str> {
    let value = value.unwrap_or_default();
    let public = value.split(['?', '#']).next().unwrap_or_default();
    match public.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &public[..end])),
        None => Cow::Borrowed(public),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_without_what_is_secret() {
        assert_eq!(shown(Some("https://a.example/reset?token=secret#x")), "https://a.example/reset");
        assert_eq!(shown(Some(&"é".repeat(500))).chars().count(), VALUE_CHARS_MAX + 1);
        assert_eq!((shown(None), shown(Some("inline"))), ("".into(), "inline".into()));
    }
}
