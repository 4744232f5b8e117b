use super::*;
use crate::{
    kernel::{Kernel, Plain},
    testing::random,
};

/// A kernel with other tiles.
struct Other;

impl Kernel for Other {
    fn rows(&self) -> usize {
        3
    }

    fn columns(&self) -> usize {
        5
    }

    fn tile(&self, left: &[f32], right: &[f32], out: &mut [f32]) {
        for (place, out) in out.iter_mut().enumerate() {
            let (row, column) = (place / 5, place % 5);
            let left = left.iter().skip(row).step_by(3);
            let right = right.iter().skip(column).step_by(5);
            *out = left.zip(right).fold(0.0, |sum, (a, b)| a.mul_add(*b, sum));
        }
    }
}

/// The definition.
fn defined(left: &View<'_>, right: &View<'_>, former: Option<&[f32]>) -> Vec<f32> {
    let at = |view: &View<'_>, i: usize, j: usize| view.data[i * view.down + j * view.across];
    let mut out = Vec::new();
    for i in 0..left.rows {
        for j in 0..right.columns {
            let mut value = former.map(|former| former[i * right.columns + j]);
            for start in (0..left.columns).step_by(BLOCK) {
                let end = left.columns.min(start + BLOCK);
                let block =
                    (start..end).fold(0.0, |sum, k| at(left, i, k).mul_add(at(right, k, j), sum));
                value = Some(value.map_or(block, |value| value + block));
            }
            out.push(value.unwrap_or_default());
        }
    }
    out
}

#[test]
fn each_bit_is_as_defined_for_any_kernel_and_number_of_threads() {
    let data = random(700 * 40, 1);
    let other = random(700 * 40, 2);
    for (rows, sum, columns) in
        [(1, 1, 1), (7, 300, 33), (40, 600, 9), (3, 257, 40), (33, 5, 31), (2, 513, 17)]
    {
        for (left_turned, right_turned) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let left = if left_turned {
                View::of(&data, sum, rows).transposed()
            } else {
                View::of(&data, rows, sum)
            };
            let right = if right_turned {
                View::of(&other, columns, sum).transposed()
            } else {
                View::of(&other, sum, columns)
            };
            for former in [None, Some(random(rows * columns, 3))] {
                let onto = if former.is_some() { Onto::Former } else { Onto::Nothing };
                let expected = defined(&left, &right, former.as_deref());
                for kernel in [&Plain as &dyn Kernel, &Other] {
                    for threads in [1, 2, 5] {
                        let team = Team::new(kernel, threads);
                        let mut out = former.clone().unwrap_or(vec![f32::NAN; rows * columns]);
                        multiply(&team, left, &right, onto, &mut out);
                        let same =
                            out.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(
                            same,
                            "{rows} {sum} {columns} {left_turned} {right_turned} {onto:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_part_of_a_matrix_is_a_matrix() {
    let (data, other) = (random(6 * 10, 1), random(4 * 3, 2));
    let part = View::part(&data[2..], 5, 4, 10);
    let whole: Vec<f32> = (0..5).flat_map(|row| data[2 + row * 10..][..4].to_vec()).collect();
    let (mut one, mut two) = (vec![0.0; 15], vec![0.0; 15]);
    let team = Team::new(&Plain, 1);
    multiply(&team, part, &View::of(&other, 4, 3), Onto::Nothing, &mut one);
    multiply(&team, View::of(&whole, 5, 4), &View::of(&other, 4, 3), Onto::Nothing, &mut two);
    assert_eq!(one, two);
}

#[test]
fn a_sum_of_nothing_is_nothing() {
    let team = Team::new(&Plain, 1);
    let mut out = [3.0; 4];
    multiply(&team, View::of(&[], 2, 0), &View::of(&[], 0, 2), Onto::Former, &mut out);
    assert_eq!(out, [3.0; 4]);
    multiply(&team, View::of(&[], 2, 0), &View::of(&[], 0, 2), Onto::Nothing, &mut out);
    assert_eq!(out, [0.0; 4]);
}
