//! The kernel for this processor. All of them give the same bits.
#![expect(unsafe_code, reason = "calls functions that need certain instructions")]

#[cfg(target_arch = "x86_64")]
use train::kernel::{AVX2, AVX512, avx2, avx512};
use train::kernel::{Kernel, Plain};

/// The arithmetic of this build: trainings with the same name and the same inputs give the same bits.
///
/// The architecture is a part of it, because ggml turns quantized weights into numbers, and its
/// compiler may fuse a multiplication and an addition there on one architecture and not on another.
pub const ARITHMETIC: &str = if cfg!(target_arch = "x86_64") {
    "lora-1/x86_64"
} else if cfg!(target_arch = "aarch64") {
    "lora-1/aarch64"
} else {
    "lora-1/other"
};

/// Returns the fastest kernel of this processor.
#[must_use]
pub fn fastest() -> &'static dyn Kernel {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        return &Avx512;
    } else if std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma")
    {
        return &Avx2;
    }
    &Plain
}

/// Exists only on processors with AVX-512.
#[cfg(target_arch = "x86_64")]
struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Kernel for Avx512 {
    fn rows(&self) -> usize {
        AVX512.0
    }

    fn columns(&self) -> usize {
        AVX512.1
    }

    fn tile(&self, left: &[f32], right: &[f32], out: &mut [f32]) {
        // SAFETY: `fastest` has found the instructions, and nothing else gives this kernel out.
        unsafe { avx512(left, right, out) }
    }
}

/// Exists only on processors with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Kernel for Avx2 {
    fn rows(&self) -> usize {
        AVX2.0
    }

    fn columns(&self) -> usize {
        AVX2.1
    }

    fn tile(&self, left: &[f32], right: &[f32], out: &mut [f32]) {
        // SAFETY: as above; the test looks for the instructions, too.
        unsafe { avx2(left, right, out) }
    }
}

#[cfg(test)]
mod tests {
    use train::{
        matmul::{Onto, View, multiply},
        team::Team,
    };

    use super::*;

    #[test]
    fn all_kernels_of_this_processor_give_the_same_bits() {
        let mut random = train::random::Random::new(1, 1);
        let mut numbers =
            |count: usize| -> Vec<f32> { (0..count).map(|_| random.symmetric()).collect() };
        let (left, right) = (numbers(70 * 600), numbers(600 * 90));
        let with = |kernel: &dyn Kernel| -> Vec<u32> {
            let mut out = vec![0.0; 70 * 90];
            let (left, right) = (View::of(&left, 70, 600), View::of(&right, 600, 90));
            multiply(&Team::new(kernel, 2), left, &right, Onto::Nothing, &mut out);
            out.into_iter().map(f32::to_bits).collect()
        };
        let plain = with(&Plain);
        assert!(with(fastest()) == plain);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            assert!(with(&Avx2) == plain);
        }
    }
}
