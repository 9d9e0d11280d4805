//! The sandbox's server: connections, routes, and the work that is due.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::{net::TcpListener, sync::Mutex, task::JoinSet, time};

use super::{
    answers::ApiAnswer,
    config::SandboxConfig,
    requests::ApiRequest,
    store::{Document, DocumentKind, SandboxStore, StoreError},
};

/// Most bytes of a body.
const BODY_MAX: usize = 64 * 1024;
/// How often the store is asked for what is due, and for how much at once.
const WORK_EVERY: Duration = Duration::from_millis(200);
const WORK_AT_ONCE: usize = 50;
/// How long a webhook may take.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a message is with who sends it: longer than that.
const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// For how long a request that is never answered is kept. Clients give up before.
const SILENCE: Duration = Duration::from_secs(120);

pub(super) struct SandboxServer {
    pub config: SandboxConfig,
    pub store: Arc<dyn SandboxStore>,
    /// Held while something is looked up and then changed.
    pub changes: Mutex<()>,
    pub webhooks: reqwest::Client,
}

impl SandboxServer {
    pub(super) fn new(config: SandboxConfig, store: Arc<dyn SandboxStore>) -> Result<Self, reqwest::Error> {
        let webhooks = reqwest::Client::builder().no_proxy().timeout(WEBHOOK_TIMEOUT).build()?;
        Ok(Self { config, store, changes: Mutex::new(()), webhooks })
    }

    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // No file descriptor is free. It is tried again, and not at full speed.
                time::sleep(WORK_EVERY).await;
                continue;
            };
            let server = self.clone();
            connections.spawn(async move {
                let answer = service_fn(|request| server.answer(request));
                // A client that went away is nothing to tell of.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            });
            while connections.try_join_next().is_some() {}
        }
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let answer = match Limited::new(body, BODY_MAX).collect().await {
            Ok(body) => match ApiRequest::read(&head, &body.to_bytes(), &self.config.secret_key) {
                Ok(request) => self.route(&request).await,
                Err(refused) => refused,
            },
            Err(_) => ApiAnswer::invalid("body", "The body can't be read."),
        };
        let written = match answer.written() {
            Some(written) => written,
            None => {
                time::sleep(SILENCE).await;
                (StatusCode::GATEWAY_TIMEOUT, serde_json::Value::Null)
            }
        };
        let (status, body) = written;
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
        Ok(response)
    }

    async fn route(&self, request: &ApiRequest) -> ApiAnswer {
        let (path, now): (Vec<&str>, _) = (request.path.iter().map(String::as_str).collect(), Timestamp::now());
        let answer = match (&request.method, path.as_slice()) {
            (&Method::POST, ["payment_intents"]) => self.create_intent(request, now).await,
            (&Method::GET, ["payment_intents"]) => self.list_intents(request).await,
            (&Method::GET, ["payment_intents", id]) => {
                self.intent(id).await.map(|intent| ApiAnswer::Object(intent.shown(&self.config.action_url)))
            }
            (&Method::POST, ["payment_intents", id, "cancel"]) => self.cancel_intent(id, now).await,
            (&Method::POST, ["refunds"]) => self.create_refund(request, now).await,
            (&Method::GET, ["refunds"]) => self.list_refunds(request).await,
            (&Method::GET, ["refunds", id]) => self.refund(id).await,
            _ => Err(ApiAnswer::no_such(&path.join("/"))),
        };
        answer.unwrap_or_else(|refused| refused)
    }

    /// Settles what is due and delivers messages, for ever.
    pub(super) async fn work(self: Arc<Self>) {
        let mut tick = time::interval(WORK_EVERY);
        tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut messages = JoinSet::new();
        loop {
            tick.tick().await;
            while messages.try_join_next().is_some() {}
            if let Err(error) = self.attend(&mut messages).await {
                tracing::debug!(%error, "the sandbox gateway waits for its store");
            }
        }
    }

    async fn attend(self: &Arc<Self>, messages: &mut JoinSet<Result<(), StoreError>>) -> Result<(), StoreError> {
        let now = Timestamp::now();
        for document in self.store.due(now, WORK_AT_ONCE).await? {
            match document.kind {
                DocumentKind::Intent => self.settle(&document.id, now).await?,
                DocumentKind::Refund => self.fail_refund(&document.id, now).await?,
                DocumentKind::Message if messages.len() < WORK_AT_ONCE => {
                    // Due again when this try must be over, so that nobody sends it meanwhile and a crash loses nothing.
                    let due_at = Some(now + LEASE);
                    self.store.save(vec![Document { due_at, ..document.clone() }]).await?;
                    let server = self.clone();
                    messages.spawn(async move { server.deliver(document).await });
                }
                DocumentKind::Message => {}
            }
        }
        Ok(())
    }
}
