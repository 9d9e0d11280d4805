//! What organizers do.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Act, Needs, Operation, Promise};
use crate::seams::stage::{EXTRA, FLOOR, STALLS, Stage};
use crate::support::events::in_seconds;

const TYPE: &str = "PATCH /api/v1/organizer/events/{id}/ticket-types/{typeId}";
const QUOTA: &str = "PATCH /api/v1/organizer/events/{id}/quotas/{quotaId}";
const EVENT: &str = "PATCH /api/v1/organizer/events/{id}";

const fn row(
    name: &'static str,
    routes: &'static [&'static str],
    needs: &'static [Needs],
    call: fn(&Stage) -> crate::seams::stage::Call,
) -> Operation {
    Operation { name, routes, needs, act: Act::Ask(call), promise: Promise::Nothing }
}

fn change_type(of: &Stage, kind: usize, body: Value) -> crate::seams::stage::Call {
    of.organizer(Method::PATCH, &format!("/ticket-types/{}", of.event.types[kind]), Some(body)).of_any_revision()
}

fn change_capacity(of: &Stage, capacity: u32) -> crate::seams::stage::Call {
    let body = json!({ "capacity": capacity });
    of.organizer(Method::PATCH, &format!("/quotas/{}", of.quotas[FLOOR]), Some(body)).of_any_revision()
}

fn of_code(of: &Stage) -> String {
    format!("/promo-codes/{}", of.code)
}

fn change(of: &Stage, body: Value) -> crate::seams::stage::Call {
    of.organizer(Method::PATCH, "", Some(body)).of_any_revision()
}

fn step(of: &Stage, step: &str) -> crate::seams::stage::Call {
    of.organizer(Method::POST, &format!("/{step}"), None)
}

fn series(of: &Stage, method: Method, rest: &str, body: Option<Value>) -> crate::seams::stage::Call {
    of.organizer_at(method, format!("/api/v1/organizer/series/{}{rest}", of.series), body)
}

/// Blocks, ticket types and quotas.
pub(super) const SALES: &[Operation] = &[
    Operation {
        promise: Promise::Exists,
        ..row("block", &["POST /api/v1/organizer/events/{id}/blocks"], &[], |of| {
            of.organizer(Method::POST, "/blocks", Some(of.wish()))
        })
    },
    Operation {
        promise: Promise::BlockIsReleased,
        ..row("block_release", &["DELETE /api/v1/organizer/events/{id}/blocks/{blockId}"], &[Needs::Block], |of| {
            of.organizer(Method::DELETE, &format!("/blocks/{}", of.block), None)
        })
    },
    row("type_add", &["POST /api/v1/organizer/events/{id}/ticket-types"], &[], |of| {
        let price = json!({ "amount": "0", "currency": "EUR" });
        let body = json!({ "name": "Child", "quotaId": of.quotas[EXTRA], "price": price });
        of.organizer(Method::POST, "/ticket-types", Some(body))
    }),
    row("type_limits", &[TYPE], &[], |of| change_type(of, FLOOR, json!({ "maxPerBooking": 1 }))),
    row("type_move_quota", &[TYPE], &[], |of| change_type(of, FLOOR, json!({ "quotaId": of.quotas[EXTRA] }))),
    row("type_move_sections", &[TYPE], &[], |of| change_type(of, STALLS, json!({ "sections": [of.sections[1]] }))),
    row("type_delete", &["DELETE /api/v1/organizer/events/{id}/ticket-types/{typeId}"], &[], |of| {
        of.organizer(Method::DELETE, &format!("/ticket-types/{}", of.event.types[FLOOR]), None)
    }),
    row("types_sort", &["PUT /api/v1/organizer/events/{id}/ticket-types"], &[], |of| {
        let kinds = &of.event.types[..if of.has_types { 4 } else { 0 }];
        let order: Vec<_> = kinds.iter().rev().collect();
        of.organizer(Method::PUT, "/ticket-types", Some(json!({ "order": order }))).of_any_revision()
    }),
    row("pricing_set", &["PUT /api/v1/organizer/events/{id}/pricing"], &[], |of| {
        let body = json!({ "taxRate": "0.19", "holdCap": "PT20M" });
        of.organizer(Method::PUT, "/pricing", Some(body)).of_any_revision()
    }),
    row("code_add", &["POST /api/v1/organizer/events/{id}/promo-codes"], &[], |of| {
        let body = json!({ "code": "SPRING", "kind": "PERCENT", "value": "0.5" });
        of.organizer(Method::POST, "/promo-codes", Some(body))
    }),
    row("code_change", &["PATCH /api/v1/organizer/events/{id}/promo-codes/{codeId}"], &[], |of| {
        of.organizer(Method::PATCH, &of_code(of), Some(json!({ "uses": 1 }))).of_any_revision()
    }),
    row("code_replace", &["PUT /api/v1/organizer/events/{id}/promo-codes/{codeId}"], &[], |of| {
        let body = json!({ "code": "STAGE", "kind": "PERCENT", "value": "0.25", "endsAt": in_seconds(-60) });
        of.organizer(Method::PUT, &of_code(of), Some(body)).of_any_revision()
    }),
    row("code_delete", &["DELETE /api/v1/organizer/events/{id}/promo-codes/{codeId}"], &[], |of| {
        of.organizer(Method::DELETE, &of_code(of), None)
    }),
    row("quota_add", &["POST /api/v1/organizer/events/{id}/quotas"], &[], |of| {
        of.organizer(Method::POST, "/quotas", Some(json!({ "name": "Gallery", "capacity": 2 })))
    }),
    row("quota_less", &[QUOTA], &[], |of| change_capacity(of, 0)),
    row("quota_more", &[QUOTA], &[], |of| change_capacity(of, 9)),
    row("quota_delete", &["DELETE /api/v1/organizer/events/{id}/quotas/{quotaId}"], &[], |of| {
        of.organizer(Method::DELETE, &format!("/quotas/{}", of.quotas[EXTRA]), None)
    }),
];

/// Events and their seat maps.
pub(super) const EVENTS: &[Operation] = &[
    row("event_date", &[EVENT], &[], |of| {
        change(of, json!({ "startsAt": in_seconds(40 * 86_400), "endsAt": in_seconds(40 * 86_400 + 7200) }))
    }),
    row("event_limit", &[EVENT], &[], |of| change(of, json!({ "maxPerAccount": 1 }))),
    row("event_sale_ends", &[EVENT], &[], |of| change(of, json!({ "saleEndsAt": in_seconds(-60) }))),
    row("event_replace", &["PUT /api/v1/organizer/events/{id}"], &[], |of| {
        of.organizer(Method::PUT, "", Some(of.said_anew())).of_any_revision()
    }),
    row("map_clear", &[EVENT], &[Needs::NoTypes], |of| change(of, json!({ "seatMapId": null }))),
    row("map_set", &[EVENT], &[Needs::NoMap], |of| change(of, json!({ "seatMapId": of.map }))),
    row("map_move", &["PUT /api/v1/organizer/events/{id}/seat-map"], &[Needs::SecondVersion], |of| {
        of.organizer(Method::PUT, "/seat-map", Some(json!({ "version": 2 }))).of_any_revision()
    }),
    row("map_delete", &["DELETE /api/v1/organizer/seat-maps/{id}"], &[Needs::NoMap], |of| {
        of.admin(Method::DELETE, format!("/api/v1/admin/seat-maps/{}", of.map))
    }),
    row("publish", &["POST /api/v1/organizer/events/{id}/publish"], &[Needs::Draft], |of| step(of, "publish")),
    row("publish_later", &["POST /api/v1/organizer/events/{id}/publish"], &[Needs::Draft], |of| {
        of.organizer(Method::POST, "/publish", Some(json!({ "at": in_seconds(3600) })))
    }),
    row("unpublish", &["POST /api/v1/organizer/events/{id}/unpublish"], &[], |of| step(of, "unpublish")),
    row("cancel", &["POST /api/v1/organizer/events/{id}/cancel"], &[], |of| step(of, "cancel")),
    row("archive", &["POST /api/v1/organizer/events/{id}/archive"], &[Needs::CancelledBooking], |of| {
        step(of, "archive")
    }),
    row("event_delete", &["DELETE /api/v1/organizer/events/{id}"], &[Needs::Draft], |of| {
        of.organizer(Method::DELETE, "", None)
    }),
    row("duplicate", &["POST /api/v1/organizer/events/{id}/duplicate"], &[], |of| {
        of.organizer(Method::POST, "/duplicate", Some(json!({ "startsAt": in_seconds(90 * 86_400) })))
    }),
];

/// Series.
pub(super) const SERIES: &[Operation] = &[
    row("repeat", &["POST /api/v1/organizer/events/{id}/occurrences"], &[], |of| {
        let body = json!({ "rule": { "frequency": "WEEKLY", "count": 2 } });
        of.organizer(Method::POST, "/occurrences", Some(body))
    }),
    row("series_publish", &["POST /api/v1/organizer/series/{id}/publish"], &[Needs::Series, Needs::Draft], |of| {
        series(of, Method::POST, "/publish", Some(json!({})))
    }),
    row("series_cancel", &["POST /api/v1/organizer/series/{id}/cancel"], &[Needs::Series], |of| {
        series(of, Method::POST, "/cancel", Some(json!({})))
    }),
    row("series_texts", &["PATCH /api/v1/organizer/series/{id}/occurrences/{eventId}"], &[Needs::Series], |of| {
        let rest = format!("/occurrences/{}", of.event.id);
        series(of, Method::PATCH, &rest, Some(json!({ "title": "Jazz" }))).of_any_revision()
    }),
    row("series_leave", &["DELETE /api/v1/organizer/series/{id}/occurrences/{eventId}"], &[Needs::Series], |of| {
        series(of, Method::DELETE, &format!("/occurrences/{}", of.event.id), None)
    }),
];
