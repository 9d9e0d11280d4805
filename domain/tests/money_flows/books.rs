//! A random life of one booking's money; after each step the books balance.

use domain::{
    money::{Currency, Money},
    payments::{
        ManualMethod,
        cancellation::{CancellationFee, cancel_lines, check_refund},
        refund::{RefundCause, RefundState},
        statement::{BookEntry, BooksError, DisputeState, PaidThrough, Statement},
    },
    pricing::quote::quote,
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::support::money::{Sale, rate, sale};

/// What may happen after a booking was paid. Numbers are reduced to what there is.
#[derive(Clone, Debug)]
enum Step {
    Cancel {
        first: usize,
        count: usize,
        by_organizer: bool,
    },
    RefundAmount {
        part: u8,
    },
    /// Another attempt of a paid booking is paid too, and its money goes back.
    ChargedAgain,
    /// A refund arrives, or fails, perhaps after it was said to have arrived.
    Settle {
        which: usize,
        succeeds: bool,
    },
    /// A refund that failed is made again.
    Repeat {
        which: usize,
    },
    Dispute {
        is_won: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<usize>(), 1..4_usize, any::<bool>()).prop_map(|(first, count, by_organizer)| Step::Cancel {
            first,
            count,
            by_organizer
        }),
        any::<u8>().prop_map(|part| Step::RefundAmount { part }),
        Just(Step::ChargedAgain),
        (any::<usize>(), any::<bool>()).prop_map(|(which, succeeds)| Step::Settle { which, succeeds }),
        any::<usize>().prop_map(|which| Step::Repeat { which }),
        any::<bool>().prop_map(|is_won| Step::Dispute { is_won }),
    ]
}

struct Books {
    currency: Currency,
    through: PaidThrough,
    fee: CancellationFee,
    entries: Vec<BookEntry>,
    /// What tickets cost that are not cancelled.
    valid: Vec<Money>,
    total: Money,
}

impl Books {
    fn paid(sale: &Sale, through: PaidThrough, fee: CancellationFee) -> Self {
        let priced = quote(&sale.list, sale.code.as_ref(), &sale.tickets, Timestamp::UNIX_EPOCH).unwrap();
        let (total, tax_included) = (priced.totals.total, priced.totals.tax_included);
        let mut entries = vec![BookEntry::Charged { amount: total, through }];
        entries.extend(priced.lines.iter().map(|line| BookEntry::Sold { line: *line, tax_included }));
        let valid = priced.lines.iter().map(|line| line.total(tax_included).unwrap()).collect();
        Self { currency: sale.list.currency, through, fee, entries, valid, total }
    }

    fn statement(&self) -> Statement {
        Statement::of(self.currency, self.entries.iter().copied()).unwrap()
    }

    fn refund(&mut self, amount: Money, cause: RefundCause) {
        if !amount.is_free() {
            let (state, through) = (RefundState::Pending, self.through);
            self.entries.push(BookEntry::Refund { amount, cause, state, through });
        }
    }

    fn refunds(&mut self, have_failed: bool) -> Vec<&mut BookEntry> {
        let is_wanted = |entry: &&mut BookEntry| matches!(entry, BookEntry::Refund { state, .. } if (*state == RefundState::Failed) == have_failed);
        self.entries.iter_mut().filter(is_wanted).collect()
    }

    fn take(&mut self, step: &Step) {
        let left = self.statement().refundable().unwrap();
        match *step {
            Step::Cancel { first, count, by_organizer } if !self.valid.is_empty() => {
                let first = first % self.valid.len();
                let lines: Vec<Money> = self.valid.drain(first..(first + count).min(self.valid.len())).collect();
                let cancelled = cancel_lines(self.currency, &lines, (!by_organizer).then_some(self.fee), left).unwrap();
                for (line, parts) in lines.iter().zip(&cancelled.lines) {
                    let (line_total, kept, cut) = (*line, parts.kept, parts.cut);
                    self.entries.push(BookEntry::Cancelled { line_total, kept, cut });
                }
                self.refund(cancelled.refund, RefundCause::Tickets);
            }
            Step::RefundAmount { part } => {
                let wanted = left.amount * rust_decimal::Decimal::from(part) / rust_decimal::Decimal::from(255);
                let amount = Money::rounded(wanted, self.currency).unwrap();
                if check_refund(amount, left).is_ok() {
                    self.refund(amount, RefundCause::Amount);
                }
            }
            Step::ChargedAgain => {
                self.entries.push(BookEntry::Charged { amount: self.total, through: self.through });
                self.refund(self.total, RefundCause::Unneeded);
            }
            Step::Settle { which, succeeds } => {
                let told = if succeeds { RefundState::Succeeded } else { RefundState::Failed };
                let mut live = self.refunds(false);
                let at = which.checked_rem(live.len());
                if let Some(BookEntry::Refund { state, .. }) = at.map(|at| &mut *live[at]) {
                    *state = state.on(told);
                }
            }
            Step::Repeat { which } => {
                let mut failed = self.refunds(true);
                let at = which.checked_rem(failed.len());
                // It takes the place of the failed one, which is left out. An amount that nobody is owed may be above what is left by now.
                if let Some(BookEntry::Refund { amount, cause, state, .. }) = at.map(|at| &mut *failed[at])
                    && (cause.is_owed() || check_refund(*amount, left).is_ok())
                {
                    *state = RefundState::Pending;
                }
            }
            Step::Dispute { is_won } => {
                let state = if is_won { DisputeState::Won } else { DisputeState::Lost };
                self.entries.push(BookEntry::Dispute { amount: self.total, state });
            }
            Step::Cancel { .. } => {}
        }
    }
}

fn through() -> impl Strategy<Value = PaidThrough> {
    prop::sample::select(vec![
        PaidThrough::Gateway,
        PaidThrough::Hand(ManualMethod::Cash),
        PaidThrough::Hand(ManualMethod::Complimentary),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_books_balance_after_every_step(
        sale in sale(),
        through in through(),
        percent in rate(),
        steps in prop::collection::vec(step(), 0..20),
    ) {
        let mut books = Books::paid(&sale, through, CancellationFee::Percent(percent));
        prop_assert_eq!(books.statement().check(), Ok(()));
        for step in &steps {
            books.take(step);
            let statement = books.statement();
            prop_assert_eq!(statement.check(), Ok(()), "after {:?}", step);
            prop_assert!(!statement.refundable().unwrap().is_negative(), "after {:?}", step);
        }
    }

    /// When all is cancelled and every refund has arrived, what was paid is what went back and what was kept.
    #[test]
    fn of_a_booking_that_is_cancelled_as_a_whole_only_fees_are_left(
        sale in sale(),
        percent in rate(),
        parts in prop::collection::vec((any::<usize>(), 1..4_usize), 0..20),
    ) {
        let mut books = Books::paid(&sale, PaidThrough::Gateway, CancellationFee::Percent(percent));
        for (first, count) in parts {
            books.take(&Step::Cancel { first, count, by_organizer: false });
        }
        while !books.valid.is_empty() {
            books.take(&Step::Cancel { first: 0, count: 1, by_organizer: false });
        }
        let statement = books.statement();
        prop_assert_eq!(statement.refunds.checked_add(statement.kept), Ok(statement.charged));
        prop_assert_eq!((statement.refundable(), statement.net()), (Ok(statement.kept), Ok(statement.kept)));
        prop_assert!(statement.valid.is_free());
    }
}

fn euros(amount: &str) -> Money {
    Money::new(amount.parse().unwrap(), "EUR".parse().unwrap())
}

#[test]
fn what_was_given_away_is_shown_apart_and_earns_nothing() {
    let complimentary = PaidThrough::Hand(ManualMethod::Complimentary);
    let charged = |amount, through| BookEntry::Charged { amount: euros(amount), through };
    let entries = [charged("30", complimentary), charged("20", PaidThrough::Hand(ManualMethod::Cash))];
    let statement = Statement::of("EUR".parse().unwrap(), entries).unwrap();
    assert_eq!((statement.charged, statement.complimentary), (euros("50"), euros("30")));
    assert_eq!(statement.net(), Ok(euros("20")));
}

#[test]
fn a_dispute_takes_money_and_is_no_refund() {
    let dispute = |state| BookEntry::Dispute { amount: euros("20"), state };
    let charged = BookEntry::Charged { amount: euros("20"), through: PaidThrough::Gateway };
    let net = |entry| Statement::of("EUR".parse().unwrap(), [charged, entry]).unwrap().net().unwrap();
    assert_eq!(net(dispute(DisputeState::Open)), euros("0"));
    assert_eq!(net(dispute(DisputeState::Lost)), euros("0"));
    assert_eq!(net(dispute(DisputeState::Won)), euros("20"));
}

/// Guards: the check itself.
#[test]
fn books_that_lack_a_cent_do_not_balance() {
    let charged = BookEntry::Charged { amount: euros("20.00"), through: PaidThrough::Gateway };
    let cancelled = BookEntry::Cancelled { line_total: euros("-19.99"), kept: euros("0"), cut: euros("0") };
    let statement = Statement::of("EUR".parse().unwrap(), [charged, cancelled]).unwrap();
    assert_eq!(statement.check(), Err(BooksError::Unbalanced { has: euros("20.00"), accounted: euros("19.99") }));
}
