//! A live stream of availability, read as it arrives: an HTTP/1.1 answer in chunks that holds server-sent events.

use std::cell::RefCell;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Bytes that a stream may keep: there are thousands of them.
const BUFFER: usize = 2048;

/// What a stream has said so far.
#[derive(Debug, Default)]
pub(super) struct Following {
    /// The version of the last event; `None` before the first.
    pub(super) version: Option<i64>,
    /// Snapshots and deltas.
    pub(super) events: u64,
    /// Why nothing more will come.
    pub(super) ended: Option<String>,
}

/// The event whose end has not been seen yet.
#[derive(Debug, Default)]
struct LiveEvent {
    is_delta: bool,
    version: Option<i64>,
    previous_version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    previous_version: Option<i64>,
}

/// Reads a stream to its end, and fails when it says what it must not.
pub(super) async fn follow(stream: impl AsyncRead + Unpin, following: &RefCell<Following>) -> anyhow::Result<()> {
    let mut reader = BufReader::with_capacity(BUFFER, stream);
    let status = next_line(&mut reader).await?;
    ensure!(status.starts_with("HTTP/1.1 200"), "answered {status}");
    let mut is_chunked = false;
    loop {
        let header = next_line(&mut reader).await?;
        if header.is_empty() {
            break;
        }
        is_chunked |= header.eq_ignore_ascii_case("transfer-encoding: chunked");
    }
    ensure!(is_chunked, "sent an answer that is not in chunks");
    // What has come of the present line, and of the present event.
    let (mut text, mut event) = (Vec::new(), LiveEvent::default());
    loop {
        let size = usize::from_str_radix(&next_line(&mut reader).await?, 16).context("sent a chunk without a size")?;
        if size == 0 {
            return Ok(());
        }
        let known = text.len();
        text.resize(known + size, 0);
        reader.read_exact(&mut text[known..]).await?;
        ensure!(next_line(&mut reader).await?.is_empty(), "sent a chunk longer than its size");
        let mut begin = 0;
        while let Some(length) = text[begin..].iter().position(|byte| *byte == b'\n') {
            event.take_line(std::str::from_utf8(&text[begin..begin + length])?, following)?;
            begin += length + 1;
        }
        text.drain(..begin);
    }
}

async fn next_line(reader: &mut (impl AsyncBufReadExt + Unpin)) -> anyhow::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line).await? == 0 {
        bail!("closed");
    }
    Ok(line.trim_end().to_owned())
}

impl LiveEvent {
    fn take_line(&mut self, line: &str, following: &RefCell<Following>) -> anyhow::Result<()> {
        if line.is_empty() {
            return std::mem::take(self).end(&mut following.borrow_mut());
        }
        if let Some(id) = line.strip_prefix("id: ") {
            self.version = Some(id.parse().context("sent an id that is no version")?);
        } else if line == "event: delta" {
            self.is_delta = true;
        } else if let Some(data) = line.strip_prefix("data: ")
            && self.is_delta
        {
            self.previous_version = serde_json::from_str::<Versions>(data)?.previous_version;
        }
        Ok(())
    }

    fn end(self, following: &mut Following) -> anyhow::Result<()> {
        // A comment, or how long to wait before coming again.
        let Some(version) = self.version else { return Ok(()) };
        ensure!(!self.is_delta || self.previous_version == following.version, "left a version out");
        ensure!(following.version.is_none_or(|last| version > last), "went back to an earlier version");
        following.version = Some(version);
        following.events += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn chunk(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    fn snapshot(version: i64) -> String {
        chunk(&format!(
            "event: snapshot\nid: {version}\ndata: {{\"version\":{version},\"x\":\"{}\"}}\n\n",
            "x".repeat(500)
        ))
    }

    fn delta(from: i64, to: i64) -> String {
        let data = format!(r#"{{"eventId":"e","version":{to},"previousVersion":{from},"ticketTypes":[]}}"#);
        chunk(&format!("event: delta\nid: {to}\ndata: {data}\n\n"))
    }

    /// The version at the end of these bytes, and how many events there were; or the fault.
    async fn read(parts: &[&str]) -> Result<(Option<i64>, u64), String> {
        let (text, following) = (parts.concat(), RefCell::default());
        let ended = follow(text.as_bytes(), &following).await.map_err(|fault| fault.to_string());
        let Following { version, events, .. } = following.take();
        match ended {
            // All bytes were read.
            Err(fault) if fault != "closed" => Err(fault),
            _ => Ok((version, events)),
        }
    }

    #[tokio::test]
    async fn versions_are_read_however_the_bytes_are_cut() {
        let (retry, end) = (chunk("retry: 1200\n\n"), "0\r\n\r\n");
        let whole = [HEAD, &retry, &snapshot(7), &chunk(":\n\n"), &delta(7, 12), end];
        assert_eq!(read(&whole).await, Ok((Some(12), 2)));
        let cut = chunk("event: del") + &chunk("ta\nid: 12\ndata: {\"previousVersion\":7}\n") + &chunk("\n");
        assert_eq!(read(&[HEAD, &snapshot(7), &cut]).await, Ok((Some(12), 2)));
        // Without the line that ends it, an event does not count yet.
        assert_eq!(read(&[HEAD, &chunk("event: snapshot\nid: 7\ndata: {}\n")]).await, Ok((None, 0)));
    }

    #[tokio::test]
    async fn what_is_lost_or_comes_twice_is_a_fault() {
        let after_seven = async |next: String| read(&[HEAD, &snapshot(7), &next]).await.map(|(version, _)| version);
        assert_eq!(after_seven(delta(7, 8)).await, Ok(Some(8)));
        assert_eq!(after_seven(delta(8, 9)).await, Err("left a version out".to_owned()));
        for back in [delta(7, 7), snapshot(6)] {
            assert_eq!(after_seven(back).await, Err("went back to an earlier version".to_owned()));
        }
        let first = read(&[HEAD, &delta(7, 8)]).await;
        assert_eq!(first, Err("left a version out".to_owned()), "a stream begins with a snapshot");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_stream_is_a_fault() {
        let refusal = read(&["HTTP/1.1 503 Service Unavailable\r\n"]).await;
        assert_eq!(refusal, Err("answered HTTP/1.1 503 Service Unavailable".to_owned()));
        assert!(read(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"]).await.is_err());
        for malformed in ["x\r\n", "1\r\nabc\r\n", &chunk("id: x\n\n")] {
            assert!(read(&[HEAD, malformed]).await.is_err(), "{malformed}");
        }
    }
}
