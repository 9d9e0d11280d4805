//! Random steps. They name things by number, in the order in which the history made them and beginning again at their end, so
//! that a shrunk failure reads like a story.

use std::fmt;

use proptest::{collection::vec, prelude::*};

use super::plans::SECTIONS;

/// How a line's places are chosen.
#[derive(Clone, Debug)]
pub enum Places {
    Any(u32),
    Seats(Vec<usize>),
    Best(u32),
}

/// Places of one ticket type; a type or seat beyond the plan's is an unknown one.
#[derive(Clone, Debug)]
pub struct LineSpec {
    pub ticket_type: usize,
    pub places: Places,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub enum Step {
    Hold {
        account: usize,
        lines: Vec<LineSpec>,
        /// One beyond the plan's is an unknown one.
        code: Option<usize>,
    },
    Book {
        account: usize,
        lines: Vec<LineSpec>,
        code: Option<usize>,
    },
    /// The organizer keeps places back. Released like a hold.
    Block {
        account: usize,
        lines: Vec<LineSpec>,
    },
    /// The organizer changes a capacity.
    Resize {
        quota: usize,
        capacity: u32,
    },
    /// Books any hold there ever was, perhaps another account's, or one that does not exist.
    BookHold {
        account: usize,
        which: usize,
    },
    Release {
        account: usize,
        which: usize,
    },
    /// Cancels any booking there ever was.
    Cancel {
        which: usize,
    },
    /// Asks for more time for any hold there ever was.
    Extend {
        account: usize,
        which: usize,
    },
    /// Gives any booking there ever was more time.
    Wait {
        which: usize,
        seconds: i64,
    },
    /// Cancels some items of any booking there ever was; perhaps such as it does not have.
    CancelItems {
        which: usize,
        positions: Vec<u8>,
    },
    /// The payment for any booking there ever was arrives.
    Confirm {
        which: usize,
    },
    /// Asks to expire anything, whether its time has come or not.
    Expire {
        which: usize,
    },
    /// Closes whatever has expired, as the timer does.
    ExpireAll,
    Pass {
        seconds: i64,
    },
    /// The ledger writes an outstanding entry.
    Settle {
        which: usize,
    },
    SettleOldest,
    /// The ledger refuses an outstanding entry.
    Revert {
        which: usize,
    },
    /// The process dies and starts again: what was outstanding was never written.
    Crash,
}

fn lines() -> impl Strategy<Value = Vec<LineSpec>> {
    let seats = SECTIONS.iter().sum::<usize>();
    let places = prop_oneof![
        (1..=6u32).prop_map(Places::Any),
        (1..=6u32).prop_map(Places::Best),
        vec(0..=seats, 1..=3).prop_map(|mut seats| {
            seats.sort_unstable();
            seats.dedup();
            Places::Seats(seats)
        }),
    ];
    vec((0..6usize, places).prop_map(|(ticket_type, places)| LineSpec { ticket_type, places }), 1..=2)
}

fn code() -> impl Strategy<Value = Option<usize>> {
    prop::option::weighted(0.4, 0..3usize)
}

fn step() -> impl Strategy<Value = Step> {
    let (account, which) = (0..4usize, 0..48usize);
    prop_oneof![
        8 => (account.clone(), lines(), code()).prop_map(|(account, lines, code)| Step::Hold { account, lines, code }),
        8 => (account.clone(), lines(), code()).prop_map(|(account, lines, code)| Step::Book { account, lines, code }),
        2 => (account.clone(), lines()).prop_map(|(account, lines)| Step::Block { account, lines }),
        1 => (0..4usize, 0..=14u32).prop_map(|(quota, capacity)| Step::Resize { quota, capacity }),
        4 => (account.clone(), which.clone()).prop_map(|(account, which)| Step::BookHold { account, which }),
        4 => (account.clone(), which.clone()).prop_map(|(account, which)| Step::Release { account, which }),
        3 => (account, which.clone()).prop_map(|(account, which)| Step::Extend { account, which }),
        3 => (which.clone(), 0..40i64).prop_map(|(which, seconds)| Step::Wait { which, seconds }),
        4 => (which.clone(), vec(0..4u8, 1..=2)).prop_map(|(which, positions)| Step::CancelItems { which, positions }),
        4 => which.clone().prop_map(|which| Step::Cancel { which }),
        4 => which.clone().prop_map(|which| Step::Confirm { which }),
        2 => which.clone().prop_map(|which| Step::Expire { which }),
        2 => Just(Step::ExpireAll),
        4 => (1..20i64).prop_map(|seconds| Step::Pass { seconds }),
        6 => which.clone().prop_map(|which| Step::Settle { which }),
        8 => Just(Step::SettleOldest),
        2 => which.clone().prop_map(|which| Step::Revert { which }),
        1 => Just(Step::Crash),
    ]
}

/// A history that prints one step a line.
pub struct Story(pub Vec<Step>);

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, step)| write!(f, "\n    {index}: {step:?}"))
    }
}

/// Mostly more than a hundred steps; failures shrink to the few that matter.
pub fn story() -> impl Strategy<Value = Story> {
    vec(step(), 0..=260).prop_map(Story)
}
