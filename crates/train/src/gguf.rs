//! Writes GGUF files, version 3: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

/// A file that is being written.
#[derive(Default)]
pub struct Gguf {
    keys: Vec<u8>,
    key_count: u64,
    tensors: Vec<u8>,
    tensor_count: u64,
    data: Vec<u8>,
}

impl std::fmt::Debug for Gguf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gguf({} tensors)", self.tensor_count)
    }
}

impl Gguf {
    /// Adds a key with a text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key, 8);
        text(&mut self.keys, value);
    }

    /// Adds a key with a 32-bit number.
    pub fn number(&mut self, key: &str, value: f32) {
        self.key(key, 6);
        self.keys.extend(value.to_le_bytes());
    }

    fn key(&mut self, key: &str, kind: u32) {
        text(&mut self.keys, key);
        self.keys.extend(kind.to_le_bytes());
        self.key_count += 1;
    }

    /// Adds a tensor of 32-bit numbers: `rows` rows, each of `columns` numbers.
    pub fn tensor(
        &mut self,
        name: &str,
        [columns, rows]: [usize; 2],
        values: impl Iterator<Item = f32>,
    ) {
        text(&mut self.tensors, name);
        self.tensors.extend(2_u32.to_le_bytes());
        self.tensors.extend((columns as u64).to_le_bytes());
        self.tensors.extend((rows as u64).to_le_bytes());
        self.tensors.extend(0_u32.to_le_bytes());
        self.tensors.extend((self.data.len() as u64).to_le_bytes());
        self.tensor_count += 1;
        let start = self.data.len();
        values.for_each(|value| self.data.extend(value.to_le_bytes()));
        debug_assert_eq!(self.data.len() - start, 4 * columns * rows, "the tensor has its size");
        self.data.resize(self.data.len().next_multiple_of(ALIGNMENT), 0);
    }

    /// Returns the file.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3_u32.to_le_bytes());
        file.extend(self.tensor_count.to_le_bytes());
        file.extend(self.key_count.to_le_bytes());
        file.extend(self.keys);
        file.extend(self.tensors);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        file.extend(self.data);
        file
    }
}

/// Tensors begin at multiples of this number of bytes.
const ALIGNMENT: usize = 32;

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
