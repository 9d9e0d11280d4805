//! hyper with an empty handler: reads a body, answers what a booking would.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// A booking of one free place, as long as a real one.
const BODY: &str = r#"{"id":"018f0000-0000-7000-8000-000000000000","reference":"0123456789","status":"CONFIRMED","eventId":"018f0000-0000-7000-8000-000000000001","accountId":"018f0000-0000-7000-8000-000000000002","items":[{"id":"018f0000-0000-7000-8000-000000000003","ticketTypeId":"018f0000-0000-7000-8000-000000000004","price":{"amount":"0.00","currency":"EUR"}}],"fees":{"amount":"0.00","currency":"EUR"},"tax":{"amount":"0.00","currency":"EUR"},"total":{"amount":"0.00","currency":"EUR"},"createdAt":"2026-01-01T00:00:00.000000Z","updatedAt":"2026-01-01T00:00:00.000000Z"}"#;

/// Serves until a signal says stop.
pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    serve_with(listen, answer).await
}

/// Serves what `answer` answers until a signal says stop.
pub(crate) async fn serve_with<F>(
    listen: SocketAddr,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static,
{
    let listener = TcpListener::bind(listen).await?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        let (stream, _) = accepted?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        tokio::spawn(async move {
            // A client that breaks off is its own affair.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/api/v1/bookings/0"));
    Ok(response)
}
