//! The natural logarithm of ordinary positive numbers, without branches.

/// ln x for normal positive x (anything else gives a number without meaning).
///
/// The same operations as `libm::log` makes for such numbers (FreeBSD's, Copyright 1993 Sun
/// Microsystems, permission to use, copy, modify and distribute is freely granted, provided that
/// this notice is preserved), and so the same bits, but without its branches: a loop over an array
/// becomes vector code.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    const LN2_HI: f64 = 0.693_147_180_369_123_8;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    const G1: f64 = 0.666_666_666_666_673_5;
    const G2: f64 = 0.399_999_999_994_094_2;
    const G3: f64 = 0.285_714_287_436_623_9;
    const G4: f64 = 0.222_221_984_321_497_84;
    const G5: f64 = 0.181_835_721_616_180_5;
    const G6: f64 = 0.153_138_376_992_093_73;
    const G7: f64 = 0.147_981_986_051_165_86;
    /// The upper half of the bits of √½.
    const ROOT_HALF: u64 = 0x3fe6_a09e << 32;
    const ONE: u64 = 0x3ff0_0000 << 32;

    // x = 2^k m with m from √½ to √2.
    let bits = x.to_bits().wrapping_add(ONE - ROOT_HALF);
    // The exponent as a number: its bits become the last ones of 2^52 + 1023 + k.
    let k = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - 4_503_599_627_371_519.0;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(ROOT_HALF));
    let f = m - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (G2 + w * (G4 + w * G6));
    let t2 = z * (G1 + w * (G3 + w * (G5 + w * G7)));
    let r = t2 + t1;
    s * (half_square + r) + k * LN2_LO - half_square + f + k * LN2_HI
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_has_the_bits_of_libm() {
        let mut state = 7u64;
        let ordinary = (0..200_000).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Exponents from 1 to 2046: normal positive numbers.
            let exponent = 1 + (state >> 13) % 2046;
            f64::from_bits((exponent << 52) | (state >> 12 & 0x000f_ffff_ffff_ffff))
        });
        for x in ordinary.chain([1.0, 0.5, 2.0, f64::MIN_POSITIVE, f64::MAX, 1e-12, 0.999]) {
            assert_eq!(ln(x).to_bits(), libm::log(x).to_bits(), "{x:e}");
        }
    }
}
