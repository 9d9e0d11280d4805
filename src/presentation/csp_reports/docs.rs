//! What clients are told about reports of browsers.

use serde_json::{Value, json};

use crate::presentation::{
    catalogue::Code,
    edge::security::REPORTS_PATH,
    openapi::operation::{Operation, Section},
};

pub(in crate::presentation) fn section() -> Section {
    Section::new("Reports", "What browsers report by themselves.").with(receive())
}

fn receive() -> Operation {
    Operation::post(REPORTS_PATH, "reportViolation", "Report what the policy of a page has stopped")
        .details("For browsers, by `report-uri` and by `report-to` of Content Security Policy 3.")
        .body_as(
            "application/csp-report",
            json!({
                "type": "object",
                "required": ["csp-report"],
                "properties": { "csp-report": violation("line-number", &["document-uri", "effective-directive", "blocked-uri", "source-file"]) },
            }),
            json!({ "csp-report": { "document-uri": "https://tickets.example.org/docs", "blocked-uri": "inline" } }),
        )
        .body_as(
            "application/reports+json",
            json!({
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "body"],
                    "properties": {
                        "type": { "type": "string" },
                        "body": violation("lineNumber", &["documentURL", "effectiveDirective", "blockedURL", "sourceFile"]),
                    },
                },
            }),
            json!([{ "type": "csp-violation", "body": { "documentURL": "https://tickets.example.org/docs", "blockedURL": "inline" } }]),
        )
        .no_content("Taken down.")
        .refusals(&[Code::MalformedJson, Code::BodyTooLarge])
}

fn violation(line: &str, texts: &[&str]) -> Value {
    let mut properties: serde_json::Map<String, Value> =
        texts.iter().map(|name| ((*name).to_owned(), json!({ "type": ["string", "null"] }))).collect();
    properties.insert(line.to_owned(), json!({ "type": ["integer", "null"], "minimum": 0 }));
    json!({ "type": "object", "properties": properties })
}
