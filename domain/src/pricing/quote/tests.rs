//! Known right values of the rule of prices.

use super::*;
use crate::{
    money::Percentage,
    pricing::{
        fees::{Fee, FeeKind},
        price_list::PricedTicketType,
    },
    promo_codes::{CodeName, Discount},
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn money(amount: &str, currency: &str) -> Money {
    Money::new(amount.parse().unwrap(), currency.parse().unwrap())
}

fn euros(amount: &str) -> Money {
    money(amount, "EUR")
}

fn rate(text: &str) -> Percentage {
    Percentage::parse("rate", text).unwrap()
}

/// Tickets at these prices, each of a type of its own, taxed at `tax`.
fn list(currency: &str, prices: &[&str], tax: &str, tax_included: bool) -> PriceList {
    let ticket_type = |price: &&str| PricedTicketType {
        id: TicketTypeId::generate(),
        price: money(price, currency),
        tax_rate: None,
        hidden: false,
    };
    let ticket_types = prices.iter().map(ticket_type).collect();
    PriceList { currency: currency.parse().unwrap(), tax_rate: rate(tax), tax_included, fees: Vec::new(), ticket_types }
}

fn with_fee(mut list: PriceList, kind: FeeKind) -> PriceList {
    list.fees.push(Fee { name: "Service".to_owned(), kind });
    list
}

fn code(discount: Discount) -> PromoCode {
    PromoCode {
        code: CodeName::parse("code", "SPRING").unwrap(),
        discount,
        uses: None,
        uses_per_account: None,
        ticket_type_ids: Vec::new(),
        starts_at: None,
        ends_at: None,
    }
}

fn all_of(list: &PriceList) -> Vec<TicketTypeId> {
    list.ticket_types.iter().map(|ticket_type| ticket_type.id).collect()
}

fn quoted(list: &PriceList, code: Option<&PromoCode>) -> Quote {
    quote(list, code, &all_of(list), NOW).unwrap()
}

/// One part of every line.
fn parts(quote: &Quote, part: fn(&PriceLine) -> Money) -> Vec<String> {
    quote.lines.iter().map(|line| part(line).amount.normalize().to_string()).collect()
}

#[test]
fn an_included_tax_changes_no_total() {
    let quote = quoted(&list("EUR", &["25.00", "25.00"], "0.10", true), None);
    assert_eq!(quote.totals.total, euros("50.00"));
    assert_eq!(quote.totals.tax, euros("4.54"));
}

#[test]
fn tax_is_rounded_per_ticket() {
    let three = ["99.00"; 3];
    let included = quoted(&list("CHF", &three, "0.077", true), None);
    assert_eq!((included.totals.tax, included.totals.total), (money("21.24", "CHF"), money("297.00", "CHF")));
    let on_top = quoted(&list("CHF", &three, "0.077", false), None);
    assert_eq!((on_top.totals.tax, on_top.totals.total), (money("22.86", "CHF"), money("319.86", "CHF")));
}

#[test]
fn a_ticket_type_may_have_a_tax_rate_of_its_own() {
    let mut list = list("EUR", &["100", "100"], "0.19", false);
    list.ticket_types[1].tax_rate = Some(rate("0.07"));
    assert_eq!(parts(&quoted(&list, None), |line| line.tax), ["19", "7"]);
}

#[test]
fn a_percentage_stops_at_its_cap() {
    let kind = FeeKind::Percent { rate: rate("0.10"), cap: Some(euros("25.00")) };
    let list = with_fee(list("EUR", &["249.90", "250.00", "250.10", "9999"], "0", true), kind);
    assert_eq!(parts(&quoted(&list, None), |line| line.fee), ["24.99", "25", "25", "25"]);
}

/// Discount, then fee, then tax: half of 100.00, 10 % of 50.00, 20 % of 55.00.
#[test]
fn each_step_is_of_what_the_steps_before_left() {
    let kind = FeeKind::Percent { rate: rate("0.10"), cap: None };
    let list = with_fee(list("EUR", &["100.00"], "0.20", false), kind);
    let totals = quoted(&list, Some(&code(Discount::Percent(rate("0.5"))))).totals;
    assert_eq!(
        [totals.discount, totals.fees, totals.tax, totals.total],
        ["50.00", "5.00", "11.00", "66.00"].map(euros)
    );
}

#[test]
fn no_fee_is_a_percentage_of_another_one() {
    let percent = |text| FeeKind::Percent { rate: rate(text), cap: None };
    let list = with_fee(with_fee(list("EUR", &["100"], "0", true), percent("0.10")), percent("0.10"));
    assert_eq!(parts(&quoted(&list, None), |line| line.fee), ["20"]);
}

#[test]
fn a_fee_per_booking_is_shared_by_tickets_that_cost_something() {
    let list = with_fee(list("EUR", &["0", "50", "50", "50"], "0", true), FeeKind::FixedPerBooking(euros("1.00")));
    let quote = quoted(&list, None);
    assert_eq!(parts(&quote, |line| line.fee), ["0", "0.34", "0.33", "0.33"]);
    assert_eq!(quote.totals.fees, euros("1.00"));
}

#[test]
fn what_costs_nothing_bears_no_fee() {
    let all = [
        FeeKind::FixedPerBooking(euros("1.00")),
        FeeKind::FixedPerTicket(euros("2.00")),
        FeeKind::Percent { rate: rate("0.10"), cap: None },
    ];
    let list = all.into_iter().fold(list("EUR", &["10.00"], "0.19", false), with_fee);
    let free = quoted(&list, Some(&code(Discount::Percent(Percentage::ONE))));
    assert!(free.totals.total.is_free());
    assert_eq!(free.totals.discount, euros("10.00"));
    assert_eq!(parts(&quoted(&list, None), |line| line.fee), ["4"]);
}

#[test]
fn a_fixed_discount_is_per_ticket_and_leaves_nothing_below_zero() {
    let list = list("EUR", &["3.00", "8.00"], "0", true);
    let quote = quoted(&list, Some(&code(Discount::Fixed(euros("5.00")))));
    assert_eq!(parts(&quote, |line| line.discount), ["3", "5"]);
    assert_eq!(quote.totals.total, euros("3.00"));
}

#[test]
fn a_code_discounts_the_tickets_that_it_names() {
    let list = list("EUR", &["10.00", "10.00"], "0", true);
    let mut half = code(Discount::Percent(rate("0.5")));
    half.ticket_type_ids = vec![list.ticket_types[1].id];
    assert_eq!(parts(&quoted(&list, Some(&half)), |line| line.discount), ["0", "5"]);
    let others = quote(&list, Some(&half), &[list.ticket_types[0].id], NOW);
    assert_eq!(others, Err(PromoCodeError::NotForTickets.into()));
}

#[test]
fn a_hidden_ticket_type_is_sold_to_those_who_have_a_code_for_it() {
    let mut list = list("EUR", &["10.00", "20.00"], "0", true);
    list.ticket_types[1].hidden = true;
    let of = |code: Option<&PromoCode>| quote(&list, code, &all_of(&list), NOW).map(|quote| quote.totals.total);
    assert_eq!(of(None), Err(QuoteError::UnknownTicketType(1)));
    assert_eq!(of(Some(&code(Discount::Percent(rate("0.5"))))), Err(QuoteError::UnknownTicketType(1)));
    assert_eq!(of(Some(&code(Discount::Access))), Ok(euros("30.00")));
    let mut named = code(Discount::Percent(rate("0.5")));
    named.ticket_type_ids = vec![list.ticket_types[1].id];
    assert_eq!(of(Some(&named)), Ok(euros("20.00")));
}

#[test]
fn rounding_is_as_coarse_as_the_gateway() {
    let kind = FeeKind::Percent { rate: rate("0.033"), cap: None };
    let dinar = with_fee(list("KWD", &["1.120", "3.500"], "0.05", false), kind);
    let quote = quoted(&dinar, None);
    assert_eq!(parts(&quote, |line| line.fee), ["0.04", "0.12"]);
    assert_eq!(parts(&quote, |line| line.tax), ["0.06", "0.18"]);
    assert_eq!(quote.totals.total.gateway_amount(), Ok(5020));
    let yen = with_fee(list("JPY", &["10000"], "0.10", true), kind);
    assert_eq!(quoted(&yen, None).totals.total.gateway_amount(), Ok(10_330));
}

#[test]
fn a_total_below_the_minimum_is_told_and_nothing_is_enough() {
    let minimum = Money::gateway_minimum("EUR".parse().unwrap());
    assert!(check_minimum(euros("0.49"), minimum).is_err());
    for enough in ["0", "0.50", "120"] {
        assert_eq!(check_minimum(money(enough, "EUR"), minimum), Ok(()));
    }
    assert_eq!(check_minimum(money("0.01", "XPF"), None), Ok(()));
}
