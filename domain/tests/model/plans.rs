//! Random sales plans, small enough that everything runs out, and readable when a test fails.

use std::{ops::Range, sync::Arc};

use domain::{
    events::{EventStatus, Quota, SalePlan, SaleWindow, TicketType},
    pricing::terms::SaleTerms,
};
use proptest::{collection::vec, option, prelude::*};
use rust_decimal::Decimal;

use crate::support::builders::{at, plan, quota_id, seat_map, section_id, ticket_type};

/// Seats of each section of every plan.
pub const SECTIONS: [usize; 3] = [4, 3, 2];

/// One ticket type. Seconds are those of the test's clock.
#[derive(Clone, Debug)]
pub struct TypeSpec {
    pub quota: usize,
    /// `Some` sells seats of these sections.
    pub sections: Option<Range<usize>>,
    pub min: u32,
    pub max: u32,
    pub priced: bool,
    pub sale: Range<i64>,
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanSpec {
    pub status: EventStatus,
    pub capacities: Vec<u32>,
    pub types: Vec<TypeSpec>,
    pub max_per_account: Option<u32>,
    pub starts_at: i64,
    pub hold_for: i64,
    pub payment_for: i64,
}

fn type_spec() -> impl Strategy<Value = TypeSpec> {
    let sections = option::of((0..SECTIONS.len(), 1..=SECTIONS.len()).prop_map(|(from, count)| from..(from + count)));
    let sale =
        prop_oneof![3 => Just(0..1_000), 1 => (0..60i64, 1..300i64).prop_map(|(from, length)| from..from + length)];
    (0..4usize, sections, 1..=2u32, 1..=6u32, any::<bool>(), sale).prop_map(
        |(quota, sections, min, more, priced, sale)| TypeSpec { quota, sections, min, max: min + more, priced, sale },
    )
}

pub fn plan_spec() -> impl Strategy<Value = PlanSpec> {
    let status = prop_oneof![
        20 => Just(EventStatus::Published),
        1 => Just(EventStatus::Draft),
        1 => Just(EventStatus::Cancelled),
        1 => Just(EventStatus::Archived),
    ];
    let types = vec(type_spec(), 1..=5);
    (status, vec(0..=12u32, 1..=4), types, option::of(2..=8u32), 200..2_000i64, 5..60i64, 5..60i64).prop_map(
        |(status, capacities, types, max_per_account, starts_at, hold_for, payment_for)| PlanSpec {
            status,
            capacities,
            types,
            max_per_account,
            starts_at,
            hold_for,
            payment_for,
        },
    )
}

impl PlanSpec {
    pub fn quota_of(&self, ticket_type: usize) -> usize {
        self.types[ticket_type].quota % self.capacities.len()
    }

    pub fn plan(&self) -> SalePlan {
        let of = |(n, spec): (usize, &TypeSpec)| TicketType {
            quota_id: quota_id(self.quota_of(n)),
            price: if spec.priced { Decimal::from(10 + n) } else { Decimal::ZERO },
            seated: spec.sections.is_some(),
            sections: spec.sections.clone().unwrap_or(0..0).map(section_id).collect(),
            min_per_booking: spec.min,
            max_per_booking: spec.max,
            sale: SaleWindow { starts_at: at(spec.sale.start), ends_at: at(spec.sale.end) },
            ..ticket_type(n)
        };
        let quotas = self.capacities.iter().enumerate();
        SalePlan {
            status: self.status,
            starts_at: at(self.starts_at),
            max_per_account: self.max_per_account,
            ticket_types: self.types.iter().enumerate().map(of).collect(),
            quotas: quotas.map(|(n, capacity)| Quota { id: quota_id(n), capacity: *capacity }).collect(),
            seat_map: Some(Arc::new(seat_map(&SECTIONS))),
            hold_for: jiff::SignedDuration::from_secs(self.hold_for),
            terms: SaleTerms {
                hold_cap: jiff::SignedDuration::from_secs(2 * self.hold_for),
                payment_window: jiff::SignedDuration::from_secs(self.payment_for),
                ..SaleTerms::default()
            },
            unpaid: None,
            ..plan(0)
        }
    }
}
