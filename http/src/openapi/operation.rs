//! OpenAPI operations: what a feature says about one of its routes, beside what the table of routes knows.

use domain::lists::List;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::parameter::Parameter;
use crate::{filters, lists, problem_codes::Code, redirects::Moved};

/// One route as clients are told about it. Access, limits, the refusals that follow from these and from what is sent, and
/// the headers of every answer are not said here: they are derived from the route.
pub struct Operation {
    pub method: Method,
    pub path: &'static str,
    pub id: &'static str,
    pub(super) summary: &'static str,
    pub(super) details: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Value>,
    pub(super) answers: Vec<Answer>,
    pub(super) refusals: Vec<Code>,
    pub(super) is_idempotent: bool,
    pub(super) is_cacheable: bool,
    pub(super) has_links: bool,
    pub(super) is_versioned: bool,
    pub(super) sets_cookie: bool,
    pub(super) is_tagged: bool,
    pub(super) is_repeatable: bool,
    pub(super) ignores_query: bool,
    pub schemas: Vec<(String, Value)>,
}

/// One of its answers that is no refusal.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) description: &'static str,
    /// By media type.
    pub(super) content: Map<String, Value>,
}

macro_rules! methods {
    ($($name:ident $method:ident),+) => {$(
        #[doc = concat!("A `", stringify!($method), "`. `id` names the function in generated clients and never changes.")]
        pub fn $name(path: &'static str, id: &'static str, summary: &'static str) -> Self {
            Self::new(Method::$method, path, id, summary)
        }
    )+};
}

impl Operation {
    methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

    fn new(method: Method, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            summary,
            details: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            is_idempotent: false,
            is_cacheable: false,
            has_links: false,
            is_versioned: false,
            sets_cookie: false,
            is_tagged: false,
            is_repeatable: false,
            ignores_query: false,
            schemas: Vec::new(),
        }
    }

    /// What one has to know to use it, in Markdown.
    #[must_use]
    pub fn details(mut self, details: &'static str) -> Self {
        self.details = details;
        self
    }

    /// A parameter. Ids in the path need none.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The JSON body, with an example.
    #[must_use]
    pub fn body<T: ToSchema>(mut self, example: Value) -> Self {
        let schema = self.refer::<T>();
        self.body_as("application/json", schema, example)
    }

    /// A body of another media type; several of them are alternatives.
    #[must_use]
    pub fn body_as(mut self, media_type: &str, schema: Value, example: Value) -> Self {
        let body = self.body.get_or_insert_with(|| json!({ "required": true, "content": {} }));
        body["content"][media_type] = json!({ "schema": schema, "example": example });
        self
    }

    /// 200 with a JSON body.
    #[must_use]
    pub fn ok<T: ToSchema>(mut self, description: &'static str) -> Self {
        let schema = self.refer::<T>();
        self.answer(StatusCode::OK, description, "application/json", schema)
    }

    /// 200 with a body of another media type, beside or instead of JSON.
    #[must_use]
    pub fn ok_as(self, media_type: &str, schema: Value, description: &'static str) -> Self {
        self.answer(StatusCode::OK, description, media_type, schema)
    }

    /// 200 with one page of a list, with the parameters of the list and `Link` to the page's neighbours.
    #[must_use]
    pub fn page_of<T: ToSchema>(mut self, list: &List, description: &'static str) -> Self {
        let of_all = list.filters.iter().filter(|filter| !filter.of_everybody);
        self.parameters.extend(of_all.map(filters::parameter).chain(filters::sort_parameter(list)));
        self.parameters.extend(lists::page_parameters());
        let (entry, pagination) = (self.refer::<T>(), self.refer::<lists::Pagination>());
        let name = format!("{}Page", T::name());
        let page = json!({
            "type": "object",
            "description": "One page of a list.",
            "required": ["data", "pagination"],
            "properties": { "data": { "type": "array", "items": entry }, "pagination": pagination },
        });
        let schema = reference("schemas", &name);
        self.schemas.push((name, page));
        self.has_links = true;
        self.answer(StatusCode::OK, description, "application/json", schema)
    }

    /// The parameters of a list that only those have who see everybody's entries.
    #[must_use]
    pub fn everybodys(mut self, list: &List) -> Self {
        self.parameters.extend(list.filters.iter().filter(|filter| filter.of_everybody).map(filters::parameter));
        self
    }

    /// 503 with a JSON body that is no problem, beside the one that is.
    #[must_use]
    pub fn unready<T: ToSchema>(mut self, description: &'static str) -> Self {
        let schema = self.refer::<T>();
        self.answer(StatusCode::SERVICE_UNAVAILABLE, description, "application/json", schema)
    }

    /// 308 to where the thing is now.
    #[must_use]
    pub fn moved(mut self, description: &'static str) -> Self {
        let schema = self.refer::<Moved<'_>>();
        self.answer(StatusCode::PERMANENT_REDIRECT, description, "application/json", schema)
    }

    /// 307 to where the thing is at present, with a JSON body.
    #[must_use]
    pub fn redirects<T: ToSchema>(mut self, description: &'static str) -> Self {
        let schema = self.refer::<T>();
        self.answer(StatusCode::TEMPORARY_REDIRECT, description, "application/json", schema)
    }

    /// 201 with a JSON body, and where the new thing is in `Location`.
    #[must_use]
    pub fn created<T: ToSchema>(mut self, description: &'static str) -> Self {
        let schema = self.refer::<T>();
        self.answer(StatusCode::CREATED, description, "application/json", schema)
    }

    /// 202 without a body: what is asked for is done later.
    #[must_use]
    pub fn accepted_empty(mut self, description: &'static str) -> Self {
        self.answers.push(Answer { status: StatusCode::ACCEPTED, description, content: Map::new() });
        self
    }

    /// 204.
    #[must_use]
    pub fn no_content(mut self, description: &'static str) -> Self {
        self.answers.push(Answer { status: StatusCode::NO_CONTENT, description, content: Map::new() });
        self
    }

    /// Needs an `Idempotency-Key`; a retry is answered as the first request was.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// Has an `ETag`, answers `If-None-Match` with 304, and may be kept by caches.
    #[must_use]
    pub fn cacheable(mut self) -> Self {
        self.is_cacheable = true;
        self
    }

    /// Shows a resource with its version as `ETag`; a change names the version it is made to in `If-Match`.
    #[must_use]
    pub fn versioned(mut self) -> Self {
        self.is_versioned = true;
        self
    }

    /// Sets the session cookie, or takes it away.
    #[must_use]
    pub fn sets_cookie(mut self) -> Self {
        self.sets_cookie = true;
        self
    }

    /// Shows a resource with its version as `ETag`. Whether it may be told in `If-Match` which one it is meant for, its row says.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        self.is_tagged = true;
        self
    }

    /// May be given an `Idempotency-Key`: a retry is then answered as the first request was.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    /// Takes any query: without this, parameters that are not declared are refused.
    #[must_use]
    pub fn ignores_query(mut self) -> Self {
        self.ignores_query = true;
        self
    }

    /// Refusals of its own, beyond those that follow from its row, its parameters and its body.
    #[must_use]
    pub fn refusals(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes);
        self
    }

    fn answer(mut self, status: StatusCode, description: &'static str, media_type: &str, schema: Value) -> Self {
        let content = (media_type.to_owned(), json!({ "schema": schema }));
        match self.answers.iter_mut().find(|answer| answer.status == status) {
            Some(answer) => answer.content.extend([content]),
            None => self.answers.push(Answer { status, description, content: Map::from_iter([content]) }),
        }
        self
    }

    /// Whether a query string may have something to say to its handler.
    pub(crate) fn reads_query(&self) -> bool {
        self.ignores_query || self.parameters.iter().any(|of| of.place == "query")
    }

    pub(super) fn body_is_json(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body["content"]["application/json"].is_object())
    }

    /// A reference to a type's schema, which becomes a part of the document together with those it refers to itself.
    pub fn refer<T: ToSchema>(&mut self) -> Value {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        self.schemas.extend(found.into_iter().map(|(name, schema)| (name, written(&schema))));
        reference("schemas", &T::name())
    }
}

pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn written(schema: &RefOr<Schema>) -> Value {
    // Structs of strings and numbers always serialise.
    serde_json::to_value(schema).unwrap_or_default()
}
