//! Runs of neighbouring bits in the words of a row.

use std::ops::Range;

use crate::seat_maps::geometry::WORD;

/// The longest runs of ones in `words` words, from the left.
pub(super) fn runs(words: usize, word: impl Fn(usize) -> u64) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = next_one(at, words, &word)?;
        at = next_one(start, words, |index| !word(index)).unwrap_or(words * WORD);
        Some(start..at)
    })
}

/// The first one at `at` or after it.
fn next_one(at: usize, words: usize, word: impl Fn(usize) -> u64) -> Option<usize> {
    let mut at = at;
    while at / WORD < words {
        let rest = word(at / WORD) >> (at % WORD);
        if rest != 0 {
            return Some(at + rest.trailing_zeros() as usize);
        }
        at = (at / WORD + 1) * WORD;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[u64]) -> Vec<(usize, usize)> {
        runs(words.len(), |index| words[index]).map(|run| (run.start, run.end)).collect()
    }

    /// Guards: both steps from word to word, and the end of the last.
    #[test]
    fn runs_end_at_zeros_and_at_the_end_and_cross_words() {
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[0, 0]), []);
        assert_eq!(of(&[0b0110_1001]), [(0, 1), (3, 4), (5, 7)]);
        assert_eq!(of(&[u64::MAX]), [(0, 64)]);
        assert_eq!(of(&[1 << 63, 1]), [(63, 65)]);
        assert_eq!(of(&[u64::MAX, u64::MAX, 0b101]), [(0, 129), (130, 131)]);
        assert_eq!(of(&[0, 1 << 63]), [(127, 128)]);
    }
}
