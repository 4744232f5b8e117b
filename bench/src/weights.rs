//! Writes GGUF files with random weights in the shape of a published model. Speed and memory of a
//! model depend on its shape, not on its weights. These files therefore measure a machine without
//! the model itself. Their generated text is noise.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, version 3. The tokenizer is
//! the small model's, padded to the vocabulary's size.

use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

const USAGE: &str =
    "usage: bench weights --shape NAME --format f16|q8_0|q4_0|q4_k --tokenizer GGUF --write FILE";

/// The shape of a model, from its published `config.json`.
struct Shape {
    name: &'static str,
    architecture: &'static str,
    layers: u32,
    width: u32,
    inner: u32,
    heads: u32,
    kv_heads: u32,
    head: u32,
    vocabulary: u32,
    /// Whether the output matrix is a separate tensor.
    output: bool,
    rope_base: f32,
}

const SHAPES: [Shape; 6] = [
    shape("qwen2.5-0.5b", "qwen2", [24, 896, 4864, 14, 2, 64, 151_936], false, 1e6),
    shape("llama-3.2-1b", "llama", [16, 2048, 8192, 32, 8, 64, 128_256], false, 5e5),
    shape("qwen3-0.6b", "qwen3", [28, 1024, 3072, 16, 8, 128, 151_936], false, 1e6),
    shape("qwen3-1.7b", "qwen3", [28, 2048, 6144, 16, 8, 128, 151_936], false, 1e6),
    shape("qwen3-4b", "qwen3", [36, 2560, 9728, 32, 8, 128, 151_936], false, 1e6),
    shape("qwen3-8b", "qwen3", [36, 4096, 12_288, 32, 8, 128, 151_936], true, 1e6),
];

const fn shape(
    name: &'static str,
    architecture: &'static str,
    [layers, width, inner, heads, kv_heads, head, vocabulary]: [u32; 7],
    output: bool,
    rope_base: f32,
) -> Shape {
    Shape {
        name,
        architecture,
        layers,
        width,
        inner,
        heads,
        kv_heads,
        head,
        vocabulary,
        output,
        rope_base,
    }
}

/// Storage format of a tensor's weights.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    F32,
    F16,
    Q4_0,
    Q8_0,
    Q4K,
    Q6K,
}

impl Kind {
    /// Returns ggml's number of the format, the weights per block, and the bytes per block.
    const fn facts(self) -> (u32, u64, u64) {
        match self {
            Self::F32 => (0, 1, 4),
            Self::F16 => (1, 1, 2),
            Self::Q4_0 => (2, 32, 18),
            Self::Q8_0 => (8, 32, 34),
            Self::Q4K => (12, 256, 144),
            Self::Q6K => (14, 256, 210),
        }
    }

    /// Writes one block of small random weights: the scales are set, the rest is noise.
    fn block(self, random: &mut Random, out: &mut [u8]) {
        random.fill(out);
        let mut put = |at: usize, value: f32| {
            if let Some(place) = out.get_mut(at..at.saturating_add(2)) {
                place.copy_from_slice(&half(value));
            }
        };
        match self {
            Self::F32 => out.copy_from_slice(&1_f32.to_le_bytes()),
            // Random sign and fraction, with the exponent of 1/64.
            Self::F16 => {
                if let [_, high] = out {
                    *high = (*high & 0x83) | 0x24;
                }
            }
            Self::Q4_0 => put(0, 0.004),
            Self::Q8_0 => put(0, 0.0003),
            Self::Q4K => {
                put(0, 0.0001);
                put(2, 0.00075);
            }
            Self::Q6K => put(208, 0.000_02),
        }
    }
}

struct Tensor {
    name: String,
    shape: Vec<u64>,
    kind: Kind,
}

impl Tensor {
    fn bytes(&self) -> u64 {
        let (_, weights, bytes) = self.kind.facts();
        self.shape.iter().product::<u64>() / weights * bytes
    }
}

/// `bench weights`.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let (mut shape, mut format) = (None, None);
    let (mut tokenizer, mut path) = (PathBuf::new(), PathBuf::new());
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| io::Error::other(USAGE))?;
        match name.as_str() {
            "--shape" => shape = SHAPES.iter().find(|shape| shape.name == value),
            "--format" => {
                format = match value.as_str() {
                    "f16" => Some(Kind::F16),
                    "q8_0" => Some(Kind::Q8_0),
                    "q4_0" => Some(Kind::Q4_0),
                    "q4_k" => Some(Kind::Q4K),
                    _ => None,
                }
            }
            "--tokenizer" => tokenizer = value.into(),
            "--write" => path = value.into(),
            _ => return Err(io::Error::other(USAGE)),
        }
    }
    let (Some(shape), Some(format)) = (shape, format) else {
        let known: Vec<_> = SHAPES.iter().map(|shape| shape.name).collect();
        return Err(io::Error::other(format!("{USAGE}\nshapes: {}", known.join(", "))));
    };
    write(shape, format, &fs::read(tokenizer)?, &path)
}

fn write(shape: &Shape, format: Kind, tokenizer: &[u8], path: &Path) -> io::Result<()> {
    let tensors = shape.tensors(format);
    let mut head = Metadata::default();
    shape.describe(&mut head);
    head.copy_tokenizer(tokenizer, shape.vocabulary)
        .ok_or_else(|| io::Error::other("the tokenizer's file is no GGUF file of version 3"))?;
    let mut file = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    let mut start = b"GGUF".to_vec();
    start.extend(3_u32.to_le_bytes());
    start.extend(u64::try_from(tensors.len()).unwrap_or(0).to_le_bytes());
    start.extend(head.count.to_le_bytes());
    start.extend(&head.bytes);
    let mut offset: u64 = 0;
    for tensor in &tensors {
        text(&mut start, tensor.name.as_bytes());
        start.extend(u32::try_from(tensor.shape.len()).unwrap_or(0).to_le_bytes());
        tensor.shape.iter().for_each(|length| start.extend(length.to_le_bytes()));
        start.extend(tensor.kind.facts().0.to_le_bytes());
        start.extend(offset.to_le_bytes());
        offset = offset.saturating_add(tensor.bytes()).next_multiple_of(ALIGNMENT);
    }
    let aligned = start.len().next_multiple_of(32);
    start.resize(aligned, 0);
    file.write_all(&start)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for tensor in &tensors {
        let (_, _, bytes) = tensor.kind.facts();
        let mut block = vec![0; usize::try_from(bytes).unwrap_or(0)];
        for _ in 0..tensor.bytes() / bytes {
            tensor.kind.block(&mut random, &mut block);
            file.write_all(&block)?;
        }
        let padding = tensor.bytes().next_multiple_of(ALIGNMENT).saturating_sub(tensor.bytes());
        file.write_all(&vec![0; usize::try_from(padding).unwrap_or(0)])?;
    }
    file.flush()
}

impl Shape {
    fn describe(&self, head: &mut Metadata) {
        head.text("general.architecture", self.architecture);
        head.text("general.name", &format!("Random weights, shape of {}", self.name));
        for (key, value) in [
            ("context_length", 32_768),
            ("embedding_length", self.width),
            ("block_count", self.layers),
            ("feed_forward_length", self.inner),
            ("attention.head_count", self.heads),
            ("attention.head_count_kv", self.kv_heads),
            ("attention.key_length", self.head),
            ("attention.value_length", self.head),
            ("rope.dimension_count", self.head),
            ("vocab_size", self.vocabulary),
        ] {
            head.number(&format!("{}.{key}", self.architecture), 4, &value.to_le_bytes());
        }
        for (key, value) in
            [("attention.layer_norm_rms_epsilon", 1e-6), ("rope.freq_base", self.rope_base)]
        {
            head.number(&format!("{}.{key}", self.architecture), 6, &value.to_le_bytes());
        }
    }

    /// Returns all tensors. `q4_k` is llama.cpp's Q4_K_M: Q6_K for the embeddings, and in half of
    /// the layers for the values and the down projection.
    fn tensors(&self, format: Kind) -> Vec<Tensor> {
        let long = u64::from;
        let (width, inner, vocabulary) =
            (long(self.width), long(self.inner), long(self.vocabulary));
        let (q, kv, head) =
            (long(self.heads * self.head), long(self.kv_heads * self.head), long(self.head));
        let better = if format == Kind::Q4K { Kind::Q6K } else { format };
        let mut all = Vec::new();
        let mut add = |name: String, kind: Kind, shape: &[u64]| {
            // Rows that do not fill blocks of 256 are stored in Q8_0, as in llama.cpp.
            let fits = shape.first().is_some_and(|row| row.is_multiple_of(kind.facts().1));
            let kind = if fits { kind } else { Kind::Q8_0 };
            all.push(Tensor { name, shape: shape.to_vec(), kind });
        };
        add("token_embd.weight".into(), better, &[width, vocabulary]);
        add("output_norm.weight".into(), Kind::F32, &[width]);
        if self.output {
            add("output.weight".into(), better, &[width, vocabulary]);
        }
        for layer in 0..self.layers {
            let name = |part: &str| format!("blk.{layer}.{part}");
            let values = if layer % 2 == 0 { better } else { format };
            add(name("attn_norm.weight"), Kind::F32, &[width]);
            add(name("attn_q.weight"), format, &[width, q]);
            add(name("attn_k.weight"), format, &[width, kv]);
            add(name("attn_v.weight"), values, &[width, kv]);
            add(name("attn_output.weight"), format, &[q, width]);
            match self.architecture {
                "qwen2" => {
                    add(name("attn_q.bias"), Kind::F32, &[q]);
                    add(name("attn_k.bias"), Kind::F32, &[kv]);
                    add(name("attn_v.bias"), Kind::F32, &[kv]);
                }
                "qwen3" => {
                    add(name("attn_q_norm.weight"), Kind::F32, &[head]);
                    add(name("attn_k_norm.weight"), Kind::F32, &[head]);
                }
                _ => {}
            }
            add(name("ffn_norm.weight"), Kind::F32, &[width]);
            add(name("ffn_gate.weight"), format, &[width, inner]);
            add(name("ffn_up.weight"), format, &[width, inner]);
            add(name("ffn_down.weight"), values, &[inner, width]);
        }
        all
    }
}

/// Keys and values of a file's metadata.
#[derive(Default)]
struct Metadata {
    bytes: Vec<u8>,
    count: u64,
}

impl Metadata {
    fn text(&mut self, key: &str, value: &str) {
        text(&mut self.bytes, key.as_bytes());
        self.bytes.extend(8_u32.to_le_bytes());
        text(&mut self.bytes, value.as_bytes());
        self.count = self.count.saturating_add(1);
    }

    fn number(&mut self, key: &str, kind: u32, value: &[u8]) {
        text(&mut self.bytes, key.as_bytes());
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
        self.count = self.count.saturating_add(1);
    }

    /// Copies the tokenizer from another file, with the given number of tokens.
    fn copy_tokenizer(&mut self, file: &[u8], vocabulary: u32) -> Option<()> {
        let mut read = Read { rest: file.strip_prefix(b"GGUF")? };
        (read.u32()? == 3).then_some(())?;
        read.take(8)?;
        for _ in 0..read.u64()? {
            let key = read.text()?;
            let kind = read.u32()?;
            let before = read.rest;
            read.value(kind)?;
            let value = before.get(..before.len().saturating_sub(read.rest.len()))?;
            if !key.starts_with(b"tokenizer.") {
                continue;
            }
            text(&mut self.bytes, key);
            self.bytes.extend(kind.to_le_bytes());
            self.count = self.count.saturating_add(1);
            match key {
                b"tokenizer.ggml.tokens" => {
                    self.longer(value, vocabulary, |out, at| {
                        text(out, format!("x{at}").as_bytes())
                    })?;
                }
                // 1 is a normal token.
                b"tokenizer.ggml.token_type" => {
                    self.longer(value, vocabulary, |out, _| out.extend(1_i32.to_le_bytes()))?;
                }
                b"tokenizer.ggml.scores" => {
                    self.longer(value, vocabulary, |out, _| out.extend(0_f32.to_le_bytes()))?;
                }
                _ => self.bytes.extend(value),
            }
        }
        Some(())
    }

    /// Writes a list extended to `length` elements.
    fn longer(
        &mut self,
        list: &[u8],
        length: u32,
        mut more: impl FnMut(&mut Vec<u8>, u64),
    ) -> Option<()> {
        let mut read = Read { rest: list };
        self.bytes.extend(read.u32()?.to_le_bytes());
        let had = read.u64()?;
        self.bytes.extend(u64::from(length).to_le_bytes());
        self.bytes.extend(read.rest);
        (had..u64::from(length)).for_each(|at| more(&mut self.bytes, at));
        Some(())
    }
}

struct Read<'a> {
    rest: &'a [u8],
}

impl<'a> Read<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u64()?).ok()?;
        self.take(length)
    }

    /// Skips a value.
    fn value(&mut self, kind: u32) -> Option<()> {
        match kind {
            0 | 1 | 7 => self.take(1).map(drop),
            2 | 3 => self.take(2).map(drop),
            4..=6 => self.take(4).map(drop),
            10..=12 => self.take(8).map(drop),
            8 => self.text().map(drop),
            9 => {
                let inner = self.u32()?;
                for _ in 0..self.u64()? {
                    self.value(inner)?;
                }
                Some(())
            }
            _ => None,
        }
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(u64::try_from(text.len()).unwrap_or(0).to_le_bytes());
    out.extend(text);
}

/// Pseudorandom numbers that are the same on every run.
struct Random(u64);

impl Random {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let bytes = self.0.to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        }
    }
}

/// Converts a small positive number to a 16-bit float, rounded down.
fn half(value: f32) -> [u8; 2] {
    let bits = value.to_bits();
    let exponent = (bits >> 23).saturating_sub(127 - 15);
    let fraction = (bits >> 13) & 0x3ff;
    // Below 2^-14, half floats are subnormal.
    let small = (0x400 | fraction) >> (127_u32 - 14).saturating_sub(bits >> 23).min(31);
    let whole = if exponent == 0 { small } else { (exponent << 10) | fraction };
    u16::try_from(whole).unwrap_or(0).to_le_bytes()
}

/// Tensors start at multiples of this offset.
const ALIGNMENT: u64 = 32;
