//! What the application hands to the ledger when places are cancelled: whatever is cancelled and refunded in whatever order, the books of the
//! booking balance, and no more goes back than was paid.

use domain::{
    bookings::Positions,
    ids::PaymentId,
    money::Money,
    payments::{
        books::{CancellationRequest, PaidBooking},
        cancellation::{CancellationFee, check_refund},
        refund::{RefundCause, RefundState},
        statement::{BookEntry, PaidThrough, Statement},
    },
    pricing::quote::quote,
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::support::money::{rate, sale};

/// Numbers are reduced to what there is.
#[derive(Clone, Debug)]
enum Step {
    Cancel { places: Vec<usize>, by_organizer: bool },
    RefundAmount { part: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (prop::collection::vec(any::<usize>(), 1..4), any::<bool>())
            .prop_map(|(places, by_organizer)| Step::Cancel { places, by_organizer }),
        1 => any::<u8>().prop_map(|part| Step::RefundAmount { part }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_handed_to_the_ledger_keeps_the_books(
        sale in sale(),
        percent in rate(),
        steps in prop::collection::vec(step(), 0..12),
    ) {
        let priced = quote(&sale.list, sale.code.as_ref(), &sale.tickets, Timestamp::UNIX_EPOCH).unwrap();
        let (total, tax_included, currency) = (priced.totals.total, priced.totals.tax_included, sale.list.currency);
        let lines: Vec<Money> = priced.lines.iter().map(|line| line.total(tax_included).unwrap()).collect();
        let (through, zero) = (PaidThrough::Gateway, Money::zero(currency));
        let mut paid =
            PaidBooking { payment_id: PaymentId::generate(), amount: total, through, gone: zero, paid_at: Timestamp::UNIX_EPOCH };
        let mut entries = vec![BookEntry::Charged { amount: total, through }];
        entries.extend(priced.lines.iter().map(|line| BookEntry::Sold { line: *line, tax_included }));
        let refund = |amount, cause| BookEntry::Refund { amount, cause, state: RefundState::Succeeded, through };
        let mut cancelled = Positions::default();
        for step in &steps {
            match step {
                Step::Cancel { places, by_organizer } => {
                    let at = |place: &usize| u8::try_from(place % lines.len()).unwrap();
                    let positions: Positions =
                        places.iter().map(at).filter(|at| !cancelled.contains(*at)).collect();
                    let fee = (!by_organizer).then_some(CancellationFee::Percent(percent));
                    let request =
                        CancellationRequest { fee, reason: None, account_id: None, key: None, beyond_terms: *by_organizer };
                    let of_these: Vec<Money> = positions.iter().map(|at| lines[usize::from(at)]).collect();
                    let new = request.of(positions, &of_these, zero, Some(&paid)).unwrap();
                    prop_assert_eq!(new.gone_before, paid.gone);
                    let line_total = Money::sum(currency, of_these).unwrap();
                    entries.push(BookEntry::Cancelled { line_total, kept: new.kept, cut: new.cut });
                    if let Some(new) = new.refund {
                        prop_assert!(!new.amount.is_free() && !new.amount.is_negative());
                        entries.push(refund(new.amount, RefundCause::Tickets));
                        paid.gone = paid.gone.checked_add(new.amount).unwrap();
                    }
                    cancelled = cancelled.and(positions);
                }
                Step::RefundAmount { part } => {
                    let left = paid.left().unwrap();
                    let wanted = left.amount * rust_decimal::Decimal::from(*part) / rust_decimal::Decimal::from(255);
                    let amount = Money::rounded(wanted, currency).unwrap();
                    if check_refund(amount, left).is_ok() {
                        entries.push(refund(amount, RefundCause::Amount));
                        paid.gone = paid.gone.checked_add(amount).unwrap();
                    }
                }
            }
            let statement = Statement::of(currency, entries.iter().copied()).unwrap();
            prop_assert_eq!(statement.check(), Ok(()), "after {:?}", step);
            prop_assert!(paid.gone.amount <= total.amount, "after {:?}", step);
            prop_assert_eq!(statement.refundable(), paid.left());
        }
    }

    /// Nothing goes back of what nobody has paid.
    #[test]
    fn an_unpaid_booking_gives_nothing_back(places in 1..100_usize) {
        let zero = Money::zero("EUR".parse().unwrap());
        let request = CancellationRequest { fee: None, reason: None, account_id: None, key: None, beyond_terms: false };
        let lines = vec![Money::new(9.into(), zero.currency); places];
        let new = request.of(Positions::first(places), &lines, zero, None).unwrap();
        prop_assert_eq!((new.kept, new.cut, new.gone_before, new.refund), (zero, zero, zero, None));
    }
}
