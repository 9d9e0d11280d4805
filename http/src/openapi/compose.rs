//! OpenAPI paths: a route and what its feature says of it, put together.

use application::limits::Tier;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    components::Components,
    operation::{Answer, Operation, reference},
    parameter::Parameter,
    refusals,
};
use crate::{
    problem_codes::Code,
    request::IDEMPOTENCY_KEY_BYTES_MAX,
    route_info::{Access, RouteInfo},
    session_cookie,
};

/// The name of the way to show an access token.
const BEARER: &str = "accessToken";

/// The name of the way to show a session.
const COOKIE: &str = "sessionCookie";

impl Components {
    pub(super) fn written(self) -> Value {
        json!({
            "schemas": self.schemas,
            "responses": self.responses,
            "parameters": { "ApiVersion": api_version().written() },
            "headers": headers(),
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `accessToken` of POST /api/v1/auth/login. It lives for minutes.",
                },
                COOKIE: {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": session_cookie::NAME,
                    "description": "The refresh token, which browsers keep and send by themselves. A page of another origin, \
                        which must be one that the server allows, also sends `X-CSRF-Token`.",
                },
            },
        })
    }
}

/// The operation, and what it needs among the components.
pub(super) fn operation(row: &RouteInfo, tag: &str, operation: Operation, components: &mut Components) -> Value {
    let mut answers = Map::new();
    let (refusing, others): (Vec<_>, Vec<_>) =
        operation.answers.iter().partition(|answer| answer.status.is_server_error());
    for answer in others {
        answers.insert(answer.status.as_str().to_owned(), success(row, &operation, answer));
    }
    if operation.is_cacheable {
        answers.insert("304".to_owned(), not_modified());
    }
    refusals::answer(&refusals::codes(row, &operation), &mut answers, components);
    for answer in refusing {
        refusals::answer_otherwise(answer, &mut answers, components);
    }
    let mut written = json!({
        "tags": [tag],
        "operationId": operation.id,
        "summary": operation.summary,
        "description": description(row, &operation),
        "parameters": parameters(row, &operation),
        "responses": answers,
        "security": security(row.access, &operation),
        "x-rate-limit": row.tier.as_str(),
    });
    if let Some(body) = operation.body {
        written["requestBody"] = body;
    }
    components.schemas.extend(operation.schemas);
    written
}

fn description(row: &RouteInfo, operation: &Operation) -> String {
    let who = match row.access {
        Access::Public => "anybody".to_owned(),
        Access::Session => "whoever has a session cookie".to_owned(),
        Access::Authenticated => "any account".to_owned(),
        Access::Roles(roles) => {
            let names: Vec<_> = roles.iter().map(|role| format!("`{}`", role.as_str())).collect();
            format!("accounts with the role {}", names.join(" or "))
        }
    };
    let limit = match row.tier {
        Tier::Unlimited => "no limit".to_owned(),
        tier => format!("limit `{}`", tier.as_str()),
    };
    format!("{}\n\nFor {who}; {limit}.", operation.details).trim_start().to_owned()
}

/// Those in the path are taken from the row, in its order; the feature may say more about them.
fn parameters(row: &RouteInfo, operation: &Operation) -> Vec<Value> {
    let of_path = row.params().iter().map(|name| {
        let described = operation.parameters.iter().find(|of| of.place == "path" && of.name == *name);
        described.map_or_else(|| Parameter::path(name, "Its id.").written(), Parameter::written)
    });
    let others = operation.parameters.iter().filter(|of| of.place != "path").map(Parameter::written);
    let mut all: Vec<Value> = of_path.chain(others).collect();
    if operation.is_idempotent {
        all.push(idempotency_key().written());
    }
    if operation.is_repeatable {
        all.push(idempotency_key().optional().written());
    }
    if row.is_conditional && !operation.is_versioned {
        let description = "The `ETag` of what it is meant for, if it is to be refused for anything else.";
        all.push(Parameter::header("If-Match", description).example("\"7\"").written());
    }
    if row.access == Access::Session {
        let description = "From a page of another origin: the `csrfToken` of the last sign-in or refresh.";
        all.push(Parameter::header("X-CSRF-Token", description).written());
    }
    if operation.is_versioned && row.method != Method::GET {
        let description = "The `ETag` of what the change is made to; `*` for whatever there is.";
        let schema = json!({ "type": "string", "pattern": "^(\\*|\"[0-9]{1,9}\")$" });
        let tag = Parameter::header("If-Match", description).required().schema(schema);
        all.push(tag.example("\"7\"").written());
    }
    if operation.is_cacheable {
        all.push(Parameter::header("If-None-Match", "The `ETag` of the form that you have.").written());
    }
    all.push(reference("parameters", "ApiVersion"));
    all
}

fn idempotency_key() -> Parameter {
    let schema =
        json!({ "type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_BYTES_MAX, "pattern": "^[!-~]+$" });
    let description = "Names what is to be made: a new random key for each thing, the same key for a retry.";
    Parameter::header("Idempotency-Key", description)
        .required()
        .schema(schema)
        .example("4f1d5a4e-6f0b-4d43-9a8e-5b1f2f0f6c11")
}

fn api_version() -> Parameter {
    Parameter::header(
        "api-version",
        "The version that the request is meant for: refused when there is no such version.",
    )
    .one_of(&["1"])
}

/// One alternative a role: one of them is enough.
fn security(access: Access, operation: &Operation) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Session if operation.refusals.contains(&Code::SessionOver) => json!([{ COOKIE: [] }]),
        // Clients without one lose nothing.
        Access::Session => json!([{ COOKIE: [] }, {}]),
        Access::Authenticated => json!([{ BEARER: [] }]),
        Access::Roles(roles) => roles.iter().map(|role| json!({ BEARER: [role.as_str()] })).collect(),
    }
}

fn success(row: &RouteInfo, operation: &Operation, answer: &Answer) -> Value {
    let mut names = vec!["X-Request-Id", "api-version"];
    if row.tier != Tier::Unlimited {
        names.extend(["RateLimit", "RateLimit-Policy"]);
    }
    if answer.status == StatusCode::CREATED || answer.status.is_redirection() {
        names.push("Location");
    }
    if operation.has_links {
        names.push("Link");
    }
    if operation.is_idempotent || operation.is_repeatable {
        names.push("Idempotent-Replayed");
    }
    let has_body = !answer.content.is_empty();
    let shows_version = operation.is_cacheable || operation.is_versioned || (operation.is_tagged && has_body);
    if shows_version && answer.status.is_success() {
        names.extend(["ETag", "Cache-Control"]);
    }
    if operation.sets_cookie {
        names.push("Set-Cookie");
    }
    let headers = names.into_iter().map(|name| (name.to_owned(), reference("headers", name)));
    let mut written = json!({ "description": answer.description, "headers": Map::from_iter(headers) });
    if !answer.content.is_empty() {
        written["content"] = answer.content.clone().into();
    }
    written
}

fn not_modified() -> Value {
    let names = ["X-Request-Id", "ETag", "Cache-Control"];
    let headers = names.map(|name| (name.to_owned(), reference("headers", name)));
    json!({ "description": "You have the present form.", "headers": Map::from_iter(headers) })
}

fn headers() -> Value {
    let text = |description: &str, example: &str| json!({ "description": description, "schema": { "type": "string" }, "example": example });
    let always = |mut header: Value| {
        header["required"] = true.into();
        header
    };
    json!({
        "X-Request-Id": always(text(
            "Names the request in the server's log: the one that the client sent, or a new one.",
            "0198c0de-7d4c-7a10-8000-5a3c1f0e9b21",
        )),
        "api-version": always(text("The version that answered.", "1")),
        "Location": always(text("The path of the resource that is new, or has moved.", "/api/v1/bookings/0198c0de-7d4c-7a10-8000-5a3c1f0e9b00")),
        "Link": text(
            "The `next`, the `prev` and the `first` page (RFC 8288), as far as there are any.",
            "</api/v1/events?sort=title&limit=20>; rel=\"first\"",
        ),
        "Idempotent-Replayed": {
            "description": "There when the key was used before: this is the first answer again.",
            "schema": { "type": "string", "const": "true" },
        },
        "ETag": always(text("Changes with the content.", "\"b0a3c2\"")),
        "Set-Cookie": text("The session cookie, or its end; after signing in also the cookie of the device.", "__Host-boxoffice_refresh=…; HttpOnly; Secure; SameSite=Strict"),
        "Cache-Control": text("How long it may be kept.", "public, max-age=300"),
        "WWW-Authenticate": always(text("What is missing (RFC 6750).", "Bearer realm=\"boxoffice\"")),
        "Retry-After": {
            "description": "Seconds to wait before another try.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
            "example": 2,
        },
        "RetryAfterOfConflict": {
            "description": "Seconds to wait before another try, where another try may succeed.",
            "schema": { "type": "integer", "minimum": 1 },
            "example": 1,
        },
        "RateLimit": text("How many requests are left, and after how many seconds none will be missing.", "\"api\";r=97;t=6"),
        "RateLimit-Policy": text("How many requests there are in how many seconds.", "\"api\";q=100;w=60"),
    })
}
