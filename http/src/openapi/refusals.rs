//! OpenAPI error responses: those that follow from a route and what it takes, and its own; one answer per status.

use application::limits::Tier;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    components::Components,
    operation::{Answer, Operation, reference},
};
use crate::{
    problem,
    problem_codes::{Code, Entry},
    route_info::{Access, RouteInfo},
};

/// Every code that the route may answer with.
pub(super) fn codes(row: &RouteInfo, operation: &Operation) -> Vec<Code> {
    use Code::*;
    // Whatever the route: a head that can't be right, a form that can't be had, a server that fails.
    let mut codes = vec![BadRequest, UnknownVersion, NotAcceptable, TargetTooLong, UnsupportedCoding, HeadTooLarge];
    codes.extend([Internal, Unavailable, DeadlineExceeded]);
    match row.access {
        Access::Public => {}
        Access::Session => codes.push(CrossSite),
        Access::Authenticated => codes.extend([NoToken, BadToken, ExpiredToken]),
        Access::Roles(_) => codes.extend([NoToken, BadToken, ExpiredToken, Forbidden]),
    }
    if row.method != Method::GET {
        // Also where nothing has a revision: one that is named there is that of nothing.
        codes.push(ChangedMeanwhile);
    }
    if operation.is_versioned && row.method != Method::GET {
        codes.push(IfMatchMissing);
    }
    if row.tier != Tier::Unlimited {
        codes.push(RateLimited);
    }
    if !row.params().is_empty() {
        codes.push(NotFound);
    }
    if operation.body.is_some() {
        codes.extend([MalformedJson, UnsupportedMediaType, BodyTooLarge, BodyTooSlow]);
    }
    // Also where there is nothing to ask for: a parameter that is not known is refused.
    if operation.body_is_json() || !operation.ignores_query {
        codes.push(Invalid);
    }
    if operation.is_idempotent {
        codes.extend([IdempotencyKeyMissing, IdempotencyKeyReused, IdempotencyInProgress]);
    }
    if operation.is_repeatable {
        codes.extend([IdempotencyKeyMissing, IdempotencyKeyReused, IdempotencyInProgress]);
    }
    codes.extend(&operation.refusals);
    codes.sort_by_key(|code| *code as usize);
    codes.dedup();
    codes
}

/// Adds an answer for each status among `codes`. Equal ones are written once, under a name that tells them apart.
pub(super) fn answer(codes: &[Code], answers: &mut Map<String, Value>, components: &mut Components) {
    let mut by_status: Vec<(StatusCode, Vec<&'static Entry>)> = Vec::new();
    for entry in codes.iter().map(|code| code.entry()) {
        match by_status.iter_mut().find(|(status, _)| *status == entry.status) {
            Some((_, entries)) => entries.push(entry),
            None => by_status.push((entry.status, vec![entry])),
        }
    }
    for (status, entries) in by_status {
        let codes: Vec<&str> = entries.iter().map(|entry| entry.code).collect();
        let name = format!("{}-{}", status.as_u16(), codes.join("-"));
        let shared = reference("responses", &name);
        components.responses.entry(name).or_insert_with(|| response(status, &entries));
        answers.insert(status.as_str().to_owned(), shared);
    }
}

/// Adds what the operation may answer with the status of a refusal and is none.
pub(super) fn answer_otherwise(other: &Answer, answers: &mut Map<String, Value>, components: &Components) {
    let Some(answer) = answers.get_mut(other.status.as_str()) else { return };
    let name = answer["$ref"].as_str().and_then(|place| place.rsplit('/').next()).unwrap_or_default();
    let Some(mut response) = components.responses.get(name).cloned() else { return };
    for (media_type, content) in &other.content {
        response["content"][media_type] = content.clone();
    }
    response["description"] =
        format!("{}\n\n{}", other.description, response["description"].as_str().unwrap_or_default()).into();
    *answer = response;
}

fn response(status: StatusCode, entries: &[&'static Entry]) -> Value {
    let lines = entries.iter().map(|entry| format!("- `{}` {}: {}", entry.code, entry.title, entry.cause));
    let codes: Vec<&str> = entries.iter().map(|entry| entry.code).collect();
    let examples = entries.iter().map(|entry| (entry.code.to_owned(), example(entry)));
    let schema = json!({
        "allOf": [
            reference("schemas", "Problem"),
            {
                "type": "object",
                "required": ["code", "status"],
                "properties": { "code": { "enum": codes }, "status": { "const": status.as_u16() } },
            },
        ],
    });
    json!({
        "description": lines.collect::<Vec<_>>().join("\n"),
        "headers": headers(status, entries),
        "content": { "application/problem+json": { "schema": schema, "examples": Map::from_iter(examples) } },
    })
}

fn example(entry: &'static Entry) -> Value {
    json!({ "summary": entry.title, "value": problem::example(entry) })
}

fn headers(status: StatusCode, entries: &[&'static Entry]) -> Value {
    let mut headers = json!({ "X-Request-Id": reference("headers", "X-Request-Id") });
    let of = |code: Code| entries.iter().any(|entry| entry.code == code.as_str());
    let more: &[&str] = match status {
        StatusCode::UNAUTHORIZED => &["WWW-Authenticate"],
        // Of a token that is good for less.
        StatusCode::FORBIDDEN if of(Code::Forbidden) => &["WWW-Authenticate"],
        StatusCode::TOO_MANY_REQUESTS => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        StatusCode::SERVICE_UNAVAILABLE => &["Retry-After"],
        _ => &[],
    };
    if entries.iter().any(|entry| entry.code == Code::IdempotencyInProgress.as_str()) {
        headers["Retry-After"] = reference("headers", "RetryAfterOfConflict");
    }
    for name in more {
        headers[name] = reference("headers", name);
    }
    headers
}
