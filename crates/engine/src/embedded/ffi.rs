//! The calls into llama.cpp, as safe types. All `unsafe` code for models is here.
//!
//! A [`Model`] is read-only once loaded, and threads may share it. A [`Context`] belongs to one
//! thread at a time. Errors are sentences without content. The log output of llama.cpp is dropped,
//! because it may quote prompts; only its errors while a model is loaded are used, before there are
//! any prompts.
#![expect(unsafe_code, reason = "calls into llama.cpp; each block says why it is sound")]

mod adapter;
mod devices;
pub(crate) mod tensors;

use std::{
    cell::RefCell,
    ffi::{CStr, CString, c_char, c_void},
    path::Path,
    ptr::NonNull,
    sync::{Arc, Once},
};

use llama_cpp_sys_2 as sys;

pub use self::devices::Devices;
use super::cells::Cells;

/// A loaded GGUF model.
#[derive(Debug)]
pub(crate) struct Model {
    model: NonNull<sys::llama_model>,
    vocab: NonNull<sys::llama_vocab>,
}

// SAFETY: after loading, every call made here takes the model or its vocabulary as `const` and
// llama.cpp keeps no hidden mutable state in them; tokenizing in parallel is documented as allowed.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Model {
    /// Loads the file, and reports progress from 0 to 1.
    pub(crate) fn load(
        path: &Path,
        devices: &Devices,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, String> {
        Self::open(path, devices, false, progress)
    }

    /// Loads the vocabulary and the facts of the file, without weights. Such a model cannot compute.
    pub(crate) fn vocabulary_of(path: &Path) -> Result<Self, String> {
        Self::open(path, &Devices::none(), true, &mut |_| {})
    }

    fn open(
        path: &Path,
        devices: &Devices,
        vocabulary_only: bool,
        progress: &mut dyn FnMut(f32),
    ) -> Result<Self, String> {
        unsafe extern "C" fn report(fraction: f32, data: *mut c_void) -> bool {
            // SAFETY: `data` is the `&mut &mut dyn FnMut` below, which outlives the load.
            let progress = unsafe { &mut *data.cast::<&mut dyn FnMut(f32)>() };
            progress(fraction);
            true
        }
        initialize();
        let said = Listening::start();
        let path = path.to_str().and_then(|path| CString::new(path).ok());
        let path = path.ok_or("the model's path is not UTF-8, or contains a NUL")?;
        let mut progress: &mut dyn FnMut(f32) = progress;
        let mut list = devices.list();
        // SAFETY: `path`, `progress` and `list`, which ends with null, live until the call returns;
        // the other parameters are llama.cpp's own defaults.
        let model = unsafe {
            let mut params = sys::llama_model_default_params();
            params.progress_callback = Some(report);
            params.progress_callback_user_data = (&raw mut progress).cast();
            params.devices = list.as_mut_ptr();
            params.n_gpu_layers = devices.layers();
            params.vocab_only = vocabulary_only;
            sys::llama_model_load_from_file(path.as_ptr(), params)
        };
        let model = NonNull::new(model).ok_or_else(|| {
            said.with("llama.cpp cannot load it: not a GGUF file, damaged, or an architecture that it does not know")
        })?;
        // SAFETY: the model is valid; its vocabulary lives as long as it does.
        let vocab = unsafe { sys::llama_model_get_vocab(model.as_ptr()) };
        let vocab = NonNull::new(vocab.cast_mut()).ok_or("the model has no vocabulary")?;
        Ok(Self { model, vocab })
    }

    /// Returns a metadata value as text, at most 511 bytes of it.
    pub(crate) fn metadata(&self, key: &CStr) -> Option<String> {
        let mut buffer = vec![0_u8; 512];
        // SAFETY: the buffer's length is passed with it.
        let length = unsafe {
            sys::llama_model_meta_val_str(
                self.model.as_ptr(),
                key.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        };
        let length = usize::try_from(length).ok()?;
        buffer.truncate(length.min(511));
        String::from_utf8(buffer).ok()
    }

    /// Returns the chat template in the file, a Jinja program.
    pub(crate) fn chat_template(&self) -> Option<String> {
        // SAFETY: the returned text belongs to the model and is copied here.
        unsafe {
            let text = sys::llama_model_chat_template(self.model.as_ptr(), std::ptr::null());
            if text.is_null() {
                None
            } else {
                CStr::from_ptr(text).to_str().ok().map(str::to_owned)
            }
        }
    }

    /// Returns llama.cpp's name of the architecture.
    pub(crate) fn architecture(&self) -> String {
        self.metadata(c"general.architecture").unwrap_or_else(|| "unknown".into())
    }

    /// Whether the file defines how token vectors are pooled into one. BERT-like models do, chat
    /// models do not.
    fn names_pooling(&self) -> bool {
        CString::new(format!("{}.pooling_type", self.architecture()))
            .is_ok_and(|key| self.metadata(&key).is_some())
    }

    /// Returns the context length of the model's training, in tokens.
    pub(crate) fn context_train(&self) -> u32 {
        // SAFETY: a read of a valid model, here and in the functions below.
        let tokens = unsafe { sys::llama_model_n_ctx_train(self.model.as_ptr()) };
        u32::try_from(tokens).unwrap_or(0)
    }

    /// Returns the length of its embedding vectors.
    pub(crate) fn embedding_length(&self) -> u32 {
        // SAFETY: as above.
        let length = unsafe { sys::llama_model_n_embd_out(self.model.as_ptr()) };
        u32::try_from(length).unwrap_or(0)
    }

    /// Returns the number of weights.
    pub(crate) fn parameters(&self) -> u64 {
        // SAFETY: as above.
        unsafe { sys::llama_model_n_params(self.model.as_ptr()) }
    }

    /// Whether it can generate text one token after another.
    pub(crate) fn generates(&self) -> bool {
        // SAFETY: as above.
        let decodes = unsafe {
            let model = self.model.as_ptr();
            sys::llama_model_has_decoder(model)
                && !sys::llama_model_has_encoder(model)
                && !sys::llama_model_is_diffusion(model)
        };
        decodes && self.is_causal()
    }

    /// Whether a token attends only to earlier ones. llama.cpp treats BERT-like models as decoders
    /// too, but their files have `attention.causal = false`. Gemma's embedding models have no such
    /// field, so they are recognized by the name of their architecture.
    fn is_causal(&self) -> bool {
        let architecture = self.architecture();
        let says_not = CString::new(format!("{architecture}.attention.causal"))
            .is_ok_and(|key| self.metadata(&key).as_deref() == Some("false"));
        !says_not && architecture != "gemma-embedding"
    }

    /// Whether its state cannot be cut at a position (recurrent and hybrid models).
    pub(crate) fn is_recurrent(&self) -> bool {
        // SAFETY: as above.
        unsafe {
            let model = self.model.as_ptr();
            sys::llama_model_is_recurrent(model) || sys::llama_model_is_hybrid(model)
        }
    }

    /// Returns the number of tokens in the vocabulary.
    pub(crate) fn vocabulary(&self) -> u32 {
        // SAFETY: as above.
        let tokens = unsafe { sys::llama_vocab_n_tokens(self.vocab.as_ptr()) };
        u32::try_from(tokens).unwrap_or(0)
    }

    /// Whether the token ends a turn or a text.
    pub(crate) fn ends(&self, token: u32) -> bool {
        // SAFETY: `to_token` returns an id that llama.cpp range-checks.
        unsafe { sys::llama_vocab_is_eog(self.vocab.as_ptr(), to_token(token)) }
    }

    /// Whether the token is a control token, which has no text of its own.
    pub(crate) fn is_control(&self, token: u32) -> bool {
        // SAFETY: as above.
        unsafe { sys::llama_vocab_is_control(self.vocab.as_ptr(), to_token(token)) }
    }

    /// Whether a token was added to the vocabulary by name. llama.cpp reads such names in each text.
    pub(crate) fn is_user_defined(&self, token: u32) -> bool {
        // SAFETY: as above.
        let attributes = unsafe { sys::llama_vocab_get_attr(self.vocab.as_ptr(), to_token(token)) };
        attributes & sys::LLAMA_TOKEN_ATTR_USER_DEFINED != 0
    }

    /// Returns the end-of-text token.
    pub(crate) fn eos(&self) -> Option<u32> {
        // SAFETY: a read of a valid vocabulary.
        u32::try_from(unsafe { sys::llama_vocab_eos(self.vocab.as_ptr()) }).ok()
    }

    /// Returns the end-of-turn token.
    pub(crate) fn eot(&self) -> Option<u32> {
        // SAFETY: as above.
        u32::try_from(unsafe { sys::llama_vocab_eot(self.vocab.as_ptr()) }).ok()
    }

    /// Returns the beginning-of-text token.
    pub(crate) fn bos(&self) -> Option<u32> {
        // SAFETY: as above.
        u32::try_from(unsafe { sys::llama_vocab_bos(self.vocab.as_ptr()) }).ok()
    }

    /// Whether texts begin with the beginning-of-text token.
    pub(crate) fn adds_bos(&self) -> bool {
        // SAFETY: as above.
        unsafe { sys::llama_vocab_get_add_bos(self.vocab.as_ptr()) }
    }

    /// Returns the bytes of a token, or the name of a control token.
    pub(crate) fn piece(&self, token: u32) -> Vec<u8> {
        let mut buffer = vec![0_u8; 64];
        loop {
            // SAFETY: the buffer's length is passed with it.
            let length = unsafe {
                sys::llama_token_to_piece(
                    self.vocab.as_ptr(),
                    to_token(token),
                    buffer.as_mut_ptr().cast(),
                    i32::try_from(buffer.len()).unwrap_or(i32::MAX),
                    0,
                    true,
                )
            };
            match usize::try_from(length) {
                Ok(length) => {
                    buffer.truncate(length);
                    return buffer;
                }
                Err(_) => buffer.resize(length.unsigned_abs() as usize, 0),
            }
        }
    }

    /// Returns the tokens for filling in the middle, if the vocabulary has all three.
    pub(crate) fn middle(&self) -> Option<Middle> {
        // SAFETY: the vocabulary lives as long as the model.
        let (prefix, suffix, middle) = unsafe {
            let vocab = self.vocab.as_ptr();
            (
                sys::llama_vocab_fim_pre(vocab),
                sys::llama_vocab_fim_suf(vocab),
                sys::llama_vocab_fim_mid(vocab),
            )
        };
        // llama.cpp returns a negative id for a missing token.
        Some(Middle {
            prefix: u32::try_from(prefix).ok()?,
            suffix: u32::try_from(suffix).ok()?,
            middle: u32::try_from(middle).ok()?,
        })
    }

    /// Splits text into tokens. With `markup`, names of control tokens in the text become these
    /// tokens. Use it only for text from a chat template, never for text from a customer.
    pub(crate) fn tokenize(&self, text: &str, bos: bool, markup: bool) -> Result<Vec<u32>, String> {
        let length = i32::try_from(text.len()).map_err(|_| "the text is longer than 2 GiB")?;
        let mut tokens = vec![0_i32; text.len().saturating_add(8)];
        // SAFETY: text and buffer are passed with their lengths. A token covers at least one byte,
        // and the eight spare places are for tokens that the vocabulary adds at either end.
        let count = unsafe {
            sys::llama_tokenize(
                self.vocab.as_ptr(),
                text.as_ptr().cast::<c_char>(),
                length,
                tokens.as_mut_ptr(),
                i32::try_from(tokens.len()).unwrap_or(i32::MAX),
                bos,
                markup,
            )
        };
        let count = usize::try_from(count).map_err(|_| "the text cannot be tokenized")?;
        tokens.truncate(count);
        Ok(tokens.into_iter().filter_map(|token| u32::try_from(token).ok()).collect())
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: each context holds an `Arc` of the model, so no context exists any more.
        unsafe { sys::llama_model_free(self.model.as_ptr()) }
    }
}

/// The tokens for filling in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Middle {
    /// Precedes the text before the gap.
    pub(crate) prefix: u32,
    /// Precedes the text after the gap.
    pub(crate) suffix: u32,
    /// Precedes the text that the model fills in.
    pub(crate) middle: u32,
}

/// Settings of a context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContextSpec {
    /// Number of tokens that one sequence can hold.
    pub(crate) context: u32,
    /// Number of sequences.
    pub(crate) sequences: u32,
    /// Maximum number of tokens in one call of `decode`.
    pub(crate) batch: u32,
    /// Whether it computes embeddings instead of logits.
    pub(crate) embeddings: bool,
    /// Whether each token has an embedding of its own, and not each sequence one.
    pub(crate) words: bool,
    /// Number of computing threads.
    pub(crate) threads: u32,
}

/// One token of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchToken {
    /// The token.
    pub(crate) token: u32,
    /// Its position in its sequence.
    pub(crate) position: u32,
    /// Its sequence.
    pub(crate) sequence: u32,
    /// Whether the logits (or the embedding) after it are needed.
    pub(crate) output: bool,
}

/// The KV cache and computation of several sequences of one model.
#[derive(Debug)]
pub(crate) struct Context {
    context: NonNull<sys::llama_context>,
    vocabulary: usize,
    embedding_length: usize,
    arrays: Arrays,
    /// The bytes of the KV cache. llama.cpp has this pointer, so only code that has `&mut self`
    /// follows it. From `Box::into_raw`.
    cells: NonNull<Cells>,
    // The last field, so that the model is freed after the context.
    model: Arc<Model>,
}

// SAFETY: a context may move between threads, but two threads must not use it at once. Every method
// that computes takes `&mut self`.
unsafe impl Send for Context {}

impl Context {
    /// Allocates a context.
    pub(crate) fn new(model: Arc<Model>, spec: ContextSpec) -> Result<Self, String> {
        let total = if spec.embeddings {
            Some(spec.context)
        } else {
            spec.context.checked_mul(spec.sequences)
        };
        let total = total.ok_or("the context is too large")?;
        let threads = i32::try_from(spec.threads).unwrap_or(1);
        let cells = NonNull::from(Box::leak(Box::<Cells>::default()));
        let said = Listening::start();
        // SAFETY: the model is valid and outlives the context, which holds an `Arc` of it.
        let context = unsafe {
            let mut params = sys::llama_context_default_params();
            params.n_ctx = total;
            params.n_batch = spec.batch;
            // Encoders need a whole text at once; decoders compute parts that fit the CPU's cache.
            params.n_ubatch = if spec.embeddings { spec.batch } else { spec.batch.min(512) };
            params.n_seq_max = spec.sequences;
            if !spec.embeddings {
                // Only the last token of each sequence needs logits. This sets the buffer size.
                params.n_outputs_max = spec.sequences;
            }
            params.n_threads = threads;
            params.n_threads_batch = threads;
            params.embeddings = spec.embeddings;
            params.no_perf = true;
            // Without a unified cache, each sequence attends only to its own cells: a long prompt
            // does not slow down other sequences, and tenants never share a cell. Embeddings are
            // pooled by micro-batch, and only a unified cache keeps a micro-batch whole.
            params.kv_unified = spec.embeddings;
            params.swa_full = true;
            if !spec.embeddings {
                params.cb_eval = Some(Cells::find);
                params.cb_eval_user_data = cells.as_ptr().cast();
            }
            if spec.words {
                params.pooling_type = sys::LLAMA_POOLING_TYPE_NONE;
            } else if spec.embeddings && !model.names_pooling() {
                params.pooling_type = sys::LLAMA_POOLING_TYPE_MEAN;
            }
            sys::llama_init_from_model(model.model.as_ptr(), params)
        };
        let context = NonNull::new(context).ok_or_else(|| {
            // SAFETY: from a box, and without a context nothing else has this pointer.
            drop(unsafe { Box::from_raw(cells.as_ptr()) });
            said.with(&format!(
                "llama.cpp cannot set up {} sequences of {} tokens: too little memory, or a model that does not support this",
                spec.sequences, spec.context
            ))
        })?;
        drop(said);
        let only_cells = !spec.embeddings && !model.is_recurrent();
        let mut this = Self {
            context,
            vocabulary: model.vocabulary() as usize,
            embedding_length: model.embedding_length() as usize,
            arrays: Arrays::default(),
            cells,
            model,
        };
        if spec.embeddings && !spec.words {
            this.check_pooling()?;
        }
        this.find_cells(only_cells, threads);
        Ok(this)
    }

    /// Finds the bytes of the KV cache with a batch of one token, and gives their memory back. That
    /// batch starts no threads: the process may not be confined yet. With `only_cells`, the memory
    /// of the model consists of a KV cache.
    fn find_cells(&mut self, only_cells: bool, threads: i32) {
        if only_cells {
            // SAFETY: a setting of a valid context, here and below.
            unsafe { sys::llama_set_n_threads(self.context.as_ptr(), 1, 1) };
            let token = BatchToken { token: 0, position: 0, sequence: 0, output: true };
            // If it fails, some cells are unknown, and the cache is wiped by overwriting it.
            let computed = self.decode(&[token]).is_ok();
            // SAFETY: as above.
            unsafe { sys::llama_set_n_threads(self.context.as_ptr(), threads, threads) };
            self.cells().end_search(computed);
            self.wipe();
        } else {
            self.cells().end_search(false);
        }
    }

    fn cells(&mut self) -> &mut Cells {
        // SAFETY: the pointer is from a box. llama.cpp follows it only during `decode`, which needs
        // `&mut self` as well.
        unsafe { self.cells.as_mut() }
    }

    fn check_pooling(&self) -> Result<(), String> {
        // SAFETY: a read of a valid context.
        match unsafe { sys::llama_pooling_type(self.context.as_ptr()) } {
            sys::LLAMA_POOLING_TYPE_NONE => Err("the model does not pool into one vector".into()),
            sys::LLAMA_POOLING_TYPE_RANK => {
                Err("this is a reranking model, which computes scores instead of embeddings".into())
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of tokens that one sequence can actually hold.
    pub(crate) fn sequence_length(&self) -> u32 {
        // SAFETY: a read of a valid context.
        unsafe { sys::llama_n_ctx_seq(self.context.as_ptr()) }
    }

    /// Computes a batch.
    pub(crate) fn decode(&mut self, tokens: &[BatchToken]) -> Result<(), String> {
        let batch = self.arrays.fill(tokens);
        // SAFETY: the arrays hold as many entries as the batch says, and live until the call is
        // over; llama.cpp checks tokens, positions and sequences.
        let status = unsafe { sys::llama_decode(self.context.as_ptr(), batch) };
        match status {
            0 => Ok(()),
            1 => Err("no room in the KV cache".into()),
            other => Err(format!("llama_decode returned {other}")),
        }
    }

    /// Returns the logits after the token at index `row` of the batch, one for each token of the
    /// vocabulary.
    pub(crate) fn logits(&mut self, row: usize) -> Result<&[f32], String> {
        let row = i32::try_from(row).map_err(|_| "row out of range")?;
        // SAFETY: llama.cpp returns null for a row without output, and otherwise as many floats as
        // the vocabulary has tokens, valid until the next `decode`, which needs `&mut self`.
        unsafe {
            let logits = sys::llama_get_logits_ith(self.context.as_ptr(), row);
            if logits.is_null() {
                return Err("no logits for this token".into());
            }
            Ok(std::slice::from_raw_parts(logits, self.vocabulary))
        }
    }

    /// Returns the pooled vector of a sequence in the last batch.
    pub(crate) fn embedding(&mut self, sequence: u32) -> Result<&[f32], String> {
        // SAFETY: null when there is none, otherwise as many floats as the model's embedding
        // length, valid until the next `decode`.
        unsafe {
            let vector = sys::llama_get_embeddings_seq(self.context.as_ptr(), to_token(sequence));
            if vector.is_null() {
                return Err("no embedding for this sequence".into());
            }
            Ok(std::slice::from_raw_parts(vector, self.embedding_length))
        }
    }

    /// Returns the length of an embedding.
    pub(crate) fn embedding_length(&self) -> usize {
        self.embedding_length
    }

    /// Returns the vector of the token at index `row` of the last batch.
    pub(crate) fn token_embedding(&mut self, row: usize) -> Result<&[f32], String> {
        let row = i32::try_from(row).map_err(|_| "row out of range")?;
        // SAFETY: null for a row without output, otherwise as many floats as the model's embedding
        // length, valid until the next `decode`.
        unsafe {
            let vector = sys::llama_get_embeddings_ith(self.context.as_ptr(), row);
            if vector.is_null() {
                return Err("no embedding for this token".into());
            }
            Ok(std::slice::from_raw_parts(vector, self.embedding_length))
        }
    }

    /// Drops a sequence's entries from a position on. Returns false, and drops no entry, if the
    /// model's state cannot be cut there.
    pub(crate) fn forget(&mut self, sequence: u32, from: u32) -> bool {
        // SAFETY: a valid context; sequence and position are range-checked by llama.cpp.
        unsafe {
            let memory = sys::llama_get_memory(self.context.as_ptr());
            memory.is_null()
                || sys::llama_memory_seq_rm(memory, to_token(sequence), to_token(from), -1)
        }
    }

    /// Replaces the entries of sequence `to` by a copy of those of `from`.
    pub(crate) fn copy(&mut self, from: u32, to: u32) {
        // SAFETY: as above.
        unsafe {
            let memory = sys::llama_get_memory(self.context.as_ptr());
            if !memory.is_null() {
                sys::llama_memory_seq_cp(memory, to_token(from), to_token(to), -1, -1);
            }
        }
    }

    /// Makes all bytes of the KV cache zero.
    pub(crate) fn wipe(&mut self) {
        // SAFETY: `&mut self`, so no batch is computed.
        let zero = unsafe { self.cells().zero() };
        // SAFETY: as above.
        unsafe {
            let memory = sys::llama_get_memory(self.context.as_ptr());
            if !memory.is_null() {
                sys::llama_memory_clear(memory, !zero);
            }
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is freed once, and before its model. Afterwards nothing has the
        // pointer to the cells, which is from a box.
        unsafe {
            sys::llama_free(self.context.as_ptr());
            drop(Box::from_raw(self.cells.as_ptr()));
        }
    }
}

/// The arrays of a `llama_batch`, kept between calls.
#[derive(Debug, Default)]
struct Arrays {
    tokens: Vec<i32>,
    positions: Vec<i32>,
    counts: Vec<i32>,
    sequences: Vec<i32>,
    sequence_pointers: Vec<*mut i32>,
    outputs: Vec<i8>,
}

impl Arrays {
    fn fill(&mut self, batch: &[BatchToken]) -> sys::llama_batch {
        self.tokens.clear();
        self.positions.clear();
        self.counts.clear();
        self.sequences.clear();
        self.sequence_pointers.clear();
        self.outputs.clear();
        for entry in batch {
            self.tokens.push(to_token(entry.token));
            self.positions.push(to_token(entry.position));
            self.counts.push(1);
            self.sequences.push(to_token(entry.sequence));
            self.outputs.push(i8::from(entry.output));
        }
        // `sequences` does not grow any more, so its pointers stay valid.
        self.sequence_pointers.extend(self.sequences.iter_mut().map(|sequence| &raw mut *sequence));
        sys::llama_batch {
            n_tokens: i32::try_from(batch.len()).unwrap_or(i32::MAX),
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.counts.as_mut_ptr(),
            seq_id: self.sequence_pointers.as_mut_ptr(),
            logits: self.outputs.as_mut_ptr(),
        }
    }
}

/// Converts to `i32`, which llama.cpp uses. A number that does not fit becomes -1, which it
/// refuses.
fn to_token(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(-1)
}

fn initialize() {
    unsafe extern "C" fn hear(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
        // Errors are only kept while `Listening` exists, which is before there is any content.
        if level != sys::GGML_LOG_LEVEL_ERROR || text.is_null() {
            return;
        }
        // SAFETY: llama.cpp passes a NUL-terminated text that lives during the call.
        let text = unsafe { CStr::from_ptr(text) };
        HEARD.with(|heard| {
            if let Ok(mut heard) = heard.try_borrow_mut()
                && let Some(heard) = heard.as_mut()
                && heard.len() < HEARD_BYTES_MAX
            {
                heard.push_str(&text.to_string_lossy());
            }
        });
    }
    static ONCE: Once = Once::new();
    // SAFETY: called once, before any other call; the callback only reads its text.
    ONCE.call_once(|| unsafe {
        sys::llama_log_set(Some(hear), std::ptr::null_mut());
        sys::llama_backend_init();
    });
}

thread_local! {
    /// The errors that llama.cpp logged on this thread, while a [`Listening`] exists.
    static HEARD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Length at which llama.cpp's errors are cut off, in bytes.
const HEARD_BYTES_MAX: usize = 4096;

/// Collects llama.cpp's errors until it is dropped. Used only while a model is loaded and set up.
struct Listening;

impl Listening {
    fn start() -> Self {
        HEARD.set(Some(String::new()));
        Self
    }

    /// Returns our own sentence, followed by the first error of llama.cpp.
    fn with(&self, sentence: &str) -> String {
        let heard = HEARD.take().unwrap_or_default();
        // The first error is the cause; later ones come from its callers.
        match heard.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("{sentence} (llama.cpp says: {})", line.trim()),
            None => sentence.to_owned(),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        HEARD.set(None);
    }
}
