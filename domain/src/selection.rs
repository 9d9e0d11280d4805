//! What a buyer asks for: lines of ticket types, each by number or by named seats.

use std::collections::HashSet;

use crate::{
    ids::{SeatId, TicketTypeId},
    validation::{FieldError, FieldErrors},
};

/// A line as a client wrote it.
#[derive(Clone, Debug)]
pub struct RawLine {
    /// Which ticket type.
    pub ticket_type_id: TicketTypeId,
    /// How many places, for general admission.
    pub quantity: Option<u32>,
    /// Which seats, for reserved seating.
    pub seat_ids: Option<Vec<SeatId>>,
}

/// How a line's places are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Any so many.
    Quantity(u32),
    /// Just these.
    Seats(Vec<SeatId>),
}

impl Choice {
    /// How many places it is.
    pub fn places(&self) -> u32 {
        match self {
            Choice::Quantity(quantity) => *quantity,
            Choice::Seats(seats) => seats.len() as u32,
        }
    }
}

/// Places of one ticket type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which ticket type.
    pub ticket_type_id: TicketTypeId,
    /// Which of its places.
    pub choice: Choice,
}

/// One to twenty lines, each of another ticket type, together one to a hundred places, no seat twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(Vec<Line>);

impl Selection {
    /// Most places in one request; an item's position must fit into a byte.
    pub const MAX_PLACES: u32 = 100;
    /// Most lines in one request.
    pub const MAX_LINES: usize = 20;

    /// Checks all that can be known without the event.
    pub fn parse(raw: Vec<RawLine>) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        if raw.is_empty() || raw.len() > Self::MAX_LINES {
            errors.push(FieldError::new("items", "OUT_OF_RANGE", "must have 1 to 20 entries"));
            return errors.finish(None);
        }
        let (mut types, mut seats) = (HashSet::new(), HashSet::new());
        let mut lines = Vec::with_capacity(raw.len());
        for (index, line) in raw.into_iter().enumerate() {
            if !types.insert(line.ticket_type_id) {
                errors.push(FieldError::new(
                    format!("items[{index}].ticketTypeId"),
                    "DUPLICATE",
                    "this ticket type already has an entry: put its places together",
                ));
            }
            if let Some(choice) = errors.keep(Self::choice(index, line.quantity, line.seat_ids, &mut seats)) {
                lines.push(Line { ticket_type_id: line.ticket_type_id, choice });
            }
        }
        let places: u64 = lines.iter().map(|line| u64::from(line.choice.places())).sum();
        if places > u64::from(Self::MAX_PLACES) {
            errors.push(FieldError::new("items", "OUT_OF_RANGE", "must ask for at most 100 places together"));
        }
        errors.finish(Some(Self(lines)))
    }

    fn choice(
        index: usize,
        quantity: Option<u32>,
        seat_ids: Option<Vec<SeatId>>,
        seen: &mut HashSet<SeatId>,
    ) -> Result<Choice, FieldError> {
        match (quantity, seat_ids) {
            (Some(quantity), None) if (1..=Self::MAX_PLACES).contains(&quantity) => Ok(Choice::Quantity(quantity)),
            (Some(_), None) => {
                Err(FieldError::new(format!("items[{index}].quantity"), "OUT_OF_RANGE", "must be from 1 to 100"))
            }
            (None, Some(seats)) if (1..=Self::MAX_PLACES as usize).contains(&seats.len()) => {
                match seats.iter().position(|seat| !seen.insert(*seat)) {
                    None => Ok(Choice::Seats(seats)),
                    Some(at) => Err(FieldError::new(
                        format!("items[{index}].seatIds[{at}]"),
                        "DUPLICATE",
                        "this seat is named twice",
                    )),
                }
            }
            (None, Some(_)) => {
                Err(FieldError::new(format!("items[{index}].seatIds"), "OUT_OF_RANGE", "must name 1 to 100 seats"))
            }
            _ => Err(FieldError::new(format!("items[{index}]"), "INVALID", "must have either quantity or seatIds")),
        }
    }

    /// The lines.
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
        RawLine { ticket_type_id: TicketTypeId::generate(), quantity, seat_ids: seats }
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
}
