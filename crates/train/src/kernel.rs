//! The innermost loop of a matrix product, for several kinds of processors.
//!
//! Each place of a tile is one chain of fused multiply-adds in the order of `k`. IEEE 754 defines
//! each of them to the bit, and the vectors run across the places and never along a chain. So all
//! kernels give the same bits: they differ in speed alone.

/// Computes one tile of a product.
///
/// The implementations are functions in this module; some may be called only on processors with
/// certain instructions. So the caller, who looks at the processor, implements this trait.
pub trait Kernel: Sync {
    /// Number of rows of a tile.
    fn rows(&self) -> usize;
    /// Number of columns of a tile.
    fn columns(&self) -> usize;
    /// Sets `out`, a tile of rows, to the product of `left`, which has for each `k` one value per row,
    /// and `right`, which has for each `k` one value per column.
    fn tile(&self, left: &[f32], right: &[f32], out: &mut [f32]);
}

/// The kernel for any processor. Slow where fused multiply-add is no instruction.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Kernel for Plain {
    fn rows(&self) -> usize {
        8
    }

    fn columns(&self) -> usize {
        8
    }

    fn tile(&self, left: &[f32], right: &[f32], out: &mut [f32]) {
        tile::<8, 8>(left, right, out);
    }
}

/// Rows and columns of the tiles of [`avx2`].
pub const AVX2: (usize, usize) = (6, 16);

/// Computes a tile with AVX2 and FMA.
///
/// # Safety
/// The processor must have AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub fn avx2(left: &[f32], right: &[f32], out: &mut [f32]) {
    tile::<6, 16>(left, right, out);
}

/// Rows and columns of the tiles of [`avx512`].
pub const AVX512: (usize, usize) = (12, 32);

/// Computes a tile with AVX-512.
///
/// # Safety
/// The processor must have AVX-512 F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
pub fn avx512(left: &[f32], right: &[f32], out: &mut [f32]) {
    tile::<12, 32>(left, right, out);
}

/// The loop itself. The compiler makes vectors of the columns, as wide as its caller's features
/// allow; it never fuses, splits or reorders additions.
#[inline(always)]
fn tile<const ROWS: usize, const COLUMNS: usize>(left: &[f32], right: &[f32], out: &mut [f32]) {
    let mut sums = [[0.0_f32; COLUMNS]; ROWS];
    let (left, _) = left.as_chunks::<ROWS>();
    let (right, _) = right.as_chunks::<COLUMNS>();
    for (left, right) in left.iter().zip(right) {
        for (sums, a) in sums.iter_mut().zip(left) {
            for (sum, b) in sums.iter_mut().zip(right) {
                *sum = a.mul_add(*b, *sum);
            }
        }
    }
    let (out, _) = out.as_chunks_mut::<COLUMNS>();
    for (out, sums) in out.iter_mut().zip(&sums) {
        *out = *sums;
    }
}
