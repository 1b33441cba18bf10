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
