//! Adapters: a tuned model is a model with one of them in all of its contexts.
#![expect(unsafe_code, reason = "calls into llama.cpp; each block says why it is sound")]

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;
use policy::content::ContentBytes;

use super::{Context, Listening};

impl Context {
    /// Computes with an adapter from now on. The sequences so far must be empty.
    ///
    /// There is no file: llama.cpp reads the bytes where they are, and keeps its own copy in the
    /// memory of the model. So they are never on a disk, and never in memory that may be swapped out.
    pub(crate) fn adapt(&mut self, adapter: &ContentBytes) -> Result<(), String> {
        let said = Listening::start();
        let refused = |said: &Listening| {
            said.with("llama.cpp cannot use the adapter: it is damaged, or of another model")
        };
        let bytes = adapter.reveal();
        // SAFETY: the stream is opened for reading, so the bytes are not written; they live until it is
        // closed.
        let stream = unsafe {
            libc::fmemopen(bytes.as_ptr().cast_mut().cast(), bytes.len(), c"rb".as_ptr())
        };
        if stream.is_null() {
            return Err("the adapter is empty, or there is too little memory".to_owned());
        }
        // SAFETY: the model outlives this context, and owns the adapter: it frees it when it is freed
        // itself. llama.cpp catches its own exceptions, and reads no more than the stream has. The stream
        // is closed once.
        let loaded = unsafe {
            let loaded = sys::llama_adapter_lora_init_from_file_ptr(
                self.model.model.as_ptr(),
                stream.cast(),
            );
            libc::fclose(stream);
            loaded
        };
        let loaded = NonNull::new(loaded).ok_or_else(|| refused(&said))?;
        let (mut adapters, mut scales) = ([loaded.as_ptr()], [1.0_f32]);
        // SAFETY: both lists have one entry, and are copied.
        let set = unsafe {
            sys::llama_set_adapters_lora(
                self.context.as_ptr(),
                adapters.as_mut_ptr(),
                adapters.len(),
                scales.as_mut_ptr(),
            )
        };
        if set == 0 { Ok(()) } else { Err(refused(&said)) }
    }
}
