//! A ledger in memory that commits at once and never says no: what is left is the price of deciding.
#![allow(dead_code, reason = "each benchmark uses its own part")]

use domain::{
    events::{EventStatus, Quota, SalePlan, SaleWindow, TicketType},
    ids::{EventId, QuotaId, TicketTypeId},
    ledger::{CommitError, EventBatch, KeyAnswer, KeyOf, Ledger, LoadError, LoadedInventory, QuotaCount, Renewal},
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

/// More than any benchmark books.
const CAPACITY: u32 = 1_000_000_000;

/// See the module's page. Whatever event is asked for, it is there, with one ticket type and no seats.
pub(crate) struct MemoryLedger {
    pub(crate) ticket_type_id: TicketTypeId,
    quota_id: QuotaId,
}

impl MemoryLedger {
    pub(crate) fn new() -> Self {
        Self { ticket_type_id: TicketTypeId::generate(), quota_id: QuotaId::generate() }
    }

    fn plan(&self, event_id: EventId) -> SalePlan {
        let ticket_type = TicketType {
            id: self.ticket_type_id,
            quota_id: self.quota_id,
            name: "Admission".to_owned(),
            description: String::new(),
            price: Decimal::ZERO,
            seated: false,
            sections: Vec::new(),
            min_per_booking: 1,
            max_per_booking: 10,
            sale: SaleWindow { starts_at: Timestamp::MIN, ends_at: Timestamp::MAX },
            hidden: false,
            tax_rate: None,
        };
        SalePlan {
            event_id,
            status: EventStatus::Published,
            starts_at: Timestamp::MAX,
            currency: "EUR".parse().unwrap(),
            max_per_account: None,
            ticket_types: vec![ticket_type],
            quotas: vec![Quota { id: self.quota_id, capacity: CAPACITY }],
            seat_map: None,
            hold_for: SignedDuration::from_mins(10),
            terms: domain::pricing::terms::SaleTerms::default(),
            promo_codes: Vec::new(),
            minimum: None,
            unpaid: None,
        }
    }
}

impl Ledger for MemoryLedger {
    async fn load(&self, event: EventId, _settle: bool) -> Result<LoadedInventory, LoadError> {
        Ok(LoadedInventory {
            plan: self.plan(event),
            version_base: 0,
            counts: vec![QuotaCount { quota_id: self.quota_id, held: 0, sold: 0, version: 0 }],
            claims: Vec::new(),
            holds: Vec::new(),
            pending: Vec::new(),
            by_account: Vec::new(),
            code_uses: Vec::new(),
            now: Timestamp::now(),
        })
    }

    async fn commit(&self, _batches: &[EventBatch]) -> Result<(), CommitError> {
        Ok(())
    }

    async fn find_by_keys(&self, keys: &[KeyOf]) -> Result<Vec<KeyAnswer>, LoadError> {
        Ok(vec![Ok(None); keys.len()])
    }

    async fn expiring_events(&self) -> Result<Vec<EventId>, LoadError> {
        Ok(Vec::new())
    }

    async fn locked_events(&self, _events: &[EventId]) -> Result<Vec<EventId>, LoadError> {
        Ok(Vec::new())
    }

    async fn renew(&self) -> Result<Renewal, LoadError> {
        Ok(Renewal { now: Timestamp::now(), timeline: String::new() })
    }

    /// None, so that memory is compared with nothing.
    async fn counts(&self, _event: EventId) -> Result<Vec<QuotaCount>, LoadError> {
        Err(LoadError::Unavailable("they are not counted".to_owned()))
    }
}
