//! A live stream of availability, read as it arrives: an HTTP/1.1 answer in chunks that holds server-sent events.
//!
//! Thousands of them are read by one thread, so nothing is kept of an event but its version.

use std::fmt;

/// Bytes of a line that are looked at: everything that is asked for stands before them.
const LINE_BYTES_MAX: usize = 256;

/// What a stream has said so far.
#[derive(Debug, Default)]
pub struct EventStream {
    place: Place,
    is_chunked: bool,
    /// The present line of the head or of the chunks, then of the events; without its end.
    line: Line,
    text: Line,
    event: Event,
    version: Option<i64>,
    events: u64,
}

/// Where in the answer the next byte stands.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Status,
    Headers,
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    /// After the last chunk.
    Trailer,
    Over,
}

/// The event whose end has not been seen yet.
#[derive(Debug, Default)]
struct Event {
    is_delta: bool,
    version: Option<i64>,
    previous_version: Option<i64>,
}

/// What a stream must not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another status than 200; its line.
    Refused(String),
    /// Not what HTTP or the format of events allow.
    Malformed(&'static str),
    /// A delta that does not begin where the stream was: something was lost.
    Gap,
    /// A version that is not above the one before.
    NotAbove,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(line) => write!(f, "answered {line}"),
            Self::Malformed(what) => write!(f, "sent {what}"),
            Self::Gap => f.write_str("left a version out"),
            Self::NotAbove => f.write_str("went back to an earlier version"),
        }
    }
}

impl EventStream {
    /// The version of the last event; `None` before the first.
    pub fn version(&self) -> Option<i64> {
        self.version
    }

    /// Snapshots and deltas so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether the server has ended it.
    pub fn is_over(&self) -> bool {
        matches!(self.place, Place::Trailer | Place::Over)
    }

    /// Takes the bytes that have arrived, however they are cut.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            bytes = match &mut self.place {
                Place::Over => return Err(Fault::Malformed("bytes after the end")),
                Place::Chunk(left) => {
                    let (now, later) = bytes.split_at(bytes.len().min(*left));
                    *left -= now.len();
                    if *left == 0 {
                        self.place = Place::ChunkEnd;
                    }
                    self.take_text(now)?;
                    later
                }
                _ => {
                    let (is_whole, later) = self.line.extend(bytes);
                    if is_whole {
                        self.take_line()?;
                    }
                    later
                }
            };
        }
        Ok(())
    }

    /// A line of the head, or around a chunk.
    fn take_line(&mut self) -> Result<(), Fault> {
        let line = self.line.finish();
        let text = std::str::from_utf8(&line).map_err(|_| Fault::Malformed("a head that is no text"))?;
        self.place = match self.place {
            Place::Status if text.starts_with("HTTP/1.1 200") => Place::Headers,
            Place::Status => return Err(Fault::Refused(text.to_owned())),
            Place::Headers if !text.is_empty() => {
                self.is_chunked |= text.eq_ignore_ascii_case("transfer-encoding: chunked");
                Place::Headers
            }
            Place::Headers if self.is_chunked => Place::ChunkSize,
            Place::Headers => return Err(Fault::Malformed("an answer that is not in chunks")),
            Place::ChunkSize => match usize::from_str_radix(text, 16) {
                Ok(0) => Place::Trailer,
                Ok(size) => Place::Chunk(size),
                Err(_) => return Err(Fault::Malformed("a chunk without a size")),
            },
            Place::Trailer if text.is_empty() => Place::Over,
            Place::ChunkEnd if text.is_empty() => Place::ChunkSize,
            _ => return Err(Fault::Malformed("a chunk longer than its size")),
        };
        Ok(())
    }

    /// A part of the events' text.
    fn take_text(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let (is_whole, later) = self.text.extend(bytes);
            bytes = later;
            if !is_whole {
                continue;
            }
            let line = self.text.finish();
            if line.is_empty() {
                self.end_event()?;
            } else if let Some(id) = line.strip_prefix(b"id: ") {
                self.event.version = Some(number(id).ok_or(Fault::Malformed("an id that is no version"))?);
            } else if line == b"event: delta" {
                self.event.is_delta = true;
            } else if line.starts_with(b"data: ") {
                self.event.previous_version = after(&line, br#""previousVersion":"#).and_then(number);
            }
        }
        Ok(())
    }

    fn end_event(&mut self) -> Result<(), Fault> {
        let event = std::mem::take(&mut self.event);
        // A comment, or how long to wait before coming again.
        let Some(version) = event.version else { return Ok(()) };
        if event.is_delta && event.previous_version != self.version {
            return Err(Fault::Gap);
        }
        if self.version.is_some_and(|last| version <= last) {
            return Err(Fault::NotAbove);
        }
        self.version = Some(version);
        self.events += 1;
        Ok(())
    }
}

/// A line that arrives in parts; of a long one only the beginning.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    /// Takes bytes up to the end of the line; whether that was among them, and the bytes after it.
    fn extend<'a>(&mut self, bytes: &'a [u8]) -> (bool, &'a [u8]) {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = LINE_BYTES_MAX.saturating_sub(self.0.len());
        self.0.extend_from_slice(&part[..part.len().min(room)]);
        (end.is_some(), end.map_or(&[], |end| &bytes[end + 1..]))
    }

    fn finish(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.0);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        line
    }
}

/// What follows the first `name`.
fn after<'a>(bytes: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = bytes.windows(name.len()).position(|part| part == name)?;
    bytes.get(start + name.len()..)
}

/// The number that these bytes begin with.
fn number(bytes: &[u8]) -> Option<i64> {
    let length = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..length]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn chunk(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    fn snapshot(version: i64) -> String {
        chunk(&format!("event: snapshot\nid: {version}\ndata: {{\"version\":{version},{}\n\n", "x".repeat(500)))
    }

    fn delta(from: i64, to: i64) -> String {
        let data = format!(r#"{{"eventId":"e","version":{to},"previousVersion":{from},"ticketTypes":[]}}"#);
        chunk(&format!("event: delta\nid: {to}\ndata: {data}\n\n"))
    }

    fn read(text: &str) -> Result<EventStream, Fault> {
        let mut stream = EventStream::default();
        stream.take(text.as_bytes()).map(|()| stream)
    }

    #[test]
    fn versions_are_read_however_the_bytes_are_cut() {
        let text =
            [HEAD, &chunk("retry: 1200\n\n"), &snapshot(7), &chunk(":\n\n"), &delta(7, 12), "0\r\n\r\n"].concat();
        for size in [1, 2, 3, 7, 64, text.len()] {
            let mut stream = EventStream::default();
            for part in text.as_bytes().chunks(size) {
                stream.take(part).unwrap();
            }
            assert_eq!((stream.version(), stream.events(), stream.is_over()), (Some(12), 2, true), "by {size}");
        }
    }

    #[test]
    fn an_event_counts_once_its_end_is_there() {
        let whole = [HEAD, &snapshot(7)].concat();
        // Without the line that ends it, and the chunk's own end.
        let stream = read(&whole[..whole.len() - 3]).unwrap();
        assert_eq!((stream.version(), stream.events()), (None, 0));
    }

    #[test]
    fn what_is_lost_or_comes_twice_is_a_fault() {
        let after_seven = |next: String| read(&[HEAD, &snapshot(7), &next].concat()).map(|stream| stream.version());
        assert_eq!(after_seven(delta(7, 8)), Ok(Some(8)));
        assert_eq!(after_seven(delta(8, 9)), Err(Fault::Gap));
        assert_eq!(after_seven(delta(7, 7)), Err(Fault::NotAbove));
        assert_eq!(after_seven(snapshot(6)), Err(Fault::NotAbove));
        assert_eq!(
            read(&[HEAD, &delta(7, 8)].concat()).map(|_| ()),
            Err(Fault::Gap),
            "a stream begins with a snapshot"
        );
    }

    #[test]
    fn an_answer_that_is_no_stream_is_a_fault() {
        let refusal = "HTTP/1.1 503 Service Unavailable\r\n";
        assert_eq!(read(refusal).map(|_| ()), Err(Fault::Refused(refusal.trim().to_owned())));
        let malformed = |text: &str| matches!(read(text), Err(Fault::Malformed(_)));
        assert!(malformed("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"));
        assert!(malformed(&[HEAD, "x\r\n"].concat()));
        assert!(malformed(&[HEAD, "1\r\nabc\r\n"].concat()));
        assert!(malformed(&[HEAD, &chunk("id: x\n\n")].concat()));
        assert!(malformed(&[HEAD, "0\r\n\r\nabc"].concat()));
    }
}
