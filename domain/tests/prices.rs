//! The rule of prices over every kind of currency, tax, fee and code: lines add up to totals, whatever is asked.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a helper that fails should fail its test")]

mod support {
    pub mod money;
}

use std::cmp::Reverse;

use domain::{
    money::{Currency, Money, Percentage},
    payments::cancellation::{CancellationFee, cancel_lines},
    pricing::{fees::FeeKind, quote::quote},
    promo_codes::Discount,
};
use jiff::Timestamp;
use proptest::prelude::*;
use rust_decimal::Decimal;
use support::money::{amount_in, currency, rate, sale};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Money {
    Money::sum(currency, amounts).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_allocation_loses_nothing(
        money in currency().prop_flat_map(|currency| amount_in(currency, -10_000_000..=10_000_000)),
        weights in prop::collection::vec(0_u64..=1_000, 1..20),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let shares = money.allocate(&weights).unwrap();
        prop_assert_eq!(sum(money.currency, shares.iter().copied()), money);
        prop_assert!(shares.iter().all(Money::is_payable));
        // Nobody gets a share that is away from the exact one by a smallest amount or more, and zero weighs nothing.
        let total: u64 = weights.iter().sum();
        let smallest = Decimal::new(1, money.currency.payable_digits());
        for (share, weight) in shares.iter().zip(&weights) {
            let exact = money.amount * Decimal::from(*weight) / Decimal::from(total);
            prop_assert!((share.amount - exact).abs() < smallest);
            prop_assert!(*weight > 0 || share.is_free());
        }
        // The opposite amount is shared out as the opposite.
        let opposite = Money::new(-money.amount, money.currency).allocate(&weights).unwrap();
        prop_assert!(shares.iter().zip(opposite).all(|(share, other)| share.amount == -other.amount));
        // Equals differ by a smallest amount at most, the first being the larger ones.
        let even = Money::new(money.amount.abs(), money.currency).split(weights.len()).unwrap();
        prop_assert!(even.is_sorted_by_key(|share| Reverse(share.amount)));
        prop_assert!(even[0].amount - even[even.len() - 1].amount <= smallest);
    }

    #[test]
    fn lines_add_up_to_the_total(sale in sale()) {
        let priced = quote(&sale.list, sale.code.as_ref(), &sale.tickets, NOW).unwrap();
        let (totals, currency) = (priced.totals, sale.list.currency);
        let lines = || priced.lines.iter();
        prop_assert_eq!(sum(currency, lines().map(|line| line.price)), totals.price);
        prop_assert_eq!(sum(currency, lines().map(|line| line.discount)), totals.discount);
        prop_assert_eq!(sum(currency, lines().map(|line| line.fee)), totals.fees);
        prop_assert_eq!(sum(currency, lines().map(|line| line.tax)), totals.tax);
        prop_assert_eq!(sum(currency, lines().map(|line| line.total(totals.tax_included).unwrap())), totals.total);
        let on_top = if totals.tax_included { Decimal::ZERO } else { totals.tax.amount };
        let expected = totals.price.amount - totals.discount.amount + totals.fees.amount + on_top;
        prop_assert_eq!(expected, totals.total.amount);
        prop_assert!(totals.total.gateway_amount().is_ok());
    }

    #[test]
    fn every_part_of_a_line_can_be_paid_and_is_in_its_bounds(sale in sale()) {
        let priced = quote(&sale.list, sale.code.as_ref(), &sale.tickets, NOW).unwrap();
        let per_booking = |kind: &FeeKind| match kind {
            FeeKind::FixedPerBooking(fee) => Some(*fee),
            _ => None,
        };
        let shared = sum(sale.list.currency, sale.list.fees.iter().filter_map(|fee| per_booking(&fee.kind)));
        for line in &priced.lines {
            let discounted = line.discounted_price().unwrap();
            let parts = [line.price, line.discount, line.fee, line.tax, discounted];
            prop_assert!(parts.iter().all(|part| part.is_payable() && !part.is_negative()), "{:?}", line);
            prop_assert!(!discounted.is_free() || (line.fee.is_free() && line.tax.is_free()), "{:?}", line);
            // No more than every fee at its cap, or whole, on top of each other.
            let most = sale.list.fees.iter().map(|fee| match fee.kind {
                FeeKind::Percent { rate, cap } => {
                    let uncapped = discounted.share(rate).unwrap();
                    cap.map_or(uncapped, |cap| uncapped.checked_min(cap).unwrap())
                }
                FeeKind::FixedPerTicket(fee) => fee,
                FeeKind::FixedPerBooking(_) => Money::zero(sale.list.currency),
            });
            let most = sum(sale.list.currency, most).amount + shared.amount;
            prop_assert!(line.fee.amount <= most, "{:?}", line);
        }
    }

    /// What one ticket costs in itself depends on no other ticket; only shares of a fee per booking do.
    #[test]
    fn a_ticket_costs_the_same_beside_others(mut sale in sale()) {
        sale.list.fees.retain(|fee| !matches!(fee.kind, FeeKind::FixedPerBooking(_)));
        let code = sale.code.as_ref().filter(|code| code.ticket_type_ids.is_empty());
        let together = quote(&sale.list, code, &sale.tickets, NOW).unwrap();
        for (line, ticket) in together.lines.iter().zip(&sale.tickets) {
            prop_assert_eq!(*line, quote(&sale.list, code, &[*ticket], NOW).unwrap().lines[0]);
        }
    }

    #[test]
    fn a_discount_of_everything_leaves_nothing_to_pay(mut sale in sale()) {
        let Some(code) = &mut sale.code else { return Ok(()) };
        code.discount = Discount::Percent(Percentage::ONE);
        code.ticket_type_ids = Vec::new();
        prop_assert!(quote(&sale.list, sale.code.as_ref(), &sale.tickets, NOW).unwrap().totals.total.is_free());
    }

    /// However a booking is cancelled, ticket by ticket or in larger parts, what goes back and what is kept are what was paid.
    #[test]
    fn parts_of_a_cancellation_add_up_to_the_whole(
        sale in sale(),
        percent in prop::option::of(rate()),
        fixed in 0_i64..5_000,
        seed in any::<u64>(),
    ) {
        let priced = quote(&sale.list, sale.code.as_ref(), &sale.tickets, NOW).unwrap();
        let (currency, paid) = (sale.list.currency, priced.totals.total);
        let fixed = Money::rounded(Decimal::new(fixed, 2), currency).unwrap();
        let fee = Some(percent.map_or(CancellationFee::Fixed(fixed), CancellationFee::Percent));
        let mut totals: Vec<Money> =
            priced.lines.iter().map(|line| line.total(priced.totals.tax_included).unwrap()).collect();
        let whole = cancel_lines(currency, &totals, fee, paid).unwrap();
        prop_assert_eq!(sum(currency, [whole.refund, whole.kept]), paid);
        prop_assert!(whole.cut.is_free());

        let (mut left, mut refund, mut kept) = (paid, Money::zero(currency), Money::zero(currency));
        let mut dice = seed;
        while !totals.is_empty() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (dice >> 33) as usize % totals.len();
            let size = 1 + (dice >> 40) as usize % (totals.len() - at);
            let part: Vec<Money> = totals.drain(at..at + size).collect();
            let cancelled = cancel_lines(currency, &part, fee, left).unwrap();
            left = left.checked_sub(cancelled.refund).unwrap();
            refund = refund.checked_add(cancelled.refund).unwrap();
            kept = kept.checked_add(cancelled.kept).unwrap();
        }
        prop_assert_eq!((refund, kept), (whole.refund, whole.kept));
        prop_assert_eq!(left, kept);
    }
}
