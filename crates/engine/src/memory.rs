//! Memory: overwritten when it is freed, in every process ([`Overwriting`]); a worker's is not swapped
//! out either.
//!
//! What it does not reach: registers and thread stacks; blocks that are still in use, such as the
//! buffers of a connection that is open; and the KV cache, which the engine clears itself when
//! sequences end.
#![expect(unsafe_code, reason = "allocators are unsafe, and mallopt has no safe binding")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
};

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CapabilitySet, capabilities},
};

/// The system's allocator, which overwrites each block when it is freed: what a request brought, its
/// key and its answer cannot be found in memory once nothing uses them. It covers all that is
/// written in Rust; what llama.cpp frees, [`overwrite_freed`] covers.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: engine::memory::Overwriting = engine::memory::Overwriting;
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Overwriting;

// SAFETY: each method hands its arguments on to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Overwriting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is the caller's, of this layout, until the system takes it back. The
        // compiler may not leave `explicit_bzero` out, although no code reads the block again.
        unsafe {
            libc::explicit_bzero(block.cast(), layout.size());
            System.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches that `new_size`, rounded up to the alignment, is no overflow.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: both blocks are at least as long as what is copied, and are two blocks; the old one
        // is the caller's, of `layout`. The system's own `realloc` would free it as it is.
        unsafe {
            let new = System.alloc(new_layout);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

/// glibc's small per-thread caches of freed blocks are not overwritten by `M_PERTURB`, and can be
/// switched off only from the environment that a process starts with.
pub const ALLOCATOR_ENVIRONMENT: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// Raises the limit of locked memory as far as this process may.
pub(crate) fn allow_locking() {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        // Best effort: what comes of it is reported by `lock`.
        let _ = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
}

/// Keeps all memory, present and future, from being swapped out, where there is no limit on that.
///
/// Pages are locked when they are first touched (`ONFAULT`), so nothing becomes resident by it.
/// Under a limit it is not even tried: allocations would start to fail when it is reached.
#[must_use]
pub(crate) fn lock() -> bool {
    let unlimited = getrlimit(Resource::Memlock).current.is_none()
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    unlimited
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}

/// From here on the allocator overwrites blocks when they are freed (glibc only): text of requests
/// that have ended cannot be found in memory.
///
/// To be called when the model is loaded: it overwrites new blocks as well, which would make all
/// of a large buffer resident that is only reserved.
pub fn overwrite_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets a number that the allocator reads; no memory of ours is involved.
    unsafe {
        libc::mallopt(libc::M_PERTURB, OVERWRITE_WITH);
    }
}

/// The byte that freed blocks are filled with; any but zero, which means off.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OVERWRITE_WITH: i32 = 0xdb;

#[cfg(test)]
mod tests {
    use super::*;

    /// The allocator of this test reads a block after it was freed, which only an allocator may.
    #[test]
    fn a_freed_block_is_overwritten() {
        let layout = Layout::from_size_align(4096, 16).unwrap();
        // SAFETY: `freed` is read while glibc, which puts its own pointers into the first bytes of a
        // free block, has not handed it out again: no other thread of this test frees or allocates
        // this size in between.
        unsafe {
            let block = Overwriting.alloc(layout);
            ptr::write_bytes(block, 0x5a, layout.size());
            let grown = Overwriting.realloc(block, layout, 8192);
            assert_ne!(grown, block);
            assert_eq!(*grown.add(4095), 0x5a, "what was in the block is in the new one");
            // Without a vector, which might be given this very block.
            let written =
                (64..4032).filter(|at| ptr::read_volatile(block.add(*at)) == 0x5a).count();
            assert_eq!(written, 0, "the old block was not overwritten");
            Overwriting.dealloc(grown, Layout::from_size_align(8192, 16).unwrap());
        }
    }
}
