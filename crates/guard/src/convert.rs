//! Converts the encoder all-MiniLM-L6-v2 from safetensors to GGUF, for the worker for embeddings.
//!
//! The matrices are quantized to 8 bits (q8_0); vectors, positions and token types stay in 32 bits.
//! The same input gives the same bytes. It converts this one model only.
//!
//! Formats: <https://github.com/huggingface/safetensors>,
//! <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md> (version 3).

use serde_json::Value;

use crate::data::DIMENSIONS;

const ALIGNMENT: usize = 32;
const LAYERS: usize = 6;

/// Numbers of the special tokens [PAD], [UNK], [CLS], [SEP] and [MASK].
const SPECIAL: [u32; 5] = [0, 100, 101, 102, 103];

/// The file is not the model that this program converts.
#[derive(Debug, thiserror::Error)]
#[error("the model's file has no `{0}` as all-MiniLM-L6-v2 has it; run scripts/fetch-guard.sh")]
pub(crate) struct NoPart(String);

/// Returns the GGUF file of a model and its vocabulary.
pub(crate) fn gguf(model: &[u8], vocabulary: &str) -> Result<Vec<u8>, NoPart> {
    let source = Tensors::read(model)?;
    let mut out = Gguf::default();
    describe(&mut out, vocabulary);
    for (from, to) in top() {
        out.tensor(&to, &source.get(&from)?);
    }
    for layer in 0..LAYERS {
        for (from, to) in PARTS {
            for kind in ["weight", "bias"] {
                let from = format!("encoder.layer.{layer}.{from}.{kind}");
                out.tensor(&format!("blk.{layer}.{to}.{kind}"), &source.get(&from)?);
            }
        }
    }
    Ok(out.file())
}

/// The parts of a layer, with their names in GGUF.
const PARTS: [(&str, &str); 8] = [
    ("attention.self.query", "attn_q"),
    ("attention.self.key", "attn_k"),
    ("attention.self.value", "attn_v"),
    ("attention.output.dense", "attn_output"),
    ("attention.output.LayerNorm", "attn_output_norm"),
    ("intermediate.dense", "ffn_up"),
    ("output.dense", "ffn_down"),
    ("output.LayerNorm", "layer_output_norm"),
];

fn top() -> [(String, String); 5] {
    [
        ("word_embeddings.weight", "token_embd.weight"),
        ("token_type_embeddings.weight", "token_types.weight"),
        ("position_embeddings.weight", "position_embd.weight"),
        ("LayerNorm.weight", "token_embd_norm.weight"),
        ("LayerNorm.bias", "token_embd_norm.bias"),
    ]
    .map(|(from, to)| (format!("embeddings.{from}"), to.to_owned()))
}

fn describe(out: &mut Gguf, vocabulary: &str) {
    out.text("general.architecture", "bert");
    out.text("general.name", "all-MiniLM-L6-v2");
    out.text("general.license", "apache-2.0");
    out.number("general.file_type", 7);
    out.number("bert.context_length", 512);
    out.number("bert.embedding_length", 384);
    out.number("bert.feed_forward_length", 1536);
    out.number("bert.block_count", 6);
    out.number("bert.attention.head_count", 12);
    out.value("bert.attention.layer_norm_epsilon", 6, &1e-12_f32.to_le_bytes());
    out.value("bert.attention.causal", 7, &[0]);
    // The mean of all tokens.
    out.number("bert.pooling_type", 1);
    out.text("tokenizer.ggml.model", "bert");
    out.number("tokenizer.ggml.token_type_count", 2);
    let words: Vec<&str> = vocabulary.lines().collect();
    out.list("tokenizer.ggml.tokens", 8, words.len());
    words.iter().for_each(|word| string(&mut out.metadata, &token(word)));
    out.list("tokenizer.ggml.scores", 6, words.len());
    words.iter().for_each(|_| out.metadata.extend(0_f32.to_le_bytes()));
    out.list("tokenizer.ggml.token_type", 5, words.len());
    for (number, _) in (0..).zip(&words) {
        let kind = if SPECIAL.contains(&number) { 3_i32 } else { 1 };
        out.metadata.extend(kind.to_le_bytes());
    }
    let [pad, unknown, begin, end, mask] = SPECIAL;
    // GGUF misspells the separator.
    for (name, number) in [
        ("padding", pad),
        ("unknown", unknown),
        ("bos", begin),
        ("eos", end),
        ("seperator", end),
        ("mask", mask),
    ] {
        out.number(&format!("tokenizer.ggml.{name}_token_id"), number);
    }
}

/// Returns a word piece as GGUF has it: the begin of a word is marked, not its continuation.
fn token(word: &str) -> String {
    match word.strip_prefix("##") {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ if word.starts_with('[') && word.ends_with(']') && word.len() > 2 => word.to_owned(),
        _ => format!("\u{2581}{word}"),
    }
}

/// A matrix or a vector of 32-bit numbers; the shape has the shortest step first, as in GGUF.
struct Tensor {
    shape: Vec<u64>,
    numbers: Vec<f32>,
}

/// The tensors of a safetensors file.
struct Tensors<'a> {
    header: Value,
    data: &'a [u8],
}

impl<'a> Tensors<'a> {
    fn read(model: &'a [u8]) -> Result<Self, NoPart> {
        let none = || NoPart("header".to_owned());
        let (length, rest) = model.split_first_chunk::<8>().ok_or_else(none)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| none())?;
        let (header, data) = rest.split_at_checked(length).ok_or_else(none)?;
        Ok(Self { header: serde_json::from_slice(header).map_err(|_| none())?, data })
    }

    fn get(&self, name: &str) -> Result<Tensor, NoPart> {
        self.find(name).ok_or_else(|| NoPart(name.to_owned()))
    }

    fn find(&self, name: &str) -> Option<Tensor> {
        let one = self.header.get(name)?;
        let whole = |value: &Value| -> Option<Vec<u64>> {
            value.as_array()?.iter().map(Value::as_u64).collect()
        };
        let mut shape = whole(one.get("shape")?)?;
        shape.reverse();
        let offsets = whole(one.get("data_offsets")?)?;
        let [begin, end] = offsets.as_slice() else { return None };
        let place = usize::try_from(*begin).ok()?..usize::try_from(*end).ok()?;
        let (fours, []) = self.data.get(place)?.as_chunks::<4>() else { return None };
        let numbers: Vec<f32> = fours.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let floats = one.get("dtype")?.as_str()? == "F32";
        let size = u64::try_from(numbers.len()).ok()? == shape.iter().product::<u64>();
        (floats && size).then_some(Tensor { shape, numbers })
    }
}

/// A GGUF file that is being built.
#[derive(Default)]
struct Gguf {
    metadata: Vec<u8>,
    keys: u64,
    infos: Vec<u8>,
    tensors: u64,
    data: Vec<u8>,
}

impl Gguf {
    fn value(&mut self, key: &str, kind: u32, bytes: &[u8]) {
        string(&mut self.metadata, key);
        self.metadata.extend(kind.to_le_bytes());
        self.metadata.extend(bytes);
        self.keys += 1;
    }

    fn number(&mut self, key: &str, number: u32) {
        self.value(key, 4, &number.to_le_bytes());
    }

    fn text(&mut self, key: &str, text: &str) {
        self.value(key, 8, &[]);
        string(&mut self.metadata, text);
    }

    fn list(&mut self, key: &str, kind: u32, length: usize) {
        self.value(key, 9, &kind.to_le_bytes());
        self.metadata.extend(size(length).to_le_bytes());
    }

    fn tensor(&mut self, name: &str, tensor: &Tensor) {
        string(&mut self.infos, name);
        self.infos.extend(u32::try_from(tensor.shape.len()).unwrap_or(0).to_le_bytes());
        tensor.shape.iter().for_each(|length| self.infos.extend(length.to_le_bytes()));
        // llama.cpp adds positions and types without a conversion, so they stay exact.
        let exact = tensor.shape.len() < 2
            || ["position", "token_types"].iter().any(|one| name.starts_with(one));
        self.infos.extend(if exact { 0_u32 } else { 8 }.to_le_bytes());
        self.infos.extend(size(self.data.len()).to_le_bytes());
        if exact {
            tensor.numbers.iter().for_each(|one| self.data.extend(one.to_le_bytes()));
        } else {
            tensor.numbers.chunks(32).for_each(|block| quantize(block, &mut self.data));
        }
        self.data.resize(self.data.len().next_multiple_of(ALIGNMENT), 0);
        self.tensors += 1;
    }

    fn file(&self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3_u32.to_le_bytes());
        file.extend(self.tensors.to_le_bytes());
        file.extend(self.keys.to_le_bytes());
        file.extend(&self.metadata);
        file.extend(&self.infos);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        file.extend(&self.data);
        file
    }
}

/// Writes a block of q8_0: a scale in 16 bits, and 32 signed bytes.
fn quantize(block: &[f32], out: &mut Vec<u8>) {
    let most = block.iter().fold(0_f32, |most, one| most.max(one.abs()));
    let scale = most / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    out.extend(half(scale).to_le_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "at most 127")]
    out.extend(block.iter().map(|one| ((one * inverse).round() as i8).cast_unsigned()));
}

/// Returns a number from 0 to 65,504 as IEEE 754 binary16, rounded to the nearest, ties to even.
fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let exponent = bits >> 23;
    // Below 2^-14 halves have a fixed step of 2^-24. Adding a number whose step is the same lets
    // the processor round.
    let rounded = if exponent < 113 {
        (number + 0.5).to_bits() - 0.5_f32.to_bits()
    } else {
        let odd = (bits >> 13) & 1;
        (bits - (112 << 23) + 0xfff + odd) >> 13
    };
    u16::try_from(rounded).unwrap_or(0x7bff).min(0x7bff)
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend(size(text.len()).to_le_bytes());
    out.extend(text.as_bytes());
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

const _: () = assert!(DIMENSIONS.is_multiple_of(32), "blocks do not cross rows");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_to_the_nearest() {
        for (number, bits) in [
            (0.0, 0),
            (1.0, 0x3c00),
            (0.333_333_34, 0x3555),
            (65_504.0, 0x7bff),
            (1e6, 0x7bff),
            (6.103_515_6e-5, 0x0400),
            (5.960_464_5e-8, 0x0001),
            (2.980_232_2e-8, 0x0000),
            (1.0 + 1.0 / 2048.0, 0x3c00),
            (1.0 + 3.0 / 2048.0, 0x3c02),
        ] {
            assert_eq!(half(number), bits, "{number}");
        }
    }

    #[test]
    fn word_pieces_are_marked_at_the_begin_of_words() {
        let words = ["##ing", "the", "[CLS]", "#", "##", "[", "]"];
        let marked = words.map(token);
        assert_eq!(marked, ["ing", "▁the", "[CLS]", "▁#", "▁##", "▁[", "▁]"]);
    }

    #[test]
    fn a_block_is_a_scale_and_bytes() {
        let mut out = Vec::new();
        quantize(&[127.0, -63.5, 0.0], &mut out);
        // A half of -127 is rounded away from zero.
        assert_eq!(out, [0x00, 0x3c, 127, 192, 0]);
    }

    #[test]
    fn another_file_is_refused() {
        for bytes in [&b""[..], &[255; 64], b"\x02\0\0\0\0\0\0\0{}"] {
            assert!(gguf(bytes, "a\nb").is_err());
        }
    }
}
