//! Frames of HTTP/2 (RFC 9113), byte by byte: no library would send what an attacker sends.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use crate::support::PATIENCE;

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// Identifier of the setting for how much of an answer may be sent unasked.
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field of a head, as a literal that is not indexed.
pub(crate) fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// The head of a request without a body.
pub(crate) fn get(path: &str) -> Vec<u8> {
    [field(":method", "GET"), field(":scheme", "http"), field(":path", path), field(":authority", "x")].concat()
}

/// The beginning of a connection: the preface and settings (identifiers with values).
pub(crate) fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &payload)].concat()
}

/// What the server said, up to the end of the connection.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How many frames of each kind.
    pub(crate) frames: [usize; 16],
    /// The error code of the last GOAWAY.
    pub(crate) goaway: Option<u32>,
}

/// Reads frames until the connection ends.
pub(crate) async fn listen(mut stream: OwnedReadHalf) -> Heard {
    let mut heard = Heard::default();
    let listening = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            heard.frames[usize::from(head[3] & 15)] += 1;
            if head[3] == GOAWAY {
                heard.goaway = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
            }
        }
    };
    timeout(PATIENCE, listening).await.expect("the server ends the connection");
    heard
}

/// Writes the same bytes so many times, or until the server has had enough. Returns how many times.
pub(crate) async fn flood(stream: &mut OwnedWriteHalf, times: usize, mut bytes: impl FnMut(usize) -> Vec<u8>) -> usize {
    for time in 0..times {
        let written = timeout(PATIENCE, stream.write_all(&bytes(time))).await.expect("the server reads or closes");
        if written.is_err() {
            return time;
        }
    }
    times
}

/// A connection that has begun.
pub(crate) async fn begin(stream: TcpStream, settings: &[(u16, u32)]) -> (OwnedReadHalf, OwnedWriteHalf) {
    let (reading, mut writing) = stream.into_split();
    timeout(Duration::from_secs(10), writing.write_all(&preface(settings))).await.unwrap().unwrap();
    (reading, writing)
}
