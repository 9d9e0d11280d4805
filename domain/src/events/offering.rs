//! The rules between an event and what it sells: its ticket types, quotas and sections, the windows of the sale, and the time at which
//! it is to be published.
//!
//! Each of these is written on its own, and a change of any of them may break a rule that held when another was written. So anyone who
//! changes one asks for the whole, as the change leaves it: [`Offering::newly_broken`]. A draft may be incomplete; what is published,
//! or will be by itself, keeps the rules.

use std::fmt;

use jiff::Timestamp;

use super::{
    EventStatus, SaleWindow,
    fields::EventFields,
    sales::{ManagedQuota, TicketTypeFields},
};
use crate::ids::{QuotaId, TicketTypeId};

/// An event with all that it sells, as far as the rules between them go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offering {
    /// Where it is in its life.
    pub status: EventStatus,
    pub ends_at: Timestamp,
    /// When it will be published, while it is scheduled.
    pub publish_at: Option<Timestamp>,
    /// The window of ticket types that have none of their own.
    pub sale: SaleWindow,
    /// The most places an account may have.
    pub max_per_account: Option<u32>,
    /// What is sold, in the organizer's order.
    pub ticket_types: Vec<OfferedType>,
}

/// A ticket type of an [`Offering`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedType {
    pub id: TicketTypeId,
    pub name: String,
    /// The quota it draws on.
    pub quota_id: QuotaId,
    /// Places of the quota.
    pub capacity: u32,
    /// Places of the quota that are held, blocked or sold.
    pub taken: u32,
    /// Seats of its sections. `None` for general admission, and where nobody has counted.
    pub seats: Option<u32>,
    /// Fewest places in one booking.
    pub min_per_booking: u32,
    /// `None`: as the event.
    pub sale_starts_at: Option<Timestamp>,
    /// `None`: as the event.
    pub sale_ends_at: Option<Timestamp>,
}

/// A rule between an event and what it sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// There is a ticket type.
    SomethingToSell,
    /// What is scheduled is published before its end.
    PublishedBeforeEnd,
    /// What is scheduled is published before all of its sale is over.
    PublishedBeforeSaleEnds,
    /// A ticket type's sale ends no later than the event.
    SaleEndsWithEvent,
    /// A ticket type's sale begins before it ends.
    SaleBegins,
    /// Of the quota at least the fewest places of one booking can be had. One that is closed, with no more places than are taken, may
    /// be smaller.
    MinimumFitsQuota,
    /// The sections have at least as many seats as the fewest of one booking.
    MinimumFitsSeats,
    /// An account may have at least the fewest places of one booking.
    MinimumFitsAccount,
}

impl Rule {
    /// Its name for programs, when it is broken.
    pub fn code(self) -> &'static str {
        match self {
            Rule::SomethingToSell => "NOTHING_TO_SELL",
            Rule::PublishedBeforeEnd => "PUBLISHED_AFTER_END",
            Rule::PublishedBeforeSaleEnds => "PUBLISHED_AFTER_SALE",
            Rule::SaleEndsWithEvent => "SALE_AFTER_EVENT",
            Rule::SaleBegins => "SALE_WITHOUT_TIME",
            Rule::MinimumFitsQuota => "MINIMUM_ABOVE_QUOTA",
            Rule::MinimumFitsSeats => "MINIMUM_ABOVE_SEATS",
            Rule::MinimumFitsAccount => "MINIMUM_ABOVE_ACCOUNT",
        }
    }

    /// Whether it is about the time of publishing.
    pub fn is_of_schedule(self) -> bool {
        matches!(self, Rule::PublishedBeforeEnd | Rule::PublishedBeforeSaleEnds)
    }
}

/// A rule that an event would break, and by which ticket type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRule {
    pub rule: Rule,
    /// Id and name of the ticket type, for rules that are about one.
    pub ticket_type: Option<(TicketTypeId, String)>,
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.ticket_type.as_ref().map_or("", |(_, name)| name);
        match self.rule {
            Rule::SomethingToSell => f.write_str("an event without ticket types can't be published"),
            Rule::PublishedBeforeEnd => f.write_str("the event would be published after its end"),
            Rule::PublishedBeforeSaleEnds => f.write_str("the event would be published after the end of its sale"),
            Rule::SaleEndsWithEvent => write!(f, "the ticket type {name:?} would be sold after the end of the event"),
            Rule::SaleBegins => write!(f, "the sale of the ticket type {name:?} would end before it begins"),
            Rule::MinimumFitsQuota => {
                write!(f, "the ticket type {name:?} could never be sold: its minPerBooking is above its quota")
            }
            Rule::MinimumFitsSeats => {
                write!(
                    f,
                    "the ticket type {name:?} could never be sold: its minPerBooking is above the seats of its sections"
                )
            }
            Rule::MinimumFitsAccount => {
                write!(f, "the ticket type {name:?} could never be sold: its minPerBooking is above maxPerAccount")
            }
        }
    }
}

impl OfferedType {
    fn window(&self, of_event: SaleWindow) -> SaleWindow {
        SaleWindow {
            starts_at: self.sale_starts_at.unwrap_or(of_event.starts_at),
            ends_at: self.sale_ends_at.unwrap_or(of_event.ends_at),
        }
    }

    /// As its organizer describes it, on this quota. Its seats are not counted.
    pub fn new(id: TicketTypeId, fields: &TicketTypeFields, quota: &ManagedQuota) -> Self {
        Self {
            id,
            name: fields.name.clone(),
            quota_id: quota.id,
            capacity: quota.capacity,
            taken: quota.held + quota.sold,
            seats: None,
            min_per_booking: fields.min_per_booking,
            sale_starts_at: fields.sale_starts_at,
            sale_ends_at: fields.sale_ends_at,
        }
    }
}

impl Offering {
    /// Takes over what an organizer says of the event.
    pub fn set(&mut self, fields: &EventFields) {
        (self.ends_at, self.sale, self.max_per_account) = (fields.ends_at, fields.sale, fields.max_per_account);
    }

    /// Puts a ticket type in the place of the one with the same id.
    pub fn replace(&mut self, ticket_type: OfferedType) {
        if let Some(of) = self.ticket_types.iter_mut().find(|of| of.id == ticket_type.id) {
            *of = ticket_type;
        }
    }

    /// Gives a quota so many places.
    pub fn resize(&mut self, quota: QuotaId, capacity: u32) {
        self.ticket_types.iter_mut().filter(|of| of.quota_id == quota).for_each(|of| of.capacity = capacity);
    }

    /// The rules that it breaks. None while it is neither published nor going to be.
    pub fn broken(&self) -> Vec<BrokenRule> {
        if !matches!(self.status, EventStatus::Published | EventStatus::Scheduled) {
            return Vec::new();
        }
        let of_event = |rule| BrokenRule { rule, ticket_type: None };
        if self.ticket_types.is_empty() {
            return vec![of_event(Rule::SomethingToSell)];
        }
        let mut broken = Vec::new();
        if let (EventStatus::Scheduled, Some(at)) = (self.status, self.publish_at) {
            let is_sold_then = |of: &OfferedType| at < of.window(self.sale).ends_at;
            if at >= self.ends_at {
                broken.push(of_event(Rule::PublishedBeforeEnd));
            } else if !self.ticket_types.iter().any(is_sold_then) {
                broken.push(of_event(Rule::PublishedBeforeSaleEnds));
            }
        }
        for of in &self.ticket_types {
            let ticket_type = || Some((of.id, of.name.clone()));
            broken.extend(self.broken_by(of).map(|rule| BrokenRule { rule, ticket_type: ticket_type() }));
        }
        broken
    }

    fn broken_by(&self, of: &OfferedType) -> impl Iterator<Item = Rule> {
        let window = of.window(self.sale);
        let min = of.min_per_booking;
        let is_closed = of.capacity <= of.taken;
        [
            (Rule::SaleEndsWithEvent, window.ends_at > self.ends_at),
            (Rule::SaleBegins, window.ends_at <= window.starts_at),
            (Rule::MinimumFitsQuota, of.capacity < min && !is_closed),
            (Rule::MinimumFitsSeats, of.seats.is_some_and(|seats| seats < min)),
            (Rule::MinimumFitsAccount, self.max_per_account.is_some_and(|max| max < min)),
        ]
        .into_iter()
        .filter_map(|(rule, is_broken)| is_broken.then_some(rule))
    }

    /// The rules that a change from `self` to `after` breaks. What was broken before is no reason to refuse another change.
    pub fn newly_broken(&self, after: &Self) -> Vec<BrokenRule> {
        let before = self.broken();
        let is_new = |broken: &BrokenRule| {
            let same = |of: &BrokenRule| (of.rule, of.hit()) == (broken.rule, broken.hit());
            !before.iter().any(same)
        };
        // Bookings go on: what is taken is compared as it was.
        let mut after = after.clone();
        for of in &mut after.ticket_types {
            if let Some(then) = self.ticket_types.iter().find(|then| then.quota_id == of.quota_id) {
                of.taken = then.taken;
            }
        }
        after.broken().into_iter().filter(is_new).collect()
    }
}

impl BrokenRule {
    fn hit(&self) -> Option<TicketTypeId> {
        self.ticket_type.as_ref().map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn kind() -> OfferedType {
        OfferedType {
            id: TicketTypeId::generate(),
            name: "Adult".to_owned(),
            quota_id: QuotaId::generate(),
            capacity: 10,
            taken: 0,
            seats: None,
            min_per_booking: 2,
            sale_starts_at: None,
            sale_ends_at: None,
        }
    }

    fn sold() -> Offering {
        Offering {
            status: EventStatus::Published,
            ends_at: at(1000),
            publish_at: None,
            sale: SaleWindow { starts_at: at(0), ends_at: at(900) },
            max_per_account: None,
            ticket_types: vec![kind()],
        }
    }

    fn broken(change: impl FnOnce(&mut Offering)) -> Vec<Rule> {
        let mut offering = sold();
        change(&mut offering);
        offering.broken().iter().map(|broken| broken.rule).collect()
    }

    /// Guards: each comparison, at its edge.
    #[test]
    fn each_rule_is_broken_by_what_is_beyond_its_edge() {
        use Rule::*;
        type Change = fn(&mut Offering);
        let scheduled =
            |of: &mut Offering, second| (of.status, of.publish_at) = (EventStatus::Scheduled, Some(at(second)));
        let cases: [(Change, &[Rule]); 15] = [
            (|_| (), &[]),
            (|of| of.ticket_types.clear(), &[SomethingToSell]),
            (|of| of.ticket_types[0].sale_ends_at = Some(at(1000)), &[]),
            (|of| of.ticket_types[0].sale_ends_at = Some(at(1001)), &[SaleEndsWithEvent]),
            (|of| of.ends_at = at(899), &[SaleEndsWithEvent]),
            (|of| of.ticket_types[0].sale_starts_at = Some(at(899)), &[]),
            (|of| of.ticket_types[0].sale_starts_at = Some(at(900)), &[SaleBegins]),
            (|of| of.ticket_types[0].capacity = 2, &[]),
            (|of| of.ticket_types[0].capacity = 1, &[MinimumFitsQuota]),
            (|of| (of.ticket_types[0].capacity, of.ticket_types[0].taken) = (1, 1), &[]),
            (|of| of.ticket_types[0].capacity = 0, &[]),
            (|of| of.ticket_types[0].seats = Some(2), &[]),
            (|of| of.ticket_types[0].seats = Some(1), &[MinimumFitsSeats]),
            (|of| of.max_per_account = Some(2), &[]),
            (|of| of.max_per_account = Some(1), &[MinimumFitsAccount]),
        ];
        for (number, (change, expected)) in cases.into_iter().enumerate() {
            assert_eq!(broken(change), expected, "{number}");
        }
        for (second, expected) in [
            (899, &[][..]),
            (900, &[PublishedBeforeSaleEnds]),
            (999, &[PublishedBeforeSaleEnds]),
            (1000, &[PublishedBeforeEnd]),
        ] {
            assert_eq!(broken(|of| scheduled(of, second)), expected, "{second}");
        }
        let later = |of: &mut Offering| {
            scheduled(of, 950);
            of.ticket_types.push(OfferedType { sale_ends_at: Some(at(1000)), ..kind() });
        };
        assert_eq!(broken(later), [], "one of them is still sold then");
        for status in [EventStatus::Draft, EventStatus::Cancelled, EventStatus::Archived] {
            assert_eq!(broken(|of| (of.status, of.ticket_types) = (status, Vec::new())), []);
        }
    }

    #[test]
    fn what_was_broken_before_is_no_reason_to_refuse() {
        let mut before = sold();
        before.ticket_types[0].sale_ends_at = Some(at(2000));
        let mut after = before.clone();
        after.max_per_account = Some(1);
        let broken = before.newly_broken(&after);
        assert_eq!(broken.iter().map(|of| of.rule).collect::<Vec<_>>(), [Rule::MinimumFitsAccount]);
        assert!(broken[0].to_string().contains("\"Adult\""), "it names whom it hits: {}", broken[0]);
        after.max_per_account = None;
        after.ticket_types.push(OfferedType { sale_ends_at: Some(at(2000)), ..kind() });
        assert_eq!(before.newly_broken(&after).len(), 1, "another ticket type breaks it anew");
        // A place of a closed quota comes back while somebody changes something else.
        let mut closed = sold();
        (closed.ticket_types[0].capacity, closed.ticket_types[0].taken) = (1, 1);
        let mut freed = closed.clone();
        freed.ticket_types[0].taken = 0;
        assert_eq!(closed.newly_broken(&freed), []);
    }
}
