//! Choices that depend on a name alone, on every machine and with every version of any library.

use sha2::{Digest, Sha256};

/// Throws of one thing's dice, each different from the one before.
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of the thing with this kind and number.
    pub(super) fn of(kind: &str, number: u32) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update(number.to_be_bytes()).finalize();
        Self(digest.iter().take(8).fold(0, |state, byte| state << 8 | u64::from(*byte)))
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // The product's upper half: as even as anybody will notice.
        u32::try_from((self.throw() >> 32).wrapping_mul(u64::from(bound)) >> 32).unwrap_or(0)
    }

    /// One of them; the first ones more often than the last, as it is with cities and stars.
    pub(super) fn common<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let count = u32::try_from(of.len()).unwrap_or(u32::MAX);
        let index = self.below(count).min(self.below(count));
        &of[index as usize]
    }

    /// One of them, each as often as any other.
    pub(super) fn any<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(u32::try_from(of.len()).unwrap_or(u32::MAX)) as usize]
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pinned, because the same arguments must give the same catalogue for ever.
    #[test]
    fn the_dice_never_change() {
        let mut dice = Dice::of("event", 7);
        let thrown: Vec<u32> = (0..6).map(|_| dice.below(100)).collect();
        assert_eq!(thrown, [99, 81, 92, 54, 81, 19]);
    }
}
