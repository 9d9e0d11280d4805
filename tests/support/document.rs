//! The OpenAPI document as the judge of every answer that a test gets: what it does not say must not happen.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document(boxoffice::serve::api_document(), Mutex::default()));

/// The same, looked up by every request: found once.
static OPERATIONS: LazyLock<Vec<(Method, &str, &Value)>> = LazyLock::new(|| DOCUMENT.operations().collect());

/// How many answers of one kind were judged.
static JUDGED: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

/// So many answers of one kind are judged in a test: in a storm thousands are alike, and judging takes the machine from the server.
const ALIKE_MAX: usize = 20;

/// The document of this build.
pub(crate) struct Document(pub(crate) Value, Mutex<HashMap<String, Arc<Validator>>>);

/// The document of this build.
pub(crate) fn document() -> &'static Document {
    &DOCUMENT
}

/// One of its operations.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'d> {
    document: &'d Document,
    name: &'d str,
    described: &'d Value,
}

impl Document {
    /// Every operation, as method, path and what is said of it.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (Method, &str, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, described)| {
                (Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap(), path.as_str(), described)
            })
        })
    }

    /// The operation that a request means, by a path with values in it.
    pub(crate) fn operation(&self, method: &Method, path: &str) -> Option<Operation<'_>> {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |template: &str| {
            let (parts, of) = (path.split('/'), template.split('/'));
            parts.clone().count() == of.clone().count()
                && parts.zip(of).all(|(part, of)| of == part || (of.starts_with('{') && !part.is_empty()))
        };
        let mut found: Vec<_> = OPERATIONS.iter().filter(|(of, template, _)| of == method && fits(template)).collect();
        // A name before a parameter, as the server's router has it.
        found.sort_by_key(|(_, template, _)| template.matches('{').count());
        found.first().map(|(_, name, described)| Operation { document: self, name, described })
    }

    /// The thing itself, when `value` refers to one.
    pub(crate) fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(place) => {
                self.0.pointer(place.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{place} is nowhere"))
            }
            None => value,
        }
    }

    /// Judges by `schema` of this document. `strict`: members that it does not name are wrong.
    pub(crate) fn validator(&self, schema: &Value, strict: bool) -> Arc<Validator> {
        // Made once for each schema: a storm of bookings has one.
        let mut made = self.1.lock().unwrap();
        made.entry(format!("{strict} {schema}"))
            .or_insert_with(|| Arc::new(self.make_validator(schema, strict)))
            .clone()
    }

    fn make_validator(&self, schema: &Value, strict: bool) -> Validator {
        let mut root = json!({ "components": { "schemas": self.0["components"]["schemas"] }, "allOf": [schema] });
        if strict {
            for schema in root["components"]["schemas"].as_object_mut().unwrap().values_mut() {
                close(schema, false);
            }
            close(&mut root["allOf"][0], true);
        }
        jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap()
    }
}

/// Forbids members that a schema does not name. A schema that is a part of another is closed where it is used, since the others'
/// members are named elsewhere.
fn close(schema: &mut Value, here: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    for (name, value) in members.iter_mut() {
        match (name.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(|schema| close(schema, true)),
            ("items", schema) => close(schema, true),
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => parts.iter_mut().for_each(|part| close(part, false)),
            _ => {}
        }
    }
    let says_something =
        ["$ref", "properties", "allOf", "anyOf", "oneOf"].iter().any(|name| members.contains_key(*name));
    if here && says_something {
        members.entry("unevaluatedProperties").or_insert(false.into());
    }
}

impl Operation<'_> {
    /// Checks that the document allows this answer.
    #[track_caller]
    pub(crate) fn check(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
        let name = self.name;
        // A problem's code stands at its beginning.
        let kind = if status.is_success() { &[] } else { body.get(..40).unwrap_or(body) };
        let kind = format!("{name} {status} {}", String::from_utf8_lossy(kind));
        let judged = *JUDGED.lock().unwrap().entry(kind).and_modify(|judged| *judged += 1).or_default();
        if judged >= ALIKE_MAX {
            return;
        }
        let is_for_all = headers.get("cache-control").is_some_and(|value| value.to_str().unwrap().contains("public"));
        let is_of_nobody = self.described["security"] == json!([]) && !headers.contains_key("set-cookie");
        assert!(!is_for_all || is_of_nobody, "{name} lets caches give an answer of one client to others");
        let response = &self.described["responses"][status.as_str()];
        assert!(response.is_object(), "{name} may not answer {status}: {}", String::from_utf8_lossy(body));
        let response = self.document.resolve(response);
        let described = response["headers"].as_object().cloned().unwrap_or_default();
        for (header, of) in &described {
            let is_required = self.document.resolve(of)["required"] == true;
            assert!(!is_required || headers.contains_key(header), "{name} answers {status} without {header}");
        }
        for header in ["location", "retry-after", "idempotent-replayed", "etag", "www-authenticate", "set-cookie"] {
            let is_described = described.keys().any(|of| of.eq_ignore_ascii_case(header));
            assert!(is_described || !headers.contains_key(header), "{name} answers {status} with {header}");
        }
        let kind = headers.get("content-type").map(|kind| kind.to_str().unwrap().split(';').next().unwrap());
        let Some(kind) = kind else {
            assert!(response["content"].is_null() || body.is_empty(), "{name} answers {status} with nothing");
            return;
        };
        let content = &response["content"][kind];
        assert!(content.is_object(), "{name} may not answer {status} with {kind}");
        if kind.ends_with("json") && !body.is_empty() {
            self.judge(&content["schema"], body, true, &format!("answers {status}"));
        }
    }

    /// Checks that the document allows this JSON body, which the server has accepted.
    #[track_caller]
    pub(crate) fn check_accepted(&self, body: &Value) {
        let content = &self.described["requestBody"]["content"]["application/json"];
        assert!(content.is_object(), "{} takes no JSON", self.name);
        self.judge(&content["schema"], body.to_string().as_bytes(), false, "was asked");
    }

    #[track_caller]
    fn judge(&self, schema: &Value, body: &[u8], strict: bool, what: &str) {
        let value: Value = serde_json::from_slice(body).unwrap();
        let validator = self.document.validator(schema, strict);
        let faults: BTreeMap<String, String> =
            validator.iter_errors(&value).map(|fault| (fault.instance_path().to_string(), fault.to_string())).collect();
        assert!(faults.is_empty(), "{} {what}, against the document: {faults:#?}\n{value:#}", self.name);
    }
}
