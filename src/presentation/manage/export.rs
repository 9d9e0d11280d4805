//! Bookings as CSV (RFC 4180), written while they are read: however many there are, a portion of them is in memory.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use domain::{
    bookings::Item,
    ids::{BookingId, EventId},
    management::events::{BookingFilter, GuestBooking, GuestList},
    money::Money,
    repositories::{PageRequest, Start},
};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Frame;
use tokio_util::sync::ReusableBoxFuture;

use crate::{
    application::app::{Adapters, App},
    presentation::body::{Body, BodyError},
};

/// Bookings read at once.
const PORTION: u32 = 500;

const HEAD: &str = "reference,status,created_at,name,email,ticket_type,section,row,seat,price,currency,booking_id\r\n";

/// All bookings of the event that the filter lets through, newest first, one line a place. A database that goes away in the
/// middle breaks the answer off, so that nobody takes a part for the whole.
pub(super) fn body<A: Adapters>(app: Arc<App<A>>, event: EventId, filter: BookingFilter) -> Body {
    let reader = Reader { app, event, filter, next: Next::Head };
    Body::stream(UnsyncBoxBody::new(Export { next: Some(ReusableBoxFuture::new(reader.next())) }))
}

enum Next {
    Head,
    After(Start<BookingId>),
    End,
}

struct Reader<A: Adapters> {
    app: Arc<App<A>>,
    event: EventId,
    filter: BookingFilter,
    next: Next,
}

type Portion<A> = Result<Option<(Reader<A>, Bytes)>, BodyError>;

impl<A: Adapters> Reader<A> {
    async fn next(mut self) -> Portion<A> {
        let start = match std::mem::replace(&mut self.next, Next::End) {
            Next::Head => {
                self.next = Next::After(Start::Offset(0));
                return Ok(Some((self, Bytes::from_static(HEAD.as_bytes()))));
            }
            Next::After(start) => start,
            Next::End => return Ok(None),
        };
        let request = PageRequest { start, limit: PORTION };
        let page = self.app.store.bookings_of_event(self.event, &self.filter, &request, false).await?;
        let Some(last) = page.entries.last() else { return Ok(None) };
        if page.has_more {
            self.next = Next::After(Start::After(last.booking.id));
        }
        let mut text = String::with_capacity(page.entries.len() * 160);
        page.entries.iter().for_each(|of| write(&mut text, of));
        Ok(Some((self, Bytes::from(text))))
    }
}

struct Export<A: Adapters> {
    /// `None` once it is over.
    next: Option<ReusableBoxFuture<'static, Portion<A>>>,
}

impl<A: Adapters> hyper::body::Body for Export<A> {
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
    for item in booking.items.iter() {
        let [section, row, seat] = seat_of(item);
        let price = Money::new(item.price, currency).to_string();
        let price = price.split(' ').next().unwrap_or_default();
        let fields = [
            &reference,
            booking.status.as_str(),
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

/// Quoted where it must be. What a spreadsheet would take for a formula gets an apostrophe, which makes it a text there: names
/// are what strangers chose.
fn write_field(text: &mut String, field: &str) {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let must_quote = is_formula || field.contains(['"', ',', '\r', '\n']);
    if !must_quote {
        text.push_str(field);
        return;
    }
    text.push('"');
    if is_formula {
        text.push('\'');
    }
    for c in field.chars() {
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
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("the \"Countess\"", "\"the \"\"Countess\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("a=1", "a=1"),
        ] {
            let mut text = String::new();
            write_field(&mut text, field);
            assert_eq!(text, expected, "{field:?}");
        }
    }
}
