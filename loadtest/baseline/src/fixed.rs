//! hyper that answers everything with the same: what HTTP alone allows.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::stop_signal;

/// A booking of one free place, as long as a real one.
const BOOKING: &str = r#"{"id":"018f0000-0000-7000-8000-000000000000","reference":"0123456789","status":"CONFIRMED","eventId":"018f0000-0000-7000-8000-000000000001","accountId":"018f0000-0000-7000-8000-000000000002","items":[{"id":"018f0000-0000-7000-8000-000000000003","ticketTypeId":"018f0000-0000-7000-8000-000000000004","price":{"amount":"0.00","currency":"EUR"}}],"fees":{"amount":"0.00","currency":"EUR"},"tax":{"amount":"0.00","currency":"EUR"},"total":{"amount":"0.00","currency":"EUR"},"createdAt":"2026-01-01T00:00:00.000000Z","updatedAt":"2026-01-01T00:00:00.000000Z"}"#;

/// What is answered.
#[derive(Deserialize)]
pub(crate) struct Answer {
    status: u16,
    /// Names and values, without what hyper adds itself.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// That of a booking.
    pub(crate) fn booking() -> Self {
        let headers = [("content-type", "application/json"), ("location", "/api/v1/bookings/0")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { status: 201, headers: headers.into(), body: BOOKING.into() }
    }

    /// What stands in a file.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// Serves it until a signal says stop.
pub(crate) async fn serve(listen: SocketAddr, answer: Answer) -> anyhow::Result<()> {
    let mut fixed = Response::new(Full::new(Bytes::from(answer.body)));
    *fixed.status_mut() = answer.status.try_into()?;
    for (name, value) in &answer.headers {
        fixed.headers_mut().append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    let stop = stop_signal()?;
    let listener = TcpListener::bind(listen).await?;
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let fixed = fixed.clone();
            let reply = service_fn(move |request: Request<Incoming>| {
                let fixed = fixed.clone();
                async move {
                    let _ = request.into_body().collect().await;
                    Ok::<_, std::convert::Infallible>(fixed)
                }
            });
            tokio::spawn(async move {
                // A client that breaks off is its own affair.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), reply).await;
            });
        }
    };
    tokio::select! {
        failed = accept => failed,
        () = stop => Ok(()),
    }
}
