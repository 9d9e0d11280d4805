//! Random sales plans, small enough that everything runs out, and readable when a test fails.

use std::{ops::Range, sync::Arc};

use domain::{
    events::{EventStatus, PlannedCode, Quota, SalePlan, SaleWindow, TicketType},
    money::Percentage,
    pricing::terms::SaleTerms,
    promo_codes::{Discount, PromoCode},
};
use proptest::{collection::vec, option, prelude::*};
use rust_decimal::Decimal;

use crate::support::builders::{at, code, plan, quota_id, seat_map, section_id, ticket_type, type_id};

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
    /// Only for those who have a code that unlocks it.
    pub hidden: bool,
    pub sale: Range<i64>,
}

/// A promo code, for one ticket type or for all. It takes everything off, or nothing.
#[derive(Clone, Debug)]
pub struct CodeSpec {
    pub takes_all_off: bool,
    pub only: Option<usize>,
    pub uses: Option<u32>,
    pub uses_per_account: Option<u32>,
    pub valid: Range<i64>,
}

pub fn code_name(number: usize) -> String {
    format!("CODE-{number}")
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanSpec {
    pub status: EventStatus,
    pub capacities: Vec<u32>,
    pub types: Vec<TypeSpec>,
    pub codes: Vec<CodeSpec>,
    pub max_per_account: Option<u32>,
    pub starts_at: i64,
    pub hold_for: i64,
    pub payment_for: i64,
}

fn type_spec() -> impl Strategy<Value = TypeSpec> {
    let sections = option::of((0..SECTIONS.len(), 1..=SECTIONS.len()).prop_map(|(from, count)| from..(from + count)));
    let sale =
        prop_oneof![3 => Just(0..1_000), 1 => (0..60i64, 1..300i64).prop_map(|(from, length)| from..from + length)];
    let hidden = prop::bool::weighted(0.15);
    (0..4usize, sections, 1..=2u32, 1..=6u32, any::<bool>(), hidden, sale).prop_map(
        |(quota, sections, min, more, priced, hidden, sale)| {
            let max = min + more;
            TypeSpec { quota, sections, min, max, priced, hidden, sale }
        },
    )
}

fn code_spec() -> impl Strategy<Value = CodeSpec> {
    let valid =
        prop_oneof![3 => Just(0..1_000), 1 => (0..60i64, 1..300i64).prop_map(|(from, length)| from..from + length)];
    let only = option::weighted(0.3, 0..5usize);
    (any::<bool>(), only, option::of(1..=4u32), option::of(1..=2u32), valid).prop_map(
        |(takes_all_off, only, uses, uses_per_account, valid)| CodeSpec {
            takes_all_off,
            only,
            uses,
            uses_per_account,
            valid,
        },
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
    let sold = (types, vec(code_spec(), 0..=2));
    (status, vec(0..=12u32, 1..=4), sold, option::of(2..=8u32), 200..2_000i64, 5..60i64, 5..60i64).prop_map(
        |(status, capacities, (types, codes), max_per_account, starts_at, hold_for, payment_for)| PlanSpec {
            status,
            capacities,
            types,
            codes,
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

    /// Whether a code is for this ticket type.
    pub fn applies(&self, code: usize, ticket_type: usize) -> bool {
        self.codes[code].only.is_none_or(|only| only == ticket_type)
    }

    /// Whether a code makes this ticket type visible: what takes something off does so for what it names, and no more.
    pub fn unlocks(&self, code: usize, ticket_type: usize) -> bool {
        let spec = &self.codes[code];
        self.applies(code, ticket_type) && (spec.only.is_some() || !spec.takes_all_off)
    }

    fn code(&self, number: usize) -> PlannedCode {
        let spec = &self.codes[number];
        let discount = if spec.takes_all_off { Discount::Percent(Percentage::ONE) } else { Discount::Access };
        let PlannedCode { id, code } = code(number, &code_name(number), discount);
        let code = PromoCode {
            uses: spec.uses,
            uses_per_account: spec.uses_per_account,
            ticket_type_ids: spec.only.map(type_id).into_iter().collect(),
            starts_at: Some(at(spec.valid.start)),
            ends_at: Some(at(spec.valid.end)),
            ..code
        };
        PlannedCode { id, code }
    }

    pub fn plan(&self) -> SalePlan {
        let of = |(n, spec): (usize, &TypeSpec)| TicketType {
            quota_id: quota_id(self.quota_of(n)),
            price: if spec.priced { Decimal::from(10 + n) } else { Decimal::ZERO },
            seated: spec.sections.is_some(),
            sections: spec.sections.clone().unwrap_or(0..0).map(section_id).collect(),
            min_per_booking: spec.min,
            max_per_booking: spec.max,
            hidden: spec.hidden,
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
            promo_codes: (0..self.codes.len()).map(|number| self.code(number)).collect(),
            unpaid: None,
            ..plan(0)
        }
    }
}
