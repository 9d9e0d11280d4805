//! A seat map as somebody draws it: sections, rows and seats by their words, without ids. What is imported and exported.

use std::collections::HashSet;

use crate::{
    selection::SectionRef,
    text,
    validation::{FieldError, FieldErrors},
};

/// Most seats of a map: as large as halls are, and as `cargo bench` loads and sells them.
pub const SEATS_MAX: usize = 100_000;
/// Most sections of a map, rows of a section, and seats of a row.
pub const PARTS_MAX: usize = 1_000;
/// Positions are from minus to plus this.
pub const POSITION_MAX: i32 = 1_000_000;
/// Most characters of a row's or a seat's label.
pub const LABEL_CHARS_MAX: usize = 50;
/// Most faults that are told: a client that draws wrong draws wrong a hundred thousand times.
const FAULTS_MAX: usize = 100;

/// A part of a map, sold and found by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Unlike those of all others.
    pub name: String,
    /// From the stage.
    pub rows: Vec<Row>,
}

/// Seats side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Unlike those of the section's others.
    pub label: String,
    /// Counted from the stage: the lower, the better.
    pub position: i32,
    /// From left to right.
    pub seats: Vec<Seat>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Unlike those of the row's others.
    pub label: String,
    /// In the row; a gap is an aisle.
    pub position: i32,
    /// For guests who use a wheelchair.
    pub accessible: bool,
}

/// The position of what follows `before`, unless somebody says otherwise.
pub fn next_position(before: Option<i32>) -> i32 {
    before.map_or(0, |before| before.saturating_add(1))
}

/// Sections, the best first, with 1 to [`SEATS_MAX`] seats, each with words of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(Vec<Section>);

impl Layout {
    /// Normalises the words and checks everything. `at` is where the client wrote `sections`: faults name the way from there.
    pub fn parse(at: &str, mut sections: Vec<Section>) -> Result<Self, Vec<FieldError>> {
        let mut check = Check::default();
        check.parts(at, sections.len(), "sections");
        let mut names = HashSet::new();
        for (index, section) in sections.iter_mut().enumerate() {
            let at = format!("{at}[{index}]");
            check.words(&at, "name", &mut section.name, SectionRef::MAX_CHARS);
            check.is_new(&at, "name", names.insert(section.name.clone()), "another section has this name");
            check.rows(&at, &mut section.rows);
        }
        if check.seats > SEATS_MAX {
            check.fault(at, "TOO_MANY", "a seat map has at most 100,000 seats");
        }
        check.errors.finish(Some(Self(sections)))
    }

    /// The sections, the best first.
    pub fn sections(&self) -> &[Section] {
        &self.0
    }
}

#[derive(Default)]
struct Check {
    errors: FieldErrors,
    faults: usize,
    seats: usize,
}

impl Check {
    fn fault(&mut self, at: &str, code: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) {
        self.faults += 1;
        if self.faults <= FAULTS_MAX {
            self.errors.push(FieldError::new(at.to_owned(), code, message));
        }
    }

    fn parts(&mut self, at: &str, count: usize, what: &str) {
        if !(1..=PARTS_MAX).contains(&count) {
            self.fault(at, "OUT_OF_RANGE", format!("must have 1 to 1,000 {what}"));
        }
    }

    fn words(&mut self, at: &str, member: &str, text: &mut String, most: usize) {
        let normalised = text::normalised(text);
        if *normalised != **text {
            *text = normalised.into_owned();
        }
        if let Err((code, message)) = text::check_line(text, 1..=most) {
            self.fault(&format!("{at}.{member}"), code, message);
        }
    }

    fn is_new(&mut self, at: &str, member: &str, is_new: bool, message: &'static str) {
        if !is_new {
            self.fault(&format!("{at}.{member}"), "DUPLICATE", message);
        }
    }

    /// Positions ascend, so the order of what is written is the order of the map.
    fn position(&mut self, at: &str, before: Option<i32>, position: i32) {
        if !(-POSITION_MAX..=POSITION_MAX).contains(&position) {
            self.fault(&format!("{at}.position"), "OUT_OF_RANGE", "must be from -1,000,000 to 1,000,000");
        } else if before.is_some_and(|before| position <= before) {
            self.fault(&format!("{at}.position"), "NOT_ASCENDING", "must be greater than the one before");
        }
    }

    fn rows(&mut self, at: &str, rows: &mut [Row]) {
        self.parts(&format!("{at}.rows"), rows.len(), "rows");
        let (mut labels, mut before) = (HashSet::new(), None);
        for (index, row) in rows.iter_mut().enumerate() {
            let at = format!("{at}.rows[{index}]");
            self.words(&at, "label", &mut row.label, LABEL_CHARS_MAX);
            self.is_new(&at, "label", labels.insert(row.label.clone()), "another row of the section has this label");
            self.position(&at, before.replace(row.position), row.position);
            self.seats(&at, &mut row.seats);
        }
    }

    fn seats(&mut self, at: &str, seats: &mut [Seat]) {
        self.parts(&format!("{at}.seats"), seats.len(), "seats");
        self.seats += seats.len();
        let (mut labels, mut before) = (HashSet::with_capacity(seats.len()), None);
        for (index, seat) in seats.iter_mut().enumerate() {
            let at = format!("{at}.seats[{index}]");
            self.words(&at, "label", &mut seat.label, LABEL_CHARS_MAX);
            self.is_new(&at, "label", labels.insert(seat.label.clone()), "another seat of the row has this label");
            self.position(&at, before.replace(seat.position), seat.position);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(label: &str, position: i32) -> Seat {
        Seat { label: label.to_owned(), position, accessible: false }
    }

    fn row(label: &str, position: i32, seats: Vec<Seat>) -> Row {
        Row { label: label.to_owned(), position, seats }
    }

    fn section(name: &str, rows: Vec<Row>) -> Section {
        Section { name: name.to_owned(), rows }
    }

    fn good() -> Vec<Section> {
        vec![section("Floor", vec![row("A", 0, vec![seat("1", 0), seat("2", 1)]), row("B", 1, vec![seat("1", 0)])])]
    }

    fn faults(of: Vec<Section>) -> Vec<(String, &'static str)> {
        let errors = Layout::parse("sections", of).unwrap_err();
        errors.into_iter().map(|error| (error.field.into_owned(), error.code)).collect()
    }

    fn with(change: impl FnOnce(&mut Vec<Section>)) -> Vec<(String, &'static str)> {
        let mut sections = good();
        change(&mut sections);
        faults(sections)
    }

    /// Guards: every refusal of `Check`, and the way to what is wrong.
    #[test]
    fn what_is_wrong_is_named_by_its_way() {
        assert!(Layout::parse("sections", good()).is_ok());
        let expect = |found: Vec<(String, &'static str)>, field: &str, code| {
            assert_eq!(found, [(field.to_owned(), code)]);
        };
        expect(faults(vec![]), "sections", "OUT_OF_RANGE");
        expect(with(|of| of[0].rows.clear()), "sections[0].rows", "OUT_OF_RANGE");
        expect(with(|of| of[0].rows[1].seats.clear()), "sections[0].rows[1].seats", "OUT_OF_RANGE");
        expect(with(|of| of.push(of[0].clone())), "sections[1].name", "DUPLICATE");
        expect(with(|of| of[0].name = " ".to_owned()), "sections[0].name", "REQUIRED");
        expect(with(|of| of[0].name = "n".repeat(201)), "sections[0].name", "TOO_LONG");
        expect(with(|of| of[0].rows[1].label = " A ".to_owned()), "sections[0].rows[1].label", "DUPLICATE");
        expect(with(|of| of[0].rows[1].label = "l".repeat(51)), "sections[0].rows[1].label", "TOO_LONG");
        let seat = "sections[0].rows[0].seats[1]";
        expect(with(|of| of[0].rows[0].seats[1].label = "1".to_owned()), &format!("{seat}.label"), "DUPLICATE");
        expect(with(|of| of[0].rows[0].seats[1].label = "a\0b".to_owned()), &format!("{seat}.label"), "INVALID");
        expect(with(|of| of[0].rows[0].seats[1].label = "\u{200b}".to_owned()), &format!("{seat}.label"), "INVALID");
        let composed = |of: &mut Vec<Section>| {
            of[0].rows[0].seats[0].label = "é".to_owned();
            of[0].rows[0].seats[1].label = "e\u{301}".to_owned();
        };
        expect(with(composed), &format!("{seat}.label"), "DUPLICATE");
        expect(with(|of| of[0].rows[0].seats[1].position = 0), &format!("{seat}.position"), "NOT_ASCENDING");
        let far = POSITION_MAX + 1;
        expect(with(|of| of[0].rows[0].seats[1].position = far), &format!("{seat}.position"), "OUT_OF_RANGE");
        expect(with(|of| of[0].rows[1].position = -1), "sections[0].rows[1].position", "NOT_ASCENDING");
        expect(with(|of| of[0].rows[0].position = -far), "sections[0].rows[0].position", "OUT_OF_RANGE");
    }

    /// Guards: the bounds of what a client can make the server keep, and of what it can make it say.
    #[test]
    fn a_map_is_no_larger_than_the_largest_hall() {
        let seats: Vec<Seat> = (0..1_000).map(|n| seat(&n.to_string(), n)).collect();
        let rows = |count| (0..count).map(|n| row(&n.to_string(), n, seats.clone())).collect();
        let full = Layout::parse("sections", vec![section("Floor", rows(100))]);
        assert!(full.is_ok());
        assert_eq!(faults(vec![section("Floor", rows(101))]), [("sections".to_owned(), "TOO_MANY")]);
        let wide = (0..1_001).map(|n| seat(&n.to_string(), n)).collect();
        let row_of = vec![section("Floor", vec![row("A", 0, wide)])];
        assert_eq!(faults(row_of), [("sections[0].rows[0].seats".to_owned(), "OUT_OF_RANGE")]);
        let same = (0..1_000).map(|n| seat("1", n)).collect();
        assert_eq!(faults(vec![section("Floor", vec![row("A", 0, same)])]).len(), FAULTS_MAX);
    }
}
