//! A small application on the kernel, and clients for it.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use application::app::IssueAccess;
use boxoffice_api::problems;
use boxoffice_auth::tokens::{Keys, TokenSigner, TokenVerifier};
use boxoffice_http::{
    body::{Body, BodyError},
    problem::Problem,
    reply::Reply,
    request::Request,
    router::{Access, Route, Router},
    server::{DrainReport, Server, Settings},
};
use bytes::Bytes;
use domain::{
    accounts::Role,
    ids::{AccountId, EventId},
};
use http_body_util::combinators::UnsyncBoxBody;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};

/// No wait of a test is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const ISSUER: &str = "boxoffice-test";

/// Handlers that wait take a permit from `gate`, and say so in `entered` and `finished`.
pub(crate) struct App {
    pub(crate) gate: Semaphore,
    pub(crate) entered: AtomicUsize,
    pub(crate) finished: AtomicUsize,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    items: Vec<Item>,
    #[serde(default)]
    promo_code: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    ticket_type_id: EventId,
    quantity: u32,
}

async fn echo(_: Arc<App>, mut request: Request) -> Result<Reply, Problem> {
    let order: Order = request.body().await?;
    Reply::created("/api/v1/things/1", &order)
}

async fn show(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let id: EventId = request.id("id")?;
    let mut query = request.query();
    let limit = query.number("limit", 20, 1..=100);
    query.finish()?;
    Reply::ok(&serde_json::json!({ "id": id, "limit": limit }))
}

async fn named(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    Reply::ok(&serde_json::json!({ "name": request.param("name")? }))
}

async fn who(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let caller = request.caller()?;
    Reply::ok(&serde_json::json!({ "account": caller.account, "role": caller.role }))
}

async fn keyed(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    Ok(Reply::ok(&serde_json::json!({ "key": request.idempotency_key()? }))?.replayed())
}

#[allow(clippy::unused_async, reason = "the shape of a handler")]
async fn panics(_: Arc<App>, _: Request) -> Result<Reply, Problem> {
    panic!("on purpose")
}

async fn waits(app: Arc<App>, _: Request) -> Result<Reply, Problem> {
    app.entered.fetch_add(1, Ordering::SeqCst);
    app.gate.acquire().await.map_err(Problem::internal)?.forget();
    app.finished.fetch_add(1, Ordering::SeqCst);
    Ok(Reply::no_content())
}

/// As much JSON as is asked for, with a strong validator.
async fn sized(_: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let mut query = request.query();
    let bytes = usize::try_from(query.number("bytes", 2000, 2..=16 << 20)).unwrap();
    query.finish()?;
    let reply = Reply::ok(&"seat ".repeat(bytes).get(..bytes - 2))?;
    Ok(reply.header(http::header::ETAG, http::HeaderValue::from_static("\"seven\"")))
}

/// What hyper says by itself to bytes that it can't read.
pub(crate) const LOOKALIKE: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\
                                    date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";

/// A stream whose parts are written one by one.
struct Parts {
    left: usize,
    pause: bool,
}

impl hyper::body::Body for Parts {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, BodyError>>> {
        self.pause = !self.pause;
        if self.pause {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(LOOKALIKE.as_bytes())))))
    }
}

#[allow(clippy::unused_async, reason = "the shape of a handler")]
async fn lookalike(_: Arc<App>, _: Request) -> Result<Reply, Problem> {
    let body = Body::stream(UnsyncBoxBody::new(Parts { left: 3, pause: false }));
    Ok(Reply::body(http::StatusCode::OK, http::HeaderValue::from_static("text/plain"), body))
}

fn table() -> Vec<Route<App>> {
    let mut table = vec![
        Route::post("/api/v1/things", Access::Public, echo).body_limit(4096),
        Route::post("/api/v1/deep", Access::Public, echo),
        Route::get("/api/v1/things/{id}", Access::Public, show),
        Route::delete("/api/v1/things/{id}", Access::Public, show),
        Route::get("/api/v1/named/{name}", Access::Public, named),
        Route::get("/api/v1/profile", Access::Authenticated, who),
        Route::post("/api/v1/profile", Access::Authenticated, who),
        Route::get("/api/v1/admin", Access::Roles(&[Role::Admin, Role::Organizer]), who),
        Route::post("/api/v1/keyed", Access::Public, keyed),
        Route::get("/api/v1/panics", Access::Public, panics),
        Route::post("/api/v1/panics", Access::Public, panics),
        Route::get("/api/v1/waits", Access::Public, waits),
        Route::post("/api/v1/waits", Access::Public, waits),
        Route::get("/api/v1/sized", Access::Public, sized),
        Route::post("/api/v1/gated", Access::Public, keyed)
            .gate(|_, _| Err(Problem::unavailable(Duration::from_secs(1), "closed"))),
        Route::get("/api/v1/lookalike", Access::Public, lookalike),
    ];
    table.extend(problems::endpoints::section().into_routes());
    table
}

/// A running server.
pub(crate) struct Kernel {
    pub(crate) address: SocketAddr,
    pub(crate) app: Arc<App>,
    shutdown: oneshot::Sender<()>,
    served: JoinHandle<DrainReport>,
}

impl Kernel {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        adjust(&mut settings);
        let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), settings).await.unwrap();
        let address = server.local_addr().unwrap();
        let app =
            Arc::new(App { gate: Semaphore::new(0), entered: AtomicUsize::new(0), finished: AtomicUsize::new(0) });
        let verifier = Arc::new(TokenVerifier::new(keys().accepted, ISSUER, Arc::default()));
        let router = Arc::new(Router::build(Arc::clone(&app), verifier, table()).unwrap());
        let (shutdown, stopped) = oneshot::channel();
        let served = tokio::spawn(server.serve(router, async {
            let _ = stopped.await;
        }));
        Self { address, app, shutdown, served }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn begin_shutdown(self) -> JoinHandle<DrainReport> {
        self.shutdown.send(()).unwrap();
        self.served
    }

    pub(crate) async fn open(&self) -> Wire {
        Wire { stream: TcpStream::connect(self.address).await.unwrap(), buffer: Vec::new() }
    }

    /// A connection from another address of this machine.
    pub(crate) async fn open_from(&self, address: [u8; 4]) -> Wire {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((address, 0))).unwrap();
        Wire { stream: socket.connect(self.address).await.unwrap(), buffer: Vec::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(&post(path, body)).await
    }

    /// A `GET` with these headers.
    pub(crate) async fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let mut wire = self.open().await;
        wire.write(request).await;
        wire.answer(request.starts_with("HEAD")).await.expect("an answer")
    }
}

pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn keys() -> Keys {
    Keys::of_secret("test", &[7; 32])
}

pub(crate) fn token(role: Role, age: Duration) -> String {
    let now = Timestamp::now() - jiff::SignedDuration::try_from(age).unwrap();
    let signer = TokenSigner::new(keys().signing, ISSUER, Arc::default());
    signer.issue(AccountId::generate(), role, now, Duration::from_secs(900)).unwrap()
}

/// A connection on which a test decides every byte.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer, or `None` when the server closes first.
    pub(crate) async fn answer(&mut self, head_only: bool) -> Option<Answer> {
        soon(async {
            let end = loop {
                if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end;
                }
                if !self.more().await {
                    return None;
                }
            };
            let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
            let mut lines = head.trim_end().split("\r\n");
            let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            let headers: Vec<(String, String)> =
                lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
            let length =
                headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
            let length = if head_only { 0 } else { length };
            while self.buffer.len() < length {
                assert!(self.more().await, "closed within a body");
            }
            Some(Answer { status, headers, body: self.buffer.drain(..length).collect() })
        })
        .await
    }

    /// Whether the server has closed and everything sent was read.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !soon(self.more()).await
    }

    async fn more(&mut self) -> bool {
        let mut chunk = vec![0; 8192];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                true
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header, in one line.
    pub(crate) fn all(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that it is a problem with this status and code, with everything a problem has, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> serde_json::Value {
        assert_eq!(self.status, status, "{:?}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let json = self.json();
        assert_eq!(json["code"], code, "{json}");
        assert_eq!(json["type"], format!("/problems/{code}"));
        assert_eq!(json["status"], status);
        assert_eq!(json["requestId"].as_str(), self.header("x-request-id"));
        assert!(json["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
        for member in ["title", "detail", "instance"] {
            assert!(json[member].is_string(), "{member}: {json}");
        }
        json
    }
}

pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("within the patience of a test")
}

/// Waits until a condition holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
