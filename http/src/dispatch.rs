//! One request, from the parsed head to the complete answer: identify, look up, authorise, run, record. What was answered a
//! moment ago is answered again before any of that ([`Dispatcher::repeat`]).

mod access_log;
mod places;
mod repeat;

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use application::{
    access::Caller,
    acting,
    limits::{Client, Counted, Tier},
};
use domain::{accounts::Role, ids::AccountId};
use http::{Method, Response, Version, header, request::Parts};
use hyper::body::Incoming;
use metrics::{Gauge, gauge};
use telemetry::context::RequestContext;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::access_log::{InFlight, Record};
use super::{
    authorization::authorise,
    body::Body,
    client_address::Proxies,
    connection::activity::{Activity, InProgress},
    edge::{Asked, Edge, syntax, versions},
    handler::{Detaching, Overdue, Panicked, Running, within},
    problem::Problem,
    problem_codes::Code,
    rate_limits::{Asker, Fields},
    repeats::{Repeats, Wanted},
    reply::{IDEMPOTENT_REPLAYED, Reply},
    request::{Request, linger},
    request_id::RequestId,
    revisions,
    route_info::Matched,
    router::{HandlerFuture, Lookup, Router, Target},
    settings::Settings,
    unsent::{Payer, Unsent},
};

/// What all connections of a listener share.
pub(super) struct Dispatcher {
    pub(super) router: Arc<Router>,
    pub(super) settings: Settings,
    /// What every request and every answer keeps to.
    pub(super) edge: Edge,
    proxies: Proxies,
    /// Handlers running at this moment, detached ones included.
    pub(super) handlers: Arc<Semaphore>,
    /// Detached handlers, which outlive their connections and which a shutdown waits for.
    pub(super) detached: TaskTracker,
    pub(super) in_flight: Gauge,
    /// Answers that are given again without asking their handler.
    repeats: Repeats,
    /// What clients have not taken yet.
    unsent: Arc<Unsent>,
}

/// A request before anything is done about it.
struct Arrived {
    started: Instant,
    peer: SocketAddr,
    /// Where the client is.
    address: IpAddr,
    asked: Asked,
    head: Parts,
    body: Incoming,
    /// What came of counting it against its client's limit, when that was done.
    counted: Option<Counted>,
}

/// What there is to a request.
enum Found<'a> {
    Row(&'a Target, Matched),
    Answer(Result<Reply, Problem>),
}

/// An answer on its way.
#[allow(clippy::large_enum_variant, reason = "the large one is that of cached reads, which shall not allocate")]
pub(super) enum Answering {
    Done(Option<Response<Body>>),
    /// It is being made.
    Running(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Done(response) => response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response))),
            Self::Running(work) => work.as_mut().poll(cx).map(Ok),
        }
    }
}

impl Dispatcher {
    pub(super) fn new(router: Arc<Router>, settings: Settings) -> Self {
        Self {
            router,
            edge: Edge::new(&settings.edge),
            proxies: Proxies::new(&settings.trusted_proxies, &settings.forwarded_header),
            handlers: Arc::new(Semaphore::new(settings.handler_concurrency)),
            unsent: Unsent::new(settings.unsent_max, settings.unsent_per_network),
            settings,
            detached: TaskTracker::new(),
            in_flight: gauge!("boxoffice_http_requests_in_flight"),
            repeats: Repeats::default(),
        }
    }

    /// How many handlers run at this moment.
    pub(super) fn running(&self) -> usize {
        self.settings.handler_concurrency - self.handlers.available_permits()
    }

    /// Answers one request. Never fails: whatever goes wrong has a status.
    pub(super) fn answer(
        self: &Arc<Self>,
        peer: SocketAddr,
        activity: &Arc<Activity>,
        request: hyper::Request<Incoming>,
    ) -> Answering {
        let started = Instant::now();
        let guard = activity.begin(request.version() == Version::HTTP_2);
        let (head, body) = request.into_parts();
        let address = self.proxies.client_address(peer, &head.headers);
        let asked = self.edge.asked(&head, |present| self.proxies.is_https(peer, &head, present));
        let mut arrived = Arrived { started, peer, address, asked, head, body, counted: None };
        match self.repeat(&mut arrived) {
            Some((mut response, now)) => {
                response.body_mut().owe(&guard);
                guard.end(now);
                Answering::Done(Some(response))
            }
            // A box, because hyper keeps room for one as long as a connection lasts.
            None => Answering::Running(Box::pin(Arc::clone(self).work(arrived, guard))),
        }
    }

    /// Finds out what is asked for and by whom, and has it answered.
    async fn work(self: Arc<Self>, arrived: Arrived, guard: InProgress) -> Response<Body> {
        let Arrived { started, peer, address, asked, head, body, counted } = arrived;
        let _in_flight = InFlight::enter(&self.in_flight);
        let id = RequestId::of(&head.headers, asked.present());
        let uri = head.uri.clone();
        let (is_head, is_get) = (head.method == Method::HEAD, head.method == Method::GET);
        let version = head.version;
        let limit_fields;
        let mut repeatable = None;

        let (route, measures, account, result) = match self.find(&head, &asked) {
            Found::Row(target, matched) => {
                let served = self.edge.check(&head, &asked, &target.info);
                let caller =
                    served.and_then(|()| authorise(&self.edge, &*self.router.verifier, &target.info, &head, &id));
                let account = caller.as_ref().ok().copied().flatten().map(|caller| caller.account);
                repeatable = (target.is_open() && !is_head).then_some(matched.row).zip(asked.manner());
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
                    payer: self.payer(address, version),
                    may_take_places: true,
                };
                let result;
                (limit_fields, result) = self.serve(target, request, caller, (account, counted)).await;
                (Some(&*target.info), &target.measures, account, result)
            }
            Found::Answer(answer) => {
                linger(&head.headers, body);
                let result;
                (limit_fields, result) = self.count_unmatched(&id, address, started, answer).await;
                (None, &self.router.unmatched, None, result)
            }
        };
        let record = Record { route, measures, account, id: &id, path: uri.path(), client: address, started };
        let (mut reply, mut refusal) = record.reply(result);
        if let Some(fields) = limit_fields {
            fields.set(reply.headers_mut());
        }
        let mut reply = self.edge.finish(reply, asked).await;
        // What has been done is told, however large the answer; but not again.
        let may_refuse = is_get || reply.headers_mut().contains_key(&IDEMPOTENT_REPLAYED);
        if may_refuse && let Err(exceeded) = reply.charge(|| self.payer(address, version)) {
            self.unsent.note(exceeded);
            (reply, refusal) = record.reply(Err(exceeded.into()));
            reply = self.edge.finish_unread(reply);
        }
        record.note(reply.status(), refusal.as_ref());
        let source = reply.take_source();
        let mut response = reply.into_response(&id, is_head);
        if let (Some(source), Some((row, manner)), Some(target)) = (source, repeatable, uri.path_and_query()) {
            self.repeats.keep(Wanted { target: target.as_str(), manner }, row, *source, &response);
        }
        response.body_mut().hold(guard);
        response
    }

    /// The row that answers a request, or the answer to one that has none.
    fn find(&self, head: &Parts, asked: &Asked) -> Found<'_> {
        let fault = syntax::fault(head, asked.present());
        if let Some(problem) = fault.or_else(|| self.edge.check_listener(head).err()) {
            return Found::Answer(Err(problem));
        }
        Found::Answer(match self.router.look_up(&head.method, head.uri.path()) {
            Lookup::Found(target, matched) => return Found::Row(target, matched),
            Lookup::Allow(allow) if head.method == Method::OPTIONS => Ok(Edge::options(&head.headers, asked, allow)),
            Lookup::Allow(allow) => Err(Problem::new(Code::MethodNotAllowed).header(header::ALLOW, allow.clone())),
            Lookup::NotFound => Err(versions::not_found(head.uri.path())),
        })
    }

    /// An answer to what no row answers, which costs as much as many a row does: counted as what anybody may ask.
    async fn count_unmatched(
        &self,
        id: &RequestId,
        address: IpAddr,
        started: Instant,
        answer: Result<Reply, Problem>,
    ) -> (Option<Fields<'_>>, Result<Reply, Problem>) {
        let Some(limits) = &self.router.limits else { return (None, answer) };
        let counted = limits.count(Tier::Public, Client { address, account: None }, started);
        let (fields, admitted) = limits.settle(|| Asker::unmatched(id, address), Tier::Public, counted).await;
        (fields, admitted.and(answer))
    }

    /// A request to a row, by the caller that was found: asks the gate, counts it, and runs the handler.
    async fn serve(
        &self,
        target: &Target,
        mut request: Request,
        caller: Result<Option<Caller>, Problem>,
        (account, counted): (Option<AccountId>, Option<Counted>),
    ) -> (Option<Fields<'_>>, Result<Reply, Problem>) {
        // The gate first: whom an overloaded server sends away has used nothing up.
        if caller.is_ok()
            && let Err(problem) = target.let_in(&request.matched, request.path())
        {
            Box::pin(request.discard_body()).await;
            return (None, Err(problem));
        }
        let (tier, client) = (target.info.tier, Client { address: request.client_address, account });
        let (mut fields, counted) = match &self.router.limits {
            Some(limits) => {
                if tier == Tier::Bookings
                    && let Ok(Some(caller)) = caller
                {
                    request.caller = Some(caller);
                    return Box::pin(self.serve_places(limits, target, request, client)).await;
                }
                let counted = counted.unwrap_or_else(|| limits.count(tier, client, request.arrived));
                limits.settle(|| Asker::of(&request, account), tier, counted).await
            }
            None => (None, Ok(())),
        };
        let result = match (counted, caller) {
            (Ok(()), Ok(caller)) => {
                request.caller = caller;
                let result = self.run(target, request).await;
                if places::is_replay(&result)
                    && let Some(limits) = &self.router.limits
                    && let Some(restored) = limits.give_back(tier, client).await
                {
                    fields = restored;
                }
                result
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

    /// Who pays for what is sent to this address.
    fn payer(&self, address: IpAddr, version: Version) -> Payer {
        let (unsent, network) = (Arc::clone(&self.unsent), self.settings.network_of(address));
        Payer { unsent, network, http2: version == Version::HTTP_2 }
    }

    /// Begins the handler; for an administrator, of whom everything that it does will know.
    fn begin(&self, target: &Target, request: Request) -> HandlerFuture {
        let administrator = request.caller.filter(|caller| caller.role == Role::Admin);
        let actor = administrator.and_then(|_| request.actor().ok());
        let answer = target.call(request);
        match actor {
            Some(actor) => Box::pin(acting::as_administrator(actor, answer)),
            None => answer,
        }
    }

    /// Runs the handler under the concurrency limit and the deadline; a panic becomes a 500 and ends nothing else.
    async fn run(&self, target: &Target, mut request: Request) -> Result<Reply, Problem> {
        if target.info.method != Method::GET
            && !target.info.is_conditional
            && let Err(problem) = revisions::refuse_named(request.headers())
        {
            request.linger_over_body();
            return Err(problem);
        }
        if !target.info.reads_query
            && let Err(problem) = request.query().finish()
        {
            request.linger_over_body();
            return Err(problem);
        }
        let Ok(permit) = Arc::clone(&self.handlers).try_acquire_owned() else {
            return Err(Problem::unavailable(Duration::from_secs(1), "too many handlers are running").unbegun());
        };
        let context =
            RequestContext { request_id: request.id.header().clone(), account: request.caller.map(|c| c.account) };
        let handler = Running::new(context, self.begin(target, request), permit);
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
