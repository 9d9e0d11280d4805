//! Bodies of answers: known bytes nearly always, a stream where it must be.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};

use super::{
    connection::InProgress,
    unsent::{Exceeded, Payer, is_counted},
};

/// What breaks a streamed body in the middle.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
#[derive(Debug, Default)]
pub struct Body {
    kind: Kind,
    /// While a stream lasts, its request counts as being in progress, so that the connection is not taken for idle.
    guard: Option<InProgress>,
    /// Who pays for the parts of a stream until they are sent.
    payer: Option<Payer>,
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    /// These bytes.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Full(bytes.into()), guard: None, payer: None }
    }

    /// A stream of unknown length, which lives as long as the client listens.
    pub fn stream(stream: UnsyncBoxBody<Bytes, BodyError>) -> Self {
        Self { kind: Kind::Stream(stream), guard: None, payer: None }
    }

    /// The length in bytes, when known.
    pub fn len(&self) -> Option<u64> {
        match &self.kind {
            Kind::Empty => Some(0),
            Kind::Full(bytes) => Some(bytes.len() as u64),
            Kind::Stream(_) => None,
        }
    }

    /// Whether nothing will come.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Keeps the request in progress for as long as a stream lasts; anything else is over when the handler is.
    pub(super) fn hold(&mut self, guard: InProgress) {
        if matches!(self.kind, Kind::Stream(_)) {
            self.guard = Some(guard);
        }
    }

    /// Counts what is to be sent against the payer's budget until it is sent: a whole body now, the parts of a stream when they
    /// come. A stream whose next part does not fit breaks off.
    pub(super) fn charge(&mut self, payer: impl FnOnce() -> Payer) -> Result<(), Exceeded> {
        match &mut self.kind {
            Kind::Full(bytes) if is_counted(bytes) => *bytes = payer().charge(std::mem::take(bytes))?,
            Kind::Full(_) | Kind::Empty => {}
            Kind::Stream(_) => self.payer = Some(payer()),
        }
        Ok(())
    }

    /// The bytes, when it is neither empty nor a stream.
    pub(super) fn full_bytes(&self) -> Option<&Bytes> {
        match &self.kind {
            Kind::Full(bytes) => Some(bytes),
            Kind::Empty | Kind::Stream(_) => None,
        }
    }
}

fn charged(frame: Frame<Bytes>, payer: &Payer) -> Result<Frame<Bytes>, BodyError> {
    match frame.into_data() {
        Ok(bytes) if is_counted(&bytes) => Ok(Frame::data(payer.charge(bytes)?)),
        Ok(bytes) => Ok(Frame::data(bytes)),
        Err(frame) => Ok(frame),
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match std::mem::take(&mut self.kind) {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Kind::Stream(mut stream) => {
                let polled = Pin::new(&mut stream).poll_frame(cx);
                self.kind = Kind::Stream(stream);
                match (polled, &self.payer) {
                    (Poll::Ready(Some(Ok(frame))), Some(payer)) => Poll::Ready(Some(charged(frame, payer))),
                    (polled, _) => polled,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
