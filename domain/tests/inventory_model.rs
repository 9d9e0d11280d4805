//! The inventory against a simple reference: any history of commands gives the same decisions, counters and seats.
//!
//! Proptest prints the shrunk plan and steps of a failure, and keeps its seed beside this file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "a helper that fails should fail its test"
)]
#![allow(dead_code, reason = "the builders are shared with other tests")]

mod support {
    pub mod builders;
}
#[path = "best/reference.rs"]
mod best_reference;
mod model {
    pub mod codes;
    pub mod history;
    pub mod judge;
    pub mod plans;
    pub mod reference;
    pub mod shared;
    pub mod steps;
}

use model::{history::History, plans::plan_spec, steps::story};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    /// Guards: places are freed by `settle` only; `enough_left` sums the lines of a quota; a decision takes its places at
    /// once (`apply`); a closing holder is not open; `revert` gives back exactly what `apply` took.
    #[test]
    fn any_history_agrees_with_the_reference(spec in plan_spec(), story in story()) {
        let mut history = History::new(&spec);
        for (index, step) in story.0.iter().enumerate() {
            history.step(step).map_err(|fault| TestCaseError::fail(format!("step {index}, {step:?}: {fault}")))?;
            history.check(index % 8 == 0).map_err(|fault| TestCaseError::fail(format!("after step {index}, {step:?}: {fault}")))?;
        }
        history.settle_all().and_then(|()| history.check(true)).map_err(TestCaseError::fail)?;
    }
}
