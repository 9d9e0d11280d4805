//! A server that answers as it is told and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The parameters of its form, as `name=value`, sorted.
    pub fn form(&self) -> Vec<String> {
        let pairs = url::form_urlencoded::parse(&self.body).map(|(name, value)| format!("{name}={value}"));
        let mut pairs: Vec<String> = pairs.collect();
        pairs.sort();
        pairs
    }
}

#[derive(Clone, Debug)]
pub enum Canned {
    Json(u16, Value),
    /// Not JSON.
    Text(u16, &'static str),
    Hang,
    /// Closes the connection.
    Reset,
}

pub struct CannedServer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for CannedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl CannedServer {
    pub async fn start(answer: impl Fn(&Asked) -> Canned + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let remembered = asked.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (remembered, answer) = (remembered.clone(), answer.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request: hyper::Request<Incoming>| {
                        let (remembered, answer) = (remembered.clone(), answer.clone());
                        async move {
                            let (head, body) = request.into_parts();
                            let asked = Asked {
                                method: head.method.to_string(),
                                path: head.uri.to_string(),
                                headers: head.headers,
                                body: body.collect().await.unwrap().to_bytes(),
                            };
                            let canned = answer(&asked);
                            remembered.lock().unwrap().push(asked);
                            respond(canned).await
                        }
                    });
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, asked, task }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn respond(canned: Canned) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (status, body) = match canned {
        Canned::Json(status, body) => (status, body.to_string()),
        Canned::Text(status, text) => (status, text.to_owned()),
        Canned::Hang => std::future::pending().await,
        Canned::Reset => return Err(std::io::Error::other("reset")),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

/// Waits until something is so.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
