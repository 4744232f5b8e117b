//! The model that is trained upon: its shape and its weights, which stay as they are.

/// The shape of a model of the llama architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Number of layers.
    pub layers: usize,
    /// Length of the vector of a token.
    pub width: usize,
    /// Number of heads of the queries.
    pub heads: usize,
    /// Number of heads of keys and values; divides `heads`.
    pub groups: usize,
    /// Length of a head.
    pub head: usize,
    /// Length of the vectors inside the feed-forward part.
    pub inner: usize,
    /// Number of tokens in the vocabulary.
    pub vocabulary: usize,
    /// Added to the mean of squares before a norm divides by its root.
    pub epsilon: f32,
    /// The base of the frequencies of the rotation.
    pub rope_base: f32,
    /// Number of places of a head that are rotated; even.
    pub rope_places: usize,
    /// Each frequency is divided by its factor; empty: by 1.
    pub rope_factors: Vec<f32>,
}

impl Shape {
    /// Length of the queries of a token.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.heads * self.head
    }

    /// Length of the keys of a token, and of its values.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.groups * self.head
    }

    /// Number of columns and rows of a matrix: the lengths of its input and its output.
    #[must_use]
    pub fn of(&self, matrix: Matrix) -> (usize, usize) {
        match matrix {
            Matrix::Query => (self.width, self.queries()),
            Matrix::Key | Matrix::Value => (self.width, self.keys()),
            Matrix::Output => (self.queries(), self.width),
            Matrix::Gate | Matrix::Up => (self.width, self.inner),
            Matrix::Down => (self.inner, self.width),
        }
    }
}

/// A matrix of a layer; each gets a part of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matrix {
    /// Makes the queries.
    Query,
    /// Makes the keys.
    Key,
    /// Makes the values.
    Value,
    /// Follows the attention.
    Output,
    /// Decides in the feed-forward part.
    Gate,
    /// Begins the feed-forward part.
    Up,
    /// Ends it.
    Down,
}

impl Matrix {
    /// All of them, in the order of an adapter.
    pub const ALL: [Self; 7] =
        [Self::Query, Self::Key, Self::Value, Self::Output, Self::Gate, Self::Up, Self::Down];

    /// The name of the tensor in GGUF, after `blk.N.`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "attn_q",
            Self::Key => "attn_k",
            Self::Value => "attn_v",
            Self::Output => "attn_output",
            Self::Gate => "ffn_gate",
            Self::Up => "ffn_up",
            Self::Down => "ffn_down",
        }
    }
}

/// The weights of a norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Before the attention of a layer.
    Attention(usize),
    /// Before the feed-forward part of a layer.
    FeedForward(usize),
    /// Before the head.
    Last,
}

/// A matrix of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tensor {
    /// A matrix of a layer.
    Layer(usize, Matrix),
    /// The vectors of the tokens: one row for each.
    Embedding,
    /// The head: one row for each token.
    Head,
}

/// The weights of a model.
pub trait Base: Sync {
    /// The shape.
    fn shape(&self) -> &Shape;
    /// Writes rows of a matrix into `out`, which has room for whole rows, from row `first` on.
    fn rows(&self, tensor: Tensor, first: usize, out: &mut [f32]);
    /// The weights of a norm, `width` of them.
    fn norm(&self, norm: Norm) -> &[f32];
}
