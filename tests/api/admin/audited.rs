//! The audit log is every act of an administrator: each route that changes something is asked as one, whatever it is for.

use boxoffice_http::router::Access;
use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    every_route::table::table,
    organizer::{
        OWN, act, draft, drafted, published,
        seat_maps::{MAPS, drawn, layout},
        seated::Seated,
    },
    support::{
        Answer, Api, EventBuilder, TestServer, accounts,
        client::{new_key, quantity, uuid},
        events::{add_venue, in_seconds},
        person,
    },
};

/// An administrator at work, and another one who looks at the log.
struct Stage {
    server: TestServer,
    api: Api,
    auditor: Api,
}

/// How a route is called so that it changes something.
struct Call {
    path: String,
    body: Option<Value>,
}

impl Call {
    fn new(path: impl Into<String>, body: impl Into<Option<Value>>) -> Self {
        Self { path: path.into(), body: body.into() }
    }
}

impl Stage {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let (api, auditor) = (server.signed_in_as(Role::Admin).await, server.signed_in_as(Role::Admin).await);
        Self { api, auditor, server }
    }

    /// An administrator with a password and a session.
    async fn member(&self) -> Api {
        let email = format!("{}@example.org", Uuid::now_v7());
        person::member(&self.server, &email).await;
        let promote = "UPDATE accounts SET role = 'ADMIN' WHERE email = $1";
        self.server.client.execute(promote, &[&email]).await.unwrap();
        person::login(&self.server.api, &email).await.api
    }

    /// The entries of one request, as they were written.
    async fn entries(&self, request: &str) -> Vec<Value> {
        let log = self.auditor.get("/api/v1/admin/audit-log?limit=100").await.ok();
        let mut entries = log["data"].as_array().unwrap().clone();
        entries.retain(|entry| entry["requestId"] == request);
        entries.reverse();
        entries
    }

    async fn made(&self, path: &str, body: Value) -> Uuid {
        uuid(&self.api.post(path, &body).await.created()["id"])
    }

    /// How a route is called that is about events, below `prefix`; the administrator's own, so that both prefixes reach them.
    async fn of_events(&self, method: &Method, prefix: &str, below: &str) -> Option<Call> {
        let (server, api) = (&self.server, &self.api);
        let (event, quota, kind) = drafted(server, api, 5).await;
        let path = format!("{prefix}/events/{event}");
        let other = json!({ "name": "Balcony", "capacity": 3 });
        let price = json!({ "amount": "0", "currency": "EUR" });
        let kinds = json!({ "name": "Child", "quotaId": quota, "price": price });
        let access = |code: &str| json!({ "code": code, "kind": "ACCESS" });
        Some(match (method.as_str(), below) {
            ("POST", "events") => Call::new(format!("{prefix}/events"), draft(server).await),
            ("PUT", "events/{id}") => Call::new(path, draft(server).await),
            ("PATCH", "events/{id}") => Call::new(path, json!({ "title": "Another Evening", "maxPerAccount": 3 })),
            ("DELETE", "events/{id}") => Call::new(path, None),
            ("POST", "events/{id}/publish") => Call::new(format!("{path}/publish"), None),
            ("POST", "events/{id}/unpublish" | "events/{id}/cancel") => {
                act(api, event, "publish").await.ok();
                Call::new(format!("{path}/{}", below.rsplit('/').next()?), None)
            }
            ("POST", "events/{id}/archive") => {
                act(api, event, "publish").await.ok();
                let over = "UPDATE events SET sale_starts_at = now() - interval '9 days', sale_ends_at = now() - interval '8 days',
                    starts_at = now() - interval '3 days', ends_at = now() - interval '2 days' WHERE id = $1";
                server.client.execute(over, &[&event]).await.unwrap();
                Call::new(format!("{path}/archive"), None)
            }
            ("POST", "events/{id}/duplicate") => {
                Call::new(format!("{path}/duplicate"), json!({ "startsAt": in_seconds(90_000) }))
            }
            ("POST", "events/{id}/occurrences") => {
                Call::new(format!("{path}/occurrences"), json!({ "rule": { "frequency": "DAILY", "count": 2 } }))
            }
            ("POST", "events/{id}/quotas") => Call::new(format!("{path}/quotas"), other),
            ("PATCH", "events/{id}/quotas/{quotaId}") => Call::new(format!("{path}/quotas/{quota}"), other),
            ("DELETE", "events/{id}/quotas/{quotaId}") => {
                let unused = self.made(&format!("{path}/quotas"), other).await;
                Call::new(format!("{path}/quotas/{unused}"), None)
            }
            ("POST", "events/{id}/ticket-types") => Call::new(format!("{path}/ticket-types"), kinds),
            ("PUT", "events/{id}/ticket-types") => {
                let second = self.made(&format!("{path}/ticket-types"), kinds).await;
                Call::new(format!("{path}/ticket-types"), json!({ "order": [second, kind] }))
            }
            ("PATCH", "events/{id}/ticket-types/{typeId}") => {
                Call::new(format!("{path}/ticket-types/{kind}"), json!({ "name": "Grown-up" }))
            }
            ("DELETE", "events/{id}/ticket-types/{typeId}") => Call::new(format!("{path}/ticket-types/{kind}"), None),
            ("PUT", "events/{id}/seat-map") => {
                let of = Seated::of(server, api, &layout(&[("Stalls", "A", 2)])).await;
                of.redraw(api, &layout(&[("Stalls", "A", 3)])).await;
                Call::new(format!("{prefix}/events/{}/seat-map", of.event), json!({ "version": 2 }))
            }
            ("POST", "events/{id}/promo-codes") => Call::new(format!("{path}/promo-codes"), access("SPRING")),
            (_, "events/{id}/promo-codes/{codeId}") => {
                let code = self.made(&format!("{path}/promo-codes"), access("SPRING")).await;
                let body = (method != Method::DELETE).then(|| access("AUTUMN"));
                Call::new(format!("{path}/promo-codes/{code}"), body)
            }
            ("PUT", "events/{id}/pricing") => Call::new(format!("{path}/pricing"), json!({ "taxRate": "0.19" })),
            ("POST", "events/{id}/blocks") => Call::new(format!("{path}/blocks"), quantity(kind, 1)),
            ("DELETE", "events/{id}/blocks/{blockId}") => {
                let block = self.made(&format!("{path}/blocks"), quantity(kind, 1)).await;
                Call::new(format!("{path}/blocks/{block}"), None)
            }
            (_, series) if series.starts_with("series/") => return self.of_series(method, prefix, series).await,
            _ => return None,
        })
    }

    /// How a route is called that is about a booking of an event, below `prefix`.
    async fn of_managed_bookings(&self, prefix: &str, below: &str) -> Option<Call> {
        let (event, quota, _) = drafted(&self.server, &self.api, 5).await;
        let kind = json!({ "name": "Dear", "quotaId": quota, "price": { "amount": "9.00", "currency": "EUR" } });
        let kind = self.made(&format!("{OWN}/{event}/ticket-types"), kind).await;
        act(&self.api, event, "publish").await.ok();
        let send = async |path: String, body: Value| {
            self.api.send(Method::POST, &path, Some(&new_key()), Some(&body)).await.created()
        };
        let booking = send(format!("/api/v1/events/{event}/bookings"), quantity(kind, 2)).await;
        let path = format!("{prefix}/bookings/{}", booking["id"].as_str()?);
        if below != "bookings/{id}/payments" {
            send(format!("{path}/payments"), json!({ "method": "cash" })).await;
        }
        Some(match below {
            "bookings/{id}/payments" => Call::new(format!("{path}/payments"), json!({ "method": "cash" })),
            "bookings/{id}/cancellations" => Call::new(format!("{path}/cancellations"), json!({ "reason": "x" })),
            "bookings/{id}/refunds" => Call::new(format!("{path}/refunds"), json!({ "amount": "1.00", "reason": "x" })),
            "bookings/{id}/refunds/{refundId}/retry" => {
                let refund = send(format!("{path}/refunds"), json!({ "amount": "1.00", "reason": "x" })).await;
                self.server.db.execute("UPDATE refunds SET state = 'FAILED'").await;
                Call::new(format!("{path}/refunds/{}/retry", refund["id"].as_str()?), json!({}))
            }
            _ => return None,
        })
    }

    async fn of_series(&self, method: &Method, prefix: &str, below: &str) -> Option<Call> {
        let (event, ..) = drafted(&self.server, &self.api, 5).await;
        let rule = json!({ "rule": { "frequency": "DAILY", "count": 2 } });
        let series = self.api.post(&format!("{OWN}/{event}/occurrences"), &rule).await.created();
        let path = format!("{prefix}/series/{}", series["id"].as_str()?);
        Some(match (method.as_str(), below) {
            ("POST", "series/{id}/publish") => Call::new(format!("{path}/publish"), None),
            ("POST", "series/{id}/cancel") => {
                self.api.send(Method::POST, &format!("{path}/publish"), None, None).await.ok();
                Call::new(format!("{path}/cancel"), None)
            }
            ("PATCH", "series/{id}/occurrences/{eventId}") => {
                Call::new(format!("{path}/occurrences/{event}"), json!({ "title": "Another Evening" }))
            }
            ("DELETE", "series/{id}/occurrences/{eventId}") => Call::new(format!("{path}/occurrences/{event}"), None),
            _ => return None,
        })
    }

    /// How a route of the catalogue is called.
    async fn of_catalogue(&self, method: &Method, prefix: &str, below: &str) -> Option<Call> {
        let venue = add_venue(&self.server.client, "The Hall").await;
        let map = drawn(&self.api, MAPS, venue, &layout(&[("Stalls", "A", 2)])).await;
        let (path, other) = (format!("{prefix}/seat-maps/{map}"), layout(&[("Stalls", "A", 3)]));
        let hall = json!({ "name": "A Hall", "address": "1 High Street", "city": "Berlin", "country": "DE",
            "timeZone": "Europe/Berlin", "capacity": 5 });
        let list = below.split('/').next()?;
        let word = json!({ "slug": format!("w{}", Uuid::now_v7().simple()), "name": "A Word" });
        let word_path = format!("{prefix}/{list}/{}", word["slug"].as_str()?);
        if ["categories/{slug}", "tags/{slug}"].contains(&below) {
            self.api.post(&format!("{prefix}/{list}"), &word).await.created();
        }
        Some(match (method.as_str(), below) {
            ("POST", "seat-maps") => Call::new(
                format!("{prefix}/seat-maps"),
                json!({ "venueId": venue, "name": "In the round", "layout": other }),
            ),
            ("PATCH", "seat-maps/{id}") => Call::new(path, json!({ "description": "As in spring" })),
            ("DELETE", "seat-maps/{id}") => Call::new(path, None),
            ("POST", "seat-maps/{id}/versions") => Call::new(format!("{path}/versions"), other),
            ("POST", "venues") => Call::new(format!("{prefix}/venues"), hall),
            ("PUT", "venues/{id}") => Call::new(format!("{prefix}/venues/{venue}"), hall),
            ("PATCH", "venues/{id}") => Call::new(format!("{prefix}/venues/{venue}"), json!({ "capacity": 4 })),
            ("DELETE", "venues/{id}") => {
                let unused = add_venue(&self.server.client, "Elsewhere").await;
                Call::new(format!("{prefix}/venues/{unused}"), None)
            }
            ("POST", "categories" | "tags") => Call::new(format!("{prefix}/{list}"), word),
            ("PATCH", "categories/{slug}" | "tags/{slug}") => Call::new(word_path, json!({ "name": "Another Word" })),
            ("DELETE", "categories/{slug}" | "tags/{slug}") => Call::new(word_path, None),
            ("PATCH", "settings") => Call::new(format!("{prefix}/settings"), json!({ "siteName": "The House" })),
            ("PATCH", "users/{id}") => {
                let user = accounts::add_accounts(&self.server.client, 1, Role::User).await.remove(0);
                Call::new(format!("{prefix}/users/{}", user.id), json!({ "role": "ORGANIZER" }))
            }
            ("DELETE", "cache") => Call::new(format!("{prefix}/cache?tag=events"), None),
            ("POST", "dead-letters/{id}/retry") => {
                let letter = dead_mail(&self.server).await;
                Call::new(format!("{prefix}/dead-letters/{letter}/retry"), None)
            }
            ("POST", "dead-letters/retry") => {
                dead_mail(&self.server).await;
                Call::new(format!("{prefix}/dead-letters/retry?kind=PASSWORD_CHANGED"), None)
            }
            _ => return None,
        })
    }

    /// A booking of the administrator that waits for its payment.
    async fn unpaid(&self) -> Value {
        let event = self.server.event(EventBuilder::ga(5).price("12.50")).await;
        self.api.book(&event, &event.places(1)).await.created()
    }

    /// How a route is called that everybody with an account has.
    async fn of_everybody(&self, method: &Method, below: &str) -> Option<(Api, Call)> {
        let event = self.server.event(EventBuilder::ga(5)).await;
        let api = match below {
            "auth/change-password" | "profile" | "sessions" | "sessions/{id}" => self.member().await,
            _ => self.api.clone(),
        };
        let call = match (method.as_str(), below) {
            ("POST", "auth/change-password") => {
                let body = json!({ "currentPassword": person::PASSWORD, "newPassword": "another horse battery" });
                Call::new("/api/v1/auth/change-password", body)
            }
            ("PATCH", "profile") => Call::new("/api/v1/profile", json!({ "name": "Ada King", "locale": "de" })),
            ("DELETE", "sessions") => Call::new("/api/v1/sessions", None),
            ("DELETE", "sessions/{id}") => {
                let sessions = api.get("/api/v1/sessions").await.ok();
                Call::new(format!("/api/v1/sessions/{}", sessions["data"][0]["id"].as_str()?), None)
            }
            ("POST", "events/{id}/holds") => Call::new(event.path("holds"), event.places(1)),
            ("POST", "events/{id}/bookings") => Call::new(event.path("bookings"), event.places(2)),
            ("DELETE", "holds/{id}") => {
                let hold = api.hold(&event, &event.places(1)).await.created();
                Call::new(format!("/api/v1/holds/{}", hold["id"].as_str()?), None)
            }
            ("POST", "holds/{id}/extensions") => {
                let hold = api.hold(&event, &event.places(1)).await.created();
                Call::new(format!("/api/v1/holds/{}/extensions", hold["id"].as_str()?), None)
            }
            ("POST", "bookings/{id}/payments") => {
                let booking = self.unpaid().await;
                Call::new(format!("/api/v1/bookings/{}/payments", booking["id"].as_str()?), json!({ "method": "card" }))
            }
            ("POST", "sandbox/payments/{id}/actions") => {
                let booking = self.unpaid().await;
                let paid = crate::payments::pay(&api, &booking, "sandbox_action").await.created();
                let path = format!("/api/v1/sandbox/payments/{}/actions", paid["id"].as_str()?);
                Call::new(path, json!({ "outcome": "succeed" }))
            }
            ("DELETE", "bookings/{id}") => {
                let booking = api.book(&event, &event.places(1)).await.created();
                Call::new(format!("/api/v1/bookings/{}", booking["id"].as_str()?), None)
            }
            ("POST", "bookings/{id}/cancellations") => {
                let booking = api.book(&event, &event.places(2)).await.created();
                let path = format!("/api/v1/bookings/{}/cancellations", booking["id"].as_str()?);
                Call::new(path, json!({ "itemIds": [booking["items"][0]["id"]] }))
            }
            _ => return None,
        };
        Some((api, call))
    }

    /// How a row is called; a row that nobody has thought of fails.
    async fn call(&self, method: &Method, template: &str) -> (Api, Call) {
        for prefix in ["/api/v1/organizer", "/api/v1/admin"] {
            let Some(below) = template.strip_prefix(&format!("{prefix}/")) else { continue };
            let call = match below.split('/').next() {
                Some("events" | "series") => self.of_events(method, prefix, below).await,
                Some("bookings") => self.of_managed_bookings(prefix, below).await,
                _ => self.of_catalogue(method, prefix, below).await,
            };
            let unknown = || panic!("{method} {template}: say here how it is called so that it changes something");
            return (self.api.clone(), call.unwrap_or_else(unknown));
        }
        let below = template.strip_prefix("/api/v1/").unwrap();
        let unknown = || panic!("{method} {template}: say here how it is called so that it changes something");
        self.of_everybody(method, below).await.unwrap_or_else(unknown)
    }
}

async fn ask(api: &Api, method: &Method, call: &Call, request: &str) -> Answer {
    let key = new_key();
    let headers = [("if-match", "*"), ("x-request-id", request), ("idempotency-key", key.as_str())];
    api.send_with(method.clone(), &call.path, &headers, call.body.as_ref()).await
}

/// Guards: that an administrator's transaction is begun as one, the triggers of every table, and `acting` in what goes through the ledger.
/// Routes for those who have no account yet, or prove themselves by a link or a cookie, know no role.
#[tokio::test]
async fn whatever_an_administrator_changes_on_any_route_leaves_an_entry() {
    let stage = Stage::new().await;
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    let mut asked = 0;
    for row in table() {
        if reads.contains(&row.method) || matches!(row.access, Access::Public | Access::Session) {
            continue;
        }
        let name = format!("{} {}", row.method, row.template);
        let (api, call) = stage.call(&row.method, row.template).await;
        let request = format!("request-{asked}");
        let answer = ask(&api, &row.method, &call, &request).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!((200..300).contains(&answer.status), "{name}: {} {said}", answer.status);
        let entries = stage.entries(&request).await;
        // A step of a series is one of each of its occurrences.
        let of_many = row.template.contains("/series/{id}/publish") || row.template.contains("/series/{id}/cancel");
        assert!(entries.len() == 1 || of_many && !entries.is_empty(), "{name}: {entries:#?}");
        for entry in &entries {
            assert!(entry["actorId"].is_string() && entry["address"] == "127.0.0.1", "{name}: {entry}");
            let changes = entry["changes"].as_array().unwrap();
            let has_none =
                ["cache", "dead-letters"].iter().any(|of| row.template.starts_with(&format!("/api/v1/admin/{of}")));
            assert!(!changes.is_empty() || has_none, "{name} says no values: {entry}");
            for change in changes {
                assert!(change["before"].is_object() || change["after"].is_object(), "{name}: {change}");
            }
            let text = entry.to_string();
            assert!(!text.contains("$argon2") && !text.contains("horse battery"), "{name}: {entry}");
        }
        asked += 1;
    }
    assert!(asked > 60, "{asked}");
    let verified = stage.auditor.get("/api/v1/admin/audit-log/verification").await.ok();
    assert_eq!(verified["intact"], true, "{verified}");
    stage.server.audit().await;
}

/// Guards: what is taken of the rows. Who changed a price from what to what, by the route of organizers as well.
#[tokio::test]
async fn an_entry_has_the_values_before_and_after() {
    let stage = Stage::new().await;
    let (event, _, kind) = drafted(&stage.server, &stage.api, 5).await;
    let path = format!("{OWN}/{event}/ticket-types/{kind}");
    let change =
        json!({ "price": { "amount": "12.50", "currency": "EUR" }, "name": "Adult", "description": "x".repeat(300) });
    ask(&stage.api, &Method::PATCH, &Call::new(&path, change.clone()), "dearer").await.ok();
    ask(&stage.api, &Method::PATCH, &Call::new(&path, change), "as-it-is").await.ok();
    let entries = stage.entries("dearer").await;
    let told = &entries[0]["changes"];
    assert_eq!(told.as_array().unwrap().len(), 1, "{entries:#?}");
    assert_eq!((&told[0]["kind"], &told[0]["id"]), (&json!("ticket-type"), &json!(kind)));
    assert_eq!(told[0]["before"], json!({ "price": "0.000", "description": "" }));
    let cut = format!("{}… (300 characters)", "x".repeat(200));
    assert_eq!(told[0]["after"], json!({ "price": "12.500", "description": cut }));
    assert_eq!(stage.entries("as-it-is").await, [Value::Null; 0], "what changes nothing is no deed");

    let organizer = stage.server.signed_in_as(Role::Organizer).await;
    let event = uuid(&organizer.post(OWN, &draft(&stage.server).await).await.created()["id"]);
    let call = Call::new(format!("{OWN}/{event}"), json!({ "title": "Another Evening" }));
    ask(&organizer, &Method::PATCH, &call, "own").await.ok();
    assert_eq!(stage.entries("own").await, [Value::Null; 0], "what organizers do with their own is not in it");
}

/// Guards: that what is made once is noted once. The request is repeated, and what it makes is there already.
#[tokio::test]
async fn what_is_made_once_is_written_down_once() {
    let stage = Stage::new().await;
    let (sold, _, kind) = published(&stage.server, &stage.api, 5).await;
    let requests = [
        ("/api/v1/admin/events".to_owned(), draft(&stage.server).await),
        (format!("/api/v1/admin/events/{sold}/quotas"), json!({ "name": "Balcony", "capacity": 3 })),
        (format!("/api/v1/admin/events/{sold}/blocks"), quantity(kind, 1)),
        (format!("/api/v1/events/{sold}/bookings"), quantity(kind, 1)),
    ];
    for (number, (path, body)) in requests.iter().enumerate() {
        let (key, request) = (new_key(), format!("made-{number}"));
        let headers = [("idempotency-key", key.as_str()), ("x-request-id", request.as_str())];
        for _ in 0..3 {
            stage.api.send_with(Method::POST, path, &headers, Some(body)).await.created();
            let broken_off = "UPDATE request_keys SET done = false, began_at = now() - interval '2 minutes'";
            stage.server.db.execute(broken_off).await;
        }
        let entries = stage.entries(&request).await;
        assert_eq!(entries.len(), 1, "{path}: {entries:#?}");
        assert_eq!(entries[0]["action"], "CREATED");
    }
}

/// Guards: `acting::looks_at`. Organizers look at their own guests unseen.
#[tokio::test]
async fn looking_at_people_leaves_an_entry() {
    let stage = Stage::new().await;
    let (event, ..) = published(&stage.server, &stage.api, 5).await;
    let user = accounts::add_accounts(&stage.server.client, 1, Role::User).await.remove(0);
    let one = format!("/api/v1/admin/users/{}", user.id);
    let guests = |prefix: &str| format!("/api/v1/{prefix}/events/{event}/bookings");
    for (number, (path, accept, action, target)) in [
        (guests("admin"), "application/json", "READ", event.to_string()),
        (guests("organizer"), "text/csv", "EXPORTED", event.to_string()),
        ("/api/v1/admin/users".to_owned(), "application/json", "READ", "list".to_owned()),
        (one, "application/json", "READ", user.id.to_string()),
    ]
    .into_iter()
    .enumerate()
    {
        let request = format!("look-{number}");
        let api = stage.api.with_header("x-request-id", &request).with_header("accept", accept);
        assert_eq!(api.get(&path).await.status, 200, "{path}");
        let entries = stage.entries(&request).await;
        assert_eq!(entries.len(), 1, "{path}: {entries:#?}");
        assert_eq!((&entries[0]["action"], &entries[0]["targetId"]), (&json!(action), &json!(target)), "{path}");
    }
    let organizer = stage.server.signed_in_as(Role::Organizer).await.with_header("x-request-id", "own");
    let event = uuid(&organizer.post(OWN, &draft(&stage.server).await).await.created()["id"]);
    organizer.get(&format!("{OWN}/{event}/bookings")).await.ok();
    assert_eq!(stage.entries("own").await, [Value::Null; 0]);
}

/// A mail that was given up.
async fn dead_mail(server: &TestServer) -> Uuid {
    let id = Uuid::now_v7();
    let dead = "INSERT INTO outbox (id, kind, recipient, payload, status, attempts, ended_at)
        VALUES ($1, 'PASSWORD_CHANGED', 'ada@example.org', '{}', 'DEAD', 8, now())";
    server.client.execute(dead, &[&id]).await.unwrap();
    id
}
