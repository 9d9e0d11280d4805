//! Houses as drawings: `.` free, `x` taken, `A` accessible, `X` accessible and taken, `|` an aisle, `#` just given. A line is
//! a row, an empty line begins the next section.

use std::sync::Arc;

use domain::{
    bookings::Item,
    events::{Quota, SalePlan, TicketType},
    ids::{SeatId, SeatMapVersionId},
    inventory::{Command, Inventory},
    ledger::{Entry, LoadedInventory},
    refusal::Refusal,
    seat_maps::{Seat, SeatMap},
    selection::{RawBlockLine, RawLine, Selection},
};
use uuid::Uuid;

use crate::support::builders::{
    ALICE, at, fresh, hold, plan, quota_id, seat_id, section_id, selection, ticket_type, type_id,
};

/// Ticket type 0 sells all sections, type n + 1 section n.
pub struct House {
    /// Section, row, column; a seat keeps its place while its sign changes.
    pub drawing: Vec<Vec<Vec<char>>>,
    pub inventory: Inventory,
}

pub fn sections(rows: &[impl AsRef<str>]) -> Vec<Vec<Vec<char>>> {
    let of = |section: &[_]| -> Vec<Vec<char>> { section.iter().map(row).collect() };
    fn row(row: &impl AsRef<str>) -> Vec<char> {
        row.as_ref().chars().collect()
    }
    rows.split(|row| row.as_ref().is_empty()).map(of).collect()
}

fn seat(number: usize, section: usize, row: usize, column: usize, sign: char) -> Seat {
    Seat {
        id: seat_id(number),
        section_id: section_id(section),
        section: format!("Section {section}").into(),
        // Labels that repeat: rows are told apart by where they are, not by their names.
        row: (row % 2).to_string().into(),
        label: column.to_string().into(),
        accessible: "AX".contains(sign),
    }
}

impl House {
    pub fn draw(rows: &[impl AsRef<str>]) -> Self {
        Self::of(sections(rows))
    }

    pub fn of(drawing: Vec<Vec<Vec<char>>>) -> Self {
        let (mut rows, mut claims, mut number) = (Vec::new(), Vec::new(), 0);
        for (section, drawn) in drawing.iter().enumerate() {
            for (row, signs) in drawn.iter().enumerate() {
                let mut seats = Vec::new();
                for (column, sign) in signs.iter().enumerate().filter(|(_, sign)| **sign != '|') {
                    seats.push((column as i32, seat(number, section, row, column, *sign)));
                    if "xX".contains(*sign) {
                        claims.push((seat_id(number), column % 2 == 0));
                    }
                    number += 1;
                }
                rows.push(seats);
            }
        }
        let all = (0..drawing.len()).collect::<Vec<_>>();
        let seated = |n, sections: &[usize]| TicketType {
            seated: true,
            sections: sections.iter().map(|n| section_id(*n)).collect(),
            ..ticket_type(n)
        };
        let each = all.iter().map(|n| seated(n + 1, &[*n]));
        let plan = SalePlan {
            ticket_types: std::iter::once(seated(0, &all)).chain(each).collect(),
            quotas: vec![Quota { id: quota_id(0), capacity: number as u32 }],
            seat_map: Some(Arc::new(SeatMap::of_rows(SeatMapVersionId(Uuid::from_u128(2)), rows))),
            ..plan(0)
        };
        let inventory = Inventory::load(LoadedInventory { claims, ..fresh(plan) }).unwrap();
        Self { drawing, inventory }
    }

    /// Section, row and column of a seat.
    pub fn place(&self, id: SeatId) -> (usize, usize, usize) {
        let mut number = 0;
        for (section, rows) in self.drawing.iter().enumerate() {
            for (row, signs) in rows.iter().enumerate() {
                for column in (0..signs.len()).filter(|column| signs[*column] != '|') {
                    if seat_id(number) == id {
                        return (section, row, column);
                    }
                    number += 1;
                }
            }
        }
        panic!("{id} is not drawn");
    }

    /// The entry that the lines lead to, already taken from what is free.
    pub fn ask(&mut self, lines: impl IntoIterator<Item = RawLine>) -> Result<Entry, Refusal> {
        let entry = self.inventory.decide(&hold(ALICE, selection(lines)), at(1))?;
        self.inventory.apply(&entry);
        Ok(entry)
    }

    /// So many of the best seats, kept back by the organizer.
    pub fn keep_back(&mut self, quantity: u32) -> Result<Entry, Refusal> {
        let raw = RawBlockLine { line: best(0, quantity), whole_section: false };
        let Command::Hold(new) = hold(ALICE, Selection::parse_block(vec![raw]).unwrap()) else { unreachable!() };
        let entry = self.inventory.decide(&Command::Block(new), at(1))?;
        self.inventory.apply(&entry);
        Ok(entry)
    }

    /// The drawing with `#` where the items are.
    pub fn with(&self, items: &[Item]) -> Vec<String> {
        let mut drawing = self.drawing.clone();
        for item in items {
            let (section, row, column) = self.place(item.seat.as_ref().unwrap().id);
            let sign = &mut drawing[section][row][column];
            assert!(".A".contains(*sign), "{:?} was taken", item.seat);
            *sign = '#';
        }
        let section = |rows: &Vec<Vec<char>>| rows.iter().map(|row| row.iter().collect()).collect::<Vec<String>>();
        drawing.iter().map(section).collect::<Vec<_>>().join(&String::new())
    }
}

/// So many of the best seats of a ticket type.
pub fn best(ticket_type: usize, quantity: u32) -> RawLine {
    RawLine::of_best(type_id(ticket_type), quantity, None)
}

/// So many of the best seats of one section.
pub fn best_in(section: &str, quantity: u32) -> RawLine {
    RawLine::of_best(type_id(0), quantity, Some(section))
}

/// Asserts what is given in the first drawing.
pub fn gives(before: &[&str], quantity: u32, after: &[&str]) {
    let mut house = House::draw(before);
    let entry = house.ask([best(0, quantity)]).unwrap();
    assert_eq!(house.with(entry.items()), after, "{quantity} of {before:?}");
}
