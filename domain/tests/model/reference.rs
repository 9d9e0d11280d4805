//! The reference: a list of everything that was ever claimed. It counts by looking at all of it, again and again, and keeps
//! no sums that could be wrong.

use std::borrow::Cow;

use domain::{
    bookings::{Booking, BookingStatus, Hold, HolderId},
    events::EventStatus,
    ids::AccountId,
    ledger::{Entry, LoadedInventory, QuotaCount},
};

use super::{
    plans::{PlanSpec, SECTIONS},
    steps::{LineSpec, Places},
};
use crate::{
    best_reference::take_best,
    support::builders::{at, quota_id, seat_id, type_id},
};

/// Ticket type and seat of one place.
pub type Taken = (usize, Option<usize>);

/// Where a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Decided, not in the ledger.
    Pending,
    /// In the ledger, and keeps its places.
    Live,
    /// In the ledger, and keeps nothing any more; or never written.
    Gone,
}

/// A hold or a booking, with each of its places: ticket type and seat.
#[derive(Clone, Debug)]
pub struct Claim {
    pub id: HolderId,
    pub account: AccountId,
    pub places: Vec<Taken>,
    pub state: State,
    /// `None` for what is sold; `i64::MAX` for a block, which has no end.
    pub expires_at: Option<i64>,
    /// The hold it comes from keeps the places until this is written.
    pub from: Option<HolderId>,
    /// An outstanding entry changes it.
    pub closing: bool,
    /// The ledger has it.
    pub written: bool,
    /// As the ledger would store it.
    pub row: Row,
}

#[derive(Clone, Debug)]
pub enum Row {
    Hold(Hold),
    Booking(Booking),
}

/// See the module's page.
pub struct Reference<'a> {
    /// Its capacities change.
    pub spec: Cow<'a, PlanSpec>,
    pub claims: Vec<Claim>,
    /// Of each quota, as the ledger counts them.
    pub versions: Vec<i64>,
    pub now: i64,
}

impl Claim {
    /// Kept back by the organizer.
    pub fn is_block(&self) -> bool {
        matches!(&self.row, Row::Hold(hold) if hold.is_block())
    }

    /// Its places at some positions, of those that are not cancelled.
    pub fn places_at(&self, is_wanted: impl Fn(u8) -> bool) -> Vec<Taken> {
        let Row::Booking(booking) = &self.row else { return Vec::new() };
        let valid = (0..booking.items.len() as u8).filter(|at| !booking.cancelled.contains(*at));
        valid.zip(&self.places).filter(|(at, _)| is_wanted(*at)).map(|(_, place)| *place).collect()
    }
}

impl<'a> Reference<'a> {
    pub fn new(spec: &'a PlanSpec) -> Self {
        let versions = vec![0; spec.capacities.len()];
        Self { spec: Cow::Borrowed(spec), claims: Vec::new(), versions, now: 0 }
    }

    pub fn find(&self, id: HolderId) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    pub fn keeping(&self) -> impl Iterator<Item = &Claim> {
        self.claims
            .iter()
            .filter(|claim| claim.state == State::Live || (claim.state == State::Pending && claim.from.is_none()))
    }

    fn places(&self, quota: usize, which: impl Fn(&Claim) -> bool) -> u32 {
        let of = |claim: &Claim| claim.places.iter().filter(|(kind, _)| self.spec.quota_of(*kind) == quota).count();
        self.keeping().filter(|claim| which(claim)).map(of).sum::<usize>() as u32
    }

    pub fn held(&self, quota: usize) -> u32 {
        self.places(quota, |claim| claim.state == State::Live && claim.expires_at.is_some())
    }

    pub fn sold(&self, quota: usize) -> u32 {
        self.places(quota, |claim| claim.state == State::Live && claim.expires_at.is_none())
    }

    pub fn available(&self, quota: usize) -> u32 {
        self.spec.capacities[quota]
            .checked_sub(self.places(quota, |_| true))
            .expect("more was given away than there is")
    }

    /// Claims that keep the seat; more than one would be a seat sold twice.
    pub fn keepers(&self, seat: usize) -> Vec<&Claim> {
        self.keeping().filter(|claim| claim.places.iter().any(|(_, of)| *of == Some(seat))).collect()
    }

    /// Whether the rules of the sale allow these places; otherwise the gist of the refusal.
    pub fn choose(&self, account: AccountId, lines: &[LineSpec], code: Option<usize>) -> Result<Vec<Taken>, String> {
        match self.spec.status {
            EventStatus::Published => {}
            EventStatus::Draft | EventStatus::Scheduled => return Err("no such event".to_owned()),
            _ => return Err("not on sale".to_owned()),
        }
        if let Some(code) = code {
            self.usable(account, lines, code)?;
        }
        self.choose_for(Some((account, code)), lines)
    }

    /// What is kept back by the organizer: of an event that can still be changed.
    pub fn choose_block(&self, lines: &[LineSpec]) -> Result<Vec<Taken>, String> {
        match self.spec.status {
            EventStatus::Cancelled | EventStatus::Archived => Err("not on sale".to_owned()),
            _ => self.choose_for(None, lines),
        }
    }

    /// The same for a buyer, perhaps with a code, or without any rule but that the places are free.
    fn choose_for(&self, buyer: Option<(AccountId, Option<usize>)>, lines: &[LineSpec]) -> Result<Vec<Taken>, String> {
        let account = buyer.map(|(account, _)| account);
        let is_shown = |kind: usize| {
            let Some((_, code)) = buyer else { return true };
            !self.spec.types[kind].hidden || code.is_some_and(|code| self.spec.unlocks(code, kind))
        };
        let (mut places, mut taken) = (Vec::new(), Vec::new());
        for (index, line) in lines.iter().enumerate() {
            let kind = self.spec.types.get(line.ticket_type).filter(|_| is_shown(line.ticket_type));
            let kind = kind.ok_or(format!("invalid items[{index}].ticketTypeId"))?;
            if account.is_some() && !kind.sale.contains(&self.now) {
                return Err("not on sale".to_owned());
            }
            let asked = match &line.places {
                Places::Any(count) | Places::Best(count) => *count as usize,
                Places::Seats(seats) => seats.len(),
            };
            if account.is_some() && (asked < kind.min as usize || asked > kind.max as usize) {
                return Err("limit".to_owned());
            }
            match (&line.places, &kind.sections) {
                (Places::Any(_), Some(_)) => return Err(format!("invalid items[{index}].quantity")),
                (Places::Seats(_), None) => return Err(format!("invalid items[{index}].seatIds")),
                (Places::Best(_), None) => return Err(format!("invalid items[{index}].bestAvailable")),
                (Places::Best(_), Some(_)) => {}
                (Places::Any(count), None) => places.extend((0..*count).map(|_| (line.ticket_type, None))),
                (Places::Seats(seats), Some(sections)) => {
                    for (at, seat) in seats.iter().enumerate() {
                        if !section_of(*seat).is_some_and(|section| sections.contains(&section)) {
                            return Err(format!("invalid items[{index}].seatIds[{at}]"));
                        }
                        if !self.keepers(*seat).is_empty() {
                            taken.push(seat_id(*seat));
                        }
                        places.push((line.ticket_type, Some(*seat)));
                    }
                }
            }
        }
        if !taken.is_empty() {
            return Err(format!("taken {taken:?}"));
        }
        let places = self.with_best(lines, places)?;
        self.enough(&places)?;
        account.map_or(Ok(()), |account| self.within_limit(account, places.len()))?;
        Ok(places)
    }

    /// Whether there is room for these places in their quotas.
    pub fn enough(&self, places: &[Taken]) -> Result<(), String> {
        for (kind, _) in places {
            let quota = self.spec.quota_of(*kind);
            let asked = places.iter().filter(|(other, _)| self.spec.quota_of(*other) == quota).count() as u32;
            let left = self.available(quota);
            if left < asked {
                return Err(format!("sold out {} {left} {asked}", type_id(*kind)));
            }
        }
        Ok(())
    }

    /// Whether there is room for so many under the limit of an account.
    pub fn within_limit(&self, account: AccountId, places: usize) -> Result<(), String> {
        let of_account = self.keeping().filter(|claim| claim.account == account && !claim.is_block());
        let has = of_account.map(|claim| claim.places.len()).sum::<usize>();
        if self.spec.max_per_account.is_some_and(|limit| has + places > limit as usize) {
            return Err("limit".to_owned());
        }
        Ok(())
    }

    /// The places in the order of the lines, once the best seats are chosen around all that are named.
    fn with_best(&self, lines: &[LineSpec], named: Vec<Taken>) -> Result<Vec<Taken>, String> {
        let is_named = |seat| named.iter().any(|(_, of)| *of == Some(seat));
        let sign = |seat| if self.keepers(seat).is_empty() && !is_named(seat) { '.' } else { 'x' };
        let first = |section: usize| SECTIONS[..section].iter().sum::<usize>();
        let row = |section: usize| (first(section)..first(section + 1)).map(sign).collect();
        let mut drawing: Vec<Vec<Vec<char>>> = (0..SECTIONS.len()).map(|section| vec![row(section)]).collect();
        let mut places = Vec::new();
        for line in lines {
            let Places::Best(asked) = &line.places else {
                places.extend(named.iter().filter(|(kind, _)| *kind == line.ticket_type));
                continue;
            };
            let sections = self.spec.types[line.ticket_type].sections.clone().unwrap_or(0..0);
            let sections: Vec<usize> = sections.filter(|section| *section < SECTIONS.len()).collect();
            let taken = take_best(&mut drawing, &sections, *asked as usize);
            let taken = match taken {
                Ok(taken) => taken,
                Err(left) => {
                    let refusal = format!("sold out {} {left} {asked}", type_id(line.ticket_type));
                    return self.shared_out(lines, &named).ok_or(refusal);
                }
            };
            places.extend(taken.iter().map(|(section, _, seat)| (line.ticket_type, Some(first(*section) + seat))));
        }
        Ok(places)
    }

    /// What can be bought of a ticket type, by what the ledger has: as many as bookings can take together.
    pub fn sellable(&self, kind: usize) -> u32 {
        let (quota, spec) = (self.spec.quota_of(kind), &self.spec.types[kind]);
        let mut left = self.spec.capacities[quota] - self.held(quota) - self.sold(quota);
        if let Some(sections) = &spec.sections {
            let is_free = |seat: &usize| self.keepers(*seat).iter().all(|claim| claim.state != State::Live);
            let is_sold = |seat: &usize| section_of(*seat).is_some_and(|section| sections.contains(&section));
            left = left.min((0..SECTIONS.iter().sum()).filter(is_free).filter(is_sold).count() as u32);
        }
        let max = spec.max.min(self.spec.max_per_account.unwrap_or(u32::MAX));
        let mut reachable = vec![true];
        for places in 1..=left {
            let fits = (spec.min..=max).any(|booking| booking <= places && reachable[(places - booking) as usize]);
            reachable.push(fits);
        }
        (0..=left).rev().find(|places| reachable[*places as usize]).unwrap_or(0)
    }

    /// Everything that has expired and nobody closes yet, soonest first.
    pub fn expired(&self) -> Vec<HolderId> {
        let due = self.claims.iter().filter(|claim| self.expirable(claim.id).is_ok());
        let mut due: Vec<_> = due.map(|claim| (claim.expires_at, claim.id)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    pub fn next_expiry(&self) -> Option<i64> {
        let live = self.claims.iter().filter(|claim| claim.state == State::Live && !claim.is_block());
        live.filter_map(|claim| claim.expires_at).min()
    }

    /// What a successor would read.
    pub fn rows(&self) -> LoadedInventory {
        let live = || self.claims.iter().filter(|claim| claim.state == State::Live);
        let seats = (0..SECTIONS.iter().sum()).filter_map(|seat| {
            let keeper = self.keepers(seat).into_iter().find(|claim| claim.state == State::Live)?;
            Some((seat_id(seat), keeper.expires_at.is_none()))
        });
        let mut by_account: Vec<(AccountId, u32)> = Vec::new();
        for claim in live().filter(|claim| !claim.is_block()) {
            match by_account.iter_mut().find(|(account, _)| *account == claim.account) {
                Some((_, places)) => *places += claim.places.len() as u32,
                None => by_account.push((claim.account, claim.places.len() as u32)),
            }
        }
        let hold = |claim: &Claim| if let Row::Hold(hold) = &claim.row { Some(hold.clone()) } else { None };
        let pending = |claim: &Claim| match &claim.row {
            Row::Booking(booking) if claim.expires_at.is_some() => Some(booking.clone()),
            _ => None,
        };
        LoadedInventory {
            plan: self.spec.plan(),
            counts: self.counts(),
            version_base: 0,
            claims: seats.collect(),
            holds: live().filter_map(hold).collect(),
            pending: live().filter_map(pending).collect(),
            code_uses: (0..self.spec.codes.len()).map(|code| self.uses(code)).collect(),
            by_account: if self.spec.max_per_account.is_some() { by_account } else { Vec::new() },
            now: at(self.now),
        }
    }

    pub fn counts(&self) -> Vec<QuotaCount> {
        let count = |quota| QuotaCount {
            quota_id: quota_id(quota),
            held: self.held(quota),
            sold: self.sold(quota),
            version: self.versions[quota],
        };
        (0..self.spec.capacities.len()).map(count).collect()
    }

    pub fn apply(&mut self, entry: &Entry, places: Vec<(usize, Option<usize>)>) {
        let claim = |id, account, expires_at, from, row| Claim {
            id,
            account,
            places: places.clone(),
            state: State::Pending,
            expires_at,
            from,
            closing: false,
            written: false,
            row,
        };
        let closed = match entry {
            Entry::Hold(hold) => {
                let (id, expires_at) = (HolderId::Hold(hold.id), Some(hold.expires_at.map_or(i64::MAX, second)));
                self.claims.push(claim(id, hold.account_id, expires_at, None, Row::Hold(Hold::clone(hold))));
                return;
            }
            Entry::Book { booking, from } => {
                let (id, expires_at) = (HolderId::Booking(booking.id), booking.expires_at.map(second));
                let (from, row) =
                    (from.as_ref().map(|hold| HolderId::Hold(hold.id)), Row::Booking(Booking::clone(booking)));
                self.claims.push(claim(id, booking.account_id, expires_at, from, row));
                from
            }
            Entry::Confirm { .. } if entry.is_late() => {
                self.change(entry.changes(), |claim| claim.state = State::Pending);
                entry.changes()
            }
            _ => entry.changes(),
        };
        self.change(closed, |claim| claim.closing = true);
    }

    /// The ledger's word on an outstanding entry: false when it must refuse.
    pub fn settle(&mut self, entry: &Entry) -> bool {
        let id = HolderId::from(entry);
        if matches!(entry, Entry::ExtendHold { .. } | Entry::ExtendBooking { .. }) {
            self.change(Some(id), |claim| {
                (claim.row, claim.expires_at) = match entry {
                    Entry::ExtendHold { hold, .. } => (Row::Hold(Hold::clone(hold)), hold.ends_at().map(second)),
                    Entry::ExtendBooking { booking, .. } => {
                        (Row::Booking(Booking::clone(booking)), booking.ends_at().map(second))
                    }
                    _ => return,
                };
                claim.closing = false;
            });
            return true;
        }
        if let Entry::CancelItems { positions, .. } = entry {
            if self.find(id).is_none_or(|claim| claim.state != State::Live) {
                return false;
            }
            self.change(Some(id), |claim| {
                claim.places = claim.places_at(|at| !positions.contains(at));
                if let Row::Booking(booking) = &mut claim.row {
                    booking.cancelled = booking.cancelled.and(*positions);
                }
                claim.closing = false;
            });
        } else if entry.frees_places() {
            if self.find(id).is_none_or(|claim| claim.state != State::Live) {
                return false;
            }
            self.change(Some(id), |claim| {
                (claim.state, claim.closing) = (State::Gone, false);
                if let (Row::Booking(booking), Entry::CloseBooking { to, .. }) = (&mut claim.row, entry) {
                    booking.status = *to;
                }
            });
        } else if matches!(entry, Entry::Confirm { .. }) {
            self.change(Some(id), |claim| {
                (claim.state, claim.closing, claim.expires_at) = (State::Live, false, None);
                if let Row::Booking(booking) = &mut claim.row {
                    booking.status = BookingStatus::Confirmed;
                }
            });
        } else {
            self.change(self.find(id).and_then(|claim| claim.from), |hold| hold.state = State::Gone);
            self.change(Some(id), |claim| {
                (claim.state, claim.written) = (State::Live, true);
                claim.from = None;
            });
        }
        let mut touched: Vec<_> = entry.items().iter().map(|item| item.quota_id).collect();
        touched.sort_unstable();
        touched.dedup();
        for quota in touched {
            let index = (0..self.versions.len()).find(|index| quota_id(*index) == quota).unwrap();
            self.versions[index] += 1;
        }
        true
    }

    pub fn revert(&mut self, entry: &Entry) {
        let id = HolderId::from(entry);
        let is_extended = matches!(entry, Entry::ExtendHold { .. } | Entry::ExtendBooking { .. });
        if entry.frees_places() || is_extended {
            self.change(Some(id), |claim| claim.closing = false);
        } else if matches!(entry, Entry::Confirm { .. }) {
            let is_late = entry.is_late();
            self.change(Some(id), |claim| {
                claim.closing = false;
                claim.state = if is_late { State::Gone } else { claim.state };
            });
        } else {
            self.change(self.find(id).and_then(|claim| claim.from), |hold| hold.closing = false);
            self.change(Some(id), |claim| claim.state = State::Gone);
        }
    }

    fn change(&mut self, id: Option<HolderId>, change: impl Fn(&mut Claim)) {
        self.claims.iter_mut().filter(|claim| Some(claim.id) == id).for_each(change);
    }
}

pub fn second(at: jiff::Timestamp) -> i64 {
    at.as_second() - self::at(0).as_second()
}

/// The section of a seat; `None` for one that is not on the map.
pub fn section_of(seat: usize) -> Option<usize> {
    let ends = SECTIONS.iter().scan(0, |end, seats| {
        *end += seats;
        Some(*end)
    });
    ends.enumerate().find(|(_, end)| seat < *end).map(|(section, _)| section)
}
