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

/// How many of `places` can be bought, when each booking takes from `min` to `max` of them: as many as several bookings can take
/// together. Of 3 places sold in pairs these are 2, and of a single one none.
///
/// The database computes the same for lists (the function `sellable`).
pub fn sellable(places: u32, min: u32, max: u32) -> u32 {
    if max == 0 || max < min || places < min {
        return 0;
    }
    let bookings = u64::from(places.div_ceil(max));
    if bookings * u64::from(min) <= u64::from(places) {
        return places;
    }
    // One booking less, each as large as can be: more than 0, for one booking alone would fit.
    places.div_ceil(max).saturating_sub(1) * max
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
    /// Places that it could ever sell: of the quota, or seats of its sections where these are fewer.
    pub sold_at_most: u32,
    /// Places of it that can be bought: see [`sellable`], of what is left of the quota, or of the free seats of its sections where these
    /// are fewer.
    pub available: u32,
    /// When it is sold.
    pub sale: SaleWindow,
}

impl SaleState {
    /// The state of an event with these offers. A quota that several types share counts once.
    pub fn of(status: EventStatus, offers: &[Offer], now: Timestamp) -> Self {
        let mut on_sale: Vec<&Offer> = offers.iter().filter(|offer| offer.sale.contains(now)).collect();
        on_sale.sort_by_key(|offer| offer.quota);
        if status != EventStatus::Published || on_sale.is_empty() {
            return Self::NotOnSale;
        }
        let (mut available, mut capacity) = (0, 0);
        for offers in on_sale.chunk_by(|offer, next| offer.quota == next.quota) {
            let sum = |places: fn(&Offer) -> u32| offers.iter().map(|offer| u64::from(places(offer))).sum::<u64>();
            available += sum(|offer| offer.available).min(u64::from(offers[0].left));
            capacity += sum(|offer| offer.sold_at_most).min(u64::from(offers[0].capacity));
        }
        match available {
            0 => Self::SoldOut,
            left if is_few(left, capacity) => Self::FewLeft,
            _ => Self::Available,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSales {
    pub event_id: EventId,
    pub state: SaleState,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn offer(quota: &Offer, left: u32) -> Offer {
        Offer { left, available: left, ..*quota }
    }

    fn quota(capacity: u32) -> Offer {
        let second = jiff::SignedDuration::from_secs(1);
        let sale = SaleWindow { starts_at: NOW, ends_at: NOW + second };
        let quota = QuotaId::generate();
        Offer { quota, capacity, left: capacity, sold_at_most: capacity, available: capacity, sale }
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

    /// Two seats on a quota of ten, one of them free: neither few of ten, nor sold out.
    #[test]
    fn what_can_never_be_sold_does_not_count() {
        let seated = Offer { left: 9, sold_at_most: 2, available: 1, ..quota(10) };
        let state = |offer| SaleState::of(EventStatus::Published, &[offer], NOW);
        assert_eq!(state(seated), SaleState::Available);
        assert_eq!(state(Offer { available: 0, ..seated }), SaleState::SoldOut);
        // Two ticket types that sell the same seats sell them once.
        assert_eq!(SaleState::of(EventStatus::Published, &[offer(&quota(100), 5); 2], NOW), SaleState::FewLeft);
    }

    /// Guards: both branches of the closed form, against every way to divide places among bookings.
    #[test]
    fn as_many_are_sellable_as_bookings_can_take_together() {
        for (min, max) in (0..=7).flat_map(|min| (0..=7).map(move |max| (min, max))) {
            let mut reachable = vec![true];
            for places in 1..=40 {
                let last = |booking: u32| booking <= places && reachable[(places - booking) as usize];
                let is_reachable = (min.max(1)..=max).any(last);
                reachable.push(is_reachable);
                let most = (0..=places).rev().find(|taken| reachable[*taken as usize]).unwrap_or(0);
                assert_eq!(sellable(places, min, max), most, "{places} by {min} to {max}");
            }
        }
        assert_eq!(sellable(u32::MAX, 1, u32::MAX), u32::MAX);
    }
}
