use super::*;
use crate::{
    kernel::Plain,
    testing::{Small, plain, random},
};

pub(crate) fn sequence(length: usize, seed: u64) -> Sequence {
    let mut random = crate::random::Random::new(seed, 5);
    let tokens = (0..length).map(|_| u32::try_from(random.below(50)).unwrap()).collect();
    let learned = (0..length).map(|place| place % 3 != 0).collect();
    Sequence { tokens, learned }
}

/// An adapter in which nothing is zero.
fn adapter(base: &Small) -> Adapter {
    let mut adapter = Adapter::zeros(base.shape(), 2, 3.0);
    let values = random(adapter.values().len(), 6);
    adapter.values_mut().iter_mut().zip(values).for_each(|(to, from)| *to = from * 0.3);
    adapter
}

#[test]
fn the_gradient_of_the_whole_model_is_its_slope() {
    let (team, base) = (plain(), Small::new(1));
    let turns = Turns::new(base.shape(), 16);
    let model = Model { base: &base, team: &team, turns: &turns, keep: usize::MAX };
    let (one, two) = (sequence(7, 1), sequence(5, 2));
    let sequences = [&one, &two];
    let adapter = adapter(&base);
    let mut gradients = Adapter::zeros(base.shape(), 2, 3.0);
    let score = model.pass(&adapter, &sequences, 1.0, Some(&mut gradients));
    assert_eq!(score.tokens, 4 + 3);
    assert_eq!(score, model.pass(&adapter, &sequences, 1.0, None));
    let loss = |moved: &Adapter| model.pass(moved, &sequences, 1.0, None).loss;
    // A direction in each matrix of each layer.
    for layer in 0..base.shape().layers {
        for matrix in Matrix::ALL {
            let mut direction = Adapter::zeros(base.shape(), 2, 3.0);
            let low = direction.low_mut(layer, matrix);
            let length = low.a.len() + low.b.len();
            let values = random(length, 7 + layer as u64);
            low.a.iter_mut().chain(low.b).zip(values).for_each(|(to, from)| *to = from);
            let moved = |by: f32| {
                let mut moved = adapter.clone();
                let values = moved.values_mut().iter_mut().zip(direction.values());
                values.for_each(|(value, along)| *value += by * along);
                moved
            };
            let slope = (loss(&moved(2e-3)) - loss(&moved(-2e-3))) / 4e-3;
            let expected: f64 = gradients
                .values()
                .iter()
                .zip(direction.values())
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum();
            let apart = (slope - expected).abs() / (0.1 + slope.abs());
            assert!(apart < 5e-3, "{layer} {matrix:?}: {slope} {expected}");
        }
    }
}

#[test]
fn what_is_kept_and_the_number_of_threads_change_no_bit() {
    let base = Small::new(1);
    let turns = Turns::new(base.shape(), 128);
    let (one, two) = (sequence(100, 1), sequence(70, 2));
    let adapter = adapter(&base);
    let with = |threads: usize, keep: usize| {
        let team = Team::new(&Plain, threads);
        let model = Model { base: &base, team: &team, turns: &turns, keep };
        let mut gradients = Adapter::zeros(base.shape(), 2, 3.0);
        let score = model.pass(&adapter, &[&one, &two], 0.1, Some(&mut gradients));
        let bits: Vec<u32> = gradients.values().iter().map(|value| value.to_bits()).collect();
        (score, bits)
    };
    let expected = with(1, usize::MAX);
    assert_eq!(with(2, usize::MAX), expected);
    assert_eq!(with(5, 0), expected);
    assert_eq!(with(1, 100_000), expected);
}
