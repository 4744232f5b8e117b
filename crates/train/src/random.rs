//! Numbers from a seed.

/// SplitMix64, by Sebastiano Vigna: <https://prng.di.unimi.it/splitmix64.c>. Not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Begins with a seed. Different purposes of one seed get different numbers.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        // The first number of each purpose is far from those of its neighbours.
        let mut seeds = Self(purpose);
        let apart = seeds.number();
        Self(seed ^ apart)
    }

    /// Returns the next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from -1 (inclusive) to 1 (exclusive), a multiple of `2^-23`.
    pub fn symmetric(&mut self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "24 bits fit into an f32")]
        let number = (self.number() >> 40) as f32;
        number * (1.0 / 8_388_608.0) - 1.0
    }

    /// Returns a number below `limit`, which must not be 0. The bias is below `limit / 2^64`.
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.number()) * u128::from(limit);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Puts a list into another order (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            let other = usize::try_from(self.below(end as u64 + 1)).unwrap_or(0);
            list.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        let first = [random.number(), random.number(), random.number()];
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_shuffled_list_has_the_same_items_in_an_order_of_the_seed() {
        let order = |seed, purpose| {
            let mut list: Vec<u32> = (0..100).collect();
            Random::new(seed, purpose).shuffle(&mut list);
            list
        };
        assert_eq!(order(1, 2), order(1, 2));
        assert_ne!(order(1, 2), order(2, 2));
        assert_ne!(order(1, 2), order(1, 3));
        let mut sorted = order(1, 2);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..100));
        let mut random = Random::new(7, 0);
        assert!((0..10_000).all(|_| (-1.0..1.0).contains(&random.symmetric())));
        assert!((0..10_000).all(|_| random.below(3) < 3));
    }
}
