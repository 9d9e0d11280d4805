//! The books of an event as CSV. Each line is of one instant, and so balances by itself; the lines of a portion are of one as well.

use std::{fmt::Write as _, sync::Arc};

use application::{app::App, aside::aside};
use boxoffice_http::body::Body;
use bytes::Bytes;
use domain::{
    ids::{BookingId, EventId},
    money::Money,
    payments::books::BookingStatement,
};

use crate::csv::{self, Portion, Portions, write_line};

/// Bookings read at once.
const PORTION: u32 = 500;

const HEAD: &str = "reference,status,created_at,currency,gross,discounts,fees,tax,charged,complimentary,valid,refunds,refunds_by_amount,kept,\
    cut,owed,disputes,net,booking_id\r\n";

/// The bookings of the event that money was taken for, the oldest first.
pub(super) fn body(app: Arc<App>, event: EventId) -> Body {
    csv::body(Reader { app, event, next: Next::Head })
}

enum Next {
    Head,
    After(Option<BookingId>),
    End,
}

struct Reader {
    app: Arc<App>,
    event: EventId,
    next: Next,
}

impl Portions for Reader {
    async fn next(mut self) -> Portion<Self> {
        let after = match std::mem::replace(&mut self.next, Next::End) {
            Next::Head => {
                self.next = Next::After(None);
                return Ok(Some((self, Bytes::from_static(HEAD.as_bytes()))));
            }
            Next::After(after) => after,
            Next::End => return Ok(None),
        };
        let read = self.app.store.booking_statements(self.event, after, PORTION).await?;
        let Some(last) = read.last() else { return Ok(None) };
        self.next = Next::After(Some(last.booking_id));
        let written = move || {
            let mut text = String::with_capacity(read.len() * 200);
            read.iter().for_each(|of| write(&mut text, of));
            Bytes::from(text)
        };
        Ok(Some((self, aside(written).await)))
    }
}

/// Amounts are numbers and not texts, so that a spreadsheet adds negative ones up as well.
fn write(text: &mut String, of: &BookingStatement) {
    let BookingStatement { booking_id, status, created_at, statement } = of;
    let currency = statement.charged.currency;
    let (reference, created_at) = (booking_id.reference(), created_at.to_string());
    let mut line = String::with_capacity(200);
    write_line(&mut line, &[&reference, status.as_str(), &created_at, currency.as_str()]);
    text.push_str(line.trim_end());
    let net = statement.net().unwrap_or(Money::zero(currency));
    let amounts = [
        statement.gross,
        statement.discounts,
        statement.fees,
        statement.tax,
        statement.charged,
        statement.complimentary,
        statement.valid,
        statement.refunds,
        statement.refunds_by_amount,
        statement.kept,
        statement.cut,
        statement.owed,
        statement.disputes,
        net,
    ];
    for amount in amounts {
        let amount = amount.to_string();
        // Writing into a string never fails.
        let _ = write!(text, ",{}", amount.split(' ').next().unwrap_or_default());
    }
    let _ = write!(text, ",{booking_id}\r\n");
}
