//! Endpoints: method, path, access, rate limit, OpenAPI operation and handler of one, declared together. The router and the document
//! are both made of them.

use std::{future::Future, sync::Arc};

use application::limits::Tier;

use super::{
    openapi::operation::Operation,
    problem::Problem,
    reply::Reply,
    request::Request,
    router::{Access, Gate, Route, RouteInfo},
};

/// One endpoint: what clients are told of it, who may use it, and who answers. Made by [`Operation::served`].
pub struct Endpoint<S> {
    operation: Operation,
    route: Route<S>,
}

impl Operation {
    /// The endpoint that `handler` answers, for those whom `access` lets in.
    pub fn served<S, H, F>(self, access: Access, handler: H) -> Endpoint<S>
    where
        S: Send + Sync + 'static,
        H: Fn(Arc<S>, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let route = Route::new(self.method.clone(), self.path, access, handler);
        let route = if self.reads_query() { route } else { route.without_query() };
        Endpoint { operation: self, route }
    }
}

macro_rules! of_route {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*);)+) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $($argument: $kind),*) -> Self {
            self.route = self.route.$name($($argument),*);
            self
        }
    )+};
}

impl<S> Endpoint<S> {
    of_route! {
        /// See [`Route::gate`].
        gate(gate: Gate<S>);
        /// See [`Route::limit`].
        limit(tier: Tier);
        /// See [`Route::body_limit`].
        body_limit(bytes: usize);
        /// See [`Route::conditional`].
        conditional();
        /// See [`Route::own`].
        own();
        /// See [`Route::produces`].
        produces(kinds: &'static [&'static str]);
        /// See [`Route::attached`].
        attached();
    }
}

/// The endpoints of one feature, under the heading that the document gives them.
pub struct Section<S> {
    name: &'static str,
    description: &'static str,
    endpoints: Vec<Endpoint<S>>,
}

impl<S> Section<S> {
    /// A section without endpoints. Several sections of one name are one in the document.
    pub fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, description, endpoints: Vec::new() }
    }

    /// With one more endpoint.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint<S>) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// For the router.
    pub fn into_routes(self) -> impl Iterator<Item = Route<S>> {
        self.endpoints.into_iter().map(|endpoint| endpoint.route)
    }

    /// For the document.
    pub fn into_described(self) -> Described {
        let operations =
            self.endpoints.into_iter().map(|endpoint| (endpoint.route.into_info(), endpoint.operation)).collect();
        Described { name: self.name, description: self.description, operations }
    }
}

/// A section as the document needs it: without handlers.
pub struct Described {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub operations: Vec<(RouteInfo, Operation)>,
}

/// Whose things endpoints are about that are there twice: an organizer's own below one prefix, everybody's for administrators below
/// another.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What paths begin with, as in `/api/v1/organizer`.
    pub prefix: &'static str,
    /// What stands for `{}` in the names of operations, as `Own` in `updateOwnEvent`.
    pub word: &'static str,
    /// Who may use them.
    pub access: Access,
    /// Whether everybody finds only their own things there.
    pub own: bool,
}

impl Scope {
    /// The path below its prefix. Made once for each endpoint when the server starts, and kept until it ends.
    pub fn path(&self, path: &str) -> &'static str {
        Box::leak(format!("{}{path}", self.prefix).into_boxed_str())
    }

    /// The name of an operation in generated clients: `id` with this scope's word for `{}`. Kept as paths are.
    pub fn id(&self, id: &str) -> &'static str {
        Box::leak(id.replace("{}", self.word).into_boxed_str())
    }

    /// The endpoint with this scope's access and ownership.
    pub fn served<S, H, F>(&self, operation: Operation, handler: H) -> Endpoint<S>
    where
        S: Send + Sync + 'static,
        H: Fn(Arc<S>, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let endpoint = operation.served(self.access, handler);
        if self.own { endpoint.own() } else { endpoint }
    }
}
