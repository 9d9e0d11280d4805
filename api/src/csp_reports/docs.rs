//! What clients are told about reports of browsers.

use boxoffice_http::{
    edge::security::REPORTS_PATH,
    openapi::operation::{Operation, Section},
    problem_codes::Code,
};
use serde_json::json;

pub(crate) fn section() -> Section {
    Section::new("Reports", "What browsers report by themselves.").with(receive())
}

fn receive() -> Operation {
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
}
