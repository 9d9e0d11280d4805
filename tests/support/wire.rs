//! A bare HTTP/1.1 connection that costs next to nothing, so that a race of hundreds is a race in the server.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use uuid::Uuid;

use super::Buyer;

/// One client of a race.
pub(crate) struct Racer {
    stream: BufReader<TcpStream>,
    token: String,
}

/// What a racer was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) replayed: bool,
    pub(crate) body: Vec<u8>,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of a problem; empty for anything else. Found without parsing: a race has a hundred thousand of them.
    pub(crate) fn code(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let code = text.split_once("\"code\":\"").and_then(|(_, rest)| rest.split_once('"'));
        code.map_or(String::new(), |(code, _)| code.to_owned())
    }
}

impl Racer {
    /// Connects for this buyer.
    pub(crate) async fn connect(address: SocketAddr, buyer: &Buyer) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), token: buyer.token.clone() })
    }

    /// `POST` with an idempotency key.
    pub(crate) async fn post(&mut self, path: &str, key: &str, body: &str) -> std::io::Result<Told> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes()).await?;
        self.read().await
    }

    /// Books these places with a key of its own.
    pub(crate) async fn book(&mut self, event: Uuid, body: &str) -> std::io::Result<Told> {
        self.post(&format!("/api/v1/events/{event}/bookings"), &Uuid::now_v7().to_string(), body).await
    }

    async fn read(&mut self) -> std::io::Result<Told> {
        let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (mut line, mut status, mut length, mut replayed) = (String::new(), None, 0, false);
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(broken());
            }
            // This server writes the names of headers in small letters.
            let text = line.trim_ascii_end();
            if text.is_empty() {
                break;
            } else if status.is_none() {
                status = text.get(9..12).and_then(|code| code.parse().ok());
            } else if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.parse().map_err(|_| broken())?;
            } else if text == "idempotent-replayed: true" {
                replayed = true;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Told { status: status.ok_or_else(broken)?, replayed, body })
    }
}
