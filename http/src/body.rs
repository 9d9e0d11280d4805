//! Bodies of answers: known bytes nearly always, a stream where it must be.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};

use super::{
    connection::activity::{InProgress, Owed},
    unsent::{COUNTED_BYTES_MIN_HTTP2, Exceeded, Payer},
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
    /// Until hyper asks for it: what there is to be sent, or that a stream may have something.
    owed: Option<Owed>,
}

/// A part of a body on its way to the socket. Tells how much of it the socket has taken.
#[derive(Debug)]
pub struct Part {
    bytes: Bytes,
    owed: Option<Owed>,
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(owed) = &mut self.owed {
            owed.taken(count as u64);
        }
    }
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
        Self { kind: Kind::Full(bytes.into()), ..Self::default() }
    }

    /// A stream of unknown length, which lives as long as the client listens.
    pub fn stream(stream: UnsyncBoxBody<Bytes, BodyError>) -> Self {
        Self { kind: Kind::Stream(stream), ..Self::default() }
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
        self.owe(&guard);
        if matches!(self.kind, Kind::Stream(_)) {
            self.guard = Some(guard);
        }
    }

    /// Has the connection of the request watch whether the client takes it.
    pub(super) fn owe(&mut self, request: &InProgress) {
        self.owed = match &self.kind {
            Kind::Full(bytes) if !bytes.is_empty() => Some(request.owe(bytes.len() as u64)),
            // As if it were a byte.
            Kind::Stream(_) => Some(request.owe(1)),
            Kind::Full(_) | Kind::Empty => None,
        };
    }

    /// Counts what is to be sent against the payer's budget until it is sent: a whole body now, the parts of a stream when they
    /// come. A stream whose next part does not fit breaks off.
    pub(super) fn charge(&mut self, payer: impl FnOnce() -> Payer) -> Result<(), Exceeded> {
        match &mut self.kind {
            Kind::Full(bytes) if bytes.len() >= COUNTED_BYTES_MIN_HTTP2 => {
                let payer = payer();
                if payer.counts(bytes) {
                    *bytes = payer.charge(std::mem::take(bytes))?;
                }
            }
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

    /// A part of the stream. While hyper does not ask for the next one, the client has no room for it; when it has asked in vain,
    /// nothing waits but the parts that are on their way.
    fn part(&mut self, bytes: Bytes) -> Part {
        let Some(request) = &self.guard else { return Part { bytes, owed: None } };
        let owed = (!bytes.is_empty()).then(|| request.owe(bytes.len() as u64));
        self.owed.get_or_insert_with(|| request.owe(1));
        Part { bytes, owed }
    }
}

fn charged(frame: Frame<Bytes>, payer: &Payer) -> Result<Frame<Bytes>, BodyError> {
    match frame.into_data() {
        Ok(bytes) if payer.counts(&bytes) => {
            Ok(Frame::data(payer.charge(bytes).inspect_err(|exceeded| payer.note(*exceeded))?))
        }
        Ok(bytes) => Ok(Frame::data(bytes)),
        Err(frame) => Ok(frame),
    }
}

impl hyper::body::Body for Body {
    type Data = Part;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Part>, BodyError>>> {
        match std::mem::take(&mut self.kind) {
            Kind::Empty => Poll::Ready(None),
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(Part { bytes, owed: self.owed.take() })))),
            Kind::Stream(mut stream) => {
                let polled = Pin::new(&mut stream).poll_frame(cx);
                self.kind = Kind::Stream(stream);
                let frame = match polled {
                    Poll::Ready(Some(frame)) => frame?,
                    nothing => {
                        self.owed = None;
                        return nothing.map(|_| None);
                    }
                };
                let frame = match &self.payer {
                    Some(payer) => charged(frame, payer)?,
                    None => frame,
                };
                Poll::Ready(Some(Ok(frame.map_data(|bytes| self.part(bytes)))))
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
