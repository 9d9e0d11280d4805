//! Requests as handlers get them, with readers that give typed values or a precise refusal.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use application::access::Caller;
use bytes::{Bytes, BytesMut};
use domain::{audit::Actor, sessions::Device, unpaid::NetworkId};
use http::{HeaderMap, Method, header, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

pub use super::request_id::RequestId;
use super::{
    edge::negotiation::CodingChoice,
    json,
    problem::Problem,
    problem_codes::Code,
    query::{self, Named, Query},
    route_info::{Matched, RouteInfo},
    unsent::Payer,
};

/// Longest `Idempotency-Key`, in bytes.
pub(super) const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// One request, on its way to its handler.
#[derive(Debug)]
pub struct Request {
    pub(super) head: Parts,
    pub(super) body: Option<Incoming>,
    pub(super) matched: Matched,
    pub(super) caller: Option<Caller>,
    pub(super) id: RequestId,
    pub(super) peer: SocketAddr,
    pub(super) client_address: IpAddr,
    pub(super) body_limit: usize,
    pub(super) body_timeout: Duration,
    pub(super) arrived: Instant,
    pub(super) codings: CodingChoice,
    pub(super) payer: Payer,
    pub(super) may_take_places: bool,
}

impl Request {
    /// The method; a `HEAD` arrives here as it is, though its row says `GET`.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path as it was sent, percent-encoded.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The row of the table that this request came through.
    pub fn route(&self) -> &Arc<RouteInfo> {
        &self.matched.route
    }

    /// Names this request in the answer and in the log.
    pub fn request_id(&self) -> &RequestId {
        &self.id
    }

    /// When its head was there.
    pub(super) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// How the client wants the answer's body.
    pub fn codings(&self) -> CodingChoice {
        self.codings
    }

    /// The address the connection comes from.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Where the client is: the peer, or what a trusted proxy says about it. IPv4 in IPv6 clothes is IPv4.
    pub fn client_address(&self) -> IpAddr {
        self.client_address
    }

    /// The client's network, for what is capped for each; `None` for those that are trusted, and for proxies of ours.
    pub fn network(&self) -> Option<NetworkId> {
        self.payer.network
    }

    /// Whether a large answer may be made for this client: 503 or 429 while too much is on its way to clients that do not take
    /// it. Ask before it is made.
    pub fn check_unsent(&self) -> Result<(), Problem> {
        Ok(self.payer.check()?)
    }

    /// Whether it may take places; otherwise only what is known by its key is answered, as its account has none left.
    pub fn may_take_places(&self) -> bool {
        self.may_take_places
    }

    /// Who is asking. 401 `AUTH_001` on a public route, where tokens are not looked at.
    pub fn caller(&self) -> Result<Caller, Problem> {
        self.caller.ok_or_else(|| Problem::new(Code::NoToken))
    }

    /// A parameter of the path, decoded. 404 when it is not percent-encoded UTF-8 or has a NUL character, which nothing that is kept
    /// has in its name. A name that the row does not have is a bug: 500.
    pub fn param(&self, name: &str) -> Result<Cow<'_, str>, Problem> {
        let text = self.matched.param(name, self.path());
        let text = text.ok_or_else(|| Problem::internal(format_args!("no parameter {name:?} in the route")))?;
        query::decode(text, false).filter(|text| !text.contains('\0')).ok_or_else(Problem::not_found)
    }

    /// A parameter of the path that is an id. 404 when it is not a UUID in its usual form of 36 characters: there is
    /// nothing at such an address.
    pub fn id<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let Named(id) = self.param(name)?.parse().map_err(|()| Problem::not_found())?;
        Ok(id)
    }

    /// The program that asks, as it calls itself, and where it is.
    pub fn device(&self) -> Device {
        let user_agent = self.head.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Device::new(user_agent, Some(self.client_address))
    }

    /// Who asks and from where, for the audit log.
    pub fn actor(&self) -> Result<Actor, Problem> {
        Ok(Actor {
            account: Some(self.caller()?.account),
            address: Some(self.client_address),
            request_id: Some(self.id.as_str().to_owned()),
        })
    }

    /// For the audit log: an operator of the server, from where. Routes of the operations listener know no accounts.
    pub fn operator(&self) -> Actor {
        let request_id = Some(self.id.as_str().to_owned());
        Actor { account: None, address: Some(self.client_address), request_id }
    }

    pub fn query(&self) -> Query<'_> {
        Query::parse(self.head.uri.query().unwrap_or_default())
    }

    /// The `Idempotency-Key`: 1 to 255 visible ASCII characters. 400 `IDEMPOTENCY_001` without.
    pub fn idempotency_key(&self) -> Result<&str, Problem> {
        let mut values = self.head.headers.get_all("idempotency-key").iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Problem::new(Code::IdempotencyKeyMissing).detail("send one Idempotency-Key header"));
        };
        let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
        if !visible || !(1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&value.len()) {
            return Err(Problem::new(Code::IdempotencyKeyMissing)
                .detail("the Idempotency-Key must have 1 to 255 visible ASCII characters"));
        }
        value.to_str().map_err(|_| Problem::new(Code::IdempotencyKeyMissing))
    }

    /// The body, which must be a JSON object of this shape. 415, 413, 408, 400 or 422, see [`Request::bytes`] and the
    /// catalogue. Deny unknown fields in `T`, so that a misspelt one is an error.
    pub async fn body<T: DeserializeOwned + Send + 'static>(&mut self) -> Result<T, Problem> {
        self.announces_json_or_refuse()?;
        json::read_any(self.bytes().await?).await
    }

    /// Whether a body was sent. A `POST` without one has neither length nor encoding.
    pub fn has_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !hyper::body::Body::is_end_stream(body))
    }

    /// The body as it is. 413 above the route's limit, by its announced length before a byte is read and by count
    /// otherwise; 408 when it is not there within the deadline. A second call gives nothing.
    pub async fn bytes(&mut self) -> Result<Bytes, Problem> {
        let Some(body) = self.body.take() else { return Ok(Bytes::new()) };
        let limit = self.body_limit;
        let announced = hyper::body::Body::size_hint(&body).lower();
        if announced > limit as u64 {
            linger(&self.head.headers, body);
            return Err(too_large(limit));
        }
        // Slow or broken bodies are refused; the connection cannot be used again and hyper closes it.
        match tokio::time::timeout(self.body_timeout, collect(&self.head.headers, body, limit)).await {
            Ok(result) => result,
            Err(_) => Err(Problem::new(Code::BodyTooSlow).closing()),
        }
    }

    /// For a request that is refused at once, whatever its body is.
    pub(super) fn linger_over_body(&mut self) {
        if let Some(body) = self.body.take() {
            linger(&self.head.headers, body);
        }
    }

    /// For a request that is refused before anybody has looked at its body, as cheaply as can be.
    pub(super) async fn discard_body(&mut self) {
        if let Some(body) = self.body.take() {
            discard(&self.head.headers, body).await;
        }
    }

    /// 415 unless the body is announced as JSON.
    pub fn announces_json_or_refuse(&self) -> Result<(), Problem> {
        if self.announces_json() { Ok(()) } else { Err(Problem::new(Code::UnsupportedMediaType)) }
    }

    fn announces_json(&self) -> bool {
        let Some(value) = self.head.headers.get(header::CONTENT_TYPE) else { return false };
        // What nearly everybody sends, without parsing.
        if value == "application/json" {
            return true;
        }
        let Ok(text) = value.to_str() else { return false };
        let kind = text.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json")
            || (kind.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("application/"))
                && kind.to_ascii_lowercase().ends_with("+json"))
    }
}

async fn collect(headers: &HeaderMap, mut body: Incoming, limit: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Problem::new(Code::BadRequest).detail("the body broke off").caused_by(error))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > limit {
            linger(headers, body);
            return Err(too_large(limit));
        }
        // A small body arrives in one frame and is not copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge).detail(format!("the body may have {limit} bytes at most"))
}

/// Reads the body of a request that is refused before anybody has looked at it. A body that is small enough to have arrived
/// with its head is read here and now, which costs less than a task for it; any other is [`linger`]ed over.
async fn discard(headers: &HeaderMap, mut body: Incoming) {
    const ARRIVED_BYTES_MAX: u64 = 4 << 10;
    const WAIT_MAX: Duration = Duration::from_millis(50);
    let is_awaited = headers.contains_key(header::EXPECT);
    if is_awaited || hyper::body::Body::size_hint(&body).exact().is_none_or(|bytes| bytes > ARRIVED_BYTES_MAX) {
        return linger(headers, body);
    }
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    if tokio::time::timeout(WAIT_MAX, read).await.is_err() {
        linger(headers, body);
    }
}

/// Reads on, for a while, what a refused request still sends: closing a socket with unread bytes resets the connection,
/// and the client would never see the answer. A client that waits to be told to send its body (`Expect: 100-continue`) sends
/// nothing: reading would tell it to.
pub(super) fn linger(headers: &HeaderMap, mut body: Incoming) {
    const LINGER: Duration = Duration::from_secs(2);
    const LINGER_BYTES_MAX: usize = 16 << 20;
    if hyper::body::Body::is_end_stream(&body) || headers.contains_key(header::EXPECT) {
        return;
    }
    tokio::spawn(tokio::time::timeout(LINGER, async move {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > LINGER_BYTES_MAX {
                break;
            }
        }
    }));
}
