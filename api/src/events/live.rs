//! Live availability as server-sent events.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actors::{
    inventories::directory::Following,
    live::{NotOpened, Signal},
};
use application::app::App;
use boxoffice_http::{
    body::{Body, BodyError},
    edge::negotiation,
    problem::Problem,
    problem_codes::Code,
    query::Whole,
    reply::Reply,
};
use bytes::Bytes;
use domain::{
    inventory::{Availability, Changes},
    unpaid::NetworkId,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;
use metrics::counter;
use rand::Rng;
use serde::Serialize;
use tokio_util::sync::ReusableBoxFuture;

use super::dto::{AvailabilityJson, ChangesJson};

static EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx, and who learnt it from there, to pass every byte on at once.
static X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// When clients come back after a stream has ended, in milliseconds; spread, so that those of a server that stops do not
/// arrive at its neighbour in one instant.
const RETRY_MS: std::ops::Range<u32> = 1_000..5_000;
/// When a client that finds no place should come again.
const NO_PLACE_RETRY: Duration = Duration::from_secs(5);

/// Whether the client asks for a stream: one of the kinds that it accepts is `text/event-stream`.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    negotiation::named(headers, "text/event-stream") > 0
}

/// The version that the client has seen, by the header that browsers send or the parameter of those who can't set one.
/// Anything that is not a version is none: the stream then begins with a snapshot.
pub(super) fn last_seen(headers: &HeaderMap, parameter: Option<&str>) -> Option<i64> {
    let sent = headers.get(&LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    sent.or(parameter)?.parse().ok().map(|Whole(version)| version)
}

/// The stream, for a client that has seen `version`.
pub(super) async fn reply(
    app: Arc<App>,
    following: Following,
    network: Option<NetworkId>,
    version: Option<i64>,
    with_seats: bool,
) -> Result<Reply, Problem> {
    let stream = app.live.open_from(network, following, version).map_err(|error| match error {
        NotOpened::NoPlace(_) => Problem::unavailable(NO_PLACE_RETRY, error),
        NotOpened::OfNetwork(_) => {
            counter!("boxoffice_streams_network_refused_total").increment(1);
            let detail = "too many live streams from your network; close some, or read the availability now and then";
            Problem::new(Code::RateLimited).detail(detail).retry_after(NO_PLACE_RETRY)
        }
    })?;
    let retry = Bytes::from(format!("retry: {}\n\n", rand::rng().random_range(RETRY_MS)));
    let exact = app.site.rules(&*app.store).await?.shows_places_left;
    let reader = Reader { app, stream, with_seats, exact, first: Some(retry) };
    let body = EventStream { next: Some(ReusableBoxFuture::new(reader.next())) };
    Ok(Reply::body(StatusCode::OK, EVENT_STREAM.clone(), Body::stream(UnsyncBoxBody::new(body)))
        // A proxy that compresses would hold events back.
        .header(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"))
        .header(X_ACCEL_BUFFERING.clone(), HeaderValue::from_static("no")))
}

struct Reader {
    app: Arc<App>,
    stream: actors::live::Stream,
    with_seats: bool,
    /// Whether the numbers of places are told.
    exact: bool,
    first: Option<Bytes>,
}

impl Reader {
    /// The next bytes to send, and itself, so that one allocation serves all rounds.
    async fn next(mut self) -> Option<(Self, Bytes)> {
        if let Some(first) = self.first.take() {
            return Some((self, first));
        }
        let signal = self.stream.next().await?;
        let Self { with_seats, exact, .. } = self;
        // When they can't be read, what was last known goes on.
        if self.app.site.rules(&*self.app.store).await.is_ok_and(|rules| rules.shows_places_left != exact) {
            // The settings have changed: what is told from now on is in a new stream, which the client opens by itself.
            return None;
        }
        let bytes = match signal {
            Signal::Snapshot(picture) => {
                picture.encoded(form(with_seats, exact), |picture| snapshot(picture, with_seats, exact))
            }
            Signal::Changes(changes) => {
                changes.encoded(form(with_seats, exact), |changes| delta(changes, with_seats, exact))
            }
            Signal::Beat => Bytes::from_static(b":\n\n"),
            Signal::Farewell => Bytes::from_static(b": come again\n\n"),
        };
        Some((self, bytes))
    }
}

/// Which of the forms it is that streams share.
fn form(with_seats: bool, exact: bool) -> usize {
    usize::from(with_seats) + 2 * usize::from(exact)
}

/// The next bytes of a stream, and who reads on.
type Next = Option<(Reader, Bytes)>;

/// The body of a stream.
struct EventStream {
    /// `None` once it is over.
    next: Option<ReusableBoxFuture<'static, Next>>,
}

impl hyper::body::Body for EventStream {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        match ready!(next.poll(cx)) {
            Some((reader, bytes)) => {
                next.set(reader.next());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            None => {
                self.next = None;
                Poll::Ready(None)
            }
        }
    }
}

fn snapshot(picture: &Arc<Availability>, with_seats: bool, exact: bool) -> Bytes {
    event("snapshot", picture.version, &AvailabilityJson::in_ledger(picture, with_seats, exact))
}

fn delta(changes: &Changes, with_seats: bool, exact: bool) -> Bytes {
    event("delta", changes.to, &ChangesJson::new(changes, with_seats, exact))
}

/// One event; its data is one line, because JSON without white space has none.
fn event(name: &str, id: i64, data: &impl Serialize) -> Bytes {
    let mut text = format!("event: {name}\nid: {id}\ndata: ").into_bytes();
    // Structs of strings and numbers always serialise, and memory is no file.
    let _ = simd_json::serde::to_writer(&mut text, data);
    text.extend_from_slice(b"\n\n");
    // As long as it is: a snapshot is kept for as long as the event does not change.
    text.shrink_to_fit();
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_stream_is_for_those_who_ask_for_it() {
        for wanted in ["text/event-stream", "application/json;q=0.1, Text/Event-Stream; q=0.9"] {
            assert!(is_wanted(&headers(header::ACCEPT, &[wanted])), "{wanted}");
        }
        assert!(is_wanted(&headers(header::ACCEPT, &["text/html", "text/event-stream"])));
        for not in ["*/*", "text/*", "application/json", "text/event-stream;q=0", "text/event-streams", ""] {
            assert!(!is_wanted(&headers(header::ACCEPT, &[not])), "{not}");
        }
        assert!(!is_wanted(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_version_is_none_and_the_header_wins() {
        let header = |value: &str| headers(LAST_EVENT_ID.clone(), &[value]);
        assert_eq!(last_seen(&header("17"), Some("18")), Some(17));
        assert_eq!(last_seen(&HeaderMap::new(), Some("18")), Some(18));
        for garbage in ["", "x", "1.5", "99999999999999999999"] {
            assert_eq!(last_seen(&header(garbage), Some("18")), None, "{garbage}");
            assert_eq!(last_seen(&HeaderMap::new(), Some(garbage)), None, "{garbage}");
        }
    }
}
