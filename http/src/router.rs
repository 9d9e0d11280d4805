//! Routing: the one table of routes with method, path, access, limits and handler.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc};

use application::{
    access::VerifyAccess,
    limits::{LimitRequests, Tier},
};
use http::{HeaderValue, Method};

pub use super::route_info::{Access, JSON, Matched, Ownership, Params, RouteInfo};
use super::{
    measures::Measures, problem::Problem, rate_limits::Limits, reply::Reply, request::Request, route_info::PARAMS_MAX,
};

pub(super) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send>>;
/// A handler that has its state.
type Handler = Box<dyn Fn(Request) -> HandlerFuture + Send + Sync>;
type BoundGate = Box<dyn Fn(&Params<'_>) -> Result<(), Problem> + Send + Sync>;
/// Whether a request with these parameters may be let in.
pub type Gate<S> = fn(&S, &Params<'_>) -> Result<(), Problem>;

/// A row of the table.
pub struct Route<S> {
    info: RouteInfo,
    /// Gives the handler its state.
    handler: Box<dyn FnOnce(Arc<S>) -> Handler + Send>,
    gate: Option<Gate<S>>,
}

impl<S> Route<S> {
    /// A row. Handlers of anything but `GET` are detached: they finish even if the client has gone, because half a
    /// booking is worse than one nobody waits for.
    pub fn new<H, F>(method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        S: Send + Sync + 'static,
        H: Fn(Arc<S>, Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply, Problem>> + Send + 'static,
    {
        let params = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let detached = method != Method::GET;
        let tier = if matches!(access, Access::Public | Access::Session) { Tier::Public } else { Tier::Api };
        Self {
            info: RouteInfo {
                method,
                path,
                access,
                ownership: Ownership::Shared,
                tier,
                body_limit: None,
                is_conditional: false,
                detached,
                reads_query: true,
                produces: JSON,
                params,
            },
            handler: Box::new(move |state| Box::new(move |request| Box::pin(handler(Arc::clone(&state), request)))),
            gate: None,
        }
    }

    /// Asks `gate` before the body of a request is read and anything is done for it. An overloaded server refuses several
    /// times as many as it serves: what a refusal costs is taken from those who are served.
    #[must_use]
    pub fn gate(mut self, gate: Gate<S>) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Limits it by `tier`, instead of [`Tier::Public`] for routes without an access token and [`Tier::Api`] for all others.
    #[must_use]
    pub fn limit(mut self, tier: Tier) -> Self {
        self.info.tier = tier;
        self
    }

    /// Most bytes of a body, instead of the server's default.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.info.body_limit = Some(bytes);
        self
    }

    /// Its handler judges `If-Match`. For any other row that changes something, a revision that is named there is not that of anything.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.info.is_conditional = true;
        self
    }

    /// Everybody finds their own things there only; those of others are not found.
    #[must_use]
    pub fn own(mut self) -> Self {
        self.info.ownership = Ownership::Own;
        self
    }

    /// Takes no query parameters: a request that has some is refused before the handler runs.
    #[must_use]
    pub fn without_query(mut self) -> Self {
        self.info.reads_query = false;
        self
    }

    /// Media types it can answer with, instead of [`JSON`].
    #[must_use]
    pub fn produces(mut self, kinds: &'static [&'static str]) -> Self {
        self.info.produces = kinds;
        self
    }

    /// What is known about it without its handler.
    pub fn info(&self) -> &RouteInfo {
        &self.info
    }

    /// The same, of a row that is not needed any more.
    pub fn into_info(self) -> RouteInfo {
        self.info
    }

    /// Lets the handler be dropped when the client hangs up; for calls that change nothing.
    #[must_use]
    pub fn attached(mut self) -> Self {
        self.info.detached = false;
        self
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),+) => {
        impl<S> Route<S> {
            $(
                #[doc = concat!("A row for `", stringify!($method), "`.")]
                pub fn $name<H, F>(path: &'static str, access: Access, handler: H) -> Self
                where
                    S: Send + Sync + 'static,
                    H: Fn(Arc<S>, Request) -> F + Send + Sync + 'static,
                    F: Future<Output = Result<Reply, Problem>> + Send + 'static,
                {
                    Self::new(Method::$method, path, access, handler)
                }
            )+
        }
    };
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

/// A mistake in the table, found at start.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Two rows with the same method and path.
    #[error("{0} {1} appears twice in the table of routes")]
    Twice(Method, &'static str),
    /// Two paths that match the same addresses, or a path that is not well-formed.
    #[error("the path {0} does not fit into the table of routes: {1}")]
    Path(&'static str, matchit::InsertError),
    /// More parameters than a request has room for.
    #[error("the path {0} has more than {PARAMS_MAX} parameters")]
    TooManyParams(&'static str),
}

/// A row as the dispatcher sees it.
pub struct Target {
    pub(super) info: Arc<RouteInfo>,
    pub(super) measures: Measures,
    handler: Handler,
    gate: Option<BoundGate>,
}

impl Target {
    /// Whether a request to `path` may be let in now.
    pub(super) fn let_in(&self, matched: &Matched, path: &str) -> Result<(), Problem> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate(&Params { matched, path }))
    }

    /// Whether it answers anyone who asks, whatever the state of the server is.
    pub(super) fn is_open(&self) -> bool {
        self.info.access == Access::Public && self.gate.is_none()
    }

    pub(super) fn call(&self, request: Request) -> HandlerFuture {
        (self.handler)(request)
    }
}

/// The rows of one path.
struct Path {
    /// Index into the targets, by method; at most one a method, so a walk beats a map.
    methods: Vec<(Method, usize)>,
    allow: HeaderValue,
}

/// The table, ready to look requests up in. It knows no type of the state, so that the server is compiled once, in this crate.
pub struct Router {
    pub(super) verifier: Arc<dyn VerifyAccess>,
    /// How often anybody may ask. `None`: as often as they like.
    pub(super) limits: Option<Limits>,
    /// Requests that no row answers.
    pub(super) unmatched: Measures,
    targets: Vec<Target>,
    paths: matchit::Router<Path>,
    /// The methods of all rows.
    methods: HeaderValue,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes()).finish()
    }
}

/// What the table says to a method and a path.
pub enum Lookup<'a> {
    /// The row, and its parameters in the path.
    Found(&'a Target, Matched),
    /// The path exists with other methods, these.
    Allow(&'a HeaderValue),
    /// There is no such path.
    NotFound,
}

impl Router {
    /// Checks and indexes the rows. Install the metrics recorder first: the handles are made here.
    pub fn build<S: Send + Sync + 'static>(
        state: Arc<S>,
        verifier: Arc<dyn VerifyAccess>,
        routes: impl IntoIterator<Item = Route<S>>,
    ) -> Result<Self, TableError> {
        let mut targets = Vec::new();
        let mut by_path: HashMap<&'static str, Vec<(Method, usize)>> = HashMap::new();
        for Route { info, handler, gate } in routes {
            if info.params.len() > PARAMS_MAX {
                return Err(TableError::TooManyParams(info.path));
            }
            let methods = by_path.entry(info.path).or_default();
            if methods.iter().any(|(method, _)| *method == info.method) {
                return Err(TableError::Twice(info.method, info.path));
            }
            methods.push((info.method.clone(), targets.len()));
            let measures = Measures::new(info.path, method_label(&info.method));
            let gate = gate.map(|gate| -> BoundGate {
                let state = Arc::clone(&state);
                Box::new(move |params| gate(&state, params))
            });
            targets.push(Target { info: Arc::new(info), measures, handler: handler(Arc::clone(&state)), gate });
        }
        let methods = allow(by_path.values().flatten());
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            let allow = allow(methods.iter());
            paths.insert(path, Path { methods, allow }).map_err(|error| TableError::Path(path, error))?;
        }
        Ok(Self { verifier, limits: None, unmatched: Measures::new("unmatched", "any"), targets, paths, methods })
    }

    /// Limits requests by the tiers of their rows.
    #[must_use]
    pub fn limited(mut self, port: Arc<dyn LimitRequests>) -> Self {
        self.limits = Some(Limits::new(port));
        self
    }

    /// The rows, in the order they were given.
    pub fn routes(&self) -> impl Iterator<Item = &RouteInfo> {
        self.targets.iter().map(|target| &*target.info)
    }

    /// The row at this place.
    pub(super) fn row(&self, row: usize) -> Option<&Target> {
        self.targets.get(row)
    }

    /// Finds the row of a request. A `HEAD` finds that of the `GET`.
    pub fn look_up(&self, method: &Method, path: &str) -> Lookup<'_> {
        let Ok(found) = self.paths.at(path) else {
            // `OPTIONS *` and `CONNECT` mean the server, not something on it.
            let is_server = path == "*" || method == Method::CONNECT;
            return if is_server { Lookup::Allow(&self.methods) } else { Lookup::NotFound };
        };
        // HEAD is GET without the body (RFC 9110, 9.3.2).
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let target = found.value.methods.iter().find(|(method, _)| method == wanted);
        let Some((row, target)) = target.and_then(|(_, row)| Some((*row, self.row(*row)?))) else {
            return Lookup::Allow(&found.value.allow);
        };
        let mut matched = Matched { route: Arc::clone(&target.info), row, places: [(0, 0); PARAMS_MAX] };
        for (place, (_, value)) in matched.places.iter_mut().zip(found.params.iter()) {
            *place = place_of(value, path);
        }
        Lookup::Found(target, matched)
    }
}

fn allow<'m>(methods: impl Iterator<Item = &'m (Method, usize)>) -> HeaderValue {
    let mut names: Vec<&str> = methods.map(|(method, _)| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    // Names of methods are tokens, and tokens are header values.
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

fn method_label(method: &Method) -> &'static str {
    const KNOWN: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    const LABELS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    KNOWN.iter().position(|known| known == method).map_or("OTHER", |index| LABELS[index])
}

/// Where `part`, a slice of `path`, lies in it. A URL is shorter than 64 KiB: `http` refuses longer ones.
fn place_of(part: &str, path: &str) -> (u16, u16) {
    let start = part.as_ptr().addr() - path.as_ptr().addr();
    (u16::try_from(start).unwrap_or(u16::MAX), u16::try_from(start + part.len()).unwrap_or(u16::MAX))
}
