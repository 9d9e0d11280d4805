//! What a tag that is sent does to a change.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWN, account, admin, drafted, organizer, seat_maps::layout, seated::Seated};
use crate::{
    every_route::table::{Row, table},
    support::{Api, TestServer, client::uuid, events::in_seconds},
};

/// What the rows below organizers and admins are about.
pub(crate) struct Things {
    pub(crate) event: Uuid,
    pub(crate) series: Uuid,
    pub(crate) kind: Uuid,
    pub(crate) quota: Uuid,
    pub(crate) code: Uuid,
    pub(crate) block: Uuid,
    pub(crate) map: Uuid,
    pub(crate) venue: Uuid,
    pub(crate) user: Uuid,
    pub(crate) draft: Uuid,
}

impl Things {
    pub(crate) async fn of(server: &TestServer, api: &Api) -> Self {
        let of = Seated::of(server, api, &layout(&[("Stalls", "A", 4)])).await;
        let path = format!("{OWN}/{}", of.event);
        let seat = of.seats(api).await["Stalls/A/1"].0;
        let block = json!({ "items": [{ "ticketTypeId": of.kinds[0], "seatIds": [seat] }] });
        let block = api.post(&format!("{path}/blocks"), &block).await.created();
        let series = api.post(&format!("{path}/occurrences"), &json!({ "starts": [in_seconds(40 * 86_400)] })).await;
        let code = json!({ "code": "SPRING", "kind": "ACCESS" });
        let code = api.post(&format!("{path}/promo-codes"), &code).await.created();
        let shown = api.get(&path).await.ok();
        Self {
            event: of.event,
            series: uuid(&series.created()["id"]),
            kind: of.kinds[0],
            quota: uuid(&api.get(&format!("{path}/quotas")).await.ok()["data"][0]["id"]),
            code: uuid(&code["id"]),
            block: uuid(&block["id"]),
            map: of.map,
            venue: uuid(&shown["venueId"]),
            user: account(server, Role::User).await.id,
            draft: drafted(server, api, 3).await.0,
        }
    }

    /// The path of a row with these things in it, and a body that it would take.
    fn ask(&self, row: &Row) -> (String, Option<Value>) {
        let parts: Vec<&str> = row.template.split('/').collect();
        let (of, last) = (parts[4], *parts.last().unwrap());
        // Only a draft is published and deleted.
        let event =
            if row.method == Method::DELETE && parts.len() == 6 || last == "publish" { self.draft } else { self.event };
        let value = |part: &&str| match (*part, of) {
            ("{id}", "events") => event.to_string(),
            ("{id}", "series") => self.series.to_string(),
            ("{id}", "seat-maps") => self.map.to_string(),
            ("{id}", "venues") => self.venue.to_string(),
            ("{id}", "users") => self.user.to_string(),
            ("{eventId}", _) => event.to_string(),
            ("{typeId}", _) => self.kind.to_string(),
            ("{quotaId}", _) => self.quota.to_string(),
            ("{codeId}", _) => self.code.to_string(),
            ("{blockId}", _) => self.block.to_string(),
            ("{slug}", "categories") => "opera".to_owned(),
            ("{slug}", "tags") => "jazz".to_owned(),
            (part, _) => part.to_owned(),
        };
        let path = parts.iter().map(value).collect::<Vec<_>>().join("/");
        (path, self.body(row, of, last))
    }

    fn body(&self, row: &Row, of: &str, last: &str) -> Option<Value> {
        let price = json!({ "amount": "0", "currency": "EUR" });
        let is_new = row.method == Method::POST;
        Some(match (of, last) {
            _ if row.method == Method::DELETE => return None,
            (_, "publish" | "unpublish" | "cancel" | "archive") => return None,
            ("events", "occurrences") => json!({ "starts": [in_seconds(50 * 86_400)] }),
            ("events", "duplicate") => json!({ "startsAt": in_seconds(90_000) }),
            ("events", "ticket-types") if is_new => json!({ "name": "Child", "quotaId": self.quota, "price": price }),
            ("events", "ticket-types") => json!({ "order": [self.kind] }),
            ("events", "quotas" | "{quotaId}") => json!({ "name": "Balcony", "capacity": 100 }),
            ("events", "blocks") => {
                json!({ "items": [{ "ticketTypeId": self.kind, "quantity": 1, "bestAvailable": true }] })
            }
            ("events", "seat-map") => json!({ "version": 1 }),
            ("events", "promo-codes" | "{codeId}") if row.method != Method::PATCH => {
                json!({ "code": format!("C-{}", Uuid::now_v7().simple()), "kind": "ACCESS" })
            }
            ("events", "{codeId}") => json!({ "uses": 7 }),
            ("events", "pricing") => json!({ "taxRate": "0.1" }),
            ("events", "{typeId}") => json!({ "name": "Grown-up" }),
            ("events", "events" | "{id}") if row.method != Method::PATCH => json!({
                "title": "An Evening", "category": "concert", "venueId": self.venue, "timeZone": "Europe/Berlin", "currency": "EUR",
                "startsAt": in_seconds(30 * 86_400), "endsAt": in_seconds(30 * 86_400 + 7200), "saleStartsAt": in_seconds(-3600),
                "seatMapId": self.map,
            }),
            ("events", _) | ("series", _) => json!({ "title": "A Night" }),
            ("seat-maps", "versions") => layout(&[("Stalls", "AB", 4)]),
            ("seat-maps", "seat-maps") => {
                json!({ "venueId": self.venue, "name": "Round", "layout": layout(&[("Ring", "A", 1)]) })
            }
            ("venues", _) if row.method != Method::PATCH => json!({
                "name": "The Yard", "address": "1 High Street", "city": "Berlin", "country": "DE", "timeZone": "Europe/Berlin",
                "capacity": 500,
            }),
            ("categories" | "tags", "categories" | "tags") => json!({ "slug": "new-wave", "name": "New Wave" }),
            ("settings", _) => json!({ "siteName": "The House" }),
            ("users", _) => json!({ "role": "ORGANIZER" }),
            _ => json!({ "name": "Another" }),
        })
    }
}

/// Guards: `is_conditional` and `refuse_named`. A revision that is named and is not there stops every change, and says so by 412.
#[tokio::test]
async fn a_revision_that_is_named_is_judged_by_every_route() {
    let server = TestServer::start().await;
    let boss = admin(&server).await;
    let things = Things::of(&server, &boss).await;
    boss.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
    let (mut asked, mut passed) = (0, Vec::new());
    for row in table() {
        let is_managed = ["/api/v1/organizer/", "/api/v1/admin/"].iter().any(|prefix| row.template.starts_with(prefix));
        if row.method == Method::GET || !is_managed {
            continue;
        }
        let (path, body) = things.ask(&row);
        for tag in ["\"99\"", "W/\"1\"", "\"98\", \"99\""] {
            let answer = boss.send_with(row.method.clone(), &path, &[("if-match", tag)], body.as_ref()).await;
            if answer.status != 412 {
                passed.push(format!(
                    "{} {path}, {tag}: {} {}",
                    row.method,
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                ));
            }
            asked += 1;
        }
    }
    assert!(passed.is_empty() && asked > 150, "{asked} asked, passed over: {passed:#?}");
    // Nor elsewhere: nothing of a buyer has a revision.
    let buyer = server.signed_in().await;
    let named = buyer.with_header("if-match", "\"1\"");
    named.patch("/api/v1/profile", &json!({ "name": "Somebody" })).await.problem(412, "RESOURCE_003");
    let any = buyer.with_header("if-match", "*");
    any.patch("/api/v1/profile", &json!({ "name": "Somebody" })).await.ok();
}

/// Guards: that the order is judged under the lock of the event. Of two who sort at once on one revision, one is told.
#[tokio::test]
async fn an_order_is_based_on_a_revision_of_the_event() {
    let server = TestServer::start().await;
    let api = organizer(&server).await;
    let (event, quota, adult) = drafted(&server, &api, 5).await;
    let path = format!("{OWN}/{event}");
    let types = format!("{path}/ticket-types");
    let price = json!({ "amount": "0", "currency": "EUR" });
    let child = api.post(&types, &json!({ "name": "Child", "quotaId": quota, "price": price })).await.created();
    let order = json!({ "order": [child["id"], adult] });
    api.send(Method::PUT, &types, None, Some(&order)).await.problem(428, "RESOURCE_004");
    let tag = api.get(&path).await.etag();
    let of_child = format!("{types}/{}", child["id"].as_str().unwrap());
    let before = api.get(&of_child).await.etag();
    let sort =
        async |tag: &str, order: &Value| api.send_with(Method::PUT, &types, &[("if-match", tag)], Some(order)).await;
    let sorted = sort(&tag, &order).await;
    sorted.ok();
    assert_eq!(sorted.etag(), api.get(&path).await.etag());
    assert_ne!(sorted.etag(), tag);
    assert_ne!(api.get(&of_child).await.etag(), before, "it has another position");
    sort(&tag, &json!({ "order": [adult, child["id"]] })).await.problem(412, "RESOURCE_003");
    let shown = api.get(&types).await.ok();
    assert_eq!((&shown["data"][0]["id"], &shown["data"][1]["position"]), (&child["id"], &json!(1)));
}
