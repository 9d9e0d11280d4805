//! What an event costs, as its organizer sees and changes it: the terms of its sale, and its promo codes.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Changed, Expected, Manager};
use crate::{
    ids::{EventId, PromoCodeId, TicketTypeId},
    lists::{ListQuery, Page},
    pricing::terms::SaleTerms,
    promo_codes::PromoCode,
    repositories::Found,
};

/// Most promo codes of an event: its inventory keeps them in memory.
pub const PROMO_CODES_MAX: u32 = 1_000;

/// The terms on which an event is sold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedTerms {
    pub terms: SaleTerms,
    /// Grows with each change; 0 while the organizer has said nothing.
    pub revision: i32,
}

/// A promo code as its organizer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPromoCode {
    pub id: PromoCodeId,
    pub code: PromoCode,
    /// Holds and bookings that have it and are not over.
    pub used: u32,
    /// Whether it was ever used. Such a code keeps its name and goes with its event only.
    pub ever_used: bool,
    pub created_at: Timestamp,
    /// When its organizer last changed it.
    pub updated_at: Timestamp,
    /// Grows with each change by its organizer.
    pub revision: i32,
}

/// Writers expect that the event's inventory is paused.
#[async_trait]
pub trait PricingManagement: Send + Sync {
    /// The terms of an event's sale. Of an event that has none of its own, and of one that there is not, they are the defaults.
    async fn sale_terms(&self, event: EventId) -> Found<ManagedTerms>;

    /// Replaces them.
    async fn replace_sale_terms(&self, by: &Manager, event: EventId, expected: Expected, terms: &SaleTerms) -> Changed;
}

/// Writers expect that the event's inventory is paused.
#[async_trait]
pub trait PromoCodeManagement: Send + Sync {
    /// A page of the codes of an event, in the order of their names.
    async fn promo_codes(&self, event: EventId, query: &ListQuery) -> Found<Page<ManagedPromoCode>>;

    async fn promo_code(&self, event: EventId, id: PromoCodeId) -> Found<Option<ManagedPromoCode>>;

    /// Whether a code names this ticket type.
    async fn names_ticket_type(&self, event: EventId, ticket_type: TicketTypeId) -> Found<bool>;

    /// Whether an event can have such a code, under this id: what [`Self::create_promo_code`] and [`Self::update_promo_code`] would say of it,
    /// without changing or locking anything. It may differ a moment later.
    async fn judge_promo_code(&self, event: EventId, id: PromoCodeId, code: &PromoCode) -> Changed;

    /// Adds a code. Does nothing when it is there already: the repetition of a request.
    async fn create_promo_code(&self, by: &Manager, event: EventId, id: PromoCodeId, code: &PromoCode) -> Changed;

    /// Changes a code, for holds and bookings from now on. One that is in use keeps at least so many uses.
    async fn update_promo_code(
        &self,
        by: &Manager,
        event: EventId,
        id: PromoCodeId,
        expected: Expected,
        code: &PromoCode,
    ) -> Changed;

    /// Deletes a code that was never used.
    async fn delete_promo_code(&self, by: &Manager, event: EventId, id: PromoCodeId, expected: Expected) -> Changed;
}
