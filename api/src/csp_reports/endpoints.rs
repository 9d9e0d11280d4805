//! The endpoints of reports of browsers.

use application::app::App;
use boxoffice_http::{
    edge::security::REPORTS_PATH,
    endpoint::{Endpoint, Section},
    openapi::operation::Operation,
    problem_codes::Code,
    router::Access,
};
use serde_json::json;

use super::BODY_BYTES_MAX;

pub(crate) fn section() -> Section<App> {
    Section::new("Reports", "What browsers report by themselves.").with(receive())
}

fn receive() -> Endpoint<App> {
    Operation::post(REPORTS_PATH, "reportViolation", "Report what the policy of a page has stopped")
        .details("For browsers, by `report-uri` and by `report-to` of Content Security Policy 3.")
        .body_as(
            "application/csp-report",
            json!({ "type": "object", "description": "As browsers write it; what looks otherwise is passed over." }),
            json!({ "csp-report": { "document-uri": "https://tickets.example.org/docs", "blocked-uri": "inline" } }),
        )
        .body_as(
            "application/reports+json",
            json!({ "type": "array", "items": {}, "description": "As browsers write it; what looks otherwise is passed over." }),
            json!([{
                "type": "csp-violation",
                "body": { "documentURL": "https://tickets.example.org/docs", "blockedURL": "inline" },
            }]),
        )
        .no_content("Taken down.")
        .refusals(&[Code::MalformedJson])
        .served(Access::Public, super::receive).body_limit(BODY_BYTES_MAX).attached()
}
