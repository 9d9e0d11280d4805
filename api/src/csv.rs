//! CSV (RFC 4180), written while it is read: however long a file is, a portion of it is in memory.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use boxoffice_http::body::{Body, BodyError};
use bytes::Bytes;
use http::HeaderValue;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;
use tokio_util::sync::ReusableBoxFuture;

pub(crate) static CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");

/// What is next, and from where to go on.
pub(crate) type Portion<P> = Result<Option<(P, Bytes)>, BodyError>;

/// Where a file comes from.
pub(crate) trait Portions: Sized + Send + 'static {
    /// Reads and writes the next portion; nothing at the end.
    fn next(self) -> impl Future<Output = Portion<Self>> + Send;
}

/// The file. Trouble in the middle breaks the answer off, so that nobody takes a part for the whole.
pub(crate) fn body<P: Portions>(portions: P) -> Body {
    Body::stream(UnsyncBoxBody::new(Export { next: Some(ReusableBoxFuture::new(portions.next())) }))
}

struct Export<P> {
    /// `None` once it is over.
    next: Option<ReusableBoxFuture<'static, Portion<P>>>,
}

impl<P: Portions> hyper::body::Body for Export<P> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        match ready!(next.poll(cx)) {
            Ok(Some((portions, bytes))) => {
                next.set(portions.next());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Ok(None) => {
                self.next = None;
                Poll::Ready(None)
            }
            Err(error) => {
                tracing::warn!(%error, "an export broke off");
                self.next = None;
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

/// Adds a line.
pub(crate) fn write_line(text: &mut String, fields: &[&str]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_field(text, field);
    }
    text.push_str("\r\n");
}

/// Always quoted. What a spreadsheet would take for a formula gets an apostrophe, which makes it a text there: names are what
/// strangers chose. A spreadsheet that separates by semicolons or tabs, or that takes no heed of quotes, begins a cell after each of them
/// and on each line, so formulas are looked for there as well.
fn write_field(text: &mut String, field: &str) {
    text.push('"');
    if field.starts_with(['\t', '\r', '\n']) {
        text.push('\'');
    }
    let mut begins_cell = true;
    for c in field.chars() {
        // The wide forms are taken for the usual ones where people type them.
        if begins_cell && matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
            text.push('\'');
        }
        // Blanks before a formula, and the quotes of a cell, do not make it a text.
        begins_cell = matches!(c, ';' | '\t' | '\r' | '\n') || begins_cell && (c.is_whitespace() || c == '"');
        if c == '"' {
            text.push('"');
        }
        text.push(c);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_are_defused() {
        for (field, expected) in [
            ("Ada", "Ada"),
            ("", ""),
            ("Lovelace, Ada", "Lovelace, Ada"),
            ("the \"Countess\"", "the \"\"Countess\"\""),
            ("two\r\nlines", "two\r\nlines"),
            ("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"\"http://x\"\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("a=1", "a=1"),
            ("x;=cmd|' /C calc'!A0;y", "x;'=cmd|' /C calc'!A0;y"),
            ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
            ("x\n-1", "x\n'-1"),
            ("  =1", "  '=1"),
            ("\"=1\"", "\"\"'=1\"\""),
            ("x;\"=1\"", "x;\"\"'=1\"\""),
            ("＝1", "'＝1"),
            ("Jean-Luc; a-b", "Jean-Luc; a-b"),
        ] {
            let mut text = String::new();
            write_field(&mut text, field);
            assert_eq!(text, format!("\"{expected}\""), "{field:?}");
        }
    }
}
