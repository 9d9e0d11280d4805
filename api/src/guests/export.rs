//! The bookings of an event as CSV.

use std::sync::Arc;

use application::{app::App, aside::aside};
use boxoffice_http::body::Body;
use bytes::Bytes;
use domain::{
    bookings::Item,
    ids::EventId,
    lists::{ListQuery, Place},
    management::events::GuestBooking,
    money::Money,
};

use crate::csv::{self, Portion, Portions, write_line};

/// Bookings read at once.
const PORTION: u32 = 500;

const HEAD: &str = "reference,status,created_at,name,email,ticket_type,section,row,seat,price,currency,booking_id\r\n";

/// All bookings of the event that the query asks for, newest first, one line a place. A database that goes away in the
/// middle breaks the answer off, so that nobody takes a part for the whole.
pub(super) fn body(app: Arc<App>, event: EventId, query: ListQuery) -> Body {
    csv::body(Reader { app, event, query, next: Next::Head })
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

impl Portions for Reader {
    async fn next(mut self) -> Portion<Self> {
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
        write_line(text, &fields);
    }
}

fn seat_of(item: &Item) -> [&str; 3] {
    item.seat.as_ref().map_or([""; 3], |seat| [&seat.section, &seat.row, &seat.label])
}
