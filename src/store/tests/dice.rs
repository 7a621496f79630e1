//! Numbers that look random and are the same in every run.

const SEED: u64 = 20_261_130;

/// Throws numbers (splitmix64).
pub struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    /// With a seed of its own, or `ESPOMAIL_TEST_SEED`.
    pub fn new() -> Dice {
        let seed = std::env::var("ESPOMAIL_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
        Dice { seed, state: seed }
    }

    /// For the message of a test that fails.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    /// One of several.
    pub fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}
