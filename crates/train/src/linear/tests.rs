use super::*;
use crate::{
    base::Matrix,
    testing::{Small, plain, random, slope},
};

#[test]
fn the_gradients_are_the_slopes() {
    let (team, base) = (plain(), Small::new(1));
    let (from, to) = base.shape().of(Matrix::Up);
    let weights = Weights::new(&base, Tensor::Layer(1, Matrix::Up), from, 0..to);
    let (rank, scale, count) = (3, 2.0, 5);
    let (a, b) = (random(rank * from, 1), random(rank * to, 2));
    let (x, dy) = (random(count * from, 3), random(count * to, 4));
    let with = |x: &[f32], a: &[f32], b: &[f32]| {
        let mut y = vec![0.0; count * to];
        weights.forward(&team, x, Onto::Nothing, &mut y);
        let inner = Low { a, b, rank, scale }.forward(&team, x, &mut y);
        (y, inner.to_vec())
    };
    let (_, inner) = with(&x, &a, &b);
    let (mut da, mut db, mut dx) = (vec![0.0; a.len()], vec![0.0; b.len()], vec![0.0; x.len()]);
    weights.backward(&team, &dy, Onto::Nothing, &mut dx);
    let low = Low { a: &a, b: &b, rank, scale };
    let gradients = LowGradients { a: &mut da, b: &mut db };
    low.backward(&team, &x, &inner, &dy, gradients, Some(&mut dx));
    slope(&x, &dx, &dy, |x| with(x, &a, &b).0);
    slope(&a, &da, &dy, |a| with(&x, a, &b).0);
    slope(&b, &db, &dy, |b| with(&x, &a, b).0);
}

#[test]
fn some_rows_of_a_matrix_are_a_matrix() {
    let (team, base) = (plain(), Small::new(1));
    let width = base.shape().width;
    let x = random(2 * width, 1);
    let mut all = vec![0.0; 2 * 50];
    Weights::new(&base, Tensor::Head, width, 0..50).forward(&team, &x, Onto::Nothing, &mut all);
    let mut some = vec![0.0; 2 * 7];
    Weights::new(&base, Tensor::Head, width, 11..18).forward(&team, &x, Onto::Nothing, &mut some);
    assert_eq!([&all[11..18], &all[61..68]].concat(), some);
}
