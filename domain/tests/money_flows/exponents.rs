//! Every kind of currency with every tax rate, by the tenth of a per cent: what is charged is the sum of the lines, can be written in the
//! gateway's units without loss, and is what goes back and what is kept when all is cancelled.

use std::collections::BTreeSet;

use domain::{
    ids::TicketTypeId,
    money::{Currency, Money, Percentage},
    payments::{
        cancellation::{CancellationFee, cancel_lines},
        refund::{RefundCause, RefundState},
        statement::{BookEntry, PaidThrough, Statement},
    },
    pricing::{
        fees::{Fee, FeeKind},
        price_list::{PriceList, PricedTicketType},
        quote::quote,
    },
};
use jiff::Timestamp;
use rust_decimal::Decimal;

/// One currency of each kind: of digits by ISO 4217, digits that can be paid, and digits at the gateway.
fn kinds_of_currency() -> Vec<Currency> {
    let letters = || (b'A'..=b'Z').map(char::from);
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let mut seen = BTreeSet::new();
    let all = codes.filter_map(|code| Currency::parse("currency", &code).ok());
    all.filter(|of| seen.insert((of.exponent(), of.payable_digits(), of.gateway_exponent()))).collect()
}

/// A percentage, in thousandths.
fn thousandths(parts: i64) -> Percentage {
    Percentage::new(Decimal::new(parts, 3)).unwrap()
}

/// Prices of which hardly any share is a whole number of units.
fn price_list(currency: Currency, tax_rate: Percentage, tax_included: bool) -> PriceList {
    let units = |units| Money::new(Decimal::new(units, currency.payable_digits()), currency);
    let kinds =
        [FeeKind::Percent { rate: thousandths(55), cap: Some(units(301)) }, FeeKind::FixedPerBooking(units(100))];
    let fees = kinds.map(|kind| Fee { name: "Service".to_owned(), kind }).to_vec();
    let priced =
        |price| PricedTicketType { id: TicketTypeId::generate(), price: units(price), tax_rate: None, hidden: false };
    PriceList { currency, tax_rate, tax_included, fees, ticket_types: vec![priced(1_999), priced(333), priced(0)] }
}

fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Money {
    Money::sum(currency, amounts).unwrap()
}

#[test]
fn what_is_charged_is_what_lines_are_and_what_a_cancellation_gives_back_and_keeps() {
    let currencies = kinds_of_currency();
    assert!(currencies.len() >= 5, "{currencies:?}");
    for currency in currencies {
        for parts in 0..=1_000 {
            for tax_included in [true, false] {
                let list = price_list(currency, thousandths(parts), tax_included);
                // The fee of the cancellation runs through all of its values as well, in another order.
                let fee = CancellationFee::Percent(thousandths((parts * 7) % 1_001));
                one(&list, fee);
            }
        }
    }
}

fn one(list: &PriceList, fee: CancellationFee) {
    let (currency, about) =
        (list.currency, || format!("{} {:?} included: {}", list.currency.as_str(), list.tax_rate, list.tax_included));
    let tickets: Vec<TicketTypeId> = [0, 0, 1, 2, 1].map(|at: usize| list.ticket_types[at].id).to_vec();
    let priced = quote(list, None, &tickets, Timestamp::UNIX_EPOCH).unwrap();
    let total = priced.totals.total;
    let lines: Vec<Money> = priced.lines.iter().map(|line| line.total(list.tax_included).unwrap()).collect();
    assert_eq!(sum(currency, lines.iter().copied()), total, "{}", about());
    let charged = Money::from_gateway_amount(total.gateway_amount().unwrap(), currency);
    assert_eq!(charged, total, "{}: what the gateway takes", about());

    let mut entries = vec![BookEntry::Charged { amount: charged, through: PaidThrough::Gateway }];
    let tax_included = list.tax_included;
    entries.extend(priced.lines.iter().map(|line| BookEntry::Sold { line: *line, tax_included }));
    // One by one, each with a refund of its own, as its buyer might.
    let mut left = charged;
    for line in &lines {
        let cancelled = cancel_lines(currency, &[*line], Some(fee), left).unwrap();
        left = left.checked_sub(cancelled.refund).unwrap();
        entries.push(BookEntry::Cancelled { line_total: *line, kept: cancelled.kept, cut: cancelled.cut });
        if !cancelled.refund.is_free() {
            let amount = Money::from_gateway_amount(cancelled.refund.gateway_amount().unwrap(), currency);
            assert_eq!(amount, cancelled.refund, "{}: what the gateway gives back", about());
            let (cause, state) = (RefundCause::Tickets, RefundState::Succeeded);
            entries.push(BookEntry::Refund { amount, cause, state, through: PaidThrough::Gateway });
        }
    }
    let books = Statement::of(currency, entries).unwrap();
    assert_eq!(books.check(), Ok(()), "{}", about());
    assert_eq!(books.refunds.checked_add(books.kept), Ok(charged), "{}: all is cancelled", about());
    assert!(books.valid.is_free() && books.cut.is_free(), "{}", about());
}
