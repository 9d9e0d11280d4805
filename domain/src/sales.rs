//! How an event sells at this moment, in one word: the badge that lists show beside it.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    events::{EventStatus, SaleWindow},
    ids::{EventId, QuotaId},
};

/// Few are left when at most one place of so many is.
const FEW_OF: u64 = 10;

/// Whether so many places are few of a capacity.
pub fn is_few(left: u64, capacity: u64) -> bool {
    left * FEW_OF <= capacity
}

/// How an event sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SaleState {
    /// On sale, with places left.
    Available,
    /// On sale, with at most a tenth of the places left.
    FewLeft,
    /// On sale, and nothing left of what is sold now. Places that are held may come back.
    SoldOut,
    /// Nothing is sold now: before or after the sale, or not published.
    NotOnSale,
}

/// A ticket type, as far as it decides about the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it draws on, perhaps with others.
    pub quota: QuotaId,
    /// Places of the quota.
    pub capacity: u32,
    /// Places of the quota that are neither held nor sold.
    pub left: u32,
    /// When it is sold.
    pub sale: SaleWindow,
}

impl SaleState {
    /// The state of an event with these offers. A quota that several types share counts once.
    pub fn of(status: EventStatus, offers: &[Offer], now: Timestamp) -> Self {
        let mut quotas: Vec<&Offer> = offers.iter().filter(|offer| offer.sale.contains(now)).collect();
        quotas.sort_by_key(|offer| offer.quota);
        quotas.dedup_by_key(|offer| offer.quota);
        if status != EventStatus::Published || quotas.is_empty() {
            return Self::NotOnSale;
        }
        let sum = |places: fn(&Offer) -> u32| quotas.iter().map(|offer| u64::from(places(offer))).sum::<u64>();
        match sum(|offer| offer.left) {
            0 => Self::SoldOut,
            left if is_few(left, sum(|offer| offer.capacity)) => Self::FewLeft,
            _ => Self::Available,
        }
    }
}

/// How one event sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSales {
    /// Which event.
    pub event_id: EventId,
    /// How it sells.
    pub state: SaleState,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn offer(quota: &Offer, left: u32) -> Offer {
        Offer { left, ..*quota }
    }

    fn quota(capacity: u32) -> Offer {
        let second = jiff::SignedDuration::from_secs(1);
        let sale = SaleWindow { starts_at: NOW, ends_at: NOW + second };
        Offer { quota: QuotaId::generate(), capacity, left: capacity, sale }
    }

    #[test]
    fn a_tenth_is_few_and_nothing_is_sold_out() {
        let of = |left| SaleState::of(EventStatus::Published, &[offer(&quota(100), left)], NOW);
        assert_eq!([100, 11].map(of), [SaleState::Available; 2]);
        assert_eq!([10, 1].map(of), [SaleState::FewLeft; 2]);
        assert_eq!(of(0), SaleState::SoldOut);
    }

    #[test]
    fn what_is_not_sold_now_does_not_count() {
        let early = |mut offer: Offer| {
            (offer.sale.starts_at, offer.sale.ends_at) = (offer.sale.ends_at, Timestamp::MAX);
            offer
        };
        let published = |offers: &[Offer]| SaleState::of(EventStatus::Published, offers, NOW);
        assert_eq!(published(&[]), SaleState::NotOnSale);
        assert_eq!(published(&[early(quota(5))]), SaleState::NotOnSale);
        assert_eq!(published(&[early(quota(5)), offer(&quota(5), 0)]), SaleState::SoldOut);
        for status in [EventStatus::Draft, EventStatus::Scheduled, EventStatus::Cancelled, EventStatus::Archived] {
            assert_eq!(SaleState::of(status, &[quota(5)], NOW), SaleState::NotOnSale);
        }
    }

    /// Two ticket types on one quota of 12 with 3 left: were they counted as 24 with 6, it would be the same; with a third
    /// type on an empty quota of 20, it is 3 of 32 and not 6 of 44.
    #[test]
    fn a_shared_quota_counts_once() {
        let shared = offer(&quota(12), 3);
        let gone = offer(&quota(20), 0);
        assert_eq!(SaleState::of(EventStatus::Published, &[shared, gone, shared], NOW), SaleState::FewLeft);
    }
}
