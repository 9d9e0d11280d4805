//! A NUL character, which no text of the database can hold, in whatever a client can send: a refusal, and never a failure of the server.

use std::collections::BTreeSet;

use domain::accounts::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    organizer::conditions::Things,
    support::{
        Api, EventBuilder, TestServer,
        document::document,
        person::{self, PASSWORD},
    },
};

const WITH_NUL: &str = "a%00b";

/// An address, so that nothing else is wrong with what is one, and a password that is good.
const TEXT: &str = "a\0b@example.org";

/// Whom the walk asks as: an administrator, who owns what the paths name, and for what ends sessions somebody new each time. Otherwise all
/// that follows would be refused at the door, and prove nothing.
struct Walk {
    server: TestServer,
    boss: Api,
    things: Things,
    own: [(&'static str, String); 4],
    members: usize,
    asked: usize,
    /// What no handler has seen.
    turned_away: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Where 404 is right.
    Path,
    Query,
    /// The name of a parameter, which not every route looks at.
    QueryName,
    Body,
}

/// A request with one NUL in it.
struct Asked {
    path: String,
    /// Its body, and where in there.
    body: Option<(Value, String)>,
    /// Where the NUL is.
    within: Within,
}

impl Walk {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let boss = server.signed_in_as(Role::Admin).await;
        let things = Things::of(&server, &boss).await;
        boss.post("/api/v1/admin/tags", &json!({ "slug": "jazz", "name": "Jazz" })).await.created();
        let path = format!("/api/v1/events/{}", things.event);
        let line = json!({ "items": [{ "ticketTypeId": things.kind, "quantity": 1, "bestAvailable": true }] });
        let hold = boss.send(Method::POST, &format!("{path}/holds"), Some("hold"), Some(&line)).await.created();
        let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
        let priced = server.event(EventBuilder::ga(5).price("12.50")).await;
        let booking = boss.book(&priced, &priced.places(1)).await.created();
        let payment = crate::payments::pay(&boss, &booking, "sandbox_action").await.created();
        let refund = Uuid::now_v7();
        let made_theirs = format!(
            "UPDATE events SET organizer_id = b.account_id FROM bookings b WHERE b.event_id = events.id AND b.id = '{0}';
             INSERT INTO refunds (id, booking_id, event_id, payment_id, amount, currency, cause, state, reason)
             SELECT '{refund}', booking_id, event_id, id, amount, currency, 'UNNEEDED', 'FAILED', 'too late' FROM payments
             WHERE booking_id = '{0}'",
            id(&booking),
        );
        server.db.execute(&made_theirs).await;
        let own = [
            ("holds", id(&hold)),
            ("bookings", id(&booking)),
            ("payments", id(&payment)),
            ("refunds", refund.to_string()),
        ];
        Self { server, boss, things, own, members: 0, asked: 0, turned_away: Vec::new() }
    }

    /// What stands in a path after `before`: something that is there, so that no handler stops at what it is about.
    fn thing(&self, before: &str, part: &str) -> String {
        let things = &self.things;
        match (before, part) {
            ("events" | "occurrences", _) => things.event.to_string(),
            ("series", _) => things.series.to_string(),
            ("seat-maps", _) => things.map.to_string(),
            ("versions", _) => "1".to_owned(),
            ("venues", _) => things.venue.to_string(),
            ("users", _) => things.user.to_string(),
            ("quotas", _) => things.quota.to_string(),
            ("promo-codes", _) => things.code.to_string(),
            ("ticket-types", _) => things.kind.to_string(),
            ("blocks", _) => things.block.to_string(),
            ("categories", _) => "opera".to_owned(),
            ("tags", _) => "jazz".to_owned(),
            ("webhooks", _) => "sandbox".to_owned(),
            _ => self
                .own
                .iter()
                .find(|(of, _)| *of == before)
                .map_or_else(|| Uuid::now_v7().to_string(), |of| of.1.clone()),
        }
    }

    /// The path of an operation, with a NUL in place of one of its parameters, or with none.
    fn path(&self, template: &str, nul: Option<usize>) -> String {
        let parts: Vec<&str> = template.split('/').collect();
        let part = |(index, part): (usize, &&str)| match () {
            () if nul == Some(index) => WITH_NUL.to_owned(),
            () if part.starts_with('{') => self.thing(parts[index - 1], part),
            () => (*part).to_owned(),
        };
        parts.iter().enumerate().map(part).collect::<Vec<_>>().join("/")
    }

    /// All requests of an operation: a NUL in each part of its path, each parameter and the name of one, each text that its body may have,
    /// and the name of a member.
    fn requests(&self, template: &str, described: &Value) -> Vec<Asked> {
        let parts = template.split('/').enumerate().filter(|(_, part)| part.starts_with('{'));
        let of = |path: String, within| Asked { path, body: None, within };
        let named = parts.map(|(index, _)| of(self.path(template, Some(index)), Within::Path));
        let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
        let names = parameters.iter().map(|parameter| document().resolve(parameter));
        let names = names.filter(|of| of["in"] == "query").map(|of| of["name"].as_str().unwrap());
        let filled = self.path(template, None);
        let queried = names.map(|name| of(format!("{filled}?{name}={WITH_NUL}"), Within::Query));
        let unknown = of(format!("{filled}?{WITH_NUL}=1"), Within::QueryName);
        let content = &document().resolve(&described["requestBody"])["content"]["application/json"];
        let bodies = bodies(content).into_iter();
        let bodies = bodies.map(|body| Asked { path: filled.clone(), body: Some(body), within: Within::Body });
        // Last: it may be done, and end what the path names.
        named.chain(queried).chain(bodies).chain([unknown]).collect()
    }

    async fn caller(&mut self, template: &str) -> Api {
        let is_of_session = ["/api/v1/auth/", "/api/v1/sessions", "/api/v1/profile"];
        if !is_of_session.iter().any(|prefix| template.starts_with(prefix)) {
            return self.boss.clone();
        }
        self.members += 1;
        person::member(&self.server, &format!("member-{}@example.org", self.members)).await.api
    }

    async fn ask(&mut self, method: &Method, template: &str, asked: &Asked) {
        let api = self.caller(template).await.with_header("if-match", "*");
        self.asked += 1;
        let (key, body) = (format!("key-{}", self.asked), asked.body.as_ref().map(|(body, _)| body));
        let answer = api.send(method.clone(), &asked.path, Some(&key), body).await;
        let place = asked.body.as_ref().map_or("", |(_, place)| place.as_str());
        let said =
            format!("{method} {} {place}: {} {}", asked.path, answer.status, String::from_utf8_lossy(&answer.body));
        assert!(answer.status < 500, "{said}");
        let is_right = match answer.status {
            // A password may be anything, and who has an account is told nobody.
            200..300 => {
                place.ends_with("assword")
                    || template.ends_with("/forgot-password")
                    || template.ends_with("/resend-verification")
            }
            // Of the right form, and of nobody.
            401 => template.ends_with("/auth/login") || template.ends_with("/auth/refresh"),
            404 => asked.within == Within::Path,
            400 | 422 => true,
            _ => false,
        };
        if !is_right && asked.within != Within::QueryName {
            self.turned_away.push(said);
        }
    }
}

/// The texts that a body may have, as pointers into it.
fn places(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    let schema = document().resolve(schema);
    for part in ["allOf", "anyOf", "oneOf"].iter().filter_map(|of| schema[of].as_array()).flatten() {
        places(part, at, found);
    }
    let kind = &schema["type"];
    if kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("string"))) {
        found.insert(at.to_owned());
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        places(member, &format!("{at}/{name}"), found);
    }
    if schema["items"].is_object() {
        places(&schema["items"], &format!("{at}/0"), found);
    }
}

/// The same body with a text at a place, which is made if it is not there.
fn with_text(mut body: Value, place: &str) -> Value {
    let mut at = &mut body;
    for part in place.split('/').skip(1) {
        if part == "0" {
            if at.as_array().is_none_or(Vec::is_empty) {
                *at = json!([null]);
            }
            at = &mut at[0];
        } else {
            if !at.is_object() {
                *at = json!({});
            }
            at = &mut at[part];
        }
    }
    *at = json!(TEXT);
    body
}

/// The body of the example with a NUL in one of its texts each, those that the example leaves out too, and in the name of a member.
fn bodies(content: &Value) -> Vec<(Value, String)> {
    if content.is_null() {
        return Vec::new();
    }
    let mut found = BTreeSet::new();
    places(&content["schema"], "", &mut found);
    let mut example = content["example"].clone();
    if example["currentPassword"].is_string() {
        example["currentPassword"] = json!(PASSWORD);
    }
    let name = format!("/{}", TEXT);
    found.iter().chain([&name]).map(|place| (with_text(example.clone(), place), place.clone())).collect()
}

/// The guards: `Query::parse`, `Request::param`, the domain's parsers of bodies, and SQLSTATE 22021 as a net. A new route is asked without
/// a word. It proves something only of a request that a handler has seen, so those that were turned away before are faults too.
#[tokio::test]
async fn no_route_fails_for_a_nul_character() {
    let mut walk = Walk::new().await;
    for (method, template, described) in document().operations() {
        for asked in walk.requests(template, described) {
            walk.ask(&method, template, &asked).await;
        }
    }
    assert!(walk.turned_away.is_empty(), "{} of {}: {:#?}", walk.turned_away.len(), walk.asked, walk.turned_away);
    assert!(walk.asked > 600, "only {} requests were made", walk.asked);
}

#[tokio::test]
async fn a_nul_character_is_refused_as_what_it_is_part_of() {
    let server = TestServer::start().await;
    let admin = server.signed_in_as(Role::Admin).await;
    let login = json!({ "email": "a\0b@example.org", "password": "correct horse battery" });
    server.api.post("/api/v1/auth/login", &login).await.problem(401, "AUTH_005");
    let faults = admin.get("/api/v1/admin/audit-log?action=%00").await.faults();
    assert_eq!(faults, [("action".to_owned(), "INVALID".to_owned())]);
    admin.get("/api/v1/admin/tags/a%00b").await.problem(404, "RESOURCE_001");
    let change = json!({ "name": "Jazz" });
    admin.with_header("if-match", "*").patch("/api/v1/admin/tags/a%00b", &change).await.problem(404, "RESOURCE_001");
    server.api.get("/api/v1/events/a%00b").await.problem(404, "RESOURCE_001");
}
