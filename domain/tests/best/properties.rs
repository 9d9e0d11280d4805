//! Any house, any requests: what is given is what the reference gives.

use std::fmt;

use domain::{ledger::Entry, refusal::Refusal};
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::FileFailurePersistence};

use super::{
    house::{House, best, best_in},
    reference::take_best,
};

#[derive(Clone, Debug)]
enum Step {
    Ask {
        quantity: u32,
        section: Option<Index>,
    },
    /// The ledger refuses what was given.
    GiveBack(Index),
    /// The ledger writes what was given.
    Settle(Index),
}

#[derive(Clone)]
struct Drawing(Vec<Vec<Vec<char>>>);

impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |row: &Vec<char>| format!("\n{}", row.iter().collect::<String>());
        self.0.iter().try_for_each(|section| writeln!(f, "{}", section.iter().map(row).collect::<String>()))
    }
}

/// Rows with more or fewer free seats. Aisles are between seats.
fn row(width: std::ops::Range<usize>) -> impl Strategy<Value = Vec<char>> {
    let signs = |taken| prop_oneof![8 => Just('.'), taken => Just('x'), 1 => Just('A'), 1 => Just('|')];
    let free = prop_oneof![60 => Just('.'), 2 => Just('x'), 1 => Just('A'), 1 => Just('|')];
    prop_oneof![vec(signs(4), width.clone()), vec(signs(40), width.clone()), vec(free, width)].prop_map(|mut row| {
        row.dedup_by(|after, before| *after == '|' && *before == '|');
        while row.last() == Some(&'|') {
            row.pop();
        }
        let start = row.iter().position(|sign| *sign != '|').unwrap_or(0);
        row.drain(..start);
        if row.is_empty() { vec!['.'] } else { row }
    })
}

fn drawing() -> impl Strategy<Value = Drawing> {
    prop_oneof![
        4 => vec(vec(row(1..14), 1..5), 1..4),
        1 => vec(vec(row(50..150), 1..4), 1..3),
        1 => vec(vec(row(1..5), 60..140), 1..3),
    ]
    .prop_map(Drawing)
}

fn step() -> impl Strategy<Value = Step> {
    let quantity = prop_oneof![12 => 1..=8u32, 1 => 1..=100u32];
    prop_oneof![
        6 => (quantity, proptest::option::of(any::<Index>()))
            .prop_map(|(quantity, section)| Step::Ask { quantity, section }),
        2 => any::<Index>().prop_map(Step::GiveBack),
        1 => any::<Index>().prop_map(Step::Settle),
    ]
}

struct Compared {
    house: House,
    /// What is taken, as the reference has it.
    drawing: Vec<Vec<Vec<char>>>,
    outstanding: Vec<Entry>,
}

impl Compared {
    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Ask { quantity, section } => self.ask(*quantity, section.map(|of| of.index(self.drawing.len())))?,
            Step::GiveBack(_) | Step::Settle(_) if self.outstanding.is_empty() => {}
            Step::Settle(which) => {
                let entry = self.outstanding.remove(which.index(self.outstanding.len()));
                self.house.inventory.settle(&entry);
            }
            Step::GiveBack(which) => {
                let entry = self.outstanding.remove(which.index(self.outstanding.len()));
                self.house.inventory.revert(&entry);
                for item in entry.items().iter() {
                    let (section, row, column) = self.house.place(item.seat.as_ref().unwrap().id);
                    let sign = &mut self.drawing[section][row][column];
                    *sign = if *sign == 'X' { 'A' } else { '.' };
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, quantity: u32, section: Option<usize>) -> Result<(), TestCaseError> {
        let sections = section.map_or_else(|| (0..self.drawing.len()).collect(), |section| vec![section]);
        let expected = take_best(&mut self.drawing, &sections, quantity as usize);
        let line = section.map_or(best(0, quantity), |section| best_in(&format!("Section {section}"), quantity));
        match self.house.ask([line]) {
            Ok(entry) => {
                let place = |item: &domain::bookings::Item| self.house.place(item.seat.as_ref().unwrap().id);
                prop_assert_eq!(Ok(entry.items().iter().map(place).collect::<Vec<_>>()), expected);
                self.outstanding.push(entry);
            }
            Err(Refusal::SoldOut { left, .. }) => prop_assert_eq!(Err(left as usize), expected),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    /// Guards: the summaries are as the states have them after every step; the closed form of `clean_groups`; every rule,
    /// in its order.
    #[test]
    fn any_house_gives_what_a_search_of_every_place_finds(drawing in drawing(), steps in vec(step(), 1..30)) {
        let mut compared =
            Compared { house: House::of(drawing.0.clone()), drawing: drawing.0, outstanding: Vec::new() };
        for step in &steps {
            compared.step(step)?;
        }
    }
}
