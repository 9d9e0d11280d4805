//! Inventory and reference, living through the same history.

use std::{fmt::Debug, sync::Arc};

use domain::{
    bookings::{Booking, BookingStatus, HolderId, Source},
    events::{EventStatus, sales::ManagedQuota},
    ids::{AccountId, BookingId, HoldId},
    inventory::{Command, Inventory, SeatState},
    ledger::Entry,
    selection::RawLine,
};
use uuid::Uuid;

use super::{
    codes::code_of,
    judge::gist,
    plans::{PlanSpec, code_name},
    reference::{Claim, Reference, Row, State},
    steps::{LineSpec, Places, Step},
};
use crate::support::builders::{
    at, block, book, book_hold, hold, quantity, quota_id, seat_id, seats, selection, type_id, with_code,
};

/// A fault, in words.
type Checked = Result<(), String>;

/// Ticket type and seat of each place.
type PlacesTaken = Vec<(usize, Option<usize>)>;

/// See the module's page.
pub struct History<'a> {
    inventory: Inventory,
    reference: Reference<'a>,
    /// Decided, and not answered by the ledger yet.
    outstanding: Vec<Entry>,
}

fn same<T: PartialEq + Debug>(what: &str, inventory: T, reference: T) -> Checked {
    if inventory == reference {
        return Ok(());
    }
    Err(format!("{what}: the inventory has {inventory:?}, the reference {reference:?}"))
}

fn account(number: usize) -> AccountId {
    AccountId(Uuid::from_u128(0x500 + number as u128))
}

fn selected(lines: &[LineSpec]) -> Vec<LineSpec> {
    // A ticket type or seat is named once in a valid selection.
    let (mut types, mut named, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let numbers = if let Places::Seats(seats) = &line.places { seats.clone() } else { Vec::new() };
        if !types.contains(&line.ticket_type) && !numbers.iter().any(|seat| named.contains(seat)) {
            types.push(line.ticket_type);
            named.extend(numbers);
            valid.push(line.clone());
        }
    }
    valid
}

fn raw(line: &LineSpec) -> RawLine {
    match &line.places {
        Places::Any(count) => quantity(line.ticket_type, *count),
        Places::Seats(numbers) => seats(line.ticket_type, numbers),
        Places::Best(count) => RawLine::of_best(type_id(line.ticket_type), *count, None),
    }
}

fn coded(command: Command, code: Option<usize>) -> Command {
    code.map_or(command.clone(), |code| with_code(command, &code_name(code)))
}

impl<'a> History<'a> {
    pub fn new(spec: &'a PlanSpec) -> Self {
        let reference = Reference::new(spec);
        Self { inventory: Inventory::load(reference.rows()).unwrap(), reference, outstanding: Vec::new() }
    }

    pub fn step(&mut self, step: &Step) -> Checked {
        match step {
            Step::Hold { account: of, lines, code } => {
                let lines = selected(lines);
                let expected = self.reference.choose(account(*of), &lines, *code);
                self.decide(&coded(hold(account(*of), selection(lines.iter().map(raw))), *code), expected)
            }
            Step::Book { account: of, lines, code } => {
                let lines = selected(lines);
                let expected = self.reference.choose(account(*of), &lines, *code);
                self.decide(&coded(book(account(*of), selection(lines.iter().map(raw))), *code), expected)
            }
            Step::Block { account: of, lines } => {
                let lines = selected(lines);
                let expected = self.reference.choose_block(&lines);
                self.decide(&block(account(*of), selection(lines.iter().map(raw))), expected)
            }
            Step::Resize { quota, capacity } => self.resize(*quota, *capacity),
            Step::BookHold { account: of, which } => {
                let id = self.hold(*which);
                let is_block = self.reference.find(HolderId::Hold(id)).is_some_and(|claim| claim.is_block());
                let expected = self.reference.open_hold(account(*of), HolderId::Hold(id));
                let expected = if is_block { Err("hold gone".to_owned()) } else { expected };
                let expected = self.published().and(expected).map(|()| self.places(HolderId::Hold(id)));
                self.decide(&book_hold(account(*of), id), expected)
            }
            Step::Release { account: of, which } => {
                let id = self.hold(*which);
                let expected = self.reference.open_hold(account(*of), HolderId::Hold(id));
                let expected = expected.map(|()| self.places(HolderId::Hold(id)));
                self.decide(&Command::Release { hold_id: id, account_id: account(*of) }, expected)
            }
            Step::Extend { account: of, which } => {
                let id = self.hold(*which);
                let expected = self.reference.extensible(account(*of), HolderId::Hold(id));
                let expected = expected.map(|()| self.places(HolderId::Hold(id)));
                self.decide(&Command::Extend { hold_id: id, account_id: account(*of) }, expected)
            }
            Step::Wait { which, seconds } => {
                let id = self.any(*which);
                let HolderId::Booking(booking_id) = id else { return Ok(()) };
                let until = self.reference.now + seconds;
                let expected = self.reference.patient(id, until).map(|()| self.places(id));
                self.decide(&Command::Wait { booking_id, until: at(until) }, expected)
            }
            Step::CancelItems { which, positions } => {
                let is_confirmed = |booking: &Booking| which % 4 == 0 || booking.status == BookingStatus::Confirmed;
                let judge = |of: &Reference<'a>, claim: &Claim| of.cancellable_in_part(claim, positions);
                self.with_booking(*which, is_confirmed, judge, |booking| Command::CancelItems {
                    booking,
                    positions: positions.iter().copied().collect(),
                    money: None,
                })
            }
            Step::Cancel { which } => self.with_booking(
                *which,
                |_| true,
                Reference::cancellable,
                |booking| Command::Cancel { booking, money: None },
            ),
            Step::Confirm { which } => {
                // Few are late, and those are the ones of interest.
                let is_late = |booking: &Booking| which % 2 == 0 || booking.status == BookingStatus::Expired;
                self.with_booking(*which, is_late, Reference::payable, |booking| Command::Confirm {
                    booking,
                    payment_id: None,
                })
            }
            Step::Expire { which } => {
                let id = self.any(*which);
                let expected = self.reference.expirable(id).map(|()| self.places(id));
                self.decide(&Command::Expire(id), expected)
            }
            Step::ExpireAll => {
                let due = self.inventory.expired(at(self.reference.now), usize::MAX);
                due.into_iter().try_for_each(|id| self.decide(&Command::Expire(id), Ok(self.places(id))))
            }
            Step::Pass { seconds } => {
                self.reference.now += seconds;
                Ok(())
            }
            Step::Settle { which } => self.settle(which % self.outstanding.len().max(1)),
            Step::SettleOldest => self.settle(0),
            Step::Revert { which } => self.revert(which % self.outstanding.len().max(1)),
            Step::Crash => {
                while !self.outstanding.is_empty() {
                    let entry = self.outstanding.remove(0);
                    self.reference.revert(&entry);
                }
                self.inventory = Inventory::load(self.reference.rows()).unwrap();
                Ok(())
            }
        }
    }

    /// As the server does it: once nothing is on its way, the counters are true, and a changed plan is loaded again.
    fn resize(&mut self, quota: usize, capacity: u32) -> Checked {
        self.settle_all()?;
        let quota = quota % self.reference.versions.len();
        let count = self.inventory.counts()[quota];
        let managed = ManagedQuota {
            created_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
            id: count.quota_id,
            name: "quota".to_owned(),
            capacity: self.reference.spec.capacities[quota],
            held: count.held,
            sold: count.sold,
            revision: 1,
        };
        let fits = self.reference.held(quota) + self.reference.sold(quota) <= capacity;
        same("resized", managed.resized(capacity).is_ok(), fits)?;
        if fits {
            self.reference.spec.to_mut().capacities[quota] = capacity;
            self.reference.versions.iter_mut().for_each(|version| *version += 1);
        }
        self.inventory = Inventory::load(self.reference.rows()).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// A cancelled event sells nothing, not even to those who hold places.
    fn published(&self) -> Checked {
        self.reference.choose(account(99), &[], None).map(drop)
    }

    /// Asks for any booking there ever was `of` a kind what the reference judges by `judge`.
    fn with_booking(
        &mut self,
        which: usize,
        of: impl Fn(&Booking) -> bool,
        judge: impl Fn(&Reference<'a>, &Claim) -> Result<(), String>,
        command: impl Fn(Arc<Booking>) -> Command,
    ) -> Checked {
        let is_of = |claim: &&Claim| matches!(&claim.row, Row::Booking(booking) if of(booking));
        let bookings: Vec<_> = self.reference.claims.iter().filter(is_of).collect();
        let Some(claim) = (!bookings.is_empty()).then(|| bookings[which % bookings.len()]) else { return Ok(()) };
        let Row::Booking(booking) = &claim.row else { return Ok(()) };
        // The caller reads the ledger first, and sees only what was written.
        if !claim.written {
            return Ok(());
        }
        let command = command(booking.clone().into());
        let places = match &command {
            Command::CancelItems { positions, .. } => claim.places_at(|at| positions.contains(at)),
            _ => claim.places.clone(),
        };
        let expected = judge(&self.reference, claim).map(|()| places);
        self.decide(&command, expected)
    }

    /// Both must grant, or refuse for the same reason.
    fn decide(&mut self, command: &Command, expected: Result<PlacesTaken, String>) -> Checked {
        let now = at(self.reference.now);
        match (self.inventory.decide(command, now), expected) {
            (Ok(entry), Ok(places)) => {
                let places = self.reference.told(&entry, places)?;
                self.inventory.apply(&entry);
                self.reference.apply(&entry, places.clone());
                self.outstanding.push(entry.clone());
                self.granted(command, &entry, &places)
            }
            (Err(refusal), Err(expected)) => same("refusal", gist(&refusal), expected),
            (Ok(entry), Err(expected)) => Err(format!("granted {entry:?}, the reference refuses: {expected}")),
            (Err(refusal), Ok(_)) => Err(format!("refused: {refusal:?}, the reference grants")),
        }
    }

    fn granted(&self, command: &Command, entry: &Entry, places: &PlacesTaken) -> Checked {
        let now = self.reference.now;
        let quotas = entry.items().iter().map(|item| item.quota_id).collect::<Vec<_>>();
        let expected = places.iter().map(|(kind, _)| quota_id(self.reference.spec.quota_of(*kind))).collect();
        same("quotas", quotas, expected)?;
        let seats = entry.items().iter().map(|item| item.seat.as_ref().map(|seat| seat.id)).collect::<Vec<_>>();
        same("seats", seats, places.iter().map(|(_, seat)| seat.map(seat_id)).collect())?;
        match (command, entry) {
            (Command::Hold(new), Entry::Hold(hold)) => {
                same("hold", hold.id, new.id)?;
                same("expiry", hold.expires_at, Some(at(now + self.reference.spec.hold_for)))
            }
            (Command::Block(new), Entry::Hold(hold)) => {
                same("block", hold.id, new.id)?;
                same("is a block", hold.is_block(), true)
            }
            (Command::Book(new), Entry::Book { booking, from }) => {
                same("booking", booking.id, new.id)?;
                same("origin", from.is_some(), matches!(new.source, Source::Hold(_)))?;
                let spec = &self.reference.spec;
                let code = code_of(&Row::Booking(Booking::clone(booking)));
                let is_off = |kind| code.is_some_and(|code| spec.codes[code].takes_all_off && spec.applies(code, kind));
                let priced = places.iter().any(|(kind, _)| spec.types[*kind].priced && !is_off(*kind));
                same("unpaid", booking.status == BookingStatus::PendingPayment, priced)?;
                let until = priced.then(|| at(now + self.reference.spec.payment_for));
                same("payment", booking.expires_at, until)
            }
            (Command::Confirm { booking, .. }, Entry::Confirm { .. }) => {
                same("late", entry.is_late(), booking.status == BookingStatus::Expired)
            }
            (Command::Extend { .. }, Entry::ExtendHold { hold, .. }) => {
                let created = hold.created_at.as_second() - at(0).as_second();
                let until = (now + self.reference.spec.hold_for).min(created + 2 * self.reference.spec.hold_for);
                same("extended", hold.ends_at(), Some(at(until)))
            }
            (Command::Wait { until, .. }, Entry::ExtendBooking { booking, .. }) => {
                same("waits", booking.ends_at(), Some(*until))
            }
            (_, closing) => same("frees places", closing.frees_places(), true),
        }
    }

    fn settle(&mut self, index: usize) -> Checked {
        if index >= self.outstanding.len() {
            return Ok(());
        }
        let entry = self.outstanding.remove(index);
        if self.reference.settle(&entry) {
            self.inventory.settle(&entry);
            let counts = self.reference.counts();
            self.inventory
                .set_versions(&counts.iter().map(|count| (count.quota_id, count.version)).collect::<Vec<_>>());
        } else {
            self.inventory.revert(&entry);
        }
        Ok(())
    }

    fn revert(&mut self, index: usize) -> Checked {
        if index < self.outstanding.len() {
            let entry = self.outstanding.remove(index);
            self.reference.revert(&entry);
            self.inventory.revert(&entry);
        }
        Ok(())
    }

    pub fn settle_all(&mut self) -> Checked {
        while !self.outstanding.is_empty() {
            self.settle(0)?;
        }
        Ok(())
    }

    /// Counters, seats and expiries; with `restart`, also those of a successor that reads the ledger.
    pub fn check(&self, restart: bool) -> Checked {
        self.check_against(&self.inventory)?;
        if restart {
            let mut successor = Inventory::load(self.reference.rows()).map_err(|error| error.to_string())?;
            self.outstanding.iter().for_each(|entry| successor.apply(entry));
            self.check_against(&successor).map_err(|fault| format!("after a restart: {fault}"))?;
            self.check_decisions(&successor)?;
        }
        Ok(())
    }

    fn check_against(&self, inventory: &Inventory) -> Checked {
        let (reference, now) = (&self.reference, at(self.reference.now));
        same("counts", inventory.counts(), reference.counts())?;
        let picture = inventory.availability(now);
        // Nobody is shown what is hidden.
        let public = |kind: &usize| !reference.spec.types[*kind].hidden;
        let kinds: Vec<usize> = (0..reference.spec.types.len()).filter(public).collect();
        same("ticket types", picture.ticket_types.len(), kinds.len())?;
        for (kind, shown) in kinds.into_iter().zip(&picture.ticket_types) {
            let quota = reference.spec.quota_of(kind);
            let (held, sold) = (reference.held(quota), reference.sold(quota));
            same("shown", (shown.held, shown.sold, shown.capacity), (held, sold, reference.spec.capacities[quota]))?;
            // What is cancelled or over can't be bought.
            let is_over = matches!(reference.spec.status, EventStatus::Cancelled | EventStatus::Archived);
            let left = if is_over { 0 } else { reference.sellable(kind) };
            same("what can be bought", shown.available, left)?;
        }
        for (seat, (_, state)) in picture.seats().enumerate() {
            let keepers = reference.keepers(seat);
            let expected = match keepers[..] {
                [] => SeatState::Free,
                [claim] if claim.state == State::Pending => SeatState::Pending,
                [claim] if claim.expires_at.is_none() => SeatState::Sold,
                [_] => SeatState::Held,
                _ => return Err(format!("seat {seat} is kept by {keepers:?}")),
            };
            same("seat", (seat, state), (seat, expected))?;
        }
        same("expired", inventory.expired(now, usize::MAX), reference.expired())?;
        same("next expiry", inventory.next_expiry(), reference.next_expiry().map(at))
    }

    /// Probes everything that could be asked for now, which shows what is pending too.
    fn check_decisions(&self, successor: &Inventory) -> Checked {
        let now = at(self.reference.now);
        for kind in 0..self.reference.spec.types.len() {
            let named = (0..=9).map(|seat| Places::Seats(vec![seat]));
            for places in (1..=8).map(Places::Any).chain(named).chain((1..=5).map(Places::Best)) {
                let line = [LineSpec { ticket_type: kind, places }];
                let code = kind.checked_sub(3);
                let command = coded(book(account(kind % 4), selection(line.iter().map(raw))), code);
                let expected = self.reference.choose(account(kind % 4), &line, code).err();
                for inventory in [&self.inventory, successor] {
                    let refusal = inventory.decide(&command, now).err();
                    same("probe", refusal.as_ref().map(gist), expected.clone())?;
                }
            }
        }
        for (of, code) in (0..4).flat_map(|of| (0..self.reference.spec.codes.len()).map(move |code| (of, code))) {
            let line = [LineSpec { ticket_type: of, places: Places::Any(1) }];
            let command = coded(hold(account(of), selection(line.iter().map(raw))), Some(code));
            let expected = self.reference.choose(account(of), &line, Some(code)).err();
            for inventory in [&self.inventory, successor] {
                let refusal = inventory.decide(&command, now).err();
                same("probe of a code", refusal.as_ref().map(gist), expected.clone())?;
            }
        }
        Ok(())
    }

    fn places(&self, id: HolderId) -> PlacesTaken {
        self.reference.find(id).map(|claim| claim.places.clone()).unwrap_or_default()
    }

    /// A holder of the history, or one that never was.
    fn any(&self, which: usize) -> HolderId {
        let claims = &self.reference.claims;
        let unknown = HolderId::Booking(BookingId(Uuid::from_u128(0xdead)));
        claims.get(which % (claims.len() + 1)).map_or(unknown, |claim| claim.id)
    }

    fn hold(&self, which: usize) -> HoldId {
        let holds = self.reference.claims.iter().filter_map(|claim| match claim.id {
            HolderId::Hold(id) => Some(id),
            HolderId::Booking(_) => None,
        });
        let holds: Vec<_> = holds.collect();
        holds.get(which % (holds.len() + 1)).copied().unwrap_or(HoldId(Uuid::from_u128(0xdead)))
    }
}
