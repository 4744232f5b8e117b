//! The bytes of the KV cache: where they are, and how they become zero without occupying memory.
//!
//! llama.cpp writes zeros over the whole KV cache when it is set up and when it is wiped, so all of
//! it occupies memory, even if the requests need a tenth of it. Here only the pages that occupy memory
//! are overwritten, and then given back to the system. They read as zeros, too, and occupy memory
//! only once a token is written there.
#![expect(unsafe_code, reason = "reads llama.cpp's tensors, and gives memory back to the system")]

use std::ffi::{CStr, c_void};

use llama_cpp_sys_2 as sys;

/// The buffers that hold the cells of one context. Found during a batch, see [`Cells::find`].
#[derive(Debug, Default)]
pub(super) struct Cells {
    buffers: Vec<Buffer>,
    /// Whether a part of the memory is of another kind, or not in the processor's memory.
    others: bool,
    /// Whether the search is over.
    found: bool,
}

/// A buffer of llama.cpp: address and length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Buffer {
    at: usize,
    length: usize,
}

impl Cells {
    /// Looks at a tensor of the batch that is computed; llama.cpp calls this for each one
    /// (`cb_eval`). Returns false: the computation goes on without a stop.
    ///
    /// # Safety
    /// `data` is a `Cells` that no other thread uses during the batch, and `tensor` a tensor of its
    /// graph.
    pub(super) unsafe extern "C" fn find(
        tensor: *mut sys::ggml_tensor,
        ask: bool,
        data: *mut c_void,
    ) -> bool {
        // SAFETY: the caller's contract. Tensors that a view refers to live as long as the view.
        unsafe {
            let cells = &mut *data.cast::<Self>();
            if cells.found || !ask {
                return !ask;
            }
            let mut root = tensor;
            while !(*root).view_src.is_null() {
                root = (*root).view_src;
            }
            let name = CStr::from_ptr((*root).name.as_ptr()).to_bytes();
            if name.starts_with(b"cache_") {
                let cells_of = |kind: &[u8]| name.windows(kind.len()).any(|part| part == kind);
                cells.add((*root).buffer, cells_of(b"k_l") || cells_of(b"v_l"));
            }
        }
        false
    }

    /// # Safety
    /// `buffer` is null or a buffer of a live tensor.
    unsafe fn add(&mut self, buffer: sys::ggml_backend_buffer_t, are_cells: bool) {
        // SAFETY: the caller's contract; the calls read the buffer's facts.
        let facts = unsafe {
            (!buffer.is_null() && are_cells && sys::ggml_backend_buffer_is_host(buffer)).then(
                || Buffer {
                    at: sys::ggml_backend_buffer_get_base(buffer) as usize,
                    length: sys::ggml_backend_buffer_get_size(buffer),
                },
            )
        };
        match facts {
            Some(buffer) if self.buffers.contains(&buffer) => {}
            Some(buffer) => self.buffers.push(buffer),
            None => self.others = true,
        }
    }

    /// Ends the search. If the memory is not only cells of this process, forgets them.
    pub(super) fn end_search(&mut self, only_cells: bool) {
        self.found = true;
        if !only_cells || self.others {
            self.buffers.clear();
        }
    }

    /// Overwrites all bytes with zeros and gives their pages back. Returns false if the cells are not known or
    /// the system refuses; some bytes may be zero then, and the caller overwrites all of them.
    ///
    /// # Safety
    /// The context exists, and no thread computes.
    pub(super) unsafe fn zero(&mut self) -> bool {
        // SAFETY: the caller's contract: the buffers live, and no thread reads them.
        !self.buffers.is_empty() && self.buffers.iter().all(|buffer| unsafe { buffer.zero() })
    }
}

impl Buffer {
    /// # Safety
    /// The buffer is writable memory of llama.cpp's allocator, which no thread uses.
    unsafe fn zero(self) -> bool {
        let page = page_bytes();
        let end = self.at.saturating_add(self.length);
        let first = self.at.next_multiple_of(page).min(end);
        let last = (end - end % page).max(first);
        // SAFETY: the three parts are inside the buffer. The middle one is whole pages of private
        // memory without a file, which read as zeros once they are given back.
        unsafe {
            std::ptr::write_bytes(self.at as *mut u8, 0, first - self.at);
            std::ptr::write_bytes(last as *mut u8, 0, end - last);
            if first == last {
                return true;
            }
            // Workers lock their memory, and only this advice gives locked pages back.
            overwrite_present(first, last, page)
                && libc::madvise(first as *mut c_void, last - first, libc::MADV_DONTNEED_LOCKED)
                    == 0
        }
    }
}

/// Overwrites the pages that occupy memory: the system keeps their bytes until it needs them.
/// Returns false if the system does not list these pages.
///
/// # Safety
/// From `first` to `last` is writable memory, in whole pages of `page` bytes, which no thread uses.
unsafe fn overwrite_present(first: usize, last: usize, page: usize) -> bool {
    let mut present = [0_u8; 1024];
    for part in (first..last).step_by(present.len() * page) {
        let length = (last - part).min(present.len() * page);
        // SAFETY: the range is mapped, and the list has a byte for each of its pages.
        let status = unsafe { libc::mincore(part as *mut c_void, length, present.as_mut_ptr()) };
        if status != 0 {
            return false;
        }
        let pages = (part..part.saturating_add(length)).step_by(page).zip(present);
        for (at, _) in pages.filter(|(_, present)| present & 1 != 0) {
            // SAFETY: one page of this memory.
            unsafe { std::ptr::write_bytes(at as *mut u8, 0, page) };
        }
    }
    true
}

/// Returns the size of a page of memory.
fn page_bytes() -> usize {
    // SAFETY: a read of a number that never changes.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_of_a_buffer_become_zero_and_none_around_it() {
        let page = page_bytes();
        for (from, length) in [(0, 8 * page), (64, 5 * page), (page - 64, 64), (10, 20), (page, 1)]
        {
            let mut memory = vec![7_u8; 12 * page];
            let buffer = Buffer { at: memory.as_mut_ptr() as usize + from, length };
            // SAFETY: a part of the vector, which no other code uses now.
            assert!(unsafe { buffer.zero() });
            let zeros = memory.iter().filter(|byte| **byte == 0).count();
            assert_eq!((zeros, memory[from..from + length].iter().max()), (length, Some(&0)));
        }
    }

    #[test]
    fn unknown_cells_are_left_to_the_caller() {
        let mut cells = Cells::default();
        // SAFETY: there is no buffer.
        assert!(!unsafe { cells.zero() });
        let mut byte = 7_u8;
        cells.buffers.push(Buffer { at: &raw mut byte as usize, length: 1 });
        cells.end_search(false);
        // SAFETY: as above.
        assert!(!unsafe { cells.zero() });
        assert_eq!(byte, 7);
    }
}
