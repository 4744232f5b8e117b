//! The weights of a model file, for the trainer: in memory as they are in the file, and turned into
//! numbers some rows at a time.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use train::base::{Base, Matrix, Norm, Shape, Tensor};

use super::ffi::tensors::{Form, Header, TensorInfo};

/// The weights of a model of the llama architecture.
#[derive(Debug)]
pub(crate) struct Weights {
    shape: Shape,
    /// The matrices: of each layer those of [`Matrix::ALL`], then the vectors of the tokens, and the
    /// head, if it has its own.
    layers: Vec<Stored>,
    embedding: Stored,
    head: Option<Stored>,
    /// Of each layer the norm before the attention and the one before the feed-forward part.
    norms: Vec<[Vec<f32>; 2]>,
    last: Vec<f32>,
}

/// A matrix as it is in the file.
#[derive(Debug)]
struct Stored {
    form: Form,
    columns: usize,
    row_bytes: usize,
    bytes: Vec<u8>,
}

impl Weights {
    /// Reads the file that the path leads to. `progress` gets a share from 0 to 1.
    ///
    /// # Errors
    /// If the model cannot be trained upon: the reason, and advice.
    pub(crate) fn read(
        path: &Path,
        mut file: &File,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, String> {
        let header = Header::read(path)?;
        let tensors = header.tensors()?.into_iter();
        let mut tensors: HashMap<_, _> =
            tensors.map(|tensor| (tensor.name.clone(), tensor)).collect();
        let factors = tensors.remove("rope_freqs.weight");
        let vocabulary = tensors.get("token_embd.weight").map_or(0, |tensor| tensor.rows);
        let mut shape = shape(&header, vocabulary)?;
        let count = tensors.len().max(1) as f32;
        let mut done = 0.0;
        let mut take = |name: &str, columns: usize, rows: usize| {
            let tensor = tensors.remove(name).ok_or_else(|| format!("it has no `{name}`"))?;
            done += 1.0;
            progress(done / count);
            if (tensor.columns, tensor.rows) != (columns, rows) {
                return Err(format!("its tensor `{name}` has another shape than its header says"));
            }
            Stored::read(&tensor, &mut file)
        };
        let (width, mut layers, mut norms) = (shape.width, Vec::new(), Vec::new());
        for layer in 0..shape.layers {
            for matrix in Matrix::ALL {
                let (columns, rows) = shape.of(matrix);
                let name = format!("blk.{layer}.{}.weight", matrix.name());
                layers.push(take(&name, columns, rows)?);
            }
            let mut norm =
                |name: &str| take(&format!("blk.{layer}.{name}.weight"), width, 1)?.numbers();
            norms.push([norm("attn_norm")?, norm("ffn_norm")?]);
        }
        let embedding = take("token_embd.weight", width, vocabulary)?;
        let last = take("output_norm.weight", width, 1)?.numbers()?;
        let own_head = take("output.weight", width, vocabulary);
        if let Some(name) = tensors.keys().min() {
            return Err(format!(
                "it has a tensor `{name}` that the trainer does not know: training upon it would not \
                 compute what the model computes"
            ));
        }
        let head = own_head.ok();
        if let Some(factors) = factors {
            shape.rope_factors = Stored::read(&factors, &mut file)?.numbers()?;
        }
        Ok(Self { shape, layers, embedding, head, norms, last })
    }

    fn stored(&self, tensor: Tensor) -> Option<&Stored> {
        match tensor {
            Tensor::Layer(layer, matrix) => {
                self.layers.get(layer * Matrix::ALL.len() + matrix as usize)
            }
            Tensor::Embedding => Some(&self.embedding),
            Tensor::Head => Some(self.head.as_ref().unwrap_or(&self.embedding)),
        }
    }
}

impl Base for Weights {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn rows(&self, tensor: Tensor, first: usize, out: &mut [f32]) {
        let read = self.stored(tensor).map(|stored| stored.rows(first, out));
        // A number that is none ends the training with a reason. It cannot happen: the lengths were
        // checked when the file was read.
        if !matches!(read, Some(Ok(()))) {
            out.fill(f32::NAN);
        }
    }

    fn norm(&self, norm: Norm) -> &[f32] {
        match norm {
            Norm::Attention(layer) => self.norms.get(layer).map_or(&[], |[norm, _]| norm),
            Norm::FeedForward(layer) => self.norms.get(layer).map_or(&[], |[_, norm]| norm),
            Norm::Last => &self.last,
        }
    }
}

impl Stored {
    fn read(tensor: &TensorInfo, file: &mut &File) -> Result<Self, String> {
        let row_bytes = tensor.form.row_bytes(tensor.columns)?;
        let unreadable = |error| format!("the model file cannot be read ({error})");
        let length = file.metadata().map_err(unreadable)?.len();
        let size = row_bytes.saturating_mul(tensor.rows);
        if tensor.start.saturating_add(size as u64) > length {
            return Err(format!("the file ends inside of its tensor `{}`", tensor.name));
        }
        let mut bytes = vec![0; size];
        file.seek(SeekFrom::Start(tensor.start)).map_err(unreadable)?;
        file.read_exact(&mut bytes).map_err(unreadable)?;
        let stored = Self { form: tensor.form, columns: tensor.columns, row_bytes, bytes };
        // The form may be one that ggml cannot turn into numbers.
        stored.rows(0, &mut vec![0.0; tensor.columns])?;
        Ok(stored)
    }

    /// Writes rows from `first` on; `out` has room for whole rows.
    fn rows(&self, first: usize, out: &mut [f32]) -> Result<(), String> {
        let count = out.len() / self.columns;
        let start = first.saturating_mul(self.row_bytes);
        let end = start.saturating_add(count.saturating_mul(self.row_bytes));
        let bytes = self.bytes.get(start..end).ok_or("the matrix has no such rows")?;
        self.form.numbers(bytes, out)
    }

    /// All values.
    fn numbers(&self) -> Result<Vec<f32>, String> {
        let rows = self.bytes.len().checked_div(self.row_bytes).unwrap_or(0);
        let mut numbers = vec![0.0; rows * self.columns];
        self.rows(0, &mut numbers)?;
        Ok(numbers)
    }
}

/// Reads the shape from the header.
fn shape(header: &Header, vocabulary: usize) -> Result<Shape, String> {
    let key = |name: &str| format!("llama.{name}");
    let whole = |name: &str| header.whole(&key(name)).and_then(|value| usize::try_from(value).ok());
    let needed = |name: &str| {
        let value = whole(name).filter(|value| (1..=1 << 20).contains(value));
        value.ok_or_else(|| format!("its header has no usable `llama.{name}`"))
    };
    let (layers, width, heads) =
        (needed("block_count")?, needed("embedding_length")?, needed("attention.head_count")?);
    let groups = whole("attention.head_count_kv").unwrap_or(heads);
    let head = whole("attention.key_length").unwrap_or(width / heads);
    let rope_places = whole("rope.dimension_count").unwrap_or(head);
    let possible = groups > 0
        && heads.is_multiple_of(groups)
        && head > 0
        && head == whole("attention.value_length").unwrap_or(head)
        && rope_places.is_multiple_of(2)
        && rope_places <= head;
    if !possible {
        return Err("its heads have a form that the trainer does not know".to_owned());
    }
    if whole("expert_count").is_some_and(|experts| experts > 0) {
        return Err("it is a mixture of experts, which the trainer does not know".to_owned());
    }
    let scaled = header.has("llama.rope.scaling.type")
        || header.fraction("llama.rope.scale_linear").is_some_and(|scale| scale != 1.0);
    if scaled {
        return Err(
            "it stretches its positions (rope scaling), which the trainer does not know".to_owned()
        );
    }
    Ok(Shape {
        layers,
        width,
        heads,
        groups,
        head,
        inner: needed("feed_forward_length")?,
        vocabulary,
        epsilon: header
            .fraction("llama.attention.layer_norm_rms_epsilon")
            .filter(|epsilon| *epsilon > 0.0)
            .ok_or("its header has no `llama.attention.layer_norm_rms_epsilon`")?,
        rope_base: header.fraction("llama.rope.freq_base").unwrap_or(10_000.0),
        rope_places,
        rope_factors: Vec::new(),
    })
}
