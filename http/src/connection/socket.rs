//! The socket of a connection, which tells what happens on it, and which protocol the client speaks.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{activity::Activity, refusal};

/// What a client of HTTP/2 sends first (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A head and a body that have so many bytes together are written as one: for the kernel, to look at a list of two costs more
/// than to copy them.
const TOGETHER_BYTES_MAX: usize = 2048;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A socket that tells its [`Activity`] when bytes come and go.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// Bytes that were taken from the stream and are still to be read.
    unread: Vec<u8>,
    /// The last write took less than there was, so the next one goes on in the middle of an answer.
    is_within: bool,
    /// What hyper refused by itself; a better answer is to be written in its place.
    refused: Option<StatusCode>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, unread: Vec::new(), is_within: false, refused: None }
    }

    /// Puts bytes back that are to be read once more.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.unread.splice(0..0, bytes.iter().copied());
    }

    /// The status of the answer that hyper gave by itself, and that was held back.
    pub(super) fn take_refused(&mut self) -> Option<StatusCode> {
        self.refused.take()
    }

    /// Holds an answer of hyper's own back. It comes in one write, when nothing else is on its way to the client: so the body
    /// of an answer can't be taken for one, whoever has written it.
    fn holds_back(&mut self, bytes: &[u8]) -> bool {
        if self.is_within || self.activity.is_busy() {
            return false;
        }
        self.refused = self.refused.or_else(|| refusal::status_of_bare(bytes));
        self.refused.is_some()
    }

    fn written(&mut self, polled: Poll<io::Result<usize>>, total: usize) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = polled {
            self.is_within = written < total;
        }
        self.activity.written(polled)
    }

    /// Waits until there is something to read, or the end.
    pub(super) async fn readable(&self) -> io::Result<()> {
        if self.unread.is_empty() { self.stream.readable().await } else { Ok(()) }
    }

    /// Waits for as many of the first bytes as are needed to know the protocol. Nothing is lost when it is dropped.
    pub(super) async fn protocol(&mut self) -> io::Result<Protocol> {
        while self.unread.len() < PREFACE.len() && PREFACE.starts_with(&self.unread) {
            self.stream.readable().await?;
            let mut bytes = [0; PREFACE.len()];
            match self.stream.try_read(&mut bytes[self.unread.len()..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    let start = self.unread.len();
                    self.unread.extend_from_slice(&bytes[start..start + length]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(if self.unread == PREFACE { Protocol::Http2 } else { Protocol::Http1 })
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if !self.unread.is_empty() {
            let length = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread[..length]);
            self.unread.drain(..length);
            if self.unread.is_empty() {
                self.unread = Vec::new();
            }
        }
        // In the same read: hyper doubles its buffer when there is less than 8 KiB of room for the next one.
        let mut polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.bytes_arrived();
            // If the stream has failed, the next read says so.
            polled = Poll::Ready(Ok(()));
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.holds_back(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(polled, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        let total = bufs.iter().map(|buf| buf.len()).sum();
        let mut together = [0; TOGETHER_BYTES_MAX];
        let stream = Pin::new(&mut self.stream);
        let polled = match together.get_mut(..total) {
            Some(mut room) => {
                for buf in bufs {
                    let (part, rest) = room.split_at_mut(buf.len());
                    part.copy_from_slice(buf);
                    room = rest;
                }
                stream.poll_write(cx, &together[..total])
            }
            None => stream.poll_write_vectored(cx, bufs),
        };
        self.written(polled, total)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Asked for only when all is written.
        self.activity.flushed();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The better answer is still to be written.
        if self.refused.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
