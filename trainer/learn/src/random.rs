//! Random numbers: numbered streams of one seed, the same on every processor.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One stream of random numbers.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// Stream number `stream` of `seed`. Streams do not overlap.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Random(generator)
    }

    /// A number below `bound`, each equally likely (Lemire's multiplication with rejection).
    /// 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let threshold = if bound == 0 { 0 } else { bound.wrapping_neg() % bound };
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(bound);
            if product as u32 >= threshold {
                return (product >> 32) as u32;
            }
        }
    }

    /// A number from 0 up to but not 1, a multiple of 2⁻⁵³.
    pub(crate) fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Puts `items` into a random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut random = Random::new(7, 3);
        let drawn: Vec<u32> = (0..4).map(|_| random.below(1000)).collect();
        assert_eq!(drawn, [525, 181, 522, 92]);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let draw = |stream| Random::new(1, stream).below(u32::MAX);
        assert_ne!(draw(0), draw(1));
    }
}
