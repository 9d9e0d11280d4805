//! What browsers report that the policy of a page has stopped: a fault in a page of ours, or somebody else's script.
//!
//! Anybody can send reports, so they are evidence for people and nothing else: each is one line of the log, of which the log
//! lets a few a second through, and is counted.

pub(crate) mod endpoints;

use std::{borrow::Cow, sync::Arc};

use application::app::App;
use boxoffice_http::{problem::Problem, problem_codes::Code, reply::Reply, request::Request};
use http::header;
use metrics::counter;
use serde_json::Value;

/// A report has a few hundred bytes, and a browser sends several at once.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Reports of one request that are looked at.
const REPORTS_MAX: usize = 20;
/// Characters of one value that are logged.
const VALUE_CHARS_MAX: usize = 200;

async fn receive(_: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let bytes = match &*kind {
        "application/csp-report" | "application/reports+json" => request.bytes().await?,
        _ => {
            return Err(Problem::new(Code::UnsupportedMediaType)
                .detail("reports are application/csp-report or application/reports+json"));
        }
    };
    let report: Value = serde_json::from_slice(&bytes).map_err(|error| {
        let detail = format!("no report, wrong at line {}, column {}", error.line(), error.column());
        Problem::new(Code::MalformedJson).detail(detail)
    })?;
    let has_form = if kind == "application/csp-report" { report.is_object() } else { report.is_array() };
    if !has_form {
        let detail = "application/csp-report is an object, application/reports+json a list";
        return Err(Problem::new(Code::MalformedJson).detail(detail));
    }
    violations(&report).take(REPORTS_MAX).for_each(record);
    Ok(Reply::no_content())
}

/// What was stopped: one thing as `report-uri` sends it (CSP 3, 5.3), or a list as `report-to` does (Reporting API, 2.3), where
/// pages report other things as well. What looks otherwise is passed over: browsers differ, and nobody reads our refusal.
fn violations(report: &Value) -> impl Iterator<Item = &Value> {
    let several = report.as_array().into_iter().flatten();
    let several = several.filter(|report| report["type"] == "csp-violation").map(|report| &report["body"]);
    report.get("csp-report").into_iter().chain(several).filter(|violation| violation.is_object())
}

fn record(violation: &Value) {
    counter!("boxoffice_csp_reports_total").increment(1);
    // Each way to report has names of its own.
    let value = |names: [&str; 2]| names.iter().find_map(|name| violation.get(name));
    let text = |names| shown(value(names).and_then(Value::as_str));
    // As text with escapes: a line break in a report must not become one in the log.
    tracing::warn!(
        document = ?text(["document-uri", "documentURL"]),
        directive = ?text(["effective-directive", "effectiveDirective"]),
        blocked = ?text(["blocked-uri", "blockedURL"]),
        source = ?text(["source-file", "sourceFile"]),
        line = value(["line-number", "lineNumber"]).and_then(|line| line.as_u64()),
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
