//! Seat maps from a few numbers a tier: the drawing of a venue as a table of rows and chairs.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    SeedError,
    data::DataFile,
    ids,
    model::{Row, Seat, SeatMap, Section},
};

static LAYOUTS: DataFile<BTreeMap<String, Layout>> =
    DataFile::new("layouts.json", include_str!("../data/layouts.json"));

/// A drawing, in a few lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layout {
    name: String,
    /// Best first.
    tiers: Vec<Tier>,
}

/// Sections of one shape that are priced together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    name: String,
    #[serde(default)]
    sections: Sections,
    rows: u16,
    #[serde(default)]
    row_labels: RowLabels,
    seats_per_row: u16,
    /// So many places for wheelchairs at the beginning of each section's last row, the one next to the entrance.
    #[serde(default)]
    accessible: u16,
}

/// How the sections of a tier are called.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sections {
    /// One section, called as the tier is.
    #[default]
    One,
    /// The tier's name and a letter: `Floor A`, `Floor B` … so many of them, at most 24.
    Lettered(u16),
    /// The tier's name and a number from 1: `Box 1`, `Box 2` … so many of them.
    Counted(u16),
    /// Numbers alone, as arenas have them: from the first, so many.
    Numbered(u16, u16),
}

/// How the rows of a section are called.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RowLabels {
    /// `A`, `B` … without I and O, which are read as digits; after `Z` come `AA`, `BB` …
    #[default]
    Letters,
    /// `1`, `2` …
    Numbers,
}

impl Layout {
    /// The layout under this name.
    pub(super) fn named(name: &str) -> Result<&'static Self, SeedError> {
        LAYOUTS.get()?.get(name).ok_or_else(|| SeedError::Undefined { kind: "layout", name: name.to_owned() })
    }

    /// Draws the first version of the map of a venue.
    pub(super) fn draw(&'static self, venue_slug: &str) -> SeatMap {
        let path = format!("{venue_slug}/{}/1", self.name);
        let sections = self.tiers.iter().flat_map(|tier| tier.draw(&path)).collect();
        SeatMap { id: ids::stable("seat map", &path), name: &self.name, sections }
    }
}

impl Tier {
    fn draw(&'static self, map_path: &str) -> Vec<Section> {
        let draw = |name: String| {
            let path = format!("{map_path}/{name}");
            let rows = (0..self.rows).map(|row| self.draw_row(row, &path)).collect();
            Section { id: ids::stable("section", &path), tier: &self.name, name, rows }
        };
        self.section_names().into_iter().map(draw).collect()
    }

    fn draw_row(&self, row: u16, section_path: &str) -> Row {
        let label = match self.row_labels {
            RowLabels::Letters => letters(row),
            RowLabels::Numbers => (row + 1).to_string(),
        };
        let path = format!("{section_path}/{label}");
        let accessible = if row + 1 == self.rows { self.accessible } else { 0 };
        let seats = (1..=self.seats_per_row).map(|number| Seat {
            id: ids::stable("seat", &format!("{path}/{number}")),
            label: number.to_string(),
            accessible: number <= accessible,
        });
        Row { id: ids::stable("row", &path), seats: seats.collect(), label }
    }

    fn section_names(&self) -> Vec<String> {
        let name = &self.name;
        match self.sections {
            Sections::One => vec![name.to_owned()],
            Sections::Lettered(count) => (0..count).map(|index| format!("{name} {}", letters(index))).collect(),
            Sections::Counted(count) => (1..=count).map(|number| format!("{name} {number}")).collect(),
            Sections::Numbered(first, count) => (first..first + count).map(|number| number.to_string()).collect(),
        }
    }
}

fn letters(index: u16) -> String {
    const ALPHABET: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
    let index = usize::from(index);
    let letter = char::from(ALPHABET[index % ALPHABET.len()]);
    std::iter::repeat_n(letter, index / ALPHABET.len() + 1).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_arena_has_twenty_thousand_different_chairs() {
        let map = Layout::named("arena").unwrap().draw("somewhere");
        let ids: HashSet<_> = map.seats().map(|seat| seat.id).collect();
        assert_eq!((map.seats().count(), ids.len()), (20_000, 20_000));
        assert_eq!(map.seats().filter(|seat| seat.accessible).count(), 6 * 4 + 20 * 6);
    }

    #[test]
    fn the_stadium_has_a_hundred_thousand_different_chairs() {
        let map = Layout::named("stadium").unwrap().draw("somewhere");
        let ids: HashSet<_> = map.seats().map(|seat| seat.id).collect();
        assert_eq!((map.seats().count(), ids.len()), (100_000, 100_000));
    }

    #[test]
    fn row_letters_leave_out_what_reads_as_a_digit_and_double_after_z() {
        let labels: Vec<_> = [0, 7, 8, 13, 23, 24, 25].map(letters).into();
        assert_eq!(labels, ["A", "H", "J", "P", "Z", "AA", "BB"]);
    }
}
