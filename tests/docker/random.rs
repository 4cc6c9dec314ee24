//! Numbers that look random and can be had again: from a seed that is printed.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A sequence of numbers.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// The sequence that `RCOMPOSE_SEED` names, or one of this instant.
    pub fn of_environment() -> Random {
        let given = std::env::var("RCOMPOSE_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok());
        let now = || SystemTime::now().duration_since(UNIX_EPOCH);
        let seed = seed.unwrap_or_else(|| now().map_or(1, |it| u64::from(it.subsec_nanos())));
        Random { seed, state: seed }
    }

    /// The next number, from 0 to 1 (Knuth's MMIX generator, its upper half).
    pub fn next(&mut self) -> f64 {
        let (times, plus) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.state = self.state.wrapping_mul(times).wrapping_add(plus);
        f64::from((self.state >> 32) as u32) / f64::from(u32::MAX)
    }
}

impl fmt::Display for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RCOMPOSE_SEED={}", self.seed)
    }
}
