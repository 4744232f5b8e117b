//! Overwrites memory when it is freed, in every process ([`Overwriting`]), and locks the memory of
//! workers so that it is not swapped out.
//!
//! Code that works on a whole prompt or a whole answer runs on a stack that is unmapped afterwards
//! (`on_own_stack`).
//!
//! Not covered: registers and the other thread stacks; blocks that are still in use, such as the
//! buffers of an open connection; and the KV cache, which the engine clears itself when sequences
//! end.
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

/// The system's allocator, extended: it overwrites each block when it is freed. A request's
/// content, its key and its answer cannot be found in memory once they are freed. It covers all
/// Rust code; [`overwrite_freed`] covers the memory that llama.cpp frees.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: engine::memory::Overwriting = engine::memory::Overwriting;
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Overwriting;

// SAFETY: each method passes its arguments to the system's allocator, which fulfils the contract.
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
        // SAFETY: the caller owns the block, which has this layout, until the system frees it. The
        // compiler may not remove `explicit_bzero`, although no code reads the block again.
        unsafe {
            libc::explicit_bzero(block.cast(), layout.size());
            System.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller guarantees that `new_size`, rounded up to the alignment, does not
        // overflow.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the two blocks do not overlap, and each has at least the number of bytes that are
        // copied. The caller owns the old block, and gives its `layout`. The system's own `realloc`
        // would free the old block without overwriting it.
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

/// Environment variable that switches off glibc's per-thread caches of freed blocks. `M_PERTURB`
/// does not overwrite these blocks, and only the environment at the start of a process can switch
/// the caches off.
pub const ALLOCATOR_ENVIRONMENT: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");

/// Runs `work` on a stack of `bytes`, and unmaps this stack afterwards. The kernel overwrites unmapped
/// pages, so no copy of content stays in the stack frames of `work`.
pub(crate) fn on_own_stack<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    stacker::grow(bytes, work)
}

/// Raises the limit of locked memory as far as the process is allowed to.
pub(crate) fn allow_locking() {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let maximum = getrlimit(Resource::Memlock).maximum;
        // Best effort; `lock` reports the result.
        let _ = setrlimit(Resource::Memlock, Rlimit { current: maximum, maximum });
    }
}

/// Locks all present and future memory, so that it cannot be swapped out. Returns whether it did.
///
/// Pages are locked when they are first touched (`ONFAULT`), so this makes no page resident. With a
/// limit on locked memory it does not try, because allocations would fail once the limit is
/// reached.
#[must_use]
pub(crate) fn lock() -> bool {
    let unlimited = getrlimit(Resource::Memlock).current.is_none()
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK));
    unlimited
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}

/// Makes glibc's allocator overwrite blocks when they are freed, so that the text of ended requests
/// cannot be found in memory. No effect with other C libraries.
///
/// Call it after the model is loaded: glibc then overwrites new blocks as well, which would make
/// large reserved buffers resident.
pub fn overwrite_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call sets a number that the allocator reads, and touches none of our memory.
    unsafe {
        libc::mallopt(libc::M_PERTURB, OVERWRITE_WITH);
    }
}

/// The byte that fills freed blocks. Zero would switch the overwriting off.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OVERWRITE_WITH: i32 = 0xdb;

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a block after it was freed, which only an allocator may do.
    #[test]
    fn a_freed_block_is_overwritten() {
        let layout = Layout::from_size_align(4096, 16).unwrap();
        // SAFETY: `freed` is read while glibc, which puts its own pointers into the first bytes of
        // a free block, has not handed it out again: no other thread of this test frees or
        // allocates this size in between.
        unsafe {
            let block = Overwriting.alloc(layout);
            ptr::write_bytes(block, 0x5a, layout.size());
            let grown = Overwriting.realloc(block, layout, 8192);
            assert_ne!(grown, block);
            assert_eq!(*grown.add(4095), 0x5a, "what was in the block is in the new one");
            // No vector here: it might get this very block.
            let written =
                (64..4032).filter(|at| ptr::read_volatile(block.add(*at)) == 0x5a).count();
            assert_eq!(written, 0, "the old block was not overwritten");
            Overwriting.dealloc(grown, Layout::from_size_align(8192, 16).unwrap());
        }
    }
}
