//! Receipts of bookings, as pages to print.

pub(crate) mod endpoints;

use std::sync::{Arc, LazyLock};

use application::{app::App, bookings};
use boxoffice_http::{problem::Problem, problem_codes::Code, reply::Reply, request::Request};
use domain::{
    bookings::{Booking, BookingStatus, Item},
    ids::BookingId,
    money::{Money, MoneyError},
    payments::{
        books::Refund,
        receipts::{Receipt, TaxedAt},
        refund::RefundState,
    },
    repositories::EventNames,
};
use http::{HeaderValue, StatusCode, header};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, context};
use serde::Serialize;

/// The name ends in `.html`, so the engine escapes what it puts in.
const NAME: &str = "receipt.html";

/// Its styles are in it, and it loads nothing and runs nothing.
const NOTHING_ELSE: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");

static PAGES: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.add_template(NAME, include_str!("receipts/receipt.html")).map_err(|error| error.to_string())?;
    Ok(pages)
});

/// A place as it was charged.
#[derive(Serialize)]
struct Line<'a> {
    ticket_type: &'a str,
    seat: Option<String>,
    price: String,
    discount: Option<String>,
    fee: Option<String>,
    tax_rate: String,
    total: String,
    cancelled: bool,
}

/// What was taxed at one rate.
#[derive(Serialize)]
struct Tax {
    rate: String,
    net: String,
    tax: String,
}

#[derive(Serialize)]
struct GivenBack<'a> {
    on: String,
    amount: String,
    reason: &'a str,
    pending: bool,
}

fn seat(item: &Item) -> Option<String> {
    let seat = item.seat.as_ref()?;
    Some(format!("{}, row {}, seat {}", seat.section, seat.row, seat.label))
}

/// What is not free.
fn unless_free(amount: Money) -> Option<String> {
    (!amount.is_free()).then(|| amount.to_string())
}

/// The lines of a booking, and its tax by rates, the highest first.
fn lines<'a>(
    booking: &Booking,
    receipt: &Receipt,
    names: &'a EventNames,
) -> Result<(Vec<Line<'a>>, Vec<Tax>), MoneyError> {
    let (currency, included) = (booking.total.currency, booking.tax_included);
    let mut taxed: Vec<TaxedAt> = Vec::new();
    let mut lines = Vec::with_capacity(booking.items.len());
    for (item, at) in booking.items.iter().zip(0..) {
        let line = item.line(currency);
        let rate = receipt.rate_of(item.ticket_type_id, &line, included)?;
        let net = if included { line.taxable()?.checked_sub(line.tax)? } else { line.taxable()? };
        match taxed.iter_mut().find(|of| of.rate == rate) {
            Some(of) => (of.net, of.tax) = (of.net.checked_add(net)?, of.tax.checked_add(line.tax)?),
            None => taxed.push(TaxedAt { rate, net, tax: line.tax }),
        }
        lines.push(Line {
            ticket_type: names.ticket_types.get(&item.ticket_type_id).map_or("", String::as_str),
            seat: seat(item),
            price: line.price.to_string(),
            discount: unless_free(line.discount),
            fee: unless_free(line.fee),
            tax_rate: rate.percent(),
            total: line.total(included)?.to_string(),
            cancelled: booking.status_of(at) == BookingStatus::Cancelled,
        });
    }
    taxed.sort_unstable_by_key(|of| std::cmp::Reverse(of.rate));
    let tax = |of: TaxedAt| Tax { rate: of.rate.percent(), net: of.net.to_string(), tax: of.tax.to_string() };
    Ok((lines, taxed.into_iter().map(tax).collect()))
}

fn method(of: &str) -> &'static str {
    match of {
        "cash" => "in cash",
        "bank" | "bank_transfer" => "by bank transfer",
        "complimentary" => "complimentary: nothing was charged",
        _ => "online",
    }
}

fn page(booking: &Booking, receipt: &Receipt, names: &EventNames, refunds: &[Refund]) -> Result<String, Problem> {
    let zone = TimeZone::get(&names.time_zone).unwrap_or(TimeZone::UTC);
    let day = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string();
    let instant = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    let (lines, taxes) = lines(booking, receipt, names).map_err(Problem::internal)?;
    let given_back = |of: &Refund| (of.state != RefundState::Failed).then(|| of.clone());
    let refunds: Vec<Refund> = refunds.iter().filter_map(given_back).collect();
    let refunds: Vec<GivenBack<'_>> = refunds
        .iter()
        .map(|of| GivenBack {
            on: day(of.created_at),
            amount: of.amount.to_string(),
            reason: &of.reason,
            pending: of.state == RefundState::Pending,
        })
        .collect();
    let pages = PAGES.as_ref().map_err(Problem::internal)?;
    let template = pages.get_template(NAME).map_err(Problem::internal)?;
    let page = template.render(context! {
        number => receipt.number,
        seller => receipt.seller,
        buyer => receipt.buyer,
        issued_on => day(receipt.issued_at),
        paid_on => day(receipt.paid_at),
        method => method(&receipt.method),
        reference => booking.id.reference(),
        title => names.title,
        venue => names.venue,
        starts_at => instant(names.starts_at),
        tax_included => booking.tax_included,
        lines, taxes, refunds,
        total => booking.total.to_string(),
        refunded => unless_free(booking.refunded),
    });
    page.map_err(Problem::internal)
}

/// `GET /bookings/{id}/receipt`
async fn show(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let booking = bookings::own_booking(&app, request.caller()?.account, request.id::<BookingId>("id")?).await?;
    let receipt = app.store.receipt(booking.id).await?.ok_or_else(|| Problem::new(Code::NotPaid))?;
    // As it was sold.
    let names = app.store.event_names_at(booking.event_id, booking.created_at).await?;
    let names = names.ok_or_else(|| Problem::internal("a booking without its event"))?;
    let refunds = app.store.refunds_of(booking.id).await?;
    let page = page(&booking, &receipt, &names, &refunds)?;
    let reply = Reply::bytes(StatusCode::OK, HeaderValue::from_static("text/html; charset=utf-8"), page);
    let disposition = format!("inline; filename=\"receipt-{}.html\"", receipt.number);
    let disposition = HeaderValue::from_str(&disposition).map_err(Problem::internal)?;
    Ok(reply.header(header::CONTENT_SECURITY_POLICY, NOTHING_ELSE).header(header::CONTENT_DISPOSITION, disposition))
}
