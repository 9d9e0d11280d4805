//! What a buyer asks for: lines of ticket types, each by number or by named seats.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{
    ids::{SeatId, SectionId, TicketTypeId},
    text,
    validation::{FieldError, FieldErrors},
};

/// A line as a client wrote it.
#[derive(Clone, Debug)]
pub struct RawLine {
    pub ticket_type_id: TicketTypeId,
    /// How many places, for general admission or of the best seats.
    pub quantity: Option<u32>,
    /// Which seats, for reserved seating.
    pub seat_ids: Option<Vec<SeatId>>,
    /// Whether the seats are to be chosen for the buyer.
    pub best_available: bool,
    /// Where the best seats are to be, by name or id.
    pub section: Option<String>,
}

impl RawLine {
    /// So many places without seats.
    pub fn of_quantity(ticket_type_id: TicketTypeId, quantity: u32) -> Self {
        Self { ticket_type_id, quantity: Some(quantity), seat_ids: None, best_available: false, section: None }
    }

    pub fn of_seats(ticket_type_id: TicketTypeId, seats: Vec<SeatId>) -> Self {
        Self { ticket_type_id, quantity: None, seat_ids: Some(seats), best_available: false, section: None }
    }

    /// So many of the best seats, perhaps of one section.
    pub fn of_best(ticket_type_id: TicketTypeId, quantity: u32, section: Option<&str>) -> Self {
        let section = section.map(str::to_owned);
        Self { ticket_type_id, quantity: Some(quantity), seat_ids: None, best_available: true, section }
    }
}

/// A line of a block, as its organizer wrote it.
#[derive(Clone, Debug)]
pub struct RawBlockLine {
    /// As in a booking.
    pub line: RawLine,
    /// Whether it is all that is free in the section.
    pub whole_section: bool,
}

/// A section as a buyer names it, by name or id: 1 to 200 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionRef(Box<str>);

impl SectionRef {
    /// Most characters.
    pub const MAX_CHARS: usize = 200;

    /// In the form in which names of sections are stored.
    fn parse(text: String) -> Option<Self> {
        let text = text::normalised(&text);
        (1..=Self::MAX_CHARS).contains(&text.chars().count()).then(|| Self((*text).into()))
    }

    /// Whether it means this section. Maps that were drawn before names were normalised have what was typed.
    pub fn means(&self, id: SectionId, name: &str) -> bool {
        *self.0 == *name
            || self.0.parse::<Uuid>().is_ok_and(|asked| id.0 == asked)
            || (!name.is_ascii() && *self.0 == *text::normalised(name))
    }

    /// As the buyer wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a line's places are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    Quantity(u32),
    Seats(Vec<SeatId>),
    /// The best that are free, side by side if possible.
    BestAvailable {
        quantity: u32,
        section: Option<SectionRef>,
    },
    /// All that are free in this section; for blocks.
    WholeSection(SectionRef),
}

impl Choice {
    /// How many places it is; of a whole section nobody knows before it is looked at, and none is said.
    pub fn places(&self) -> u32 {
        match self {
            Choice::WholeSection(_) => 0,
            Choice::Quantity(quantity) | Choice::BestAvailable { quantity, .. } => *quantity,
            Choice::Seats(seats) => seats.len() as u32,
        }
    }
}

/// Places of one ticket type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub ticket_type_id: TicketTypeId,
    /// Which of its places.
    pub choice: Choice,
}

/// One to twenty lines, each of another ticket type, together one to a hundred places, no seat twice. That of a block may be larger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(Vec<Line>);

impl Selection {
    /// Most places in one request; an item's position must fit into a byte.
    pub const MAX_PLACES: u32 = 100;
    /// Most places in one block: of a hundred thousand seats a tenth, which the ledger writes in the time of a few groups.
    pub const MAX_BLOCKED: u32 = 10_000;
    /// Most lines in one request.
    pub const MAX_LINES: usize = 20;

    /// Checks all that can be known without the event.
    pub fn parse(raw: Vec<RawLine>) -> Result<Self, Vec<FieldError>> {
        let raw = raw.into_iter().map(|line| RawBlockLine { line, whole_section: false });
        Self::parse_within(raw.collect(), Self::MAX_PLACES)
    }

    /// The same for a block, which may have [`Selection::MAX_BLOCKED`] places, and whole sections.
    pub fn parse_block(raw: Vec<RawBlockLine>) -> Result<Self, Vec<FieldError>> {
        Self::parse_within(raw, Self::MAX_BLOCKED)
    }

    fn parse_within(raw: Vec<RawBlockLine>, most: u32) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        if raw.is_empty() || raw.len() > Self::MAX_LINES {
            errors.push(FieldError::new("items", "OUT_OF_RANGE", "must have 1 to 20 entries"));
            return errors.finish(None);
        }
        let (mut types, mut seats) = (HashSet::new(), HashSet::new());
        let mut lines = Vec::with_capacity(raw.len());
        for (index, RawBlockLine { line, whole_section }) in raw.into_iter().enumerate() {
            if !types.insert(line.ticket_type_id) {
                errors.push(FieldError::new(
                    format!("items[{index}].ticketTypeId"),
                    "DUPLICATE",
                    "this ticket type already has an entry: put its places together",
                ));
            }
            let ticket_type_id = line.ticket_type_id;
            if let Some(choice) = errors.keep(Self::choice(index, line, whole_section, most, &mut seats)) {
                lines.push(Line { ticket_type_id, choice });
            }
        }
        let places: u64 = lines.iter().map(|line| u64::from(line.choice.places())).sum();
        if places > u64::from(most) {
            let message = format!("must ask for at most {most} places together");
            errors.push(FieldError::new("items", "OUT_OF_RANGE", message));
        }
        errors.finish(Some(Self(lines)))
    }

    fn choice(
        index: usize,
        line: RawLine,
        whole_section: bool,
        most: u32,
        seen: &mut HashSet<SeatId>,
    ) -> Result<Choice, FieldError> {
        let fault =
            |field: &str, code, message: String| Err(FieldError::new(format!("items[{index}]{field}"), code, message));
        if whole_section {
            return Self::whole_section(index, line);
        }
        if line.best_available {
            return Self::best(index, line, most);
        }
        if line.section.is_some() {
            return fault(".section", "INVALID", "goes with bestAvailable only".to_owned());
        }
        match (line.quantity, line.seat_ids) {
            (Some(quantity), None) if (1..=most).contains(&quantity) => Ok(Choice::Quantity(quantity)),
            (Some(_), None) => fault(".quantity", "OUT_OF_RANGE", format!("must be from 1 to {most}")),
            (None, Some(seats)) if (1..=most as usize).contains(&seats.len()) => {
                match seats.iter().position(|seat| !seen.insert(*seat)) {
                    None => Ok(Choice::Seats(seats)),
                    Some(at) => fault(&format!(".seatIds[{at}]"), "DUPLICATE", "this seat is named twice".to_owned()),
                }
            }
            (None, Some(_)) => fault(".seatIds", "OUT_OF_RANGE", format!("must name 1 to {most} seats")),
            _ => fault("", "INVALID", "must have either quantity or seatIds".to_owned()),
        }
    }

    fn best(index: usize, line: RawLine, most: u32) -> Result<Choice, FieldError> {
        let fault = |field: &str, code, message: &str| {
            Err(FieldError::new(format!("items[{index}].{field}"), code, message.to_owned()))
        };
        if line.seat_ids.is_some() {
            return fault("seatIds", "INVALID", "seats are either named or, with bestAvailable, chosen for you");
        }
        let quantity = match line.quantity {
            None => return fault("quantity", "REQUIRED", "bestAvailable needs a quantity"),
            Some(quantity) if (1..=most).contains(&quantity) => quantity,
            Some(_) => return fault("quantity", "OUT_OF_RANGE", &format!("must be from 1 to {most}")),
        };
        let section = match line.section.map(SectionRef::parse) {
            None => None,
            Some(Some(section)) => Some(section),
            Some(None) => return fault("section", "OUT_OF_RANGE", "must have 1 to 200 characters"),
        };
        Ok(Choice::BestAvailable { quantity, section })
    }

    fn whole_section(index: usize, line: RawLine) -> Result<Choice, FieldError> {
        let fault = |field: &str, code, message: &'static str| {
            Err(FieldError::new(format!("items[{index}]{field}"), code, message))
        };
        if line.best_available || line.quantity.is_some() || line.seat_ids.is_some() {
            return fault("", "INVALID", "wholeSection goes with a section, and with nothing else");
        }
        match line.section.map(SectionRef::parse) {
            None => fault(".section", "REQUIRED", "wholeSection needs a section"),
            Some(None) => fault(".section", "OUT_OF_RANGE", "must have 1 to 200 characters"),
            Some(Some(section)) => Ok(Choice::WholeSection(section)),
        }
    }

    pub fn lines(&self) -> &[Line] {
        &self.0
    }

    /// How many places it asks for.
    pub fn places(&self) -> u32 {
        self.0.iter().map(|line| line.choice.places()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quantity: Option<u32>, seats: Option<Vec<SeatId>>) -> RawLine {
        let ticket_type_id = TicketTypeId::generate();
        RawLine { ticket_type_id, quantity, seat_ids: seats, best_available: false, section: None }
    }

    fn fault(raw: Vec<RawLine>) -> String {
        Selection::parse(raw).unwrap_err()[0].field.to_string()
    }

    #[test]
    fn every_bound_is_checked() {
        let seat = SeatId::generate();
        assert_eq!(fault(vec![]), "items");
        assert_eq!(fault(vec![line(Some(1), None); 21]), "items");
        assert_eq!(fault(vec![line(Some(0), None)]), "items[0].quantity");
        assert_eq!(fault(vec![line(Some(101), None)]), "items[0].quantity");
        assert_eq!(fault(vec![line(Some(60), None), line(Some(60), None)]), "items");
        assert_eq!(fault(vec![line(None, None)]), "items[0]");
        assert_eq!(fault(vec![line(Some(1), Some(vec![seat]))]), "items[0]");
        assert_eq!(fault(vec![line(None, Some(vec![]))]), "items[0].seatIds");
        assert_eq!(fault(vec![line(None, Some(vec![seat])), line(None, Some(vec![seat]))]), "items[1].seatIds[0]");
        let twice = line(Some(1), None);
        assert_eq!(fault(vec![twice.clone(), twice]), "items[1].ticketTypeId");
        assert_eq!(Selection::parse(vec![line(Some(100), None)]).unwrap().places(), 100);
    }
    /// Guards: every refusal of `best`, and that a section needs it.
    #[test]
    fn best_available_needs_a_quantity_and_may_have_a_section() {
        let best = |quantity, seats, section: Option<&str>| RawLine {
            best_available: true,
            section: section.map(str::to_owned),
            ..line(quantity, seats)
        };
        let (seat, long) = (vec![SeatId::generate()], "s".repeat(201));
        assert_eq!(fault(vec![best(None, None, None)]), "items[0].quantity");
        assert_eq!(fault(vec![best(Some(0), None, None)]), "items[0].quantity");
        assert_eq!(fault(vec![best(Some(101), None, None)]), "items[0].quantity");
        assert_eq!(fault(vec![best(Some(1), Some(seat.clone()), None)]), "items[0].seatIds");
        assert_eq!(fault(vec![best(None, Some(seat.clone()), None)]), "items[0].seatIds");
        assert_eq!(fault(vec![best(Some(1), None, Some(""))]), "items[0].section");
        assert_eq!(fault(vec![best(Some(1), None, Some(&long))]), "items[0].section");
        let without = RawLine { best_available: false, ..best(Some(1), None, Some("A")) };
        assert_eq!(fault(vec![without]), "items[0].section");
        assert_eq!(fault(vec![best(Some(60), None, None), best(Some(60), None, None)]), "items");
        let parsed = Selection::parse(vec![best(Some(4), None, Some("Floor A"))]).unwrap();
        let section = SectionRef::parse("Floor A".to_owned());
        assert_eq!(parsed.lines()[0].choice, Choice::BestAvailable { quantity: 4, section });
        assert_eq!(parsed.places(), 4);
    }

    /// Guards: the bounds of blocks, and every refusal of `whole_section`.
    #[test]
    fn a_block_may_be_larger_and_have_whole_sections() {
        let block = |line: RawLine, whole_section| Selection::parse_block(vec![RawBlockLine { line, whole_section }]);
        let fault = |parsed: Result<Selection, Vec<FieldError>>| parsed.unwrap_err()[0].field.to_string();
        let many = |count| (0..count).map(|_| SeatId::generate()).collect::<Vec<_>>();
        assert_eq!(block(line(Some(10_000), None), false).unwrap().places(), 10_000);
        assert_eq!(block(line(None, Some(many(10_000))), false).unwrap().places(), 10_000);
        assert_eq!(fault(block(line(Some(10_001), None), false)), "items[0].quantity");
        assert_eq!(fault(block(line(None, Some(many(10_001))), false)), "items[0].seatIds");
        let best = |quantity| RawLine { best_available: true, ..line(Some(quantity), None) };
        assert_eq!(block(best(10_000), false).unwrap().places(), 10_000);
        assert_eq!(fault(block(best(10_001), false)), "items[0].quantity");
        let two = [line(Some(6_000), None), line(Some(6_000), None)];
        let two = two.map(|line| RawBlockLine { line, whole_section: false });
        assert_eq!(fault(Selection::parse_block(two.into())), "items");
        let of = |section: Option<&str>| RawLine { section: section.map(str::to_owned), ..line(None, None) };
        let whole = block(of(Some("Floor A")), true).unwrap();
        assert_eq!(whole.lines()[0].choice, Choice::WholeSection(SectionRef::parse("Floor A".to_owned()).unwrap()));
        assert_eq!(fault(block(of(None), true)), "items[0].section");
        assert_eq!(fault(block(of(Some("")), true)), "items[0].section");
        assert_eq!(fault(block(RawLine { quantity: Some(1), ..of(Some("A")) }, true)), "items[0]");
        assert_eq!(fault(block(RawLine { seat_ids: Some(many(1)), ..of(Some("A")) }, true)), "items[0]");
        assert_eq!(fault(block(RawLine { best_available: true, ..of(Some("A")) }, true)), "items[0]");
        assert_eq!(fault(block(of(Some("A")), false)), "items[0].section");
    }
}
