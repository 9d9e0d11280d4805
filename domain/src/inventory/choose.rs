//! Which places a request gets, and whether it may have them.

mod together;

use std::sync::Arc;

use jiff::Timestamp;

use super::{Inventory, SeatState, seats::Draft};
use crate::{
    bookings::{Booking, Item},
    events::TicketType,
    ids::{AccountId, QuotaId},
    promo_codes::PromoCode,
    refusal::{Refusal, TakenSeat},
    seat_maps::Seat,
    selection::{Choice, Line, Selection},
    validation::FieldError,
};

/// Where a line's places come from, once it is known to fit the event.
enum Places {
    /// So many, without seats.
    Unseated(u32),
    /// These, by their places on the map.
    Named(Vec<usize>),
    /// So many of the best, in these sections of the map.
    Best(u32, Vec<usize>),
    /// All that are free in these sections of the map.
    Whole(Vec<usize>),
}

impl Places {
    /// Whether it is for the inventory to say which seats these are.
    fn is_chosen(&self) -> bool {
        matches!(self, Places::Best(..) | Places::Whole(_))
    }
}

/// By which rules places are chosen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rules<'a> {
    /// Windows and limits hold, and what is hidden is there for those who have a code that unlocks it.
    OfSale { account: AccountId, code: Option<&'a PromoCode>, now: Timestamp },
    /// Whatever is free may be kept back.
    OfOrganizer,
}

impl Rules<'_> {
    fn show(&self, ticket_type: &TicketType) -> bool {
        match self {
            _ if !ticket_type.hidden => true,
            Self::OfSale { code, .. } => code.is_some_and(|code| code.unlocks(ticket_type.id)),
            Self::OfOrganizer => true,
        }
    }
}

impl Inventory {
    /// The places of a selection, when the rules allow them and they are free.
    pub(super) fn choose(&self, selection: &Selection, rules: Rules<'_>) -> Result<Vec<Item>, Refusal> {
        if let Rules::OfSale { .. } = rules {
            self.published()?;
        }
        let mut lines = Vec::with_capacity(selection.lines().len());
        let mut taken = Vec::new();
        for (index, line) in selection.lines().iter().enumerate() {
            let found = self.plan.ticket_type(line.ticket_type_id).filter(|found| rules.show(found));
            let ticket_type = found.ok_or_else(|| {
                invalid(format!("items[{index}].ticketTypeId"), "UNKNOWN", "the event has no such ticket type")
            })?;
            if let Rules::OfSale { now, .. } = rules {
                on_sale(ticket_type, now)?;
                within_limits(ticket_type, line)?;
            }
            lines.push((ticket_type, self.places(index, ticket_type, &line.choice, &mut taken)?));
        }
        if !taken.is_empty() {
            return Err(Refusal::SeatsTaken(taken));
        }
        let items = match self.items(&lines, selection.places()) {
            Err(refusal) if lines.iter().filter(|(_, places)| places.is_chosen()).count() > 1 => {
                // One line was given what another needs, perhaps.
                self.items_together(&lines).ok_or(refusal)?
            }
            items => items?,
        };
        self.enough_left(&items)?;
        if let Rules::OfSale { account, .. } = rules {
            self.within_account_limit(account, selection.places())?;
        }
        Ok(items)
    }

    fn places(
        &self,
        line: usize,
        ticket_type: &TicketType,
        choice: &Choice,
        taken: &mut Vec<TakenSeat>,
    ) -> Result<Places, Refusal> {
        let refuse = |field, code, message| Err(invalid(format!("items[{line}].{field}"), code, message));
        match choice {
            Choice::Quantity(quantity) if !ticket_type.seated => Ok(Places::Unseated(*quantity)),
            Choice::Quantity(_) => {
                let message = "this ticket type is sold by seat: name seatIds, or add bestAvailable";
                refuse("quantity", "SEATS_REQUIRED", message)
            }
            Choice::Seats(_) if !ticket_type.seated => {
                refuse("seatIds", "NOT_SEATED", "this ticket type has no seats: give a quantity")
            }
            Choice::BestAvailable { .. } if !ticket_type.seated => {
                refuse("bestAvailable", "NOT_SEATED", "this ticket type has no seats: give a quantity alone")
            }
            Choice::WholeSection(section) => {
                let sections = self.seats.sections(ticket_type, Some(section));
                if sections.is_empty() {
                    return refuse("section", "UNKNOWN", "this ticket type sells no such section");
                }
                Ok(Places::Whole(sections))
            }
            Choice::BestAvailable { quantity, section } => {
                let sections = self.seats.sections(ticket_type, section.as_ref());
                if section.is_some() && sections.is_empty() {
                    return refuse("section", "UNKNOWN", "this ticket type sells no such section");
                }
                Ok(Places::Best(*quantity, sections))
            }
            Choice::Seats(ids) => {
                let mut seats = Vec::with_capacity(ids.len());
                for (at, id) in ids.iter().enumerate() {
                    let found =
                        self.seats.find(*id).filter(|(_, seat, _)| ticket_type.sections.contains(&seat.section_id));
                    let Some((seat, _, state)) = found else {
                        let message = "this ticket type does not sell such a seat";
                        return Err(invalid(format!("items[{line}].seatIds[{at}]"), "UNKNOWN", message));
                    };
                    if state != SeatState::Free {
                        taken.push(TakenSeat { id: *id, line, at });
                    }
                    seats.push(seat);
                }
                Ok(Places::Named(seats))
            }
        }
    }

    /// One item a place, in the order of the lines. Named seats are given first: anyone who names a seat wants that one, and
    /// the best of another line are chosen around it.
    fn items(&self, lines: &[(&TicketType, Places)], places: u32) -> Result<Vec<Item>, Refusal> {
        let mut draft = Draft::new(&self.seats);
        for (_, places) in lines {
            if let Places::Named(seats) = places {
                seats.iter().for_each(|seat| draft.give(*seat));
            }
        }
        let mut items = Vec::with_capacity(places as usize);
        for (ticket_type, places) in lines {
            match places {
                Places::Unseated(quantity) => {
                    items.extend((0..*quantity).map(|_| item(ticket_type, None)));
                }
                Places::Named(seats) => items.extend(self.seated(ticket_type, seats)),
                Places::Best(asked, sections) => {
                    let sold_out = |left| Refusal::SoldOut { ticket_type_id: ticket_type.id, left, asked: *asked };
                    let seats = draft.give_best(sections, *asked).map_err(sold_out)?;
                    items.extend(self.seated(ticket_type, &seats));
                }
                Places::Whole(sections) => {
                    let seats = draft.give_free(sections);
                    if seats.is_empty() {
                        return Err(Refusal::SoldOut { ticket_type_id: ticket_type.id, left: 0, asked: 1 });
                    }
                    items.extend(self.seated(ticket_type, &seats));
                }
            }
        }
        Ok(items)
    }

    /// An item for each of these seats.
    fn seated(&self, ticket_type: &TicketType, seats: &[usize]) -> impl Iterator<Item = Item> {
        let seat = |index: &usize| self.seats.map().and_then(|map| map.seats().get(*index)).cloned();
        seats.iter().map(move |index| item(ticket_type, seat(index)))
    }

    /// Whether the places that a booking had are free, its code can be used once more, and its account may have as many.
    pub(super) fn free_again(&self, booking: &Booking) -> Result<(), Refusal> {
        let mut taken = Vec::new();
        for (at, item) in booking.items.iter().enumerate() {
            let fits = self.plan.ticket_type(item.ticket_type_id).is_some_and(|of| match &item.seat {
                Some(seat) => of.sections.contains(&seat.section_id),
                None => !of.seated,
            });
            let state = item.seat.as_ref().map(|seat| self.seats.find(seat.id).map(|(_, _, state)| state));
            match state {
                _ if !fits => return Err(Refusal::NotOnSale("the places are not sold any more")),
                Some(None) => return Err(Refusal::NotOnSale("the seats are not on the map any more")),
                Some(Some(SeatState::Free)) | None => {}
                Some(Some(_)) => taken.extend(item.seat.as_ref().map(|seat| TakenSeat { id: seat.id, line: 0, at })),
            }
        }
        if !taken.is_empty() {
            return Err(Refusal::SeatsTaken(taken));
        }
        self.enough_left(&booking.items)?;
        self.code_again(booking)?;
        self.within_account_limit(booking.account_id, booking.items.len() as u32)
    }

    /// Several lines may draw on one quota, so places are summed before they are compared.
    fn enough_left(&self, items: &[Item]) -> Result<(), Refusal> {
        let mut asked: Vec<(QuotaId, u32)> = Vec::with_capacity(2);
        for item in items {
            match asked.iter_mut().find(|(quota, _)| *quota == item.quota_id) {
                Some((_, count)) => *count += 1,
                None => asked.push((item.quota_id, 1)),
            }
        }
        for (quota, asked) in asked {
            let left = self.plan.quota_index(quota).map_or(0, |index| self.quotas[index].available());
            if left < asked {
                let first = items.iter().find(|item| item.quota_id == quota).map(|item| item.ticket_type_id);
                return Err(match first {
                    Some(ticket_type_id) => Refusal::SoldOut { ticket_type_id, left, asked },
                    None => Refusal::NotOnSale("the event is not on sale"),
                });
            }
        }
        Ok(())
    }

    fn within_account_limit(&self, account: AccountId, places: u32) -> Result<(), Refusal> {
        let (Some(limit), Some(by_account)) = (self.plan.max_per_account, &self.by_account) else { return Ok(()) };
        let has = by_account.get(&account).copied().unwrap_or(0);
        if has + places > limit {
            let message = format!("at most {limit} places an account: you have {has} and ask for {places} more");
            return Err(Refusal::Limit(message));
        }
        Ok(())
    }
}

fn item(ticket_type: &TicketType, seat: Option<Arc<Seat>>) -> Item {
    Item::at_price(ticket_type.id, ticket_type.quota_id, seat, ticket_type.price)
}

fn invalid(field: String, code: &'static str, message: &'static str) -> Refusal {
    Refusal::Invalid(vec![FieldError::new(field, code, message)])
}

fn on_sale(ticket_type: &TicketType, now: Timestamp) -> Result<(), Refusal> {
    if ticket_type.sale.contains(now) {
        return Ok(());
    }
    let early = now < ticket_type.sale.starts_at;
    Err(Refusal::NotOnSale(if early { "the sale has not begun" } else { "the sale has ended" }))
}

fn within_limits(ticket_type: &TicketType, line: &Line) -> Result<(), Refusal> {
    let (min, max) = (ticket_type.min_per_booking, ticket_type.max_per_booking);
    if (min..=max).contains(&line.choice.places()) {
        return Ok(());
    }
    // Without the name: a ticket type may be renamed, and its inventory is not told.
    Err(Refusal::Limit(format!("a booking has {min} to {max} places of this ticket type")))
}
