//! How the cores of one process share a plan: by striping.

/// One of `of` equal shares: it owns the indices `index, index + of, index + 2 * of, ...`.
///
/// Every index has exactly one owner, the shares of any number sum to it, and each share grows monotonically with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripe {
    pub(crate) index: u64,
    pub(crate) of: u64,
}

impl Stripe {
    /// How many of the first `n` indices this share owns.
    pub(crate) fn share(self, n: u64) -> u64 {
        (n + self.of - 1 - self.index) / self.of
    }

    /// The test-wide index of this share's `local`-th one.
    pub(crate) fn global(self, local: u64) -> u64 {
        self.index + local * self.of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn shares_partition_every_count(n in 0_u64..10_000, of in 1_u64..9) {
            let stripes: Vec<_> = (0..of).map(|index| Stripe { index, of }).collect();
            prop_assert_eq!(stripes.iter().map(|s| s.share(n)).sum::<u64>(), n);
            let mut owned = Vec::new();
            for stripe in &stripes {
                prop_assert!(stripe.share(n) <= stripe.share(n + 1));
                owned.extend((0..stripe.share(n)).map(|local| stripe.global(local)));
            }
            owned.sort_unstable();
            prop_assert_eq!(owned, (0..n).collect::<Vec<_>>());
        }
    }
}
