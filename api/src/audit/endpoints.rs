//! The endpoints of the audit log.

use application::app::App;
use boxoffice_http::{
    endpoint::{Endpoint, Section},
    openapi::operation::Operation,
};
use domain::lists::declared;

use super::{EntryJson, VerificationJson};
use crate::scopes::ADMINISTRATORS;

pub(crate) fn section() -> Section<App> {
    Section::new("Audit log", "What administrators did to what, from where, by whatever route. Nobody changes it.")
        .with(list())
        .with(verify())
}

fn list() -> Endpoint<App> {
    Operation::get("/api/v1/admin/audit-log", "listAuditLog", "Read the audit log")
        .details(
            "Of what was changed, `changes` has the values before and after. Looking at people's data is a deed, too.",
        )
        .page_of::<EntryJson<'_>>(&declared::AUDIT_LOG, "Entries, the latest first.")
        .served(ADMINISTRATORS, super::list)
}

fn verify() -> Endpoint<App> {
    Operation::get("/api/v1/admin/audit-log/verification", "verifyAuditLog", "Check that the audit log is intact")
        .details(
            "Each entry's hash covers the entry before. A change, a gap or an insertion shows; that entries are missing at the \
             end shows only to who has kept an earlier `lastHash`.",
        )
        .ok::<VerificationJson>("What came of it.")
        .served(ADMINISTRATORS, super::verify)
}
