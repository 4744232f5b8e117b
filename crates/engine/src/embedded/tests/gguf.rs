//! Writes small GGUF files with arbitrary weights, for kinds of models without a fixture file.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, version 3.

use std::path::{Path, PathBuf};

const ALIGNMENT: usize = 32;

/// A metadata value.
pub(crate) enum Value<'a> {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(&'a str),
    Texts(Vec<String>),
    Floats(Vec<f32>),
    Ints(Vec<i32>),
}

/// A GGUF file that is being built.
#[derive(Default)]
pub(crate) struct Gguf {
    metadata: Vec<u8>,
    metadata_count: u64,
    infos: Vec<u8>,
    tensors: u64,
    data: Vec<u8>,
    random: u64,
}

impl Gguf {
    pub(crate) fn set(&mut self, key: &str, value: Value<'_>) -> &mut Self {
        let out = &mut self.metadata;
        text(out, key);
        match value {
            Value::U32(value) => tagged(out, 4, &value.to_le_bytes()),
            Value::F32(value) => tagged(out, 6, &value.to_le_bytes()),
            Value::Bool(value) => tagged(out, 7, &[u8::from(value)]),
            Value::Text(value) => {
                out.extend(8_u32.to_le_bytes());
                text(out, value);
            }
            Value::Texts(values) => {
                list(out, 8, values.len());
                values.iter().for_each(|value| text(out, value));
            }
            Value::Floats(values) => {
                list(out, 6, values.len());
                values.iter().for_each(|value| out.extend(value.to_le_bytes()));
            }
            Value::Ints(values) => {
                list(out, 5, values.len());
                values.iter().for_each(|value| out.extend(value.to_le_bytes()));
            }
        }
        self.metadata_count += 1;
        self
    }

    /// Adds a tensor of pseudorandom 32-bit floats, the same on every run.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[u64]) -> &mut Self {
        text(&mut self.infos, name);
        self.infos.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
        shape.iter().for_each(|length| self.infos.extend(length.to_le_bytes()));
        self.infos.extend(0_u32.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
        self.tensors += 1;
        for _ in 0..shape.iter().product::<u64>() {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let weight = ((self.random >> 40) as f32 / 16_777_216.0 - 0.5) * 0.5;
            self.data.extend(weight.to_le_bytes());
        }
        self.data.resize(self.data.len().next_multiple_of(ALIGNMENT), 0);
        self
    }

    /// Adds a tensor with the value of each place.
    pub(crate) fn values(
        &mut self,
        name: &str,
        shape: &[u64],
        value: impl Fn(u64) -> f32,
    ) -> &mut Self {
        text(&mut self.infos, name);
        self.infos.extend(u32::try_from(shape.len()).unwrap().to_le_bytes());
        shape.iter().for_each(|length| self.infos.extend(length.to_le_bytes()));
        self.infos.extend(0_u32.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
        self.tensors += 1;
        (0..shape.iter().product()).for_each(|at| self.data.extend(value(at).to_le_bytes()));
        self.data.resize(self.data.len().next_multiple_of(ALIGNMENT), 0);
        self
    }

    /// Writes the file, and returns its path.
    pub(crate) fn write(&self, path: &Path) -> PathBuf {
        let mut file = b"GGUF".to_vec();
        file.extend(3_u32.to_le_bytes());
        file.extend(self.tensors.to_le_bytes());
        file.extend(self.metadata_count.to_le_bytes());
        file.extend(&self.metadata);
        file.extend(&self.infos);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        file.extend(&self.data);
        std::fs::write(path, file).unwrap();
        path.to_owned()
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn tagged(out: &mut Vec<u8>, kind: u32, bytes: &[u8]) {
    out.extend(kind.to_le_bytes());
    out.extend(bytes);
}

fn list(out: &mut Vec<u8>, kind: u32, length: usize) {
    out.extend(9_u32.to_le_bytes());
    out.extend(kind.to_le_bytes());
    out.extend((length as u64).to_le_bytes());
}

/// A BERT-like encoder of two layers, which embeds and cannot generate.
pub(crate) fn bert(path: &Path) -> PathBuf {
    let words =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u{2581}a", "\u{2581}b", "\u{2581}c", "c"];
    let (width, context) = (32, 64);
    let mut file = Gguf::default();
    file.set("general.architecture", Value::Text("bert"))
        .set("general.name", Value::Text("Tiny BERT"))
        .set("bert.context_length", Value::U32(context))
        .set("bert.embedding_length", Value::U32(width))
        .set("bert.feed_forward_length", Value::U32(2 * width))
        .set("bert.block_count", Value::U32(2))
        .set("bert.attention.head_count", Value::U32(2))
        .set("bert.attention.layer_norm_epsilon", Value::F32(1e-12))
        .set("bert.attention.causal", Value::Bool(false))
        .set("bert.pooling_type", Value::U32(2))
        .set("tokenizer.ggml.model", Value::Text("bert"))
        .set("tokenizer.ggml.token_type_count", Value::U32(2))
        .set("tokenizer.ggml.tokens", Value::Texts(words.map(str::to_owned).to_vec()))
        .set("tokenizer.ggml.scores", Value::Floats(vec![0.0; words.len()]))
        .set(
            "tokenizer.ggml.token_type",
            Value::Ints([vec![3; 5], vec![1; words.len() - 5]].concat()),
        )
        .set("tokenizer.ggml.unknown_token_id", Value::U32(1))
        .set("tokenizer.ggml.seperator_token_id", Value::U32(3))
        .set("tokenizer.ggml.padding_token_id", Value::U32(0))
        .set("tokenizer.ggml.bos_token_id", Value::U32(2))
        .set("tokenizer.ggml.eos_token_id", Value::U32(3))
        .set("tokenizer.ggml.mask_token_id", Value::U32(4));
    let width = u64::from(width);
    file.tensor("token_embd.weight", &[width, words.len() as u64])
        .tensor("token_types.weight", &[width, 2])
        .tensor("position_embd.weight", &[width, u64::from(context)])
        .tensor("token_embd_norm.weight", &[width])
        .tensor("token_embd_norm.bias", &[width]);
    for layer in 0..2 {
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            file.tensor(&format!("blk.{layer}.{part}.weight"), &[width, width]);
            file.tensor(&format!("blk.{layer}.{part}.bias"), &[width]);
        }
        file.tensor(&format!("blk.{layer}.ffn_up.weight"), &[width, 2 * width]);
        file.tensor(&format!("blk.{layer}.ffn_up.bias"), &[2 * width]);
        file.tensor(&format!("blk.{layer}.ffn_down.weight"), &[2 * width, width]);
        file.tensor(&format!("blk.{layer}.ffn_down.bias"), &[width]);
        for norm in ["attn_output_norm", "layer_output_norm"] {
            file.tensor(&format!("blk.{layer}.{norm}.weight"), &[width]);
            file.tensor(&format!("blk.{layer}.{norm}.bias"), &[width]);
        }
    }
    file.write(path)
}

/// A llama-like decoder of one layer, without a chat template unless one is given.
pub(crate) fn llama(path: &Path, chat_template: Option<&str>) -> PathBuf {
    decoder(path, chat_template, &[], true)
}

/// A decoder whose vocabulary ends with the three tokens for filling in the middle: 263, 264, 265.
pub(crate) fn filler(path: &Path) -> PathBuf {
    decoder(path, None, &["fim_pre", "fim_suf", "fim_mid"], true)
}

/// A decoder with a chat template that cannot be used, and with the control tokens `<end>` and
/// `<end_of>`: 263, 264. Like the vocabularies of guard models, it puts no space before a text.
pub(crate) fn guard(path: &Path) -> PathBuf {
    decoder(path, Some("{% for %}"), &["end", "end_of"], false)
}

/// A decoder that always finds `byte` the likeliest next one, with a probability of about .95: a
/// guard model with a fixed opinion.
pub(crate) fn opinion(path: &Path, byte: u8) -> PathBuf {
    let mut words: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    words.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
    words.push("\u{2581}".to_owned());
    let mut kinds = vec![2, 3, 3];
    kinds.extend([6; 256]);
    kinds.push(1);
    let (width, count) = (32_u64, words.len() as u64);
    let favourite = 3 + u64::from(byte);
    let mut file = Gguf::default();
    file.set("general.architecture", Value::Text("llama"))
        .set("llama.context_length", Value::U32(16_384))
        .set("llama.embedding_length", Value::U32(32))
        .set("llama.feed_forward_length", Value::U32(64))
        .set("llama.block_count", Value::U32(1))
        .set("llama.attention.head_count", Value::U32(2))
        .set("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5))
        .set("llama.rope.dimension_count", Value::U32(16))
        .set("tokenizer.ggml.model", Value::Text("llama"))
        .set("tokenizer.ggml.add_space_prefix", Value::Bool(false))
        .set("tokenizer.ggml.tokens", Value::Texts(words))
        .set("tokenizer.ggml.scores", Value::Floats(vec![0.0; kinds.len()]))
        .set("tokenizer.ggml.token_type", Value::Ints(kinds))
        .set("tokenizer.ggml.bos_token_id", Value::U32(1))
        .set("tokenizer.ggml.eos_token_id", Value::U32(2));
    // Each token leaves the same state, and the last layer turns it into the same opinion.
    file.values("token_embd.weight", &[width, count], |_| 1.0)
        .values("output_norm.weight", &[width], |_| 1.0)
        .values("output.weight", &[width, count], |at| {
            if at / width == favourite { 8.5 / width as f32 } else { 0.0 }
        })
        .values("blk.0.attn_norm.weight", &[width], |_| 1.0)
        .values("blk.0.ffn_norm.weight", &[width], |_| 1.0);
    for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
        file.values(&format!("blk.0.{part}.weight"), &[width, width], |_| 0.0);
    }
    file.values("blk.0.ffn_gate.weight", &[width, 64], |_| 0.0)
        .values("blk.0.ffn_up.weight", &[width, 64], |_| 0.0)
        .values("blk.0.ffn_down.weight", &[64, width], |_| 0.0);
    file.write(path)
}

/// `marks` are further control tokens.
fn decoder(path: &Path, chat_template: Option<&str>, marks: &[&str], spaced: bool) -> PathBuf {
    let mut words: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).to_vec();
    words.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
    words.extend([" ", "a", "b", "c"].map(|word| word.replace(' ', "\u{2581}")));
    let mut kinds = vec![2, 3, 3];
    kinds.extend([6; 256]);
    kinds.extend([1; 4]);
    let width = 32_u64;
    let mut file = Gguf::default();
    for mark in marks {
        let id = Value::U32(u32::try_from(words.len()).unwrap());
        file.set(&format!("tokenizer.ggml.{mark}_token_id"), id);
        words.push(format!("<{mark}>"));
        kinds.push(3);
    }
    file.set("general.architecture", Value::Text("llama"))
        .set("llama.context_length", Value::U32(128))
        .set("llama.embedding_length", Value::U32(32))
        .set("llama.feed_forward_length", Value::U32(64))
        .set("llama.block_count", Value::U32(1))
        .set("llama.attention.head_count", Value::U32(2))
        .set("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5))
        .set("llama.rope.dimension_count", Value::U32(16))
        .set("tokenizer.ggml.model", Value::Text("llama"))
        .set("tokenizer.ggml.add_space_prefix", Value::Bool(spaced))
        .set("tokenizer.ggml.tokens", Value::Texts(words.clone()))
        .set("tokenizer.ggml.scores", Value::Floats(vec![0.0; words.len()]))
        .set("tokenizer.ggml.token_type", Value::Ints(kinds))
        .set("tokenizer.ggml.bos_token_id", Value::U32(1))
        .set("tokenizer.ggml.eos_token_id", Value::U32(2));
    if let Some(template) = chat_template {
        file.set("tokenizer.chat_template", Value::Text(template));
    }
    file.tensor("token_embd.weight", &[width, words.len() as u64])
        .tensor("output_norm.weight", &[width])
        .tensor("output.weight", &[width, words.len() as u64])
        .tensor("blk.0.attn_norm.weight", &[width])
        .tensor("blk.0.ffn_norm.weight", &[width]);
    for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
        file.tensor(&format!("blk.0.{part}.weight"), &[width, width]);
    }
    file.tensor("blk.0.ffn_gate.weight", &[width, 64])
        .tensor("blk.0.ffn_up.weight", &[width, 64])
        .tensor("blk.0.ffn_down.weight", &[64, width]);
    file.write(path)
}
