//! What a measurement is judged by: criteria, and those of them that were missed, in words.

use anyhow::bail;
use serde::Serialize;

/// Criteria that are printed; of thousands of wrong answers the first ones are enough.
const PRINTED: usize = 20;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    missed: Vec<String>,
}

impl Verdict {
    pub(crate) fn require(&mut self, met: bool, otherwise: impl FnOnce() -> String) {
        if !met {
            self.missed.push(otherwise());
        }
    }

    /// A figure is below its limit.
    pub(crate) fn below(&mut self, what: &str, value: f64, limit: f64) {
        self.require(value < limit, || format!("{what}: {value:.1}, not below {limit:.1}"));
    }

    /// There are none of these.
    pub(crate) fn none(&mut self, what: &str, found: u64) {
        self.require(found == 0, || format!("{what}: {found}"));
    }

    /// The ledger has the bookings that were acknowledged, and at most those of unknown outcome beside them.
    pub(crate) fn require_written(&mut self, written: u64, acknowledged: u64, unknown: u64) {
        self.require((acknowledged..=acknowledged + unknown).contains(&written), || {
            format!("{acknowledged} bookings were acknowledged, {unknown} are unknown, and {written} were written")
        });
    }

    /// What another verdict says as well, about `whom`.
    pub(crate) fn join(&mut self, whom: &str, other: Self) {
        self.missed.extend(other.missed.into_iter().map(|what| format!("{whom}: {what}")));
    }

    /// Fails with all that was missed.
    pub(crate) fn pronounce(self) -> anyhow::Result<()> {
        if self.missed.is_empty() {
            return Ok(());
        }
        let printed = &self.missed[..self.missed.len().min(PRINTED)];
        bail!("{} missed:\n- {}", self.missed.len(), printed.join("\n- "))
    }

    #[cfg(test)]
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }
}
