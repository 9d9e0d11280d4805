//! The answer that shows all seats, shared by all who ask for the same picture in the same coding.

use std::{io, sync::Arc, time::Duration};

use application::{
    app::App,
    aside::{Bound, aside},
    pictures::FORMS,
};
use boxoffice_http::{
    body::Body,
    edge::{compression, negotiation::Coding},
    problem::Problem,
    reply::Reply,
    request::Request,
};
use bytes::Bytes;
use domain::inventory::Availability;
use http::{HeaderValue, StatusCode, header};

use super::dto::AvailabilityJson;

static JSON: HeaderValue = HeaderValue::from_static("application/json");
static ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// About how long the entry of one seat is, for the first guess of a body's length.
const SEAT_BYTES: usize = 192;
/// From so many seats on an answer is made on a thread of its own: milliseconds that a thread of the server must not be away.
const SEATS_ASIDE: usize = 2_000;
/// Large pictures that are written or compressed at once, and those that wait for it: one for each event that somebody looks at.
static MADE: Bound = Bound::new(4, 60);
/// When whoever was sent away should come again.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// The answer to `request`, with seats; with the numbers of places if `exact`.
pub(super) async fn reply(
    app: &App,
    request: &Request,
    picture: &Arc<Availability>,
    exact: bool,
) -> Result<Reply, Problem> {
    request.check_unsent()?;
    let shared = app.pictures.of(picture);
    let first = if exact { 0 } else { FORMS / 2 };
    let plain = shared.form(first, encoded(picture.clone(), exact)).await?;
    let codings = request.codings();
    if plain.len() < codings.bytes_min() {
        return Ok(Reply::bytes(StatusCode::OK, JSON.clone(), plain));
    }
    let coded = match codings.coding {
        // If that fails, or too much is under way, it goes as it is.
        Some(coding) => {
            shared.form(first + 1 + coding as usize, compressed(plain.clone(), coding)).await.ok().zip(Some(coding))
        }
        None => None,
    };
    let mut reply =
        Reply::body(StatusCode::OK, JSON.clone(), Body::full(coded.as_ref().map_or(plain, |(of, _)| of.clone())));
    reply.settle();
    reply.headers_mut().insert(header::VARY, ACCEPT_ENCODING.clone());
    if let Some((_, coding)) = coded {
        compression::label(reply.headers_mut(), coding);
    }
    Ok(reply)
}

async fn encoded(picture: Arc<Availability>, exact: bool) -> Result<Bytes, Problem> {
    let seats = picture.seats().len();
    let encode = move || {
        let mut body = Vec::with_capacity(1024 + seats * SEAT_BYTES);
        serde_json::to_writer(&mut body, &AvailabilityJson::new(&picture, true, exact))?;
        // It is kept for as long as the event does not change, or somebody reads it.
        body.shrink_to_fit();
        Ok::<_, serde_json::Error>(Bytes::from(body))
    };
    if seats < SEATS_ASIDE {
        return encode().map_err(Problem::internal);
    }
    let place = MADE.place().await.map_err(|busy| Problem::unavailable(BUSY_RETRY, busy))?;
    let work = move || {
        let _place = place;
        encode()
    };
    aside(work).await.map_err(Problem::internal)
}

async fn compressed(body: Bytes, coding: Coding) -> io::Result<Bytes> {
    let place = MADE.place().await.map_err(io::Error::other)?;
    let work = move || {
        let _place = place;
        compression::compress(coding, &body)
    };
    aside(work)
        .await
        .inspect_err(|error| tracing::error!(%error, coding = coding.as_str(), "a picture was not compressed"))
}
