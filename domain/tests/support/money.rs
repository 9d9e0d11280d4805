//! Random prices: currencies of every kind, taxes, fees, codes and tickets.

use std::ops::RangeInclusive;

use domain::{
    ids::TicketTypeId,
    money::{Currency, Money, Percentage},
    pricing::{
        fees::{Fee, FeeKind},
        price_list::{PriceList, PricedTicketType},
    },
    promo_codes::{CodeName, Discount, PromoCode},
};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Of each kind: no, two and three digits, and those that the gateway writes in another way or takes in coarser steps.
const CURRENCIES: [&str; 9] = ["EUR", "CHF", "JPY", "UGX", "ISK", "MGA", "KWD", "LYD", "HUF"];

pub fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(&CURRENCIES[..]).prop_map(|code| code.parse().unwrap())
}

/// So many of the smallest amounts that can be paid.
pub fn amount_in(currency: Currency, units: RangeInclusive<i64>) -> impl Strategy<Value = Money> {
    units.prop_map(move |units| Money::new(Decimal::new(units, currency.payable_digits()), currency))
}

/// Round ones as laws have them, and any other.
pub fn rate() -> impl Strategy<Value = Percentage> {
    let any = (0_i64..=1_000_000).prop_map(|millionths| Decimal::new(millionths, 6));
    let usual = ["0", "0.025", "0.07", "0.077", "0.10", "0.19", "0.25", "1"].map(|text| text.parse().unwrap());
    prop_oneof![prop::sample::select(usual.to_vec()), any].prop_map(|fraction| Percentage::new(fraction).unwrap())
}

/// What is sold, and who asks for what of it.
#[derive(Clone, Debug)]
pub struct Sale {
    pub list: PriceList,
    pub code: Option<PromoCode>,
    /// Not empty; the code applies to the first of them.
    pub tickets: Vec<TicketTypeId>,
}

fn fee(currency: Currency) -> impl Strategy<Value = Fee> {
    let percent = (rate(), prop::option::of(amount_in(currency, 0..=3_000)));
    let kind = prop_oneof![
        percent.prop_map(|(rate, cap)| FeeKind::Percent { rate, cap }),
        amount_in(currency, 0..=1_000).prop_map(FeeKind::FixedPerTicket),
        amount_in(currency, 0..=1_000).prop_map(FeeKind::FixedPerBooking),
    ];
    kind.prop_map(|kind| Fee { name: "Service".to_owned(), kind })
}

fn ticket_type(currency: Currency) -> impl Strategy<Value = PricedTicketType> {
    let price = prop_oneof![1 => Just(Money::zero(currency)), 6 => amount_in(currency, 1..=100_000)];
    (price, prop::option::weighted(0.2, rate())).prop_map(|(price, tax_rate)| PricedTicketType {
        id: TicketTypeId::generate(),
        price,
        tax_rate,
        hidden: false,
    })
}

fn discount(currency: Currency) -> impl Strategy<Value = Discount> {
    prop_oneof![
        rate().prop_map(Discount::Percent),
        amount_in(currency, 1..=50_000).prop_map(Discount::Fixed),
        Just(Discount::Access),
    ]
}

pub fn sale() -> impl Strategy<Value = Sale> {
    currency().prop_flat_map(|currency| {
        let fees = prop::collection::vec(fee(currency), 0..4);
        let types = prop::collection::vec(ticket_type(currency), 1..4);
        let list =
            (rate(), any::<bool>(), fees, types).prop_map(move |(tax_rate, tax_included, fees, ticket_types)| {
                PriceList { currency, tax_rate, tax_included, fees, ticket_types }
            });
        let code = prop::option::of((discount(currency), any::<bool>()));
        (list, code, prop::collection::vec(any::<prop::sample::Index>(), 1..12)).prop_map(assemble)
    })
}

fn assemble((list, code, picks): (PriceList, Option<(Discount, bool)>, Vec<prop::sample::Index>)) -> Sale {
    let tickets: Vec<TicketTypeId> = picks.iter().map(|pick| pick.get(&list.ticket_types).id).collect();
    let code = code.map(|(discount, for_all)| PromoCode {
        code: CodeName::parse("code", "SPRING").unwrap(),
        discount,
        uses: None,
        uses_per_account: None,
        ticket_type_ids: if for_all { Vec::new() } else { vec![tickets[0]] },
        starts_at: None,
        ends_at: None,
    });
    Sale { list, code, tickets }
}
