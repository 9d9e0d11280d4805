//! Random lives of a booking and its attempts, with a gateway that acts on its own and a network that repeats, delays and disorders what it
//! tells: nothing is charged twice, no money is lost, and nothing waits for ever.

use domain::{
    bookings::BookingStatus,
    money::{Currency, Money},
    payments::{
        attempt::{MoneyDestination, PaymentEffect, PaymentEvent, PaymentState, money_destination},
        gateway::{GatewayState, PaymentFailure},
        refund::{RefundCause, RefundState},
        statement::{BookEntry, PaidThrough, Statement},
    },
    pricing::PriceLine,
};
use proptest::prelude::*;

/// A payment at the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtGateway {
    /// The request to begin it was lost on the way, or is late.
    Unheard,
    Waits,
    Works,
    Paid,
    Failed,
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    state: PaymentState,
    at_gateway: AtGateway,
    /// The gateway is still to be told that it is over.
    to_close: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// The buyer begins another attempt.
    Pay,
    /// The gateway goes on with a payment.
    GatewayActs {
        which: usize,
        dice: u8,
    },
    /// One of the messages arrives, and perhaps once more later.
    Deliver {
        which: usize,
        again: bool,
    },
    /// The gateway is told of one that is over here.
    Close {
        which: usize,
    },
    CancelBooking,
    ExpireBooking,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Pay),
        6 => (any::<usize>(), any::<u8>()).prop_map(|(which, dice)| Step::GatewayActs { which, dice }),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, again)| Step::Deliver { which, again }),
        2 => any::<usize>().prop_map(|which| Step::Close { which }),
        1 => Just(Step::CancelBooking),
        1 => Just(Step::ExpireBooking),
    ]
}

struct Life {
    total: Money,
    booking: BookingStatus,
    attempts: Vec<Attempt>,
    /// On its way: the attempt, and what is told of it.
    network: Vec<(usize, GatewayState)>,
    entries: Vec<BookEntry>,
    /// Whether places can be had again after the booking has expired.
    reacquires: bool,
}

impl Life {
    fn new(total: Money, reacquires: bool) -> Self {
        let booking = BookingStatus::PendingPayment;
        Self { total, booking, attempts: Vec::new(), network: Vec::new(), entries: Vec::new(), reacquires }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Pay => self.pay(),
            Step::GatewayActs { which, dice } => self.gateway_acts(which, dice),
            Step::Deliver { which, again } => {
                if let Some(at) = which.checked_rem(self.network.len()) {
                    let (attempt, told) = self.network[at].clone();
                    if !again {
                        self.network.swap_remove(at);
                    }
                    self.hear(attempt, told.event(self.booking));
                }
            }
            Step::Close { which } => self.close(which),
            Step::CancelBooking => self.cancel_booking(),
            Step::ExpireBooking if self.booking == BookingStatus::PendingPayment => {
                self.booking = BookingStatus::Expired;
                (0..self.attempts.len()).for_each(|at| self.hear(at, PaymentEvent::BookingExpired));
            }
            Step::ExpireBooking => {}
        }
    }

    fn pay(&mut self) {
        let in_progress = self.attempts.iter().any(|attempt| attempt.state.is_in_progress());
        if self.booking != BookingStatus::PendingPayment || in_progress {
            return;
        }
        (0..self.attempts.len()).for_each(|at| self.hear(at, PaymentEvent::Superseded));
        self.attempts.push(Attempt { state: PaymentState::Started, at_gateway: AtGateway::Unheard, to_close: false });
    }

    fn gateway_acts(&mut self, which: usize, dice: u8) {
        let Some(at) = which.checked_rem(self.attempts.len()) else { return };
        let was = self.attempts[at].at_gateway;
        let is = match (was, dice % 4) {
            (AtGateway::Unheard, 0) => AtGateway::Waits,
            (AtGateway::Unheard | AtGateway::Waits, 1) => AtGateway::Works,
            (AtGateway::Unheard | AtGateway::Waits | AtGateway::Works, 2) => AtGateway::Paid,
            (AtGateway::Unheard | AtGateway::Waits | AtGateway::Works, 3) => AtGateway::Failed,
            _ => was,
        };
        self.attempts[at].at_gateway = is;
        self.tell(at);
    }

    /// The gateway tells how a payment stands.
    fn tell(&mut self, at: usize) {
        let failure = || PaymentFailure { code: "card_declined".to_owned(), message: String::new() };
        let told = match self.attempts[at].at_gateway {
            AtGateway::Unheard => return,
            AtGateway::Waits => GatewayState::ActionRequired,
            AtGateway::Works => GatewayState::Processing,
            AtGateway::Paid => GatewayState::Succeeded,
            AtGateway::Failed => GatewayState::Failed(failure()),
            AtGateway::Closed => GatewayState::Cancelled,
        };
        self.network.push((at, told));
    }

    fn close(&mut self, which: usize) {
        let Some(at) = which.checked_rem(self.attempts.len()) else { return };
        let attempt = &mut self.attempts[at];
        // What it works on can't be stopped any more.
        if std::mem::take(&mut attempt.to_close)
            && matches!(attempt.at_gateway, AtGateway::Unheard | AtGateway::Waits | AtGateway::Failed)
        {
            attempt.at_gateway = AtGateway::Closed;
        }
        self.tell(at);
    }

    fn hear(&mut self, at: usize, event: PaymentEvent) {
        let effect;
        (self.attempts[at].state, effect) = self.attempts[at].state.on(event);
        match effect {
            PaymentEffect::MoneyCame => self.money_came(),
            PaymentEffect::CloseAtGateway => self.attempts[at].to_close = true,
            PaymentEffect::Nothing => {}
            PaymentEffect::Refuse => panic!("nothing is superseded that is in progress"),
        }
    }

    fn money_came(&mut self) {
        let (amount, through) = (self.total, PaidThrough::Gateway);
        self.entries.push(BookEntry::Charged { amount, through });
        let pays = match money_destination(self.booking, amount, self.total) {
            MoneyDestination::Confirm => true,
            MoneyDestination::Reacquire => self.reacquires,
            MoneyDestination::Refund => false,
        };
        if pays {
            self.booking = BookingStatus::Confirmed;
            let line = PriceLine { price: amount, ..PriceLine::free(amount.currency) };
            self.entries.push(BookEntry::Sold { line, tax_included: true });
        } else {
            self.refund(RefundCause::Unneeded);
        }
    }

    fn refund(&mut self, cause: RefundCause) {
        let (amount, state, through) = (self.total, RefundState::Pending, PaidThrough::Gateway);
        self.entries.push(BookEntry::Refund { amount, cause, state, through });
    }

    fn cancel_booking(&mut self) {
        match self.booking {
            BookingStatus::Confirmed => {
                let zero = Money::zero(self.total.currency);
                self.entries.push(BookEntry::Cancelled { line_total: self.total, kept: zero, cut: zero });
                self.refund(RefundCause::Tickets);
            }
            BookingStatus::PendingPayment => {}
            BookingStatus::Cancelled | BookingStatus::Expired => return,
        }
        self.booking = BookingStatus::Cancelled;
        (0..self.attempts.len()).for_each(|at| self.hear(at, PaymentEvent::BookingCancelled));
    }

    /// Time passes: the booking expires, jobs are done, the gateway ends what it works on, and reconciliation hears of everything.
    fn come_to_rest(&mut self) {
        self.take(&Step::ExpireBooking);
        for at in 0..self.attempts.len() {
            match self.attempts[at].at_gateway {
                AtGateway::Unheard => self.hear(at, PaymentEvent::NeverBegun),
                AtGateway::Works => self.attempts[at].at_gateway = AtGateway::Paid,
                _ => {}
            }
        }
        // Closing what waits is told, and telling it may ask for closing.
        for _ in 0..2 {
            (0..self.attempts.len()).for_each(|at| self.close(at));
            while let Some((at, told)) = self.network.pop() {
                self.hear(at, told.event(self.booking));
            }
        }
    }

    fn statement(&self) -> Statement {
        let currency: Currency = self.total.currency;
        Statement::of(currency, self.entries.iter().copied()).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn nothing_is_charged_twice_or_lost_or_waits_for_ever(
        steps in prop::collection::vec(step(), 0..60),
        reacquires in any::<bool>(),
    ) {
        let total = Money::new(20.into(), "EUR".parse().unwrap());
        let mut life = Life::new(total, reacquires);
        for step in &steps {
            life.take(step);
            let statement = life.statement();
            prop_assert_eq!(statement.check(), Ok(()), "after {:?}", step);
            // What stays is one booking's money, and that of a booking which has its places.
            let kept = if life.booking == BookingStatus::Confirmed { total } else { Money::zero(total.currency) };
            prop_assert_eq!(statement.balance(), Ok(kept), "after {:?}", step);
        }
        life.come_to_rest();
        prop_assert!(life.attempts.iter().all(|attempt| attempt.state.is_over() && !attempt.to_close), "{:?}", life.attempts);
        prop_assert!(life.booking != BookingStatus::PendingPayment);
        // Every payment that the gateway has charged is in the books, once.
        let paid = life.attempts.iter().filter(|attempt| attempt.at_gateway == AtGateway::Paid).count();
        prop_assert_eq!(life.statement().charged.amount, total.amount * rust_decimal::Decimal::from(paid));
    }
}
