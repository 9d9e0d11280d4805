//! hyper that answers everything with the bytes of a file: what the server is measured against that makes such answers.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::Deserialize;

use crate::empty::serve_with;

#[derive(Deserialize)]
struct Answer {
    status: u16,
    /// Names and values, without what hyper adds itself.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Serves until a signal says stop.
pub(crate) async fn serve(listen: SocketAddr, file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let answer: Answer = serde_json::from_slice(&text)?;
    let status = StatusCode::from_u16(answer.status)?;
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        headers.append(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    let body = Bytes::from(answer.body);
    serve_with(listen, move |_| {
        let mut response = Response::new(Full::new(body.clone()));
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        std::future::ready(Ok(response))
    })
    .await
}
