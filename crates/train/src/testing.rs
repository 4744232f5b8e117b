//! For tests: a small model of random weights, and the comparison of gradients with slopes.

use std::collections::HashMap;

use crate::{
    base::{Base, Matrix, Norm, Shape, Tensor},
    kernel::Plain,
    random::Random,
    team::Team,
};

/// A team of one thread with the plain kernel.
pub(crate) fn plain() -> Team<'static> {
    Team::new(&Plain, 1)
}

/// Random numbers from -1 to 1.
pub(crate) fn random(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed, 99);
    (0..count).map(|_| random.symmetric()).collect()
}

/// A small shape in which no two lengths are equal.
pub(crate) fn shape() -> Shape {
    Shape {
        layers: 3,
        width: 24,
        heads: 4,
        groups: 2,
        head: 8,
        inner: 40,
        vocabulary: 50,
        epsilon: 1e-5,
        rope_base: 100.0,
        rope_places: 8,
        rope_factors: Vec::new(),
    }
}

/// A small model.
pub(crate) struct Small {
    shape: Shape,
    tensors: HashMap<String, Vec<f32>>,
}

impl Small {
    pub(crate) fn new(seed: u64) -> Self {
        let shape = shape();
        let mut tensors = HashMap::new();
        let mut add = |name: String, count: usize, scale: f32, plus: f32| {
            let seed = seed + tensors.len() as u64;
            let values = random(count, seed).into_iter().map(|value| value * scale + plus);
            tensors.insert(name, values.collect::<Vec<f32>>());
        };
        for layer in 0..shape.layers {
            for matrix in Matrix::ALL {
                let (from, to) = shape.of(matrix);
                let scale = 1.5 / (from as f32).sqrt();
                add(format!("{:?}", Tensor::Layer(layer, matrix)), from * to, scale, 0.0);
            }
            add(format!("{:?}", Norm::Attention(layer)), shape.width, 0.2, 1.0);
            add(format!("{:?}", Norm::FeedForward(layer)), shape.width, 0.2, 1.0);
        }
        add(format!("{:?}", Norm::Last), shape.width, 0.2, 1.0);
        for tensor in [Tensor::Embedding, Tensor::Head] {
            add(format!("{tensor:?}"), shape.vocabulary * shape.width, 1.0, 0.0);
        }
        Self { shape, tensors }
    }
}

impl Base for Small {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn rows(&self, tensor: Tensor, first: usize, out: &mut [f32]) {
        let width = match tensor {
            Tensor::Layer(_, matrix) => self.shape.of(matrix).0,
            Tensor::Embedding | Tensor::Head => self.shape.width,
        };
        let values = &self.tensors[&format!("{tensor:?}")];
        out.copy_from_slice(&values[first * width..][..out.len()]);
    }

    fn norm(&self, norm: Norm) -> &[f32] {
        &self.tensors[&format!("{norm:?}")]
    }
}

/// Compares the gradient of `x` with slopes: how much `f` changes along `dy` when `x` is moved a
/// little. Looks at some places, and at a random direction through all of them.
pub(crate) fn slope(x: &[f32], dx: &[f32], dy: &[f32], f: impl Fn(&[f32]) -> Vec<f32>) {
    const STEP: f32 = 4e-3;
    let along = |x: &[f32]| -> f64 {
        f(x).iter().zip(dy).map(|(y, dy)| f64::from(*y) * f64::from(*dy)).sum()
    };
    let mut directions: Vec<Vec<f32>> = Vec::new();
    for place in [0, x.len() / 3, x.len() / 2, x.len() - 1] {
        let mut direction = vec![0.0; x.len()];
        direction[place] = 1.0;
        directions.push(direction);
    }
    directions.push(random(x.len(), 1234));
    for direction in directions {
        let moved = |by: f32| -> Vec<f32> {
            x.iter().zip(&direction).map(|(x, along)| x + by * along).collect()
        };
        let slope = (along(&moved(STEP)) - along(&moved(-STEP))) / f64::from(2.0 * STEP);
        let expected: f64 =
            dx.iter().zip(&direction).map(|(dx, d)| f64::from(*dx) * f64::from(*d)).sum();
        let apart = (slope - expected).abs() / (1.0 + slope.abs().max(expected.abs()));
        assert!(apart < 2e-3, "the slope is {slope}, the gradient says {expected}");
    }
}
