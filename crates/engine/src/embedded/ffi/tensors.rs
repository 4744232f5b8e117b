//! The tensors of a GGUF file: where they are, and their weights as numbers. For training, which does
//! not go through llama.cpp's own computing.
#![expect(unsafe_code, reason = "calls into ggml; each block says why it is sound")]

use std::{
    ffi::{CStr, CString},
    path::Path,
    ptr::{self, NonNull},
};

use llama_cpp_sys_2 as sys;

use super::initialize;

/// The header of a GGUF file.
#[derive(Debug)]
pub(crate) struct Header(NonNull<sys::gguf_context>);

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TensorInfo {
    /// Its name.
    pub(crate) name: String,
    /// Number of values of a row.
    pub(crate) columns: usize,
    /// Number of rows.
    pub(crate) rows: usize,
    /// The place of its first byte in the file.
    pub(crate) start: u64,
    /// The form of its values.
    pub(crate) form: Form,
}

/// The form of the values of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form(sys::ggml_type);

impl Header {
    /// Reads the header of a file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        initialize();
        let path = path.to_str().and_then(|path| CString::new(path).ok());
        let path = path.ok_or("the model's path is not UTF-8, or contains a NUL")?;
        let params = sys::gguf_init_params { no_alloc: true, ctx: ptr::null_mut() };
        // SAFETY: the path lives until the call returns; without a `ctx`, no tensors are made.
        let header = unsafe { sys::gguf_init_from_file(path.as_ptr(), params) };
        NonNull::new(header).map(Self).ok_or_else(|| "the file's header cannot be read".to_owned())
    }

    /// Returns the whole number of a key.
    pub(crate) fn whole(&self, key: &str) -> Option<u64> {
        let key = self.find(key)?;
        // SAFETY: the key is one of this header, here and below; each value is read as its own type.
        unsafe {
            match sys::gguf_get_kv_type(self.0.as_ptr(), key) {
                sys::GGUF_TYPE_UINT32 => Some(sys::gguf_get_val_u32(self.0.as_ptr(), key).into()),
                sys::GGUF_TYPE_INT32 => sys::gguf_get_val_i32(self.0.as_ptr(), key).try_into().ok(),
                sys::GGUF_TYPE_UINT64 => Some(sys::gguf_get_val_u64(self.0.as_ptr(), key)),
                sys::GGUF_TYPE_UINT16 => Some(sys::gguf_get_val_u16(self.0.as_ptr(), key).into()),
                _ => None,
            }
        }
    }

    /// Returns the fraction of a key.
    pub(crate) fn fraction(&self, key: &str) -> Option<f32> {
        let key = self.find(key)?;
        // SAFETY: as above.
        unsafe {
            (sys::gguf_get_kv_type(self.0.as_ptr(), key) == sys::GGUF_TYPE_FLOAT32)
                .then(|| sys::gguf_get_val_f32(self.0.as_ptr(), key))
        }
    }

    /// Whether the file has a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    fn find(&self, key: &str) -> Option<i64> {
        let key = CString::new(key).ok()?;
        // SAFETY: the key lives until the call returns.
        let found = unsafe { sys::gguf_find_key(self.0.as_ptr(), key.as_ptr()) };
        (found >= 0).then_some(found)
    }

    /// Returns all tensors, in the order of the file.
    ///
    /// # Errors
    /// If a tensor has more than two dimensions, or cannot be turned into numbers.
    pub(crate) fn tensors(&self) -> Result<Vec<TensorInfo>, String> {
        // SAFETY: a read of a valid header, here and below; the numbers of tensors are below the count.
        let count = unsafe { sys::gguf_get_n_tensors(self.0.as_ptr()) };
        (0..count).map(|number| self.tensor(number)).collect()
    }

    fn tensor(&self, number: i64) -> Result<TensorInfo, String> {
        // SAFETY: as above. The name is NUL-terminated and is copied; there are four lengths.
        let (name, lengths, form, start) = unsafe {
            let header = self.0.as_ptr();
            let name = CStr::from_ptr(sys::gguf_get_tensor_name(header, number));
            let lengths = sys::gguf_get_tensor_ne(header, number);
            let lengths: [i64; 4] = std::array::from_fn(|place| *lengths.add(place));
            let data = sys::gguf_get_data_offset(header);
            let start = data.saturating_add(sys::gguf_get_tensor_offset(header, number));
            (name, lengths, sys::gguf_get_tensor_type(header, number), start)
        };
        let name = name.to_string_lossy().into_owned();
        let length = |length: i64| usize::try_from(length).unwrap_or(0);
        let [columns, rows, 1, 1] = lengths.map(length) else {
            return Err(format!("its tensor `{name}` has more than two dimensions"));
        };
        let form = Form(form);
        if columns == 0 || rows == 0 || !columns.is_multiple_of(form.block()?) {
            return Err(format!("its tensor `{name}` has an impossible shape"));
        }
        Ok(TensorInfo { name, columns, rows, start: start as u64, form })
    }
}

impl Drop for Header {
    fn drop(&mut self) {
        // SAFETY: the header is freed once.
        unsafe { sys::gguf_free(self.0.as_ptr()) }
    }
}

impl Form {
    fn traits(self) -> Result<&'static sys::ggml_type_traits, String> {
        let known = self.0 < sys::GGML_TYPE_COUNT;
        // SAFETY: the table has an entry for each number below the count, and is never changed.
        let traits = known.then(|| unsafe { sys::ggml_get_type_traits(self.0) });
        // SAFETY: as above; null cannot be.
        let traits = traits.and_then(|traits| unsafe { traits.as_ref() });
        traits.filter(|traits| traits.blck_size > 0 && traits.type_size > 0).ok_or_else(|| {
            format!("its weights have a form ({}) that cannot be trained upon", self.0)
        })
    }

    /// Number of values that are stored together.
    fn block(self) -> Result<usize, String> {
        Ok(usize::try_from(self.traits()?.blck_size).unwrap_or(1))
    }

    /// Number of bytes of a row of `columns` values.
    pub(crate) fn row_bytes(self, columns: usize) -> Result<usize, String> {
        let traits = self.traits()?;
        let blocks = columns / usize::try_from(traits.blck_size).unwrap_or(1);
        Ok(blocks.saturating_mul(traits.type_size))
    }

    /// Turns bytes into numbers. `bytes` holds whole blocks, just as many as `out` has room for.
    ///
    /// # Errors
    /// If the lengths do not fit together, or ggml cannot turn this form into numbers.
    pub(crate) fn numbers(self, bytes: &[u8], out: &mut [f32]) -> Result<(), String> {
        let traits = self.traits()?;
        let fits =
            out.len().is_multiple_of(self.block()?) && self.row_bytes(out.len())? == bytes.len();
        if !fits {
            return Err("the file ends in the middle of a tensor".to_owned());
        }
        if self.0 == sys::GGML_TYPE_F32 {
            for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *out = f32::from_le_bytes(*bytes);
            }
            return Ok(());
        }
        let name = || {
            // SAFETY: a NUL-terminated constant.
            unsafe { CStr::from_ptr(traits.type_name) }.to_string_lossy().into_owned()
        };
        let to_float = traits
            .to_float
            .ok_or_else(|| format!("weights of the form {} cannot be trained upon", name()))?;
        let count = i64::try_from(out.len()).map_err(|_| "the tensor is too large")?;
        // ggml reads blocks as structs with 16- and 32-bit fields.
        debug_assert!(bytes.as_ptr().addr().is_multiple_of(2), "blocks lie at even addresses");
        // SAFETY: the function reads just as many blocks as hold `count` values, which were counted
        // above, and writes `count` values. Its structs of blocks are packed, with 16-bit parts at
        // least; x86-64 and aarch64 read them from any address.
        unsafe { to_float(bytes.as_ptr().cast(), out.as_mut_ptr(), count) };
        Ok(())
    }
}
