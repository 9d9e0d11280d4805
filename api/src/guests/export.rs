//! Bookings as CSV (RFC 4180), written while they are read: however many there are, a portion of them is in memory.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use application::{app::App, aside::aside};
use boxoffice_http::body::{Body, BodyError};
use bytes::Bytes;
use domain::{
    bookings::Item,
    ids::EventId,
    lists::{ListQuery, Place},
    management::events::GuestBooking,
    money::Money,
};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;
use tokio_util::sync::ReusableBoxFuture;

/// Bookings read at once.
const PORTION: u32 = 500;

const HEAD: &str = "reference,status,created_at,name,email,ticket_type,section,row,seat,price,currency,booking_id\r\n";

/// All bookings of the event that the query asks for, newest first, one line a place. A database that goes away in the
/// middle breaks the answer off, so that nobody takes a part for the whole.
pub(super) fn body(app: Arc<App>, event: EventId, query: ListQuery) -> Body {
    let reader = Reader { app, event, query, next: Next::Head };
    Body::stream(UnsyncBoxBody::new(Export { next: Some(ReusableBoxFuture::new(reader.next())) }))
}

enum Next {
    Head,
    At(Place),
    End,
}

struct Reader {
    app: Arc<App>,
    event: EventId,
    query: ListQuery,
    next: Next,
}

type Portion = Result<Option<(Reader, Bytes)>, BodyError>;

impl Reader {
    async fn next(mut self) -> Portion {
        let place = match std::mem::replace(&mut self.next, Next::End) {
            Next::Head => {
                self.next = Next::At(Place::Offset(0));
                return Ok(Some((self, Bytes::from_static(HEAD.as_bytes()))));
            }
            Next::At(place) => place,
            Next::End => return Ok(None),
        };
        let query = self.query.at(place, PORTION);
        let page = self.app.store.bookings_of_event(self.event, &query, false).await?;
        if page.entries.is_empty() {
            return Ok(None);
        }
        if let Some(last) = page.last.clone().filter(|_| page.has_more) {
            self.next = Next::At(Place::After(last));
        }
        let written = move || {
            let mut text = String::with_capacity(page.entries.len() * 160);
            page.entries.iter().for_each(|of| write(&mut text, of));
            Bytes::from(text)
        };
        Ok(Some((self, aside(written).await)))
    }
}

struct Export {
    /// `None` once it is over.
    next: Option<ReusableBoxFuture<'static, Portion>>,
}

impl hyper::body::Body for Export {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        match ready!(next.poll(cx)) {
            Ok(Some((reader, bytes))) => {
                next.set(reader.next());
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

fn write(text: &mut String, of: &GuestBooking) {
    let booking = &of.booking;
    let (reference, created, id) = (booking.id.reference(), booking.created_at.to_string(), booking.id.to_string());
    let currency = booking.total.currency;
    for (item, at) in booking.items.iter().zip(0..) {
        let [section, row, seat] = seat_of(item);
        let price = Money::new(item.price, currency).to_string();
        let price = price.split(' ').next().unwrap_or_default();
        let fields = [
            &reference,
            booking.status_of(at).as_str(),
            &created,
            &of.name,
            &of.email,
            of.ticket_type(item),
            section,
            row,
            seat,
            price,
            currency.as_str(),
            &id,
        ];
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            write_field(text, field);
        }
        text.push_str("\r\n");
    }
}

fn seat_of(item: &Item) -> [&str; 3] {
    item.seat.as_ref().map_or([""; 3], |seat| [&seat.section, &seat.row, &seat.label])
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
