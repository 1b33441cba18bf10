//! Functions that are compiled twice for x86_64: with the instructions that every such processor has,
//! and with AVX2 for those that have it.
//!
//! Both do the same operations in the same order, so that results are the same bits; only more of them
//! happen at once. (AVX2 has no fused multiply-add, and compilers make none of their own accord.)

/// Defines functions whose loops use the widest vectors of the processor that runs them. What they call
/// must be inlined to gain from it.
macro_rules! as_wide_as_the_processor {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $out:ty $body:block)*) => {$(
        $(#[$meta])*
        fn $name($($arg: $type),*) -> $out {
            #[inline(always)]
            fn plain($($arg: $type),*) -> $out $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $type),*) -> $out {
                    plain($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "a processor must be asked for what it has")]
                    // SAFETY: it has AVX2.
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    )*};
}

pub(crate) use as_wide_as_the_processor;

#[cfg(test)]
mod tests {
    use crate::signal::features::basis::{product_sum, sums};

    fn terms(x: f64) -> [f64; 3] {
        [x * x * x + x, x.abs() * 0.1 - x * x, x / (2.0 + x * x)]
    }

    as_wide_as_the_processor! {
        fn wide_sums(values: &[f64]) -> ([f64; 3], f64) {
            (sums(values, terms), product_sum(&values[1..], &values[..values.len() - 1]))
        }
    }

    #[test]
    fn the_widest_vectors_give_the_same_bits() {
        let mut state = 3_u64;
        let values = (0..1000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as f64 / 1e8 - 10.0
        });
        let values: Vec<f64> = values.collect();
        for count in (2..40).chain([127, 128, 999, 1000]) {
            let values = &values[..count];
            let plain = (sums(values, terms), product_sum(&values[1..], &values[..count - 1]));
            assert_eq!(wide_sums(values), plain, "{count} values");
        }
    }
}
