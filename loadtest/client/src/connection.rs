//! HTTP/1.1 over one kept connection: a request out, its answer in.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

/// Headers of an answer; more are an error.
pub(crate) const HEADERS_MAX: usize = 64;
/// Bytes of an answer; more are an error.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A request for `path` with these further header lines.
pub(crate) fn get(host: SocketAddr, path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n")
}

/// Opens a connection to a server that is measured.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Whether it is an earlier answer given again.
    pub(crate) replayed: bool,
    /// Seconds after which to come again, when it says so.
    pub(crate) retry_after: Option<u32>,
    /// Its first line and headers, as they came.
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// A connection and the bytes of its present answer.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
    /// The server said that it closes.
    closing: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(4096), closing: false }
    }

    /// Whether another request may be sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.closing
    }

    /// Sends one request and reads its answer. After an error the connection is of no further use.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = parse(&self.buffer)? {
                break head;
            }
        };
        self.closing = head.closing;
        let end = head.bytes + head.length;
        while self.buffer.len() < end {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let (text, body) = self.buffer[..end].split_at(head.bytes);
        Ok(Answer { status: head.status, replayed: head.replayed, retry_after: head.retry_after, head: text, body })
    }
}

#[derive(Debug, Default)]
struct Head {
    status: u16,
    replayed: bool,
    retry_after: Option<u32>,
    closing: bool,
    bytes: usize,
    /// Of the body.
    length: usize,
}

/// The head, once all of it is there. Only answers of known length are understood: those of this API are.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let bytes = match response.parse(bytes).map_err(|error| bad(error.to_string()))? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if bytes.len() > ANSWER_BYTES_MAX => return Err(bad("a head without end".into())),
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let mut head = Head { status, bytes, ..Head::default() };
    let mut length = matches!(status, 204 | 304).then_some(0);
    for header in response.headers.iter() {
        // By length first: there are few headers, and most are none of these.
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                length = number(header.value);
            }
            11 if header.name.eq_ignore_ascii_case("retry-after") => head.retry_after = number(header.value),
            10 if header.name.eq_ignore_ascii_case("connection") => {
                head.closing = header.value.eq_ignore_ascii_case(b"close");
            }
            19 if header.name.eq_ignore_ascii_case("idempotent-replayed") => head.replayed = true,
            _ => {}
        }
    }
    head.length = length
        .filter(|length| *length <= ANSWER_BYTES_MAX)
        .ok_or_else(|| bad(format!("an answer {status} of unknown or excessive length")))?;
    Ok(Some(head))
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_are_read_however_they_are_cut() {
        let (client, mut server) = tokio::io::duplex(64);
        let mut connection = Connection::new(client);
        let text = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nidempotent-replayed: true\r\n\r\nhello";
        tokio::spawn(async move {
            let mut request = [0; 4];
            for _ in 0..2 {
                server.read_exact(&mut request).await.unwrap();
                for byte in text {
                    server.write_all(&[*byte]).await.unwrap();
                }
            }
        });
        for _ in 0..2 {
            let answer = connection.ask(b"POST").await.unwrap();
            let (head, body) = text.split_at(text.len() - 5);
            assert_eq!(answer, Answer { status: 201, replayed: true, retry_after: None, head, body });
        }
        // The server is gone now.
        assert!(connection.ask(b"POST").await.is_err());
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap().is_none());
        let head = b"HTTP/1.1 503 x\r\nconnection: close\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n";
        let head = parse(head).unwrap().unwrap();
        assert!(head.closing && head.status == 503 && head.length == 0 && head.retry_after == Some(7));
    }
}
