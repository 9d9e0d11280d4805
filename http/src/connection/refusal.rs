//! Answers to what is no request: bytes that hyper can't read as HTTP/1, and connections over the limit.

use std::time::Duration;

use http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{edge::Edge, problem::Problem, problem_codes::Code, request_id::RequestId};

/// How long a client may take to read the answer.
const READING_TIMEOUT: Duration = Duration::from_secs(1);
/// hyper's own answers are shorter, ours longer.
const BARE_BYTES_MAX: usize = 160;
/// The shortest head that has too many headers: a hundred of `a:` and a line break.
const LARGE_HEAD_BYTES_MIN: usize = 300;

/// The status of an answer that hyper gives by itself: 400, 414 or 431, with these headers and no others.
pub(super) fn status_of_bare(answer: &[u8]) -> Option<StatusCode> {
    if answer.len() > BARE_BYTES_MAX {
        return None;
    }
    let text = str::from_utf8(answer).ok()?.strip_prefix("HTTP/1.")?.strip_suffix("\r\n\r\n")?;
    let mut lines = text.split("\r\n");
    let status = match lines.next()?.get(2..5)? {
        "400" => StatusCode::BAD_REQUEST,
        "414" => StatusCode::URI_TOO_LONG,
        "431" => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        _ => return None,
    };
    let is_bare = |line: &str| ["connection: ", "content-length: ", "date: "].iter().any(|name| line.starts_with(name));
    lines.all(is_bare).then_some(status)
}

/// What a client is told instead. `read`: what hyper had read when it gave up.
pub(super) fn problem(status: StatusCode, error: &hyper::Error, read: &[u8]) -> Problem {
    // hyper says 431 to three things. A length that no number can hold comes with a head that has been read; a head that fills
    // the buffer without the end of its first line is too long because of its target.
    let has_target = read.trim_ascii_start().contains(&b'\n');
    match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if read.len() < LARGE_HEAD_BYTES_MIN => {
            Problem::new(Code::BodyTooLarge)
        }
        StatusCode::URI_TOO_LONG => Problem::new(Code::TargetTooLong),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !has_target => Problem::new(Code::TargetTooLong),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::new(Code::HeadTooLarge),
        // One of hyper's fixed texts.
        _ => Problem::new(Code::BadRequest).detail(error.to_string()),
    }
}

/// A complete answer of HTTP/1.1, after which the connection ends.
pub(crate) fn encode(problem: Problem, edge: &Edge) -> Vec<u8> {
    let id = RequestId::generate();
    // Nothing is known of the address that was meant; RFC 9457, 3.1.5, lets an instance be any URI of the occurrence.
    let reply = problem.closing().into_reply(&format!("urn:uuid:{}", id.as_str()), id.as_str());
    let (body, response) =
        (reply.full_body().cloned().unwrap_or_default(), edge.finish_unread(reply).into_response(&id, true));
    let status = response.status();
    let mut answer =
        format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or_default()).into_bytes();
    let mut line =
        |name: &str, value: &[u8]| answer.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    for (name, value) in response.headers() {
        line(name.as_str(), value.as_bytes());
    }
    // Fails for years that no clock shows.
    if let Ok(date) = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now()) {
        line("date", date.as_bytes());
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&body);
    answer
}

/// Sends the answer, and waits for a moment until the client has closed: a socket that is closed with unread bytes resets the
/// connection, and the answer is lost.
pub(crate) async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) {
    let sent = async {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A client that does not take it has lost nothing but an explanation.
    let _ = timeout(READING_TIMEOUT, sent).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_nothing_but_a_status_is_taken_for_one_of_hypers() {
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        let head = "connection: close\r\ncontent-length: 0\r\n";
        for (status, code) in
            [("400 Bad Request", 400), ("414 URI Too Long", 414), ("431 Request Header Fields Too Large", 431)]
        {
            for version in ["1.1", "1.0"] {
                let bare = format!("HTTP/{version} {status}\r\n{head}{date}\r\n");
                assert_eq!(status_of_bare(bare.as_bytes()).map(|status| status.as_u16()), Some(code), "{bare}");
            }
        }
        let bare = format!("HTTP/1.1 400 Bad Request\r\n{head}{date}\r\n");
        for other in [
            bare.replace("400", "404"),
            bare.replace("date: ", "x-request-id: "),
            format!("{bare}body"),
            format!(" {bare}"),
            bare.trim_end().to_owned(),
            String::new(),
        ] {
            assert_eq!(status_of_bare(other.as_bytes()), None, "{other:?}");
        }
    }
}
