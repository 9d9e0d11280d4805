//! Middleware: what every request and answer goes through, whatever its route: content negotiation, API version, CORS,
//! compression, and security headers.

pub mod compression;
mod cors;
mod csrf;
mod hosts;
pub mod negotiation;
pub(super) mod present;
pub mod security;
pub(super) mod syntax;
pub(super) mod versions;

use std::{sync::Arc, thread::available_parallelism};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use strum::{Display, EnumString};
use tokio::sync::Semaphore;

use self::{
    cors::Cors,
    hosts::OwnHosts,
    negotiation::{Coding, CodingChoice},
    present::{Field, Present},
};
use super::{body::Body, problem::Problem, problem_codes::Code, reply::Reply, route_info::RouteInfo};

static ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
static IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// When clients are told to come by HTTPS only (`Strict-Transport-Security`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Hsts {
    /// When the request came by HTTPS.
    #[default]
    Auto,
    /// Always: where the server can not tell.
    Always,
    /// Never: where some host below this name has no HTTPS yet. The header holds for all of them, for a year.
    Never,
}

/// What an operator decides about all this.
#[derive(Clone, Debug, Default)]
pub struct EdgeSettings {
    /// Origins whose pages may use the API with their users' cookies, as browsers write them.
    pub cors_origins: Vec<String>,
    /// When clients are told to come by HTTPS only.
    pub hsts: Hsts,
    /// Without the headers that protect browsers, to measure what they cost.
    pub bare: bool,
    /// For a listener that asks nobody who they are: the names by which it may be asked, beside those of this machine and of private
    /// networks. `None` for any name, and for pages of any origin.
    pub own_hosts: Option<Vec<String>>,
}

/// The edge of a listener.
#[derive(Debug)]
pub(super) struct Edge {
    cors: Cors,
    hsts: Hsts,
    bare: bool,
    own_hosts: Option<OwnHosts>,
    /// Large bodies that are being compressed. When all permits are taken, further ones go as they are: compression saves
    /// bandwidth, and an overloaded server is short of something else.
    aside: Arc<Semaphore>,
}

/// What an answer depends on besides its route: taken from the head before the handler gets it.
#[derive(Debug)]
pub(super) struct Asked {
    present: Present,
    codings: CodingChoice,
    origin: Option<HeaderValue>,
    secure: bool,
}

/// In what manner an answer is given, no matter who asks: what its head and the form of its body depend on besides the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Manner {
    codings: CodingChoice,
    secure: bool,
}

impl Asked {
    /// Which header fields there are.
    pub(super) fn present(&self) -> Present {
        self.present
    }

    /// How the client wants bodies.
    pub(super) fn codings(&self) -> CodingChoice {
        self.codings
    }

    /// All of it that an answer depends on, unless a page of another site asks, which is told its own name.
    pub(super) fn manner(&self) -> Option<Manner> {
        self.origin.is_none().then_some(Manner { codings: self.codings, secure: self.secure })
    }
}

impl Edge {
    pub(super) fn new(settings: &EdgeSettings) -> Self {
        let threads = available_parallelism().map_or(1, usize::from);
        Self {
            cors: Cors::new(&settings.cors_origins),
            hsts: settings.hsts,
            bare: settings.bare,
            own_hosts: settings.own_hosts.clone().map(OwnHosts::new),
            aside: Arc::new(Semaphore::new(threads)),
        }
    }

    /// What the answer to this request depends on. `is_https` says how the client has come.
    pub(super) fn asked(&self, head: &Parts, is_https: impl FnOnce(Present) -> bool) -> Asked {
        let present = Present::of(&head.headers);
        let secure = match self.hsts {
            Hsts::Always => true,
            Hsts::Never => false,
            // Without HTTPS the header must not be sent (RFC 6797, 7.2).
            Hsts::Auto => is_https(present),
        };
        let codings =
            if present.has(Field::AcceptEncoding) { CodingChoice::of(&head.headers) } else { CodingChoice::UNSAID };
        Asked { present, codings, origin: self.cors.origin(&head.headers), secure }
    }

    /// Refuses, on a listener that asks nobody who they are, browsers that somebody else may have sent here.
    pub(super) fn check_listener(&self, head: &Parts) -> Result<(), Problem> {
        self.own_hosts.as_ref().map_or(Ok(()), |own| own.check(head))
    }

    /// Whether a request can be served by this row at all, before anybody asks who sent it.
    pub(super) fn check(&self, head: &Parts, asked: &Asked, route: &RouteInfo) -> Result<(), Problem> {
        let present = asked.present;
        if present.has(Field::ApiVersion) {
            versions::check(&head.headers)?;
        }
        if present.has(Field::ContentEncoding)
            && head.headers.get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != IDENTITY)
        {
            // Nothing is unpacked, so nothing small becomes large here.
            return Err(Problem::new(Code::UnsupportedCoding).header(header::ACCEPT_ENCODING, IDENTITY.clone()));
        }
        let accepts = !present.has(Field::Accept) || negotiation::accepts(&head.headers, route.produces);
        if !accepts || !asked.codings.is_possible() {
            return Err(not_acceptable(route));
        }
        Ok(())
    }

    /// Refuses what a stranger's page asks for with the session cookie of its user.
    pub(super) fn check_page(&self, head: &Parts) -> Result<(), Problem> {
        csrf::check(&self.cors, &head.uri, &head.headers)
    }

    /// `OPTIONS`: the methods that the path has. A browser's preflight of a page on the list is told what else it may send.
    pub(super) fn options(headers: &HeaderMap, asked: &Asked, allow: &HeaderValue) -> Reply {
        let reply = Reply::no_content().header(header::ALLOW, allow.clone());
        let is_preflight = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if is_preflight && asked.origin.is_some() { Cors::preflight(reply, allow) } else { reply }
    }

    /// Gives an answer the form that was asked for, and the headers that all have.
    pub(super) async fn finish(&self, mut reply: Reply, asked: Asked) -> Reply {
        self.compress(&mut reply, asked.codings).await;
        if self.bare {
            return reply;
        }
        let headers = reply.headers_mut();
        self.cors.open(headers, asked.origin);
        dress(headers, asked.secure);
        reply
    }

    /// As [`Edge::finish`], for an answer to something that could not be read.
    pub(super) fn finish_unread(&self, mut reply: Reply) -> Reply {
        let headers = reply.headers_mut();
        self.cors.open(headers, None);
        dress(headers, self.hsts == Hsts::Always);
        reply
    }

    async fn compress(&self, reply: &mut Reply, codings: CodingChoice) {
        if reply.is_settled() {
            return;
        }
        if reply.status() == StatusCode::NOT_MODIFIED {
            // What the client keeps has the validator of the compressed form.
            if codings.coding.is_some() {
                compression::weaken(reply.headers_mut());
            }
            return;
        }
        let Some(body) = reply.full_body() else { return };
        if body.len() < codings.bytes_min() {
            return;
        }
        let body = body.clone();
        if !compression::is_eligible(reply.status(), reply.headers()) {
            return;
        }
        // Whichever form is sent, another client might have got another one.
        reply.headers_mut().append(header::VARY, ACCEPT_ENCODING.clone());
        let Some(coding) = codings.coding else { return };
        let compressed = self.compressed(coding, &body).await;
        if let Some(compressed) = compressed.filter(|smaller| smaller.len() < body.len() || !codings.identity) {
            compression::label(reply.headers_mut(), coding);
            reply.set_body(Body::full(compressed));
        }
    }

    /// The body in this coding; `None` when it had better go as it is.
    async fn compressed(&self, coding: Coding, body: &Bytes) -> Option<Bytes> {
        let result = if body.len() < compression::BYTES_ASIDE {
            compression::compress(coding, body)
        } else {
            let permit = Arc::clone(&self.aside).try_acquire_owned().ok()?;
            let body = body.clone();
            let work = move || {
                let _permit = permit;
                compression::compress(coding, &body)
            };
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into()))
        };
        result.inspect_err(|error| tracing::error!(%error, coding = coding.as_str(), "a body was not compressed")).ok()
    }
}

fn dress(headers: &mut HeaderMap, secure: bool) {
    security::dress(headers, secure);
    headers.insert(versions::API_VERSION.clone(), versions::CURRENT.clone());
}

#[cold]
fn not_acceptable(route: &RouteInfo) -> Problem {
    let detail =
        format!("{} {} gives {}, plain, gzip, br or zstd", route.method, route.path, route.produces.join(", "));
    Problem::new(Code::NotAcceptable).detail(detail)
}
