//! A payment gateway that misbehaves: it speaks as much of Stripe's API as is asked of it, when it feels like it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How it takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Payments succeed.
    Well,
    /// Takes the request and never answers.
    Hangs,
    /// Takes the request and breaks the connection.
    Resets,
    /// Answers with this status, and says no more.
    Fails(u16),
    /// Refuses what is asked.
    Refuses,
}

/// A request that it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path, without the query.
    pub(crate) what: String,
    pub(crate) idempotency_key: Option<String>,
}

pub(crate) struct MoodyGateway {
    pub(crate) address: SocketAddr,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl MoodyGateway {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, asked) = (Arc::new(Mutex::new(mood)), Arc::new(Mutex::new(Vec::new())));
        let (moods, log) = (mood.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, moods.clone(), log.clone()));
            }
        });
        Self { address, mood, asked }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Requests to begin a payment.
    pub(crate) fn begun(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.what == "POST /v1/payment_intents").collect()
    }
}

async fn serve(mut stream: TcpStream, mood: Arc<Mutex<Mood>>, log: Arc<Mutex<Vec<Asked>>>) {
    while let Some((asked, form)) = read(&mut stream).await {
        log.lock().unwrap().push(asked.clone());
        let mood = *mood.lock().unwrap();
        let (status, body) = match mood {
            Mood::Well => (200, answer(&asked, &form)),
            Mood::Hangs => return tokio::time::sleep(Duration::from_secs(600)).await,
            Mood::Resets => {
                // With something unread, or at once, the other side sees a reset.
                let _ = stream.set_zero_linger();
                return;
            }
            Mood::Fails(status) => (status, json!({ "error": { "type": "api_error", "message": "Out of order." } })),
            Mood::Refuses => {
                let error = json!({ "type": "invalid_request_error", "code": "parameter_invalid", "message": "No such thing." });
                (400, json!({ "error": error }))
            }
        };
        let body = body.to_string();
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One request with its form; nothing when the connection ends.
async fn read(stream: &mut TcpStream) -> Option<(Asked, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|at| at == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let header = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.map(|value| value.trim().to_owned())
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let form = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                let mut line = head.lines().next().unwrap().split(' ');
                let (method, path) = (line.next().unwrap().to_uppercase(), line.next().unwrap());
                let what = format!("{method} {}", path.split('?').next().unwrap());
                return Some((Asked { what, idempotency_key: header("idempotency-key") }, form));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A payment that has succeeded, or an empty list of others.
fn answer(asked: &Asked, form: &str) -> Value {
    if asked.what.starts_with("GET") {
        return json!({ "object": "list", "data": [], "has_more": false });
    }
    let values: std::collections::BTreeMap<_, _> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let (id, amount) = (&values["metadata[payment_id]"], values["amount"].parse::<i64>().unwrap());
    json!({
        "id": format!("pi_{}", id.replace('-', "")), "object": "payment_intent", "amount": amount, "amount_received": amount,
        "currency": values["currency"], "status": "succeeded", "client_secret": "secret", "metadata": { "payment_id": id },
    })
}
