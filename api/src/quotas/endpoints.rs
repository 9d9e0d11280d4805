//! The endpoints of quotas.

use application::app::App;
use boxoffice_http::{
    endpoint::{Scope, Section},
    openapi::operation::Operation,
};
use serde_json::json;

use super::dto::{QuotaBody, QuotaJson, QuotasJson};
use crate::{bodies::Patch, manage::change};

/// The endpoints of the quotas of an event, once for each scope.
pub(crate) fn of_event(scope: &Scope, section: Section<App>) -> Section<App> {
    section
        .with(
            scope.served(
                Operation::get(scope.path("/events/{id}/quotas"), scope.id("list{}Quotas"), "List quotas")
                    .ok::<QuotasJson<'_>>("All of them."),
                super::list,
            ),
        )
        .with(
            scope.served(
                change(
                    Operation::post(scope.path("/events/{id}/quotas"), scope.id("create{}Quota"), "Add a quota")
                        .repeatable()
                        .tagged()
                        .body::<QuotaBody>(json!({ "name": "Floor", "capacity": 500 }))
                        .created::<QuotaJson<'_>>("The quota."),
                ),
                super::create,
            ),
        )
        .with(
            scope.served(
                Operation::get(scope.path("/events/{id}/quotas/{quotaId}"), scope.id("get{}Quota"), "Show a quota")
                    .versioned()
                    .ok::<QuotaJson<'_>>("The quota."),
                super::show,
            ),
        )
        .with(
            scope
                .served(
                    change(
                        Operation::patch(
                            scope.path("/events/{id}/quotas/{quotaId}"),
                            scope.id("update{}Quota"),
                            "Change a quota",
                        )
                        .details("More places can be booked at once. Fewer than are held and sold are refused.")
                        .versioned()
                        .body::<Patch<QuotaBody>>(json!({ "capacity": 600 }))
                        .ok::<QuotaJson<'_>>("The quota as it is now."),
                    ),
                    super::update,
                )
                .conditional(),
        )
        .with(
            scope
                .served(
                    change(
                        Operation::delete(
                            scope.path("/events/{id}/quotas/{quotaId}"),
                            scope.id("delete{}Quota"),
                            "Delete a quota",
                        )
                        .no_content("It is gone."),
                    ),
                    super::delete,
                )
                .conditional(),
        )
}
