//! One request, from the parsed head to the complete answer: identify, look up, authorise, run, record.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::ids::AccountId;
use http::{Method, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use metrics::{Gauge, gauge};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{
    authorization::authorise,
    body::Body,
    catalogue::Code,
    client_address::client_address,
    connection::Activity,
    edge::{Edge, syntax, versions},
    handler::{Detaching, Overdue, Panicked, Running, within},
    limits::Fields,
    measures::Measures,
    problem::Problem,
    reply::Reply,
    request::{Request, RequestId, linger},
    router::{Lookup, RouteInfo, Router, Target},
    server::Settings,
};
use crate::{application::access::Caller, telemetry::context::RequestContext};

/// A request slower than this is worth a line in the log (L3 alerts at 2 s).
const SLOW: Duration = Duration::from_secs(1);

/// What all connections of a listener share.
pub(super) struct Dispatcher<S> {
    pub(super) router: Arc<Router<S>>,
    pub(super) settings: Settings,
    /// What every request and every answer keeps to.
    pub(super) edge: Edge,
    /// Handlers running at this moment, detached ones included.
    pub(super) handlers: Arc<Semaphore>,
    /// Detached handlers, which outlive their connections and which a shutdown waits for.
    pub(super) detached: TaskTracker,
    pub(super) in_flight: Gauge,
}

impl<S: Send + Sync + 'static> Dispatcher<S> {
    pub(super) fn new(router: Arc<Router<S>>, settings: Settings) -> Self {
        Self {
            router,
            edge: Edge::new(&settings.edge),
            handlers: Arc::new(Semaphore::new(settings.handler_concurrency)),
            settings,
            detached: TaskTracker::new(),
            in_flight: gauge!("boxoffice_http_requests_in_flight"),
        }
    }

    /// How many handlers run at this moment.
    pub(super) fn running(&self) -> usize {
        self.settings.handler_concurrency - self.handlers.available_permits()
    }

    /// Answers one request. Never fails: whatever goes wrong has a status.
    pub(super) async fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        activity: Arc<Activity>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let started = Instant::now();
        let guard = activity.begin(request.version() == Version::HTTP_2);
        let _in_flight = InFlight::enter(&self.in_flight);
        let (head, body) = request.into_parts();
        let id = RequestId::of(&head.headers);
        let uri = head.uri.clone();
        let asked = self.edge.asked(&head);
        let is_head = head.method == Method::HEAD;
        let is_options = head.method == Method::OPTIONS;
        let address = client_address(peer, &head.headers, &self.settings.trusted_proxies);
        let mut limit_fields = None;

        let (route, measures, account, result) = match self.router.look_up(&head.method, uri.path()) {
            _ if let Some(problem) = syntax::fault(&head) => {
                linger(&head.headers, body);
                (None, &self.router.unmatched, None, Err(problem))
            }
            Lookup::Found(target, matched) => {
                let served = self.edge.check(&head, &asked, &target.info);
                let caller = served
                    .and_then(|()| authorise(&self.edge, &*self.router.verifier, &target.info, &head.headers, &id));
                let account = caller.as_ref().ok().copied().flatten().map(|caller| caller.account);
                let request = Request {
                    body_limit: target.info.body_limit.unwrap_or(self.settings.body_limit),
                    body_timeout: self.settings.body_timeout,
                    head,
                    body: Some(body),
                    matched,
                    caller: None,
                    id: id.clone(),
                    peer,
                    client_address: address,
                    arrived: started,
                    codings: asked.codings(),
                };
                let result;
                (limit_fields, result) = self.serve(target, request, caller, account, started).await;
                (Some(&*target.info), &target.measures, account, result)
            }
            Lookup::Allow(allow) => {
                linger(&head.headers, body);
                let result = if is_options {
                    Ok(Edge::options(&head.headers, &asked, allow))
                } else {
                    Err(Problem::new(Code::MethodNotAllowed).header(header::ALLOW, allow.clone()))
                };
                (None, &self.router.unmatched, None, result)
            }
            Lookup::NotFound => {
                linger(&head.headers, body);
                (None, &self.router.unmatched, None, Err(versions::not_found(uri.path())))
            }
        };
        let record = Record { route, measures, account, id: &id, path: uri.path(), started };
        let mut reply = record.finish(result);
        if let Some(fields) = limit_fields {
            reply = fields.add_to(reply);
        }
        let reply = self.edge.finish(reply, asked).await;
        let mut response = reply.into_response(&id, is_head);
        response.body_mut().hold(guard);
        Ok(response)
    }

    /// A request to a row, by whoever was found to ask: asks the gate, counts it, and runs the handler.
    async fn serve(
        &self,
        target: &Target<S>,
        mut request: Request,
        caller: Result<Option<Caller>, Problem>,
        account: Option<AccountId>,
        started: Instant,
    ) -> (Option<Fields<'_>>, Result<Reply, Problem>) {
        // The gate first: whom an overloaded server sends away has used nothing up.
        if caller.is_ok()
            && let Err(problem) = target.let_in(&self.router.state, &request.matched, request.path())
        {
            Box::pin(request.discard_body()).await;
            return (None, Err(problem));
        }
        let (fields, counted) = match &self.router.limits {
            Some(limits) => limits.count(&request, account, started).await,
            None => (None, Ok(())),
        };
        let result = match (counted, caller) {
            (Ok(()), Ok(caller)) => {
                request.caller = caller;
                self.run(target, request).await
            }
            (Err(problem), _) => {
                Box::pin(request.discard_body()).await;
                Err(problem)
            }
            (Ok(()), Err(problem)) => {
                request.linger_over_body();
                Err(problem)
            }
        };
        (fields, result)
    }

    /// Runs the handler under the concurrency limit and the deadline; a panic becomes a 500 and ends nothing else.
    async fn run(&self, target: &Target<S>, request: Request) -> Result<Reply, Problem> {
        let Ok(permit) = Arc::clone(&self.handlers).try_acquire_owned() else {
            return Err(Problem::unavailable(Duration::from_secs(1), "too many handlers are running"));
        };
        let context =
            RequestContext { request_id: request.id.header().clone(), account: request.caller.map(|c| c.account) };
        let handler = Running::new(context, target.call(Arc::clone(&self.router.state), request), permit);
        let deadline = self.settings.request_timeout;
        let outcome = if target.info.detached {
            within(deadline, Detaching::new(handler, &self.detached)).await
        } else {
            within(deadline, handler).await
        };
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(Panicked)) => Err(Problem::internal("the handler panicked")),
            Err(Overdue) => Err(Problem::new(Code::DeadlineExceeded)
                .retry_after(Duration::from_secs(1))
                .caused_by(format_args!("no answer within {} s", deadline.as_secs_f32()))),
        }
    }
}

/// What the end of a request is recorded with.
struct Record<'a> {
    route: Option<&'a RouteInfo>,
    measures: &'a Measures,
    account: Option<AccountId>,
    id: &'a RequestId,
    path: &'a str,
    started: Instant,
}

impl Record<'_> {
    /// Turns the outcome into an answer, measures and logs it.
    ///
    /// A line for every request would cost more than the request: at 10,000 a second it is gigabytes an hour that say
    /// what the metrics already say. So failures and slow requests are warnings, everything else is there at `debug`.
    fn finish(self, result: Result<Reply, Problem>) -> Reply {
        let took = self.started.elapsed();
        let (status, code, cause) = match &result {
            Ok(reply) => (reply.status(), None, None),
            Err(problem) => (problem.status(), Some(problem.code().as_str()), problem.cause().map(str::to_owned)),
        };
        self.measures.record(status, took);
        if status.is_server_error() || took > SLOW {
            self.warn(status, code, cause.as_deref(), took);
        } else {
            tracing::debug!(
                requestId = self.id.as_str(),
                route = self.route.map(|route| route.path),
                status = status.as_u16(),
                code,
                cause,
                durationMs = took.as_secs_f64() * 1e3,
                "request answered"
            );
        }
        result.unwrap_or_else(|problem| problem.into_reply(self.path, self.id.as_str()))
    }

    #[cold]
    fn warn(&self, status: StatusCode, code: Option<&str>, cause: Option<&str>, took: Duration) {
        tracing::warn!(
            requestId = self.id.as_str(),
            userId = self.account.map(tracing::field::display),
            method = self.route.map(|route| route.method.as_str()),
            route = self.route.map(|route| route.path),
            status = status.as_u16(),
            code,
            cause,
            durationMs = took.as_secs_f64() * 1e3,
            "{}",
            if status.is_server_error() { "request failed" } else { "request was slow" }
        );
    }
}

/// Keeps the gauge right on every way out, the client's hanging up included.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn enter(gauge: &'a Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
