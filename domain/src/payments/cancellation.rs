//! Cancelling what was paid: until when, and what is given back.
//!
//! Each cancelled ticket gives its own line back, as it was charged, less a fee. So however a booking is cancelled, at once or ticket by
//! ticket, the same comes out.

use jiff::Timestamp;

use crate::money::{Currency, Money, MoneyError, Percentage};

/// What an organizer keeps of each cancelled ticket that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancellationFee {
    Percent(Percentage),
    /// Per ticket, at most what was paid for it.
    Fixed(Money),
}

/// On which terms buyers cancel. Organizers are not bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancellationPolicy {
    /// The first instant at which buyers can't cancel any more; the beginning of the event when nothing is said.
    pub allowed_until: Option<Timestamp>,
    pub fee: CancellationFee,
}

/// Buyers cancel until the event begins, and get everything back.
impl Default for CancellationPolicy {
    fn default() -> Self {
        Self::percent(Percentage::ZERO)
    }
}

impl CancellationPolicy {
    pub fn percent(rate: Percentage) -> Self {
        Self { allowed_until: None, fee: CancellationFee::Percent(rate) }
    }

    /// Until when buyers may cancel an event that begins then.
    pub fn deadline(&self, starts_at: Timestamp) -> Timestamp {
        self.allowed_until.unwrap_or(starts_at)
    }

    pub fn allows(&self, now: Timestamp, starts_at: Timestamp) -> bool {
        now < self.deadline(starts_at)
    }
}

/// Until when the buyer of one booking may cancel, and on which terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancellationTerms {
    pub policy: CancellationPolicy,
    pub starts_at: Timestamp,
    /// When the event was to begin, as it was said when the booking was made.
    pub promised_at: Timestamp,
    /// Whoever has booked what does not take place gets everything back, whenever.
    pub event_is_cancelled: bool,
}

impl CancellationTerms {
    /// The first instant at which the buyer can't cancel any more. Whoever bought for another time than it is now may cancel until it begins.
    pub fn deadline(&self) -> Timestamp {
        let deadline = self.policy.deadline(self.starts_at);
        if self.promised_at == self.starts_at { deadline } else { deadline.max(self.starts_at) }
    }

    pub fn allows(&self, now: Timestamp) -> bool {
        self.event_is_cancelled || now < self.deadline()
    }

    /// What is kept of each ticket; nothing of an event that does not take place.
    pub fn fee(&self) -> Option<CancellationFee> {
        (!self.event_is_cancelled).then_some(self.policy.fee)
    }
}

impl CancellationFee {
    /// What is kept of a ticket for which so much was paid.
    pub fn of(self, line_total: Money) -> Result<Money, MoneyError> {
        match self {
            Self::Percent(rate) => line_total.share(rate),
            Self::Fixed(fee) => fee.checked_min(line_total),
        }
    }
}

/// What becomes of the money that was paid for one cancelled ticket: `refund + kept + cut` is its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelledLine {
    pub refund: Money,
    /// The organizer's fee.
    pub kept: Money,
    /// What is not given back because an earlier refund by amount has taken it already.
    pub cut: Money,
}

/// What cancelled tickets give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledLines {
    /// In the order of the tickets.
    pub lines: Vec<CancelledLine>,
    pub refund: Money,
    pub kept: Money,
    pub cut: Money,
}

/// Gives the lines of cancelled tickets back, less a fee each, and never more than is `left` of what was paid
/// ([`Statement::refundable`](super::statement::Statement::refundable)). Without a fee that is what an organizer gives back who cancels.
pub fn cancel_lines(
    currency: Currency,
    line_totals: &[Money],
    fee: Option<CancellationFee>,
    left: Money,
) -> Result<CancelledLines, MoneyError> {
    let (mut lines, mut left) = (Vec::with_capacity(line_totals.len()), left);
    for line in line_totals {
        let kept = fee.map_or(Ok(Money::zero(currency)), |fee| fee.of(*line))?;
        let due = line.checked_sub(kept)?;
        let refund = due.checked_min(left)?;
        left = left.checked_sub(refund)?;
        lines.push(CancelledLine { refund, kept, cut: due.checked_sub(refund)? });
    }
    let sum = |part: fn(&CancelledLine) -> Money| Money::sum(currency, lines.iter().map(part));
    let (refund, kept, cut) = (sum(|line| line.refund)?, sum(|line| line.kept)?, sum(|line| line.cut)?);
    Ok(CancelledLines { lines, refund, kept, cut })
}

/// Why an amount is not given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    #[error("only {left} is left of what was paid")]
    AboveLeft { left: Money },
    #[error("must be more than 0, and no more precise than can be paid")]
    NotPayable,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Whether so much can be given back without cancelling anything.
pub fn check_refund(amount: Money, left: Money) -> Result<(), RefundRefusal> {
    if amount.is_free() || amount.is_negative() || !amount.is_payable() {
        return Err(RefundRefusal::NotPayable);
    }
    if left.checked_sub(amount)?.is_negative() {
        return Err(RefundRefusal::AboveLeft { left });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn euros(amount: &str) -> Money {
        Money::new(amount.parse().unwrap(), "EUR".parse().unwrap())
    }

    fn cancelled(lines: &[&str], fee: Option<CancellationFee>, left: &str) -> CancelledLines {
        let lines: Vec<Money> = lines.iter().map(|line| euros(line)).collect();
        cancel_lines("EUR".parse().unwrap(), &lines, fee, euros(left)).unwrap()
    }

    #[test]
    fn another_date_opens_cancellation_again_until_the_new_beginning() {
        let (promised_at, hour) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let policy =
            CancellationPolicy { allowed_until: Some(promised_at - hour * 48), ..CancellationPolicy::default() };
        let mut terms = CancellationTerms { policy, starts_at: promised_at, promised_at, event_is_cancelled: false };
        assert!(terms.allows(promised_at - hour * 49) && !terms.allows(promised_at - hour * 48));
        for moved in [promised_at + hour, promised_at - hour] {
            terms.starts_at = moved;
            assert_eq!(terms.deadline(), moved);
            assert!(terms.allows(moved - hour) && !terms.allows(moved));
        }
        terms.event_is_cancelled = true;
        assert!(terms.allows(promised_at + hour * 9) && terms.fee().is_none());
    }

    #[test]
    fn a_policy_ends_at_its_deadline_or_when_the_event_begins() {
        let (begins, hour) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(1));
        let mut policy = CancellationPolicy::default();
        assert!(policy.allows(begins - hour, begins) && !policy.allows(begins, begins));
        policy.allowed_until = Some(begins - hour);
        assert!(!policy.allows(begins - hour, begins) && policy.allows(begins - hour * 2, begins));
    }

    #[test]
    fn a_fee_is_kept_of_each_ticket() {
        let tenth = CancellationFee::Percent(Percentage::parse("rate", "0.1").unwrap());
        let given_back = cancelled(&["10.05", "10.05", "0"], Some(tenth), "20.10");
        // Half-even: 1.005 is 1.00.
        assert_eq!((given_back.refund, given_back.kept), (euros("18.10"), euros("2.00")));
        let fixed = cancelled(&["10.00", "3.00"], Some(CancellationFee::Fixed(euros("5.00"))), "13.00");
        assert_eq!((fixed.refund, fixed.kept), (euros("5.00"), euros("8.00")));
    }

    #[test]
    fn never_more_than_is_left_is_given_back() {
        let given_back = cancelled(&["10.00", "10.00"], None, "12.50");
        let refunds: Vec<Money> = given_back.lines.iter().map(|line| line.refund).collect();
        assert_eq!(refunds, [euros("10.00"), euros("2.50")]);
        assert_eq!(given_back.cut, euros("7.50"));
    }

    #[test]
    fn an_amount_is_given_back_while_it_is_left() {
        assert_eq!(check_refund(euros("5"), euros("5")), Ok(()));
        assert_eq!(check_refund(euros("5.01"), euros("5")), Err(RefundRefusal::AboveLeft { left: euros("5") }));
        for wrong in ["0", "-1", "0.005"] {
            assert_eq!(check_refund(euros(wrong), euros("5")), Err(RefundRefusal::NotPayable), "{wrong}");
        }
    }
}
